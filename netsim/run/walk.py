"""A walk through the executions of a program: counts, bounds, and the smallest of each kind."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import ClassVar, Generic, TypeVar

import attrs

from netsim.checkers.datarace import DataRaces
from netsim.core.sim import Sim
from netsim.core.step import Choice, Step
from netsim.errors import UsageError
from netsim.explorer.estimate import FIRST, Band, Estimate
from netsim.explorer.events import History
from netsim.explorer.loop import Execution, Exploration, Observer, Program, execute
from netsim.explorer.normal import Recorder, equivalents
from netsim.explorer.optimal import OptimalDpor
from netsim.results import Bounds, CutBy
from netsim.run.digest import Digest
from netsim.run.judge import Judged


@attrs.frozen
class Progress:
    """
    How far a search is.

    `total` is where it ends at the latest, if that is known; `band` is an estimate of where.
    """

    done: int
    total: int | None
    text: str
    band: Band | None = None


#: Says that `Walk.hurry` did.
OVERTIME = "the bound on seconds passed before every schedule was made small"

Listener = Callable[[Progress], None]


@attrs.define(eq=False)
class Candidate:
    """
    The smallest execution known for a finding, or for an outcome.

    `weight` is its preemptions, or its switches while it has not been normalised.
    """

    schedule: list[Choice]
    weight: int
    judged: Judged | None

    def size(self) -> tuple[int, int]:
        """Return what is compared first: fewer preemptions, then fewer steps."""
        return (self.weight, len(self.schedule))

    def beats(self, other: Candidate) -> bool:
        """Tell whether this one is smaller; of equals the first in order of threads is."""
        if self.size() != other.size():
            return self.size() < other.size()
        return self.order() < other.order()

    def order(self) -> tuple[tuple[int, int], list[Choice]]:
        """Return what candidates are sorted by."""
        return self.size(), self.schedule


class _OutOfTime(Exception):
    """The bound on seconds cut an execution."""


class _Deadline:
    """An observer that looks at the clock now and then: one execution may go on for ever."""

    #: How many steps go by between two looks.
    EVERY = 1024

    def __init__(self, until: float) -> None:
        self._until = until
        self._steps = 0

    def begin(self, sim: Sim, kept: int) -> None:
        """Nothing to note."""

    def stepped(self, sim: Sim, step: Step) -> None:
        """Stop when the time is over."""
        self._steps += 1
        if self._steps % self.EVERY == 0 and time.monotonic() >= self._until:
            raise _OutOfTime


_P = TypeVar("_P", bound=Program)
_T = TypeVar("_T")


@attrs.define(eq=False)
class Walk(ABC, Generic[_P]):
    """The state of one exploration: counts, and candidates by finding id."""

    #: So many steps of one execution are made at most, whatever the bounds are; 0: all.
    execution_steps_max: ClassVar[int] = 0

    program: _P
    bounds: Bounds
    #: What the strategy says about its own search.
    notes: tuple[str, ...] = ()
    executions: int = 0
    blocked: int = 0
    deadlocked: int = 0
    steps: int = 0
    complete: bool = False
    cut_by: CutBy | None = None
    #: How many executions there are in all, estimated when a bound cut.
    band: Band | None = None
    #: What was spent before this exploration, that its bounds hold for too.
    spent_executions: int = 0
    spent_steps: int = 0
    #: When the bound on seconds has passed.
    deadline: float | None = None
    #: When the time for making schedules small has passed; see `hurry`.
    small_until: float | None = None
    #: True if it has.
    overtime: bool = False
    candidates: dict[str, Candidate] = attrs.Factory(dict)
    #: Says who ran last in an execution that was too long.
    endless: str = ""
    #: Who else sees the steps, beside the detector of data races.
    observers: tuple[Observer, ...] = ()

    def explore(self, first: bool, progress: Listener | None) -> None:
        """Explore until all is done, a bound cuts, or `first` and something is found."""
        if self.deadline is None and self.bounds.seconds is not None:
            self.deadline = time.monotonic() + self.bounds.seconds
        strategy, estimate = self._strategy(), Estimate()
        try:
            self._walk(strategy, estimate, (DataRaces(), *self.observers), first, progress)
        except KeyboardInterrupt:
            self.complete = False
            self.cut_by = "interrupt"
        except _OutOfTime:
            self.cut_by = "seconds"
        finally:
            self.notes = tuple(note for note in (*strategy.notes(), self.endless) if note)
        self.band = None if self.complete else self._estimated(strategy, estimate)

    def hurry(self) -> bool:
        """
        Tell whether schedules are to be told as they were found, for want of time.

        The bound on seconds holds for that, too, but leaves a quarter of itself when exploring
        took it all.
        """
        seconds = self.bounds.seconds
        if seconds is None:
            return False
        now = time.monotonic()
        if self.small_until is None:
            self.small_until = max(self.deadline or 0.0, now + seconds / 4)
        self.overtime = now >= self.small_until
        return self.overtime

    def late(self) -> bool:
        """Tell whether the bound on seconds has passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _estimated(self, strategy: Exploration, estimate: Estimate) -> Band | None:
        """Return the estimated number of complete executions."""
        left = strategy.left()
        if left is None or estimate.runs < self.executions:
            return None
        band = estimate.band(left)
        if band is None or not self.executions:
            return None
        part = self.executions / estimate.runs  # of the runs, those that go on to an end
        return Band(math.floor(band.low * part), math.ceil(band.high * part))

    def _strategy(self) -> Exploration:
        return OptimalDpor(self.program)

    def _walk(
        self,
        strategy: Exploration,
        estimate: Estimate,
        observers: Sequence[Observer],
        first: bool,
        progress: Listener | None,
    ) -> None:
        bounds = self.bounds
        if self.deadline is not None:
            observers = (*observers, _Deadline(self.deadline))
        total = None
        if bounds.executions is not None:
            total = bounds.executions - self.spent_executions
        while True:
            room = longest = self.execution_steps_max
            if bounds.steps is not None:
                left = bounds.steps - self.spent_steps - self.steps
                room = min(left, longest or left)
            execution = execute(self.program, strategy, observers, room)
            self.steps += len(execution.schedule)
            if execution.cut:
                self.cut_by = "steps"
                if room == longest:
                    last = execution.sim.by_name[execution.schedule[-1].thread]
                    self.endless = (
                        f"an execution did not end within {longest} steps "
                        f"({execution.sim.title(last)} ran last): it may never end"
                    )
                return
            if execution.complete:
                strategy.finish(execution.sim)
                self._judge(execution)
            elif not execution.void:
                self.blocked += 1
            if first and self.candidates:
                return
            if not strategy.more():
                self.cut_by = strategy.cut_by()
                self.complete = self.cut_by is None
                return
            estimate.ran(strategy.left() or ())
            self.cut_by = self.spent()
            if self.cut_by is not None:
                return
            if progress is not None and estimate.runs % FIRST == 0:
                band = self._estimated(strategy, estimate)
                progress(Progress(self.executions, total, "executions", band))

    def spent(self) -> CutBy | None:
        """Name the bound that allows no further execution."""
        bounds = self.bounds
        executions = self.spent_executions + self.executions
        if bounds.executions is not None and executions >= bounds.executions:
            return "executions"
        if bounds.steps is not None and self.spent_steps + self.steps >= bounds.steps:
            return "steps"
        return "seconds" if self.late() else None

    @abstractmethod
    def _judge(self, execution: Execution) -> None:
        """Take in an execution that has come to rest."""

    def note(self, judged: Judged, execution: Execution) -> None:
        """Keep the execution as the smallest that shows the finding, if it is."""
        mine = Candidate(execution.schedule, execution.switches(), judged)
        best = self.candidates.get(judged.id)
        if best is None or mine.beats(best):
            self.candidates[judged.id] = mine


def differs(what: str) -> UsageError:
    """Return the error for a program or design that differs from run to run."""
    return UsageError(
        f"{what} is not deterministic: the same schedule does something else the "
        "next time; it must use no clock, no random source, and nothing that outlives a run"
    )


def check_bounds(bounds: Bounds) -> None:
    """Raise UsageError for bounds that make no sense."""
    if not isinstance(bounds, Bounds):
        raise UsageError(f"bounds are netsim.Bounds(executions=..., seconds=...); found {bounds!r}")
    for name in ("executions", "steps", "seconds", "preemptions"):
        value = getattr(bounds, name)
        if value is not None and not isinstance(value, (int, float)):
            raise UsageError(f"the bound on {name} must be a number, found {value!r}")
    for name in ("executions", "steps", "seconds"):
        value = getattr(bounds, name)
        if value is not None and not value > 0:
            raise UsageError(f"the bound on {name} must be more than 0, found {value}")
    if bounds.preemptions is not None and bounds.preemptions < 0:
        raise UsageError(f"the bound on preemptions must be 0 or more, found {bounds.preemptions}")


def shortest(
    program: Program,
    candidate: Candidate,
    shows: Callable[[Execution, History], _T | None],
    *,
    alone: bool = False,
    hurry: Callable[[], bool] | None = None,
) -> tuple[Candidate, _T, str] | None:
    """
    Find the best schedule of the candidate's class, or try it `alone`, for which `shows` has an
    answer; once `hurry` says so, be content with one.

    Returns it with the answer and the checksum of the execution; None if there is none, which
    means that the program is not deterministic.
    """
    best: tuple[Candidate, _T, str] | None = None
    others: Iterable[list[Choice]] = [] if alone else equivalents(program, candidate.schedule)
    for schedule in chain([candidate.schedule], others):
        if best is not None and hurry is not None and hurry():
            break
        recorder, digest, races = Recorder(schedule), Digest(), DataRaces()
        execution = execute(program, recorder, (digest, races))
        if not execution.complete or len(execution.schedule) != len(schedule):
            continue
        mine = Candidate(execution.schedule, execution.preemptions, None)
        if best is None or mine.beats(best[0]):
            shown = shows(execution, recorder.history)
            if shown is not None:
                best = (mine, shown, digest.text)
    return best
