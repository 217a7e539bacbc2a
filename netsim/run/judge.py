"""From the reports of one execution to findings: what is the root, what follows, what is one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

import attrs

from netsim.checkers.ending import judge_ending
from netsim.checkers.leaks import leaked_memory, leaked_references
from netsim.core.fault import Report
from netsim.core.label import class_of
from netsim.design import Design
from netsim.notation import Scenario
from netsim.results import Finding, Nearest, Site, Where
from netsim.run.foreign import refuse_foreign
from netsim.run.outcome import Observed
from netsim.run.program import Run, ScenarioProgram
from netsim.run.promises import Answers, ask, broken, report
from netsim.run.serial import Faults, SerialReference

#: Kinds of which there is one finding for each field, object or order, whatever the functions.
_ONCE = ("data-race", "leak", "lock-order", "irq-lock-order")


@attrs.frozen
class Judged:
    """A finding of one execution before its schedule is known."""

    report: Report
    where: Where
    consequences: tuple[str, ...]
    nearest: Nearest | None = None

    @property
    def id(self) -> str:
        """Kind, objects and functions, hashed: findings with equal ids are one."""
        report = self.report
        objects = tuple(class_of(label) for label in report.objects)
        functions: tuple[str, ...] = ()
        if report.kind not in _ONCE:
            functions = tuple(sorted({site.function for site in report.sites}))
        if self.nearest is not None:
            objects += tuple(
                re.sub(r"\d+\.\d+\.\d+\.\d+|0x[0-9A-F]+", "", d.what) for d in self.nearest.differs
            )
        text = "\0".join((report.kind, *objects, "|", *functions))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def judge(
    observed: Observed,
    at_end: Sequence[Judged],
    reference: SerialReference | None,
    faults: Faults,
    program: ScenarioProgram,
    leads_to_end: Callable[[int], bool],
    answers: Answers | None = None,
) -> list[Judged]:
    """
    Return the findings of an execution that has come to rest and been observed.

    `at_end` are those found before the probes ran.  A fatal finding is at the root of whatever
    the outcome shows, unless a halt at the end does not happen after it: `leads_to_end` tells
    that of a step.  Who waits when the machine halts is at the root of nothing.  `answers` are
    those of promises; without them the machine must still be as observing it has left it.
    """
    if answers is None:
        answers = ask(program, observed)
    roots = [
        judged
        for judged in at_end
        if judged.report.fatal
        and (not observed.halted or (judged.where == "flows" and leads_to_end(judged.report.step)))
    ]
    promised, follows = _promised(program.design, answers, roots)
    findings = list(at_end)
    if follows:
        first = roots[0]
        findings[findings.index(first)] = attrs.evolve(
            first, consequences=(*first.consequences, *follows)
        )
    if reference is not None and not roots and reference.refutes(observed, faults):
        findings.append(_not_serialisable(observed, reference, program.design, program.names))
    return findings + promised


def _promised(
    design: Design, answers: Answers, roots: Sequence[Judged]
) -> tuple[list[Judged], list[str]]:
    """
    Return the broken promises that are findings, and in words those that follow from a fatal one.

    Once a thread has died of it, whatever is not kept follows.  That somebody waits for ever at the
    end explains what has not come about, not what has.
    """
    died = any(judged.where == "flows" for judged in roots)
    findings: list[Judged] = []
    follows: list[str] = []
    for promise, answer in broken(design.promises, answers):
        if died or (roots and promise.mode == "eventually"):
            follows.append(f"promise {promise.name} is not kept: {answer.message}")
        else:
            findings.append(Judged(report(promise, answer), "end", ()))
    return findings, follows


def judge_run(run: Run) -> list[Judged]:
    """Return what the execution itself shows: reports of its steps, its end, and leaks."""
    sim = run.sim
    sim.recording = False
    refuse_foreign(sim)
    reports = list(sim.reports)
    ending = judge_ending(sim)
    consequences = ending.consequences
    fatal = [report for report in reports if report.fatal]
    judged = [
        Judged(report, "flows", consequences if fatal and report is fatal[0] else ())
        for report in reports
    ]
    judged += [
        Judged(report, "end", consequences if not fatal else ()) for report in ending.reports
    ]
    if not sim.halted:
        leaks = leaked_references(sim, run.system.counts())
        leaks += leaked_memory(sim, run.system.roots())
        judged += [Judged(report, "end", ()) for report in leaks]
    return judged


def _not_serialisable(
    observed: Observed, reference: SerialReference, design: Design, names: tuple[str, ...]
) -> Judged:
    tell = design.tell
    nearest = reference.nearest(observed)
    differs = nearest.differs if nearest is not None else ()
    done = ", ".join(
        _ended(text, value, index in observed.killed)
        for index, (_, text, value) in enumerate(observed.results)
        if value not in (None, "not begun")
    )
    told = [tell(d.what, d.expected, d.found) for d in differs]
    words = " and ".join(dict.fromkeys(word for word in told if word)) or "; ".join(
        f"{d.what} gives {d.found}, not {d.expected}" for d in differs
    )
    message = f"{done or 'the machine stopped'}, yet {words or 'nobody hangs as in every order'}"
    message += "; no sequential order gives this outcome"
    return Judged(
        Report("not-serialisable", message, names, (), "", "", 0, False), "end", (), nearest
    )


def _ended(text: str, value: str | None, killed: bool) -> str:
    if killed:
        return f"{text} was killed amid its work"
    return f"{text} failed with {value}" if value and value[0] == "-" else f"{text} succeeded"


def finding(
    judged: Judged,
    design: Design,
    operations: tuple[str, ...],
    schedule: str,
    steps: int,
    preemptions: int,
) -> Finding:
    """Make the finding that a result shows."""
    report = judged.report
    flows = tuple(dict.fromkeys([report.thread, *(s.thread for s in report.sites)]))
    return Finding(
        id=judged.id,
        kind=report.kind,
        status="reached",
        where=judged.where,
        message=report.message,
        flows=tuple(flow for flow in flows if flow),
        operations=operations,
        objects=report.objects,
        sites=tuple(Site(s.role, s.thread, s.step, s.function, s.source) for s in report.sites),
        schedule=schedule,
        steps=steps,
        preemptions=preemptions,
        minimal=False,
        consequences=judged.consequences,
        nearest=judged.nearest,
        accepted=design.accepts(report.kind, operations, report.objects),
    )


def operations_of(scenario: Scenario) -> tuple[str, ...]:
    """Return the operations of the flows, as text, each once."""
    return tuple(dict.fromkeys(str(call) for flow in scenario.flows for call in flow.calls))
