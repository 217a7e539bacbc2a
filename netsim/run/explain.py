"""
Why a schedule shows a finding: the step that decides it, and the nearest execution that passes.

The critical step is the critical transition of SimGrid's model checker: the last state from which
some execution does not show the finding is the one before it.  What follows any state is
explored as in a check (`netsim.explorer.below`), so "every continuation" means all classes of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TypeAlias

import attrs

from netsim.checkers.datarace import DataRaces
from netsim.core.access import CONFLICT, Key, dependent
from netsim.core.sim import MACHINE, Sim
from netsim.core.step import Choice
from netsim.design import Design
from netsim.explorer.below import ClassesBelow, EverythingBelow
from netsim.explorer.events import Event, History
from netsim.explorer.loop import execute
from netsim.notation import parse
from netsim.results import Explanation, Finding, Place
from netsim.run.digest import Digest
from netsim.run.judge import Judged, judge, judge_run
from netsim.run.outcome import observe
from netsim.run.program import ScenarioProgram
from netsim.run.replay import Follower
from netsim.run.search import schedule_text
from netsim.run.serial import ORDERS_MAX, STEPS_MAX, SerialReference, faults_of
from netsim.trace.schedule import Schedule

#: So many executions are looked at for the critical step of one finding.
EXECUTIONS_MAX = 2000
#: Among so many executions the nearest one that passes is looked for.
NEAREST_MAX = 200


class _Undecided(Exception):
    """What was looked at does not tell."""


@attrs.frozen
class _Told:
    """An execution told again: its steps in words, their events, and its checksum."""

    places: Sequence[Place]
    events: Sequence[Event]
    digest: str


@attrs.frozen
class _Passing:
    """An execution without the finding; `instead` are the kinds of others that it shows."""

    schedule: Sequence[Choice]
    events: Sequence[Event]
    instead: tuple[str, ...]


def explain(finding: Finding, design: Design) -> Explanation | None:
    """
    Say why the schedule of a finding shows it; None if it has no schedule.

    Not decided with strikes, whose places inside steps only a whole search knows, and where more
    than EXECUTIONS_MAX executions would have to be looked at.
    """
    if not finding.schedule:
        return None
    schedule = Schedule.parse(finding.schedule)
    scenario = parse(schedule.scenario, design.operations)
    program = ScenarioProgram(design, scenario, schedule.options)
    if program.striking:
        return Explanation("strikes inside steps are not searched below a step")
    return _Explainer(program, finding.id, [Choice(*c) for c in schedule.choices]).explain()


@attrs.define(eq=False)
class _Explainer:
    """The search for one explanation."""

    program: ScenarioProgram
    identity: str
    failing: list[Choice]
    reference: SerialReference = attrs.field(init=False)
    #: How many executions may still be looked at.
    budget: int = attrs.field(init=False)
    halted: bool = False
    #: One execution that passes, by how many steps it begins with.
    passes: dict[int, _Passing] = attrs.Factory(dict)

    def explain(self) -> Explanation:
        """Search, and put what was found in words."""
        self.program.start()
        self.reference = SerialReference(self.program, ORDERS_MAX, STEPS_MAX)
        self.budget = EXECUTIONS_MAX
        try:
            kept = self._last_avoidable()
        except _Undecided:
            return Explanation(
                f"more than {EXECUTIONS_MAX} executions, or one of more than {STEPS_MAX} steps, "
                "would have to be looked at"
            )
        if kept is None:
            return Explanation()
        failing = self._told(self.failing)
        nearest = self._nearest(kept, failing.events)
        passing = self._told(nearest.schedule)
        earlier, location = None, ""
        at = _reordered(failing.events, passing.events, kept)
        if at is not None:
            step = _step_of(failing, passing, at)
            earlier = attrs.evolve(passing.places[at], step=step)
            location = _location(failing.events, passing.events, kept, at)
        return Explanation(
            critical=failing.places[kept],
            passing=schedule_text(self.program, nearest.schedule, passing.digest),
            earlier=earlier,
            location=location,
            instead=nearest.instead,
        )

    def _last_avoidable(self) -> int | None:
        """
        Return how many steps one can make so that some continuation still passes; None: not one.

        Once every continuation shows the finding, it stays so: first steps are taken back, 1, 2, 4
        ..., for what is left is the cheaper to explore the later it is; then the middle is tried.
        """
        fails, back = len(self.failing), 1
        while True:
            kept = max(fails - back, 0)
            if self._avoidable(kept):
                break
            fails, back = kept, 2 * back
            if kept == 0:
                return None
        while fails - kept > 1:
            middle = (fails + kept) // 2
            if self._avoidable(middle):
                kept = middle
            else:
                fails = middle
        return kept

    def _avoidable(self, kept: int) -> bool:
        """Tell whether an execution that begins with so many steps of the failing one passes."""
        for one in self._passing(kept):
            self.passes[kept] = one
            return True
        return False

    def _nearest(self, kept: int, failing: Sequence[Event]) -> _Passing:
        """Return the passing execution whose conflicting steps differ least in their order."""
        self.budget = NEAREST_MAX
        conflicts = _conflicts(failing[kept:])
        best = self.passes[kept]
        least: tuple[int, int] | None = None
        with suppress(_Undecided):
            for one in self._passing(kept):
                rank = len(one.instead), _inverted(conflicts, one.events)
                if least is None or rank < least:
                    least, best = rank, one
        return best

    def _passing(self, kept: int) -> Iterator[_Passing]:
        """
        Yield what passes and begins with so many steps of the failing execution.

        A halt is first put off, as in a check; if nothing passes so, it comes at every place.
        """
        self.halted = False
        any_passes = False
        self.program.halts_last = True
        for one in self._below(ClassesBelow(self.program, self.failing[:kept]), kept):
            any_passes = True
            yield one
        if self.halted and not any_passes:
            self.program.halts_last = False
            yield from self._below(EverythingBelow(self.failing[:kept]), kept)

    def _below(self, strategy: ClassesBelow | EverythingBelow, kept: int) -> Iterator[_Passing]:
        races = DataRaces()
        while True:
            if not self.budget:
                raise _Undecided
            self.budget -= 1
            execution = execute(self.program, strategy, (races,), STEPS_MAX)
            if execution.cut:
                raise _Undecided
            assert execution.schedule[:kept] == self.failing[:kept], "a schedule can be followed"
            if execution.complete:
                strategy.finish(execution.sim)
                self.halted = self.halted or execution.sim.halted
                judged = self._judged(execution.sim, strategy.history)
                if all(one.id != self.identity for one in judged):
                    kinds = tuple(dict.fromkeys(one.report.kind for one in judged))
                    yield _Passing(execution.schedule, tuple(strategy.history.events), kinds)
            if not strategy.more():
                return

    def _judged(self, sim: Sim, history: History) -> list[Judged]:
        """Judge the execution that the program has just made."""
        at_end = judge_run(self.program.run)
        faults = faults_of(sim)
        observed = observe(self.program)
        leads = history.leads_to_end
        return judge(observed, at_end, self.reference, faults, self.program, leads)

    def _told(self, schedule: Sequence[Choice]) -> _Told:
        self.program.halts_last = False
        follower = Follower([(choice.thread, choice.value) for choice in schedule], None)
        digest = Digest()
        execute(self.program, follower, (digest,))
        places = [Place(e.step, e.thread, e.operation, e.function, e.call) for e in follower.events]
        return _Told(places, follower.history.events, digest.text)


_Pair: TypeAlias = tuple[tuple[str, int], tuple[str, int]]


def _conflicts(events: Sequence[Event]) -> list[_Pair]:
    """Return the pairs of steps of different threads that do not commute, as they stand."""
    return [
        ((one.thread, one.local), (other.thread, other.local))
        for at, one in enumerate(events)
        for other in events[at + 1 :]
        if one.thread != other.thread and dependent(one.footprint, other.footprint)
    ]


def _inverted(conflicts: Sequence[_Pair], events: Sequence[Event]) -> int:
    """Count the pairs that stand the other way round in another execution."""
    at = {(event.thread, event.local): event.index for event in events}
    never = len(events)
    return sum(at.get(later, never) < at.get(earlier, never) for earlier, later in conflicts)


def _reordered(failing: Sequence[Event], passing: Sequence[Event], kept: int) -> int | None:
    """
    Return the first step of the passing execution that is in conflict with the critical one and
    comes before it there; None if the critical step itself is made there with another value.
    """
    critical = failing[kept]
    if passing[kept].thread == critical.thread:
        return None
    for event in passing[kept:]:
        if event.thread == critical.thread:
            break
        if _meeting(failing, passing, kept, event.index):
            return event.index
    return kept  # what a halt would keep from running


def _meeting(failing: Sequence[Event], passing: Sequence[Event], kept: int, at: int) -> list[Key]:
    """Return where a step of the passing execution conflicts with the critical step of either."""
    thread, theirs = failing[kept].thread, passing[at].footprint
    same = next((event for event in passing[kept:] if event.thread == thread), None)
    mine = (
        failing[kept].footprint if same is None else {**same.footprint, **failing[kept].footprint}
    )
    return [key for key, mode in mine.items() if key in theirs and CONFLICT[mode][theirs[key]]]


def _location(failing: Sequence[Event], passing: Sequence[Event], kept: int, at: int) -> str:
    """Name where the two steps conflict; "" for a halt."""
    keys = [key for key in _meeting(failing, passing, kept, at) if key != MACHINE]
    return ".".join(keys[0]) if keys else ""


def _step_of(failing: _Told, passing: _Told, at: int) -> int:
    """Return the number in the failing execution of a step of the passing one; 0 if none is it."""
    mine = passing.events[at]
    for event, place in zip(failing.events, failing.places, strict=True):
        if (event.thread, event.local) == (mine.thread, mine.local):
            return place.step if place.call == passing.places[at].call else 0
    return 0
