"""
Every class of executions with few preemptions, fewest first.

Plain depth-first search under a bound (`netsim.explorer.plain`) that goes on from a beginning
only once, however its independent steps were ordered: equal beginnings, in the sense of
Mazurkiewicz, lead to one state by one happens-before relation, so what can follow, what it shows
and how many preemptions it takes are the same.  This is the happens-before caching of Musuvathi
and Qadeer (*Partial-Order Reduction for Context-Bounded State Exploration*, MSR-TR-2007-12), with
who ran last as part of what is compared and the preemptions used so far: unlike a DPOR it is
sound under a bound.
"""

from collections.abc import Sequence

from netsim.core.sim import Choice, Sim, Step
from netsim.explorer.events import History
from netsim.explorer.plain import PlainDfs


class MergedDfs(PlainDfs):
    """
    For every execution with at most `bound` preemptions (None: for every one) one that shows the
    same, has as many steps, and under a bound no more preemptions.

    Of several it is the first in order: a thread goes on as long as it can, then whoever was made
    first runs.
    """

    def __init__(self, bound: int | None = None) -> None:
        super().__init__(bound)
        #: The events of the current execution.
        self.history = History()
        #: The number of each event on the path, equal for events with equal pasts.
        self._names: list[int] = []
        self._numbers: dict[tuple[object, ...], int] = {}
        #: Beginning and who ran last: the fewest preemptions with which it was reached.
        self._reached: dict[tuple[tuple[int, ...], str], int] = {}

    def begin(self, sim: Sim) -> Sequence[Choice]:
        """Start again; the path up to the last node is re-run."""
        taken = super().begin(sim)
        self.history.truncate(len(taken))
        del self._names[len(taken) :]
        return taken

    def stepped(self, sim: Sim, step: Step) -> None:
        """Name the event by its thread, its value and all that happens before it."""
        super().stepped(sim, step)
        event, _ = self.history.append(step)
        last, names = self.history.last, self._names
        past = [names[last[t][n - 1].index] for t, n in event.clock.items() if t != step.thread]
        if event.local > 1:
            past.append(names[last[step.thread][-2].index])
        key = (step.thread, step.choice, *sorted(past))
        names.append(self._numbers.setdefault(key, len(self._numbers)))

    def known(self, sim: Sim, running: str, used: int) -> bool:
        """Tell whether this beginning was met before, with as few preemptions."""
        names = self._names
        ends = sorted(names[events[-1].index] for events in self.history.last.values() if events)
        key = (tuple(ends), "" if self.bound is None else running)
        before = self._reached.get(key)
        if before is not None and (self.bound is None or before <= used):
            return True
        self._reached[key] = used
        return False

    def more(self) -> bool:
        """Plan the next execution; what a lower bound has met is not yet done."""
        level = self.level
        more = super().more()
        if level != self.level:
            self._reached.clear()
        return more
