"""
Source-DPOR with sleep sets: one execution, at least, of every Mazurkiewicz class.

Algorithm 1 of Abdulla, Aronis, Jonsson, Sagonas, *Source Sets: A Foundation for Optimal Dynamic
Partial Order Reduction* (JACM 64:4, 2017); `backtrack`, `sleep`, I(v) and E are as there.  What
differs: a step's footprint is known only after it ran (the plain accesses that follow its
operation belong to it), so races are looked for after each step, and sleeping threads carry the
footprint that they had; blocked operations take part in races when the execution ends (see
`netsim.explorer.events`); an operation with values to choose is explored with each of them.
"""

from collections.abc import Sequence
from typing import TypeAlias

from netsim.core.access import Footprint, dependent, merge
from netsim.core.sim import Choice, Sim, Step
from netsim.core.thread import Mark, SimThread
from netsim.explorer.events import Event, History


class Node:
    """
    A state on the path of the current execution.

    `sleep` maps threads that need not run from here, because that was or will be explored
    elsewhere, to the footprint of their next step; `backtrack` lists the threads to explore, in
    the order in which they were found.
    """

    __slots__ = ("backtrack", "choice", "chosen", "enabled", "footprint", "options", "sleep")

    def __init__(
        self, enabled: tuple[str, ...], sleep: dict[str, Footprint], chosen: str, options: int
    ) -> None:
        self.enabled = enabled
        self.sleep = sleep
        self.chosen = chosen
        self.choice = 0
        self.options = options
        self.backtrack = [chosen]
        self.footprint: Footprint = {}


Woken: TypeAlias = tuple[tuple[Event, str, Footprint], ...]
"""Events that woke a sleeping thread, with what the step of that thread touches before them."""


class SourceDpor:
    """The exhaustive strategy.  After each execution ask `more`; False means all is done."""

    def __init__(self) -> None:
        self.path: list[Node] = []
        self.history = History()
        self._depth = 0
        self._last: str | None = None
        self._sleep: dict[str, Footprint] = {}
        self._woken: list[Woken] = [()]
        #: The choices made along the path, and what `Sim.mark` said there.
        self._taken: list[Choice] = []
        self._marks: dict[int, list[Mark]] = {}

    # -- Strategy ----------------------------------------------------------------------------

    def begin(self, sim: Sim) -> Sequence[Choice]:
        """Start again from the initial state; the path up to the last node is re-run."""
        self._depth = max(len(self.path) - 1, 0)
        self._last = None
        self._sleep = {}
        sim.marks = self._marks
        return self._taken

    def forced(self, sim: Sim) -> tuple[SimThread, int] | None:
        """Take the branch that is new at the end of the path."""
        if self._depth >= len(self.path):
            return None
        node = self.path[self._depth]
        thread = sim.by_name[node.chosen]
        if not node.options:
            assert thread.pending is not None
            node.options = thread.pending.options(sim)
        return thread, node.choice

    def choose(self, sim: Sim, enabled: Sequence[SimThread]) -> tuple[SimThread, int] | None:
        """Beyond the path go on with the same thread if it is not asleep."""
        awake = [thread for thread in enabled if thread.name not in self._sleep]
        if not awake:
            # Sleep-set blocked: this very state was explored elsewhere.  Operations that are
            # blocked here race all the same: what they reverse may wake the sleepers.
            self._race_blocked(sim)
            return None
        chosen = next((thread for thread in awake if thread.name == self._last), awake[0])
        pending = chosen.pending
        assert pending is not None
        self.path.append(
            Node(
                tuple(thread.name for thread in enabled),
                self._sleep,
                chosen.name,
                pending.options(sim),
            )
        )
        return chosen, 0

    def stepped(self, sim: Sim, step: Step) -> None:
        """Account for the step just made: sleep set of the next state, and races if it is new."""
        node = self.path[self._depth]
        footprint = step.footprint
        self._taken.append(Choice(step.thread, step.choice))
        self._sleep = {
            thread: theirs
            for thread, theirs in node.sleep.items()
            if thread != step.thread and not dependent(theirs, footprint)
        }
        self._last = step.thread
        self._depth += 1
        if node.choice:
            merged = dict(node.footprint)
            for key, mode in footprint.items():
                merged[key] = merge(merged.get(key, mode), mode)
            node.footprint = merged
        else:
            node.footprint = footprint
        event, races = self.history.append(step.thread, step.op, footprint, step.before)
        for earlier in races:
            self._reverse(earlier, event.thread, footprint, event.index)
        self._race_woken(node, event)

    def _race_woken(self, node: Node, event: Event) -> None:
        """
        Reverse `event` with what woke a thread whose step, had it run before, conflicts with it.

        What a step touches depends on what its operation found.  So a thread that has been woken
        may no longer touch what it touched asleep, and its race with `event` does not show: but
        `event`, then the thread, then what woke it, is covered by no execution in which the
        thread came first.
        """
        footprint = event.footprint
        woken = self._woken[event.index]
        covered = False
        for waker, thread, theirs in woken:
            if thread == event.thread:
                covered = covered or theirs.items() <= footprint.items()
            elif dependent(theirs, footprint) and not waker.precedes(event.clock):
                self._reverse(waker, event.thread, footprint, event.index)
        if covered:  # from here on its races show
            woken = tuple(
                item
                for item in woken
                if item[1] != event.thread or not item[2].items() <= footprint.items()
            )
        fresh = tuple(
            (event, thread, theirs)
            for thread, theirs in node.sleep.items()
            if thread != event.thread and dependent(theirs, footprint)
        )
        self._woken.append(woken + fresh if fresh else woken)

    # -- between executions --------------------------------------------------------------------

    def finish(self, sim: Sim) -> None:
        """Take blocked operations into account at the end of a complete execution."""
        self._race_blocked(sim)

    def _race_blocked(self, sim: Sim) -> None:
        end = len(self.history.events)
        halted, sim.halted = sim.halted, False
        try:
            for thread in sim.threads:
                op = thread.pending
                if op is None:
                    continue
                if op.enabled(sim, thread):
                    if not halted:
                        continue  # asleep
                    halt = self.history.events[-1]  # only this keeps it from running
                    if thread.name not in self.path[halt.index].enabled:
                        continue
                    self._reverse(halt, thread.name, {}, end)
                    continue
                footprint = dict.fromkeys(op.guard(), 1)
                for earlier in self.history.blocked(thread.name, op):
                    self._reverse(earlier, thread.name, footprint, end)
        finally:
            sim.halted = halted

    def more(self) -> bool:
        """Move to the next unexplored branch, deepest first; False if there is none."""
        while self.path:
            node = self.path[-1]
            self.history.truncate(len(self.path) - 1)
            del self._woken[len(self.path) :]
            del self._taken[len(self.path) - 1 :]
            if node.choice + 1 < node.options:
                node.choice += 1
                return True
            node.sleep = {**node.sleep, node.chosen: node.footprint}
            for thread in node.backtrack:
                if thread not in node.sleep:
                    node.chosen = thread
                    node.choice = 0
                    node.options = 0  # known once the path has been re-run
                    return True
            self.path.pop()
        return False

    def _reverse(self, event: Event, thread: str, footprint: Footprint, end: int) -> None:
        """Have some initial of notdep(event, E).thread explored before `event`."""
        node = self.path[event.index]
        v = self.history.notdep(event, end)
        initials = _initials(v)
        # What the thread's step touches may differ here from what it touched after `event`, and
        # is not known at all of a blocked one.  If it sleeps here, that is what it did here.
        footprint = node.sleep.get(thread, footprint)
        if not any(other.thread == thread or dependent(other.footprint, footprint) for other in v):
            initials.insert(0, thread)
        candidates = [initial for initial in initials if initial in node.enabled]
        for initial in candidates:
            if initial in node.backtrack or initial in node.sleep:
                return
        if candidates:
            node.backtrack.append(candidates[0])


def _initials(v: list[Event]) -> list[str]:
    """Return I(v): the threads whose first event in v happens after no other event of v."""
    initials: list[str] = []
    seen: set[str] = set()
    for index, event in enumerate(v):
        if event.thread in seen:
            continue
        seen.add(event.thread)
        if not any(earlier.precedes(event.clock) for earlier in v[:index]):
            initials.append(event.thread)
    return initials
