"""
Every class of executions with few preemptions, fewest first.

Plain depth-first search under a bound (`netsim.explorer.plain`) that goes on from a beginning
only once, however its independent steps were ordered: equal beginnings, in the sense of
Mazurkiewicz, lead to one state by one happens-before relation, so what can follow, what it shows
and how many preemptions it takes are the same.  This is the happens-before caching of Musuvathi
and Qadeer (*Partial-Order Reduction for Context-Bounded State Exploration*, MSR-TR-2007-12), with
who ran last as part of what is compared and the preemptions used so far: unlike a DPOR it is
sound under a bound.

A step that was made at a node is the same after a step of another thread with which it is
independent.  So where it leads from there is known before it is made, and is looked up instead of
run, as in sleep sets (Godefroid, *Partial-Order Methods*, 1996).
"""

from collections.abc import Sequence

import attrs

from netsim.core.access import Footprint, dependent
from netsim.core.sim import Sim
from netsim.core.step import Choice, Step
from netsim.explorer.events import History
from netsim.explorer.plain import Node, PlainDfs


@attrs.define(eq=False)
class _Place:
    """
    What is known at a node of the path.

    `ends` has the number of the last event of each thread; `steps` those that were made here, or
    before and would be the same here: the number of the event, and its footprint.
    """

    ends: dict[str, int]
    steps: dict[Choice, tuple[int, Footprint]]


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
        #: For each beginning, by who ran last: the fewest preemptions with which it was reached.
        self._reached: dict[tuple[int, ...], dict[str, int]] = {}
        #: By number of steps.
        self._places: dict[int, _Place] = {}

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
        name = self._numbers.setdefault(key, len(self._numbers))
        place = self._places.get(len(names))
        if place is not None and not step.last and step.inner is None:
            place.steps[Choice(step.thread, step.choice)] = name, step.footprint
        names.append(name)

    def known(self, sim: Sim, running: str, used: int) -> bool:
        """Tell whether this beginning was met before, with as few preemptions."""
        names = self._names
        ends = {t: names[events[-1].index] for t, events in self.history.last.items() if events}
        if self._met(ends, running, used):
            return True
        self._meet(ends, running, used)
        self._places[len(names)] = _Place(ends, self._steps())
        return False

    def _steps(self) -> dict[Choice, tuple[int, Footprint]]:
        """Return the steps known before the latest one that it has nothing to do with."""
        before = self._places.get(len(self._names) - 1)
        latest = self.path[-1].way() if self.path else None
        if before is None or latest is None or latest not in before.steps:
            return {}
        footprint = before.steps[latest][1]
        return {
            way: step
            for way, step in before.steps.items()
            if way.thread != latest.thread and not dependent(footprint, step[1])
        }

    def leads_to_known(self, node: Node) -> bool:
        """Tell it of a way whose step is known to be the same as somewhere else."""
        place, way = self._places[len(self.path) - 1], node.way()
        step = place.steps.get(way)
        if step is None:
            return False
        return self._met({**place.ends, way.thread: step[0]}, way.thread, node.preemptions())

    def _met(self, ends: dict[str, int], running: str, used: int) -> bool:
        """
        Tell whether all that can follow was or will be run from where this beginning was met.

        If another thread ran last there, the first preemption after it may count once more; if
        none could have gone on, none counts more.
        """
        met = self._reached.get(tuple(sorted(ends.values())))
        if met is None or self.bound is None:
            return met is not None
        return (
            met.get("", used + 1) <= used
            or met.get(running, used + 1) <= used
            or min(met.values()) < used
        )

    def _meet(self, ends: dict[str, int], running: str, used: int) -> None:
        met = self._reached.setdefault(tuple(sorted(ends.values())), {})
        met[running] = used

    def finish(self, sim: Sim) -> None:
        """Remember where it ended: nothing follows from there."""
        self.known(sim, "", self.path[-1].preemptions() if self.path else 0)

    def more(self) -> bool:
        """Plan the next execution; what a lower bound has met is not yet done."""
        level = self.level
        more = super().more()
        if level != self.level:
            self._reached.clear()
        return more
