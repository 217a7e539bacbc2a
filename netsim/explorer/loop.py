"""
The one loop over steps, and the seam that every strategy shares.

A *program* builds a fresh machine whose threads stand before their first operation; it must be
deterministic.  A *strategy* says who runs next.  An *observer* sees every step.
"""

from collections.abc import Sequence
from operator import ne
from typing import Protocol

import attrs

from netsim.core.sim import Sim
from netsim.core.step import Choice, Step
from netsim.core.thread import SimThread
from netsim.results import CutBy


class Program(Protocol):
    """Something that can be run again and again from the start."""

    def start(self) -> Sim:
        """Return a fresh machine, its threads before their first operation."""
        ...


class Strategy(Protocol):
    """Answers who runs next."""

    def begin(self, sim: Sim) -> Sequence[Choice]:
        """
        Prepare for one more execution.

        Returns the choices with which the previous one began and this one shall begin too: they
        are made again before anything is asked, and neither strategy nor observers see them.
        """
        ...

    def forced(self, sim: Sim) -> tuple[SimThread, int] | None:
        """
        Return the next choice if it is known to be possible, as in a prefix that is re-run.

        After None it is not asked again in this execution.
        """
        ...

    def choose(self, sim: Sim, enabled: Sequence[SimThread]) -> tuple[SimThread, int] | None:
        """Return the thread to run and the value to choose for it, or None to give up."""
        ...

    def stepped(self, sim: Sim, step: Step) -> None:
        """Learn what the chosen step did."""
        ...


class Exploration(Strategy, Protocol):
    """A strategy that plans one execution after the other."""

    def finish(self, sim: Sim) -> None:
        """Learn that the execution was complete."""
        ...

    def more(self) -> bool:
        """Plan the next execution; False if all that this strategy covers is done."""
        ...

    def left(self) -> Sequence[int] | None:
        """
        Count the branches known to be left, for each node of the path to the next execution.

        Those that are done and the one under way do not count; empty if the search begins again,
        None if nobody can say what is left.
        """
        ...

    def cut_by(self) -> CutBy | None:
        """Name the bound of its own that left something out, once `more` has said False."""
        ...

    def notes(self) -> Sequence[str]:
        """Say in sentences what the search covered, if that is not every class."""
        ...


class Observer(Protocol):
    """Sees every step of every execution."""

    def begin(self, sim: Sim, kept: int) -> None:
        """A new execution starts; its first `kept` steps were those of the previous one, too."""
        ...

    def stepped(self, sim: Sim, step: Step) -> None:
        """A step was made."""
        ...


@attrs.define(eq=False)
class Execution:
    """
    One run under one schedule.

    `complete` is True if it went on until nothing was enabled; False if the strategy gave up or
    the step bound cut it (`cut`), or its last step could not be made (`void`).  `preemptions`
    counts where another thread went on although the last one could have, a strike inside a step
    twice; it is exact unless choices were forced.
    """

    sim: Sim
    schedule: list[Choice]
    complete: bool
    cut: bool
    preemptions: int
    void: bool = False

    def switches(self) -> int:
        """Count where another thread went on, or the environment chose not as usual (twice)."""
        names = [choice.thread for choice in self.schedule]
        chosen = sum(choice.value > 0 for choice in self.schedule)
        switches: int = sum(map(ne, names, names[1:]))
        return switches + 2 * chosen


def execute(
    program: Program,
    strategy: Strategy,
    observers: Sequence[Observer] = (),
    steps_max: int = 0,
) -> Execution:
    """
    Run one execution of `program`: until nothing is enabled, the strategy gives up, or
    `steps_max` steps (0: no bound) are made.
    """
    sim = program.start()
    kept = strategy.begin(sim)
    schedule = list(kept)
    if steps_max and len(schedule) > steps_max:
        return Execution(sim, schedule[:steps_max], complete=False, cut=True, preemptions=0)
    sim.rerun(kept)
    for observer in observers:
        observer.begin(sim, len(kept))
    last: SimThread | None = None
    preemptions = 0
    complete = cut = False
    forced = True
    while True:
        chosen = strategy.forced(sim) if forced else None
        forced = chosen is not None
        enabled: Sequence[SimThread] = ()
        if chosen is None:
            enabled = sim.enabled()
            if not enabled:
                complete = True
                break
        if steps_max and len(schedule) >= steps_max:
            cut = True
            break
        if chosen is None:
            chosen = strategy.choose(sim, enabled)
            if chosen is None:
                break
        thread, value = chosen
        if thread is not last and last is not None:
            preemptions += last in enabled
        last = thread
        step = sim.step(thread, value)
        schedule.append(Choice(thread.name, value))
        strategy.stepped(sim, step)
        for observer in observers:
            observer.stepped(sim, step)
        if step.inner is not None:
            preemptions += 2 * len(step.inner.touched)
            if step.inner.void:
                return Execution(sim, schedule, complete, cut, preemptions, void=True)
    return Execution(sim, schedule, complete, cut, preemptions)
