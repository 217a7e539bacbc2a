"""Promises of a design, asked of one execution, and summed up over a search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from netsim.core.fault import Report
from netsim.core.thread import Life, SimThread
from netsim.design import Design
from netsim.promise import Answer, Broken, Ended, Performed, Promise, Shown
from netsim.results import Finding, Promised, PromiseVerdict
from netsim.run.outcome import Observed
from netsim.run.program import ScenarioProgram

Answers = dict[str, Answer | Broken]
"""What an execution says about each promise of its design, by name."""


def ask(program: ScenarioProgram, observed: Observed) -> Answers:
    """
    Ask every promise about the execution that has just been observed, on the machine it left.

    Raises UsageError for a check that gives no answer.
    """
    promises = program.design.promises
    if not promises:
        return {}
    shown = _shown(program, observed)
    return {promise.name: promise.asked(shown) for promise in promises}


def _shown(program: ScenarioProgram, observed: Observed) -> Shown:
    run = program.run
    scenario = program.scenario
    operations = [
        Performed(0, call, "returned", result)
        for call, result in zip(scenario.initial, run.first_results, strict=True)
    ]
    for number, flow in enumerate(scenario.flows, 1):
        done = run.results[number]
        thread = run.sim.by_name[str(number)]
        for index, call in enumerate(flow.calls):
            ended = _ended(thread, index - len(done), observed.halted)
            result = done[index] if ended == "returned" else None
            operations.append(Performed(number, call, ended, result))
    probes: dict[str, str | None] = {
        name: None if name in observed.untold or text.startswith("never ends") else text
        for name, text in observed.probes
    }
    evidence = program.design.evidence(run.system)
    return Shown(tuple(operations), probes, observed.halted, evidence)


def _ended(thread: SimThread, ahead: int, halted: bool) -> Ended:
    """Say how an operation ended that is so many `ahead` of those that returned."""
    if halted:
        # Of the others only what left the machine is known; their calls may stand anywhere.
        if thread.life is not Life.DONE or not thread.operation:
            return "stopped"
        return "returned" if ahead < 0 else "halted" if ahead == 0 else "not begun"
    if ahead < 0:
        return "returned"
    if ahead == 0 and thread.operation:
        return "killed" if thread.life is Life.KILLED else "stuck"
    return "not begun"


def broken(promises: Sequence[Promise], answers: Answers) -> list[tuple[Promise, Broken]]:
    """Return the promises that the execution itself breaks: none that is only to be reachable."""
    return [
        (promise, answer)
        for promise in promises
        if promise.mode != "reachable" and isinstance(answer := answers[promise.name], Broken)
    ]


def report(promise: Promise, answer: Broken) -> Report:
    """Make the report of a broken promise."""
    return Report(promise.kind, promise.told(answer), answer.objects, (), "", "", 0, False)


@attrs.define
class Tally:
    """
    What the executions of one scenario, or of many, said about one promise.

    Executions in which a thread died before, so that a broken promise only follows from that, count
    as `followed`; `first` is a scenario that puts it to the test.  Of scenarios `unreached` are
    those of a reachable promise in which no execution kept it, and `cut` those that were not
    searched to their end.
    """

    kept: int = 0
    broken: int = 0
    followed: int = 0
    scenarios: int = 0
    unreached: int = 0
    cut: int = 0
    first: str = ""

    def count(self, answer: Answer | Broken, followed: bool) -> None:
        """Take in the answer of one execution."""
        if answer is Answer.KEPT:
            self.kept += 1
        elif isinstance(answer, Broken):
            if followed:
                self.followed += 1
            else:
                self.broken += 1

    def add(self, other: Tally) -> None:
        """Take in what was counted elsewhere."""
        self.kept += other.kept
        self.broken += other.broken
        self.followed += other.followed
        self.scenarios += other.scenarios
        self.unreached += other.unreached
        self.cut += other.cut
        self.first = self.first or other.first

    def verdict(self) -> PromiseVerdict:
        """Sum up; a promise that nothing put to the test is void, never kept."""
        if self.broken or self.unreached:
            return "broken"
        if self.cut:
            return "undecided"
        if self.kept:
            return "kept"
        return "undecided" if self.followed else "void"


def sum_up(
    design: Design, tallies: Mapping[str, Tally], findings: Iterable[Finding]
) -> tuple[Promised, ...]:
    """Say what was found out about each promise of a design."""
    ids: dict[str, list[str]] = {}
    for found in findings:
        ids.setdefault(found.kind, []).append(found.id)
    made = []
    for promise in design.promises:
        tally = tallies.get(promise.name, Tally())
        made.append(
            Promised(
                design=design.name,
                name=promise.name,
                mode=promise.mode,
                sentence=promise.sentence,
                source=promise.source,
                meaning=promise.meaning,
                verdict=tally.verdict(),
                scenarios=tally.scenarios,
                followed=tally.followed,
                first=tally.first,
                findings=tuple(ids.get(promise.kind, ())),
            )
        )
    return tuple(made)
