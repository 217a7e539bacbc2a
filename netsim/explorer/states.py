"""
Merging of states: what follows from a state is explored once, however it was reached.

Complete for whatever is a function of the state: outcomes, deadlocks, and the findings that
steps file, since the reports so far are part of it.  Not for what hangs on the way that led
there: data races and lock order are judged in the executions that were run, no others.  No step
is taken to be independent of another: a reduction would have to know the races below a state
that is not entered again (Yang, Chen, Gopalakrishnan, Kirby, *Efficient Stateful Dynamic Partial
Order Reduction*, SPIN 2008).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from netsim.core.canonical import Canonical, Unseen
from netsim.core.sim import Sim
from netsim.errors import UsageError
from netsim.explorer.plain import PlainDfs
from netsim.results import CutBy


class States(PlainDfs):
    """
    Every state, each once; with a bound every one within so many preemptions.

    `roots` returns what of the running program is state, beside the machine.  The states are
    remembered in full and compared exactly.  Raises UsageError where a part of the
    state cannot be seen.
    """

    def __init__(self, roots: Callable[[], Iterable[Any]], bound: int | None = None) -> None:
        super().__init__(bound)
        self.roots = roots
        #: State and who runs there: the fewest preemptions with which it was reached.
        self.visited: dict[tuple[bytes, str], int] = {}
        self.merged = 0
        #: True if a state came again in one execution, which then need not end.
        self.loops = False
        self._trail: list[bytes] = []
        self._canonical: Canonical | None = None

    def known(self, sim: Sim, running: str, used: int) -> bool:
        """Tell whether the state was reached before, with as few preemptions."""
        try:
            if self._canonical is None:
                self._canonical = Canonical()
            state = self._canonical.value(sim, self.roots())
        except Unseen as unseen:
            raise UsageError(
                f"states cannot be merged, for part of one is not seen: {unseen}; "
                "expected strategy classes or preemptions for this program"
            ) from unseen
        del self._trail[len(self.path) :]
        self.loops = self.loops or state in self._trail
        self._trail.append(state)
        # Without a bound it makes no difference who ran last.
        key = (state, running if self.bound is not None else "")
        before = self.visited.get(key)
        if before is not None and (self.bound is None or before <= used):
            self.merged += 1
            return True
        self.visited[key] = used
        return False

    def more(self) -> bool:
        """Plan the next execution; what a lower bound has visited is not yet done."""
        level = self.level
        more = super().more()
        if level != self.level:
            self.visited.clear()
        return more

    def cut_by(self) -> CutBy | None:
        """An execution that comes back to a state need not end: then not all were run."""
        return super().cut_by() or ("steps" if self.loops else None)

    def notes(self) -> Sequence[str]:
        """Say what merging leaves out."""
        text = (
            f"states were merged ({len(self.visited)} states, {self.merged} times one that was "
            "known): data races and lock order are judged in the executions that were run only"
        )
        if self.loops:
            text += "; some executions come back to a state that they had, and need not end"
        return (*super().notes(), text)
