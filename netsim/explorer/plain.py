"""
Depth-first search without any reduction: every interleaving, or every one with few preemptions.

With a bound it is the iterative context bounding of Musuvathi and Qadeer (*Iterative Context
Bounding for Systematic Testing of Multithreaded Programs*, PLDI 2007): 0 preemptions, then 1,
and so on up to the bound, so that what is found first has fewest.  No step is taken to be
independent of another, so nothing is lost that the bound admits: DPOR would lose some, since
the representative of a class may need more preemptions than another of its executions (Coons,
Musuvathi, McKinley, *Bounded Partial-Order Reduction*, OOPSLA 2013).
"""

from collections.abc import Sequence

from netsim.core.sim import Sim
from netsim.core.step import Choice, Step
from netsim.core.thread import Mark, SimThread
from netsim.results import CutBy


class Node:
    """
    A state on the path of the current execution.

    `ways` are the choices that are explored from here, the one that preempts nobody first; `at`
    is the one under way.  `used` counts the preemptions before, and each way that is not of the
    thread `running` is one more ("" if whoever goes on preempts nobody).
    """

    __slots__ = ("at", "running", "used", "ways")

    def __init__(self, ways: list[Choice], running: str, used: int) -> None:
        self.ways = ways
        self.at = 0
        self.running = running
        self.used = used

    def way(self) -> Choice:
        """Return the choice under way."""
        return self.ways[self.at]

    def preemptions(self) -> int:
        """Count the preemptions up to and with the choice under way."""
        return self.used + bool(self.running and self.way().thread != self.running)


class PlainDfs:
    """
    Every interleaving with at most `bound` preemptions; with all of them if it is None.

    The executions with fewer preemptions are run again whenever the bound is raised: the path
    is all that is remembered.  `skipped` tells whether the bound has left anything out.
    """

    def __init__(self, bound: int | None = None) -> None:
        self.bound = bound
        #: The bound that is being explored now.
        self.level = None if bound is None else 0
        self.skipped = False
        #: The highest bound that was explored to its end, and whether that left nothing out.
        self.done = -1
        self.everything = False
        self.path: list[Node] = []
        self._depth = 0
        self._taken: list[Choice] = []
        self._marks: dict[int, list[Mark]] = {}

    # -- Strategy ----------------------------------------------------------------------------

    def begin(self, sim: Sim) -> Sequence[Choice]:
        """Start again; the path up to the last node is re-run."""
        self._depth = len(self._taken)
        sim.marks = self._marks
        return self._taken

    def forced(self, sim: Sim) -> tuple[SimThread, int] | None:
        """Take the way that is new at the end of the path."""
        if self._depth >= len(self.path):
            return None
        way = self.path[self._depth].way()
        return sim.by_name[way.thread], way.value

    def choose(self, sim: Sim, enabled: Sequence[SimThread]) -> tuple[SimThread, int] | None:
        """Beyond the path go on with the same thread if it is enabled."""
        last = self.path[-1] if self.path else None
        used = last.preemptions() if last is not None else 0
        latest = last.way().thread if last is not None else ""
        running = next((thread.name for thread in enabled if thread.name == latest), "")
        if self.known(sim, running, used):
            return None
        ordered = sorted(enabled, key=lambda thread: thread.name != running)
        if running and self.level is not None and used >= self.level and len(ordered) > 1:
            self.skipped = True
            del ordered[1:]
        ways = [
            Choice(thread.name, value)
            for thread in ordered
            if thread.pending is not None
            for value in range(thread.pending.options(sim))
        ]
        node = Node(ways, running, used)
        self.path.append(node)
        if not self._ahead(node):
            self.path.pop()
            return None
        way = node.way()
        return sim.by_name[way.thread], way.value

    def known(self, sim: Sim, running: str, used: int) -> bool:
        """Tell whether all that can follow from here was or will be run from elsewhere."""
        return False

    def leads_to_known(self, node: Node) -> bool:
        """Tell whether the way under way at the end of the path leads to what is `known`."""
        return False

    def _ahead(self, node: Node) -> bool:
        """Go on to the next way from the end of the path that has to be run; False if none has."""
        while node.at < len(node.ways):
            if not self.leads_to_known(node):
                return True
            node.at += 1
        return False

    def stepped(self, sim: Sim, step: Step) -> None:
        """Remember the choice."""
        self._taken.append(Choice(step.thread, step.choice))
        self._depth += 1

    # -- Exploration ---------------------------------------------------------------------------

    def finish(self, sim: Sim) -> None:
        """Nothing is learnt from an end."""

    def more(self) -> bool:
        """Move to the next way, deepest first; then to the next bound.  False: all is done."""
        while self.path:
            node = self.path[-1]
            del self._taken[len(self.path) - 1 :]
            node.at += 1
            if self._ahead(node):
                return True
            self.path.pop()
        self.everything = not self.skipped
        if self.level is None:
            return False
        self.done = self.level
        if self.everything or self.level == self.bound:
            return False
        self.level += 1
        self.skipped = False
        return True

    def left(self) -> Sequence[int] | None:
        """Count the ways after the one under way; what a higher bound adds nobody can say."""
        if self.level != self.bound:
            return None
        return [len(node.ways) - node.at - 1 for node in self.path]

    def cut_by(self) -> CutBy | None:
        """Tell whether the bound has left anything out."""
        return None if self.everything else "preemptions"

    def notes(self) -> Sequence[str]:
        """Say how far the search went."""
        if self.done < 0:
            return ()
        if self.everything:
            return (f"no execution has more than {_plural(self.done)}: all were run",)
        return (f"every execution with {_at_most(self.done)} was run",)


def _at_most(preemptions: int) -> str:
    return f"at most {_plural(preemptions)}" if preemptions else "no preemption"


def _plural(preemptions: int) -> str:
    return f"{preemptions} preemption" + "s" * (preemptions != 1)
