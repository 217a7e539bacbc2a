"""The graph of all states of a program, and the states along one schedule."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from netsim.core.canonical import Canonical
from netsim.core.sim import Sim
from netsim.core.step import Choice, Step
from netsim.core.thread import SimThread
from netsim.explorer.fairness import Graph, components, from_start
from netsim.explorer.normal import Recorder
from netsim.explorer.plain import PlainDfs
from netsim.results import CutBy

Roots = Callable[[], Iterable[Any]]


class TimeRead(Exception):
    """A step looked at the time, which is no part of the states that are compared here."""


class StateGraph(PlainDfs):
    """
    Every state of a program, each once, with the steps between them.

    Time is relative: how long each waiter still waits belongs to a state, what the time is does
    not.  It gives up, `overflown`, at more than `states_max` states.  Raises Unseen where a part
    of the state cannot be seen, TimeRead where a step looks at the time.
    """

    def __init__(self, roots: Roots, states_max: int) -> None:
        super().__init__()
        self.roots = roots
        self.states_max = states_max
        self.graph = Graph()
        #: Of each state the threads that wait for something that is handed over in order.
        self.queued: list[tuple[str, ...]] = []
        self.overflown = False
        #: Whether any step made a plain access: only then can there be data races.
        self.plain = False
        #: Of each state the threads that wait for time to pass while others can run.
        self.late: list[tuple[str, ...]] = []
        self._canonical = Canonical(time=False)
        self._numbers: dict[bytes, int] = {}
        #: The number of each state along the path.
        self._along: list[int] = []

    def known(self, sim: Sim, running: str, used: int) -> bool:
        """Give the state its number, and the step that led here its edge."""
        return self.overflown or not self._reached(sim)

    def finish(self, sim: Sim) -> None:
        """Number a state in which nobody can run."""
        self._reached(sim)

    def _reached(self, sim: Sim) -> bool:
        """Tell whether the state is new, and is to be explored."""
        state = self._canonical.value(sim, self.roots())
        fresh = state not in self._numbers
        number = self._numbers.setdefault(state, len(self._numbers))
        depth = len(self.path)
        del self._along[depth:]
        self._along.append(number)
        if depth:
            self.graph.edges[self._along[depth - 1]].append((self.path[-1].way(), number))
        if fresh:
            able = sim.enabled()
            late = [thread for thread in sim.waiting_for_time() if thread not in able]
            self.late.append(tuple(thread.name for thread in late))
            self.graph.wants.append(tuple(thread.name for thread in (*able, *late)))
            self.graph.edges.append([])
            self.queued.append(
                tuple(t.name for t in sim.threads if t.pending is not None and t.pending.in_order)
            )
            self.overflown = len(self._numbers) > self.states_max
        return fresh and not self.overflown

    def stepped(self, sim: Sim, step: Step) -> None:
        """Remember the choice, and whether the step did what states do not tell."""
        super().stepped(sim, step)
        self.plain = self.plain or bool(step.plain)
        _no_time(sim)

    def more(self) -> bool:
        """Plan the next execution, unless there are too many states."""
        return not self.overflown and super().more()

    def cut_by(self) -> CutBy | None:
        """Tell whether there were too many states."""
        return "steps" if self.overflown else None

    def kept_waiting(self) -> list[str]:
        """Return the threads that wait for time to pass throughout some loop of others."""
        return [
            name
            for name in sorted({name for late in self.late for name in late})
            if any(components(self.graph, (s for s, late in enumerate(self.late) if name in late)))
        ]

    def ends(self) -> list[list[Choice]]:
        """Return a shortest schedule to each state in which nobody can run."""
        ways = from_start(self.graph)
        return [ways[state] for state, wants in enumerate(self.graph.wants) if not wants]


class Along(Recorder):
    """
    A strategy that follows a schedule and notes each state before a step, and the last one.

    `wants` are the threads that could run there, `places` the functions of the one that did.
    """

    def __init__(self, schedule: Sequence[Choice], roots: Roots) -> None:
        super().__init__(schedule)
        self.roots = roots
        self.states: list[bytes] = []
        self.wants: list[tuple[str, ...]] = []
        self.places: list[str] = []
        self.steps: list[Step] = []
        self._canonical = Canonical(time=False)

    def choose(self, sim: Sim, enabled: Sequence[SimThread]) -> tuple[SimThread, int] | None:
        """Note the state, and follow the schedule."""
        self.states.append(self._canonical.value(sim, self.roots()))
        able = dict.fromkeys((*enabled, *sim.waiting_for_time()))
        self.wants.append(tuple(thread.name for thread in able))
        chosen = super().choose(sim, enabled)
        if chosen is not None:
            self.places.append(sim.site_of(chosen[0], "").function)
        return chosen

    def stepped(self, sim: Sim, step: Step) -> None:
        """Keep the step."""
        super().stepped(sim, step)
        self.steps.append(step)
        _no_time(sim)

    def repeated(self) -> int | None:
        """Return the number of steps before the last state was met first; None if it is new."""
        at = self.states.index(self.states[-1])
        return at if at < len(self.states) - 1 else None


def _no_time(sim: Sim) -> None:
    if sim.time_read:
        raise TimeRead
