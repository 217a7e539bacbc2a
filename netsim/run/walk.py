"""A walk through the executions of a program: counts, bounds, and the smallest of each kind."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import attrs

from netsim.checkers.datarace import DataRaces
from netsim.core.sim import Choice, Sim, Step
from netsim.errors import UsageError
from netsim.explorer.events import History
from netsim.explorer.loop import Execution, Exploration, Observer, Program, execute
from netsim.explorer.normal import Recorder, equivalents
from netsim.explorer.optimal import OptimalDpor
from netsim.results import Bounds, CutBy
from netsim.run.digest import Digest
from netsim.run.judge import Judged


@attrs.frozen
class Progress:
    """How far a search is: `total` is None while nobody can say."""

    done: int
    total: int | None
    text: str


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
class Walk(Generic[_P]):
    """The state of one exploration: counts, and candidates by finding id."""

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
    candidates: dict[str, Candidate] = attrs.Factory(dict)
    #: Who else sees the steps, beside the detector of data races.
    observers: tuple[Observer, ...] = ()

    def explore(self, first: bool, progress: Listener | None) -> None:
        """Explore until all is done, a bound cuts, or `first` and something is found."""
        strategy = self._strategy()
        try:
            self._walk(strategy, (DataRaces(), *self.observers), first, progress)
        except KeyboardInterrupt:
            self.cut_by = "interrupt"
        except _OutOfTime:
            self.cut_by = "seconds"
        finally:
            self.notes = tuple(strategy.notes())

    def _strategy(self) -> Exploration:
        return OptimalDpor(self.program)

    def _walk(
        self,
        strategy: Exploration,
        observers: Sequence[Observer],
        first: bool,
        progress: Listener | None,
    ) -> None:
        started = time.monotonic()
        bounds = self.bounds
        if bounds.seconds is not None:
            observers = (*observers, _Deadline(started + bounds.seconds))
        while True:
            left = bounds.steps - self.steps if bounds.steps is not None else 0
            execution = execute(self.program, strategy, observers, max(left, 0))
            self.steps += len(execution.schedule)
            if execution.cut:
                self.cut_by = "steps"
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
            if bounds.executions is not None and self.executions >= bounds.executions:
                self.cut_by = "executions"
                return
            if bounds.steps is not None and self.steps >= bounds.steps:
                self.cut_by = "steps"
                return
            if bounds.seconds is not None and time.monotonic() - started >= bounds.seconds:
                self.cut_by = "seconds"
                return
            if progress is not None and self.executions % 50 == 0:
                progress(Progress(self.executions, None, "executions"))

    def _judge(self, execution: Execution) -> None:
        """Take in an execution that has come to rest."""
        raise NotImplementedError

    def note(self, judged: Judged, execution: Execution) -> None:
        """Keep the execution as the smallest that shows the finding, if it is."""
        mine = Candidate(execution.schedule, execution.switches(), judged)
        best = self.candidates.get(judged.id)
        if best is None or mine.beats(best):
            self.candidates[judged.id] = mine


def check_bounds(bounds: Bounds) -> None:
    """Raise UsageError for bounds that make no sense."""
    for name in ("executions", "steps", "seconds"):
        value = getattr(bounds, name)
        if value is not None and not value > 0:
            raise UsageError(f"the bound on {name} must be more than 0, found {value}")
    if bounds.preemptions is not None and bounds.preemptions < 0:
        raise UsageError(f"the bound on preemptions must be 0 or more, found {bounds.preemptions}")


def shortest(
    program: Program, candidate: Candidate, shows: Callable[[Execution, History], _T | None]
) -> tuple[Candidate, _T, str] | None:
    """
    Find the best schedule of the candidate's class for which `shows` has an answer.

    Returns it with the answer and the checksum of the execution; None if there is none, which
    means that the program is not deterministic.
    """
    best: tuple[Candidate, _T, str] | None = None
    for schedule in [candidate.schedule, *equivalents(program, candidate.schedule)]:
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
