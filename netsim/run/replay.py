"""replay(): one stored schedule again, verified at each step and told in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from netsim.checkers.datarace import DataRaces
from netsim.core.access import Key
from netsim.core.sim import Sim
from netsim.core.step import Choice, Nested, Step
from netsim.core.thread import Life, SimThread
from netsim.design import Design
from netsim.explorer.events import History
from netsim.explorer.loop import Execution, execute
from netsim.notation import parse
from netsim.results import Divergence, Event, Finding, ReplayResult
from netsim.run.align import Place
from netsim.run.digest import Digest
from netsim.run.judge import finding, judge, judge_run, operations_of
from netsim.run.outcome import observe
from netsim.run.program import ScenarioProgram
from netsim.run.promises import ask
from netsim.run.registry import load_installed
from netsim.run.serial import ORDERS_MAX, STEPS_MAX, SerialReference, faults_of
from netsim.trace.documents import Trace
from netsim.trace.schedule import Schedule

#: What a strike does around its operations.
OUTSIDE = ("choose", "strike", "iret")


def place_of(thread: SimThread) -> Place:
    """Return what a live thread is about to do, by its names."""
    pending = thread.pending
    assert pending is not None
    codes = thread.codes()
    operation = thread.operation
    if not operation and pending.name not in OUTSIDE:
        operation = pending.label()
    call = f"{pending.call()} {pending.label()}".rstrip()
    return Place(operation, codes[0].co_name if codes else "", call)


class Follower:
    """
    A strategy that follows a schedule and verifies it.

    `diverged` tells where the schedule could not be followed; `events` is the story.
    """

    def __init__(self, schedule: Sequence[tuple[str, int]], expected: Trace | None) -> None:
        self.schedule = schedule
        self.expected = expected
        self.diverged: Divergence | None = None
        self.events: list[Event] = []
        self.history = History()
        self._place = Place("", "", "")
        self._enabled: tuple[str, ...] = ()

    def begin(self, sim: Sim) -> Sequence[Choice]:
        """Start over."""
        self.events = []
        self.history = History()
        sim.changes = []
        return ()

    def forced(self, sim: Sim) -> tuple[SimThread, int] | None:
        """Nothing is known without looking at what is enabled."""
        return None

    def choose(self, sim: Sim, enabled: Sequence[SimThread]) -> tuple[SimThread, int] | None:
        """Return the next choice, or give up where it does not fit."""
        at = len(self.events)
        if at >= len(self.schedule):
            self._diverge(at, "the end of the schedule", f"{who(enabled[0].name)} enabled")
            return None
        name, value = self.schedule[at]
        thread = next((t for t in enabled if t.name == name), None)
        names = tuple(t.name for t in enabled)
        if thread is None:
            known = sim.by_name.get(name)
            state = "there is no such thread"
            if known is not None:
                state = f"it is {known.life.value}"
                if known.pending is not None:
                    state = f"it waits for {known.pending.waits_for(known)}"
            self._diverge(at, f"{who(name)} enabled", f"{state}; enabled: {', '.join(names)}")
            return None
        assert thread.pending is not None
        pending = thread.pending
        if value and value >= pending.options(sim) and not pending.open_ended():
            self._diverge(at, f"a choice of value {value}", f"{thread.pending.name}")
            return None
        place = place_of(thread)
        if self.expected is not None:
            recorded = self.expected.steps[at]
            if recorded.call != place.call:
                self._diverge(at, f"{who(name)} to perform {recorded.call}", place.call)
                return None
            if recorded.enabled != names:
                self._diverge(
                    at, f"enabled: {', '.join(recorded.enabled)}", f"enabled: {', '.join(names)}"
                )
                return None
        self._take(sim, place, names)
        return thread, value

    def _take(self, sim: Sim, place: Place, enabled: tuple[str, ...]) -> None:
        """Note what the next step does, before it is made."""
        self._place = place
        self._enabled = enabled
        if sim.changes is not None:
            sim.changes.clear()

    def stepped(self, sim: Sim, step: Step) -> None:
        """Add the step to the story."""
        if step.inner is not None and step.inner.void:
            self._diverge(
                len(self.events), "a strike that runs to its end inside the step", "none can"
            )
        self.history.append(step)
        self.events.append(
            Event(
                step=sim.steps,
                thread=step.thread,
                operation=self._place.operation or _begun(step),
                function=self._place.function,
                call=self._place.call,
                changes=_changes(sim.changes or []),
                enabled=self._enabled,
                inside=_inside(sim, step),
                follows=tuple(map(_told, step.follows)),
            )
        )

    def story(self, sim: Sim) -> tuple[Event, ...]:
        """Return the events, each with the findings that were noticed there."""
        kinds: dict[int, list[str]] = {}
        for report in sim.reports:
            kinds.setdefault(report.step, []).append(report.kind)
        return tuple(
            attrs.evolve(event, findings=tuple(kinds[event.step])) if event.step in kinds else event
            for event in self.events
        )

    def _diverge(self, at: int, expected: str, found: str) -> None:
        if self.diverged is None:
            self.diverged = Divergence(at + 1, expected, found)


def _inside(sim: Sim, step: Step) -> tuple[str, ...]:
    inner = step.inner
    if inner is None or not inner.nested:
        return ()
    lines: list[str] = []
    for one in inner.nested:
        if one.place:
            lines.append(f"flow {one.thread} strikes here, {one.place}:")
        lines.append(_told(one))
    if sim.by_name[step.thread].life is Life.KILLED:
        return (*lines, "the flow is killed")
    lost = any(sim.by_name[strike].life in (Life.KILLED, Life.STOPPED) for strike in inner.touched)
    return (*lines, "the flow never goes on" if lost else "the flow goes on")


def _begun(step: Step) -> str:
    """Return the operation that begins and ends in the step; "" if none does."""
    return next((one.op.label() for one in step.follows if one.op.name == "begin"), "")


def _told(one: Nested) -> str:
    call = f"{one.op.call()} {one.op.label()}".rstrip()
    return f"{one.function}(): {call}" if one.function else call


def _changes(changes: list[tuple[Key, Any, Any]]) -> tuple[str, ...]:
    """Tell what a step changed, last value of each location."""
    first: dict[Key, Any] = {}
    last: dict[Key, Any] = {}
    for key, old, new in changes:
        first.setdefault(key, old)
        last[key] = new
    return tuple(
        f"{key[0]}.{key[1]}: {_change(first[key], last[key])}"
        for key in last
        if first[key] != last[key] and key[1] != "refcnt is zero"
    )


def _change(old: Any, new: Any) -> str:
    if isinstance(old, tuple) and isinstance(new, tuple):
        gone = [f"- {_value(item)}" for item in old if item not in new]
        come = [f"+ {_value(item)}" for item in new if item not in old]
        return ", ".join(gone + come)
    return f"{_value(old)} -> {_value(new)}"


def _value(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, tuple):
        return "(" + ", ".join(_value(item) for item in value) + ")"
    name = getattr(value, "name", None)
    if (
        isinstance(name, str)
        and type(value).__module__.startswith("netsim")
        and hasattr(type(value), "__members__")
    ):
        return name
    return str(value)


def who(name: str) -> str:
    """Name a thread by its flow, if it is one."""
    return f"flow {name}" if name.isdigit() else f"thread {name}"


def divergence(follower: Follower, schedule: Schedule, digest: Digest) -> Divergence | None:
    """Say where a schedule that has been followed does not fit, if anywhere."""
    if follower.diverged is not None:
        return follower.diverged
    if len(follower.events) < len(schedule.choices):
        return Divergence(
            len(follower.events) + 1,
            f"{who(schedule.choices[len(follower.events)][0])} to run",
            "nothing is enabled any more",
        )
    if schedule.digest and digest.text != schedule.digest:
        return Divergence(
            len(follower.events),
            f"checksum {schedule.digest}",
            f"{digest.text}: the same threads ran, but did something else",
        )
    return None


def replay(
    schedule: Schedule | str, *, expected: Trace | None = None, design: Design | None = None
) -> ReplayResult:
    """
    Run one schedule, or its text, again and judge it.

    `reproduced` is True if at least one finding shows; where the schedule does not fit (its
    threads, operations, enabled sets or checksum), `diverged` says so instead.  Without `design`
    it is the installed one that the schedule names, never a file.  Raises UsageError if the
    design or the scenario is not known here, FileError for a damaged text.
    """
    if isinstance(schedule, str):
        schedule = Schedule.parse(schedule)
    design = design or load_installed(schedule.design)
    scenario = parse(schedule.scenario, design.operations)
    program = ScenarioProgram(design, scenario, schedule.options, sites=True)
    follower, digest, races = Follower(schedule.choices, expected), Digest(), DataRaces()
    program.start()
    if program.run.unreached:
        return ReplayResult(
            design.name,
            str(scenario),
            False,
            Divergence(0, "a start that is reached", program.run.unreached),
            (),
        )
    execution = execute(program, follower, (digest, races))
    diverged = divergence(follower, schedule, digest)
    if diverged is not None or not execution.complete:
        return ReplayResult(
            design.name, str(scenario), False, diverged, (), follower.story(execution.sim)
        )
    return told(program, execution, follower, attrs.evolve(schedule, digest=digest.text))


def told(
    program: ScenarioProgram, execution: Execution, follower: Follower, schedule: Schedule
) -> ReplayResult:
    """Judge an execution that has come to rest: the result of a replay that fits."""
    scenario, design = program.scenario, program.design
    story = follower.story(execution.sim)  # before the probes report what is theirs
    at_end = judge_run(program.run)
    faults = faults_of(execution.sim)
    observed = observe(program)
    answers = ask(program, observed)
    reference = SerialReference(program, ORDERS_MAX, STEPS_MAX)  # takes the machine
    judged = judge(
        observed,
        at_end,
        reference,
        faults,
        program,
        follower.history.leads_to_end,
        answers,
    )
    findings: dict[str, Finding] = {}
    for one in judged:
        made = finding(
            one,
            design,
            operations_of(scenario),
            str(schedule),
            len(execution.schedule),
            execution.preemptions,
        )
        findings.setdefault(made.id, made)
    return ReplayResult(
        design=design.name,
        scenario=str(scenario),
        reproduced=bool(findings),
        diverged=None,
        findings=tuple(findings.values()),
        events=story,
        outcome=observed.lines(),
    )
