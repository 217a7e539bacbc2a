"""
PCT: random priorities, lowered at few random places; finds bugs of a small depth with a bound.

Burckhardt, Kothari, Musuvathi, Nagarakatte, *A Randomized Scheduler with Probabilistic
Guarantees of Finding Bugs* (ASPLOS 2010): with n threads, k steps and d - 1 places, one execution
finds a bug of depth d with probability 1 / (n k^(d-1)) at least.
"""

import math
import random
from collections.abc import Sequence

from netsim.core.sim import Sim
from netsim.core.step import Choice, Step
from netsim.core.thread import SimThread
from netsim.explorer.walk import RandomWalk


class Pct(RandomWalk):
    """
    The enabled thread of the highest priority runs.

    n and k are the largest numbers of threads and steps seen so far: the first execution only
    learns them, and the bound counts the executions since they last grew.
    """

    def __init__(self, rng: random.Random, depth: int) -> None:
        super().__init__(rng)
        self.depth = depth
        self.threads = 0
        self.steps = 0
        #: Executions that were drawn with the present n and k.
        self.counted = 0
        #: The threads that were not lowered, highest priority first.
        self._high: list[str] = []
        #: Priorities of those that were, all below the others.
        self._low: dict[str, int] = {}
        #: Step: the priority that the thread about to make it is lowered to.
        self._places: dict[int, int] = {}
        self._made = 0

    def begin(self, sim: Sim) -> Sequence[Choice]:
        """Draw the places; priorities are drawn when a thread is first seen."""
        self._high, self._low = [], {}
        self._made = 0
        self._places = {}
        if self.steps:
            for priority in range(1, self.depth):
                self._places[self.rng.randint(1, self.steps)] = priority
        return ()

    def pick(self, sim: Sim, enabled: Sequence[SimThread]) -> SimThread:
        """Return the thread with the highest priority, lowering the one at a place."""
        for thread in sim.threads:
            if thread.pending is not None and thread.name not in self._low:
                if thread.name not in self._high:
                    self._high.insert(self.rng.randint(0, len(self._high)), thread.name)
        best = min(enabled, key=self._rank)
        lowered = self._places.get(self._made + 1)
        if lowered is not None:
            if best.name in self._high:
                self._high.remove(best.name)
            self._low[best.name] = lowered
            best = min(enabled, key=self._rank)
        return best

    def _rank(self, thread: SimThread) -> tuple[int, int]:
        low = self._low.get(thread.name)
        return (0, self._high.index(thread.name)) if low is None else (1, -low)

    def stepped(self, sim: Sim, step: Step) -> None:
        """Count the steps of the execution."""
        self._made += 1

    def finish(self, sim: Sim) -> None:
        """Learn n and k."""
        super().finish(sim)
        threads = len(self._high) + len(self._low)
        if threads > self.threads or self._made > self.steps:
            self.threads = max(self.threads, threads)
            self.steps = max(self.steps, self._made)
            self.counted = 0
        else:
            self.counted += 1

    def miss(self) -> float:
        """Return how likely it is, at most, that a bug of this depth was missed."""
        if not self.counted:
            return 1.0
        hit = 1 / (self.threads * self.steps ** (self.depth - 1))
        return math.exp(self.counted * math.log1p(-hit)) if hit < 1 else 0.0

    def notes(self) -> Sequence[str]:
        """State the bound with its numbers."""
        n, k, d, m = self.threads, self.steps, self.depth, self.counted
        bound = f"(1 - 1/({n}*{k}^{d - 1}))^{m} = {self.miss():.3g}"
        text = (
            f"PCT is a sample: it missed a bug of depth {d} with probability {bound} at most, "
            f"where {n} threads and {k} steps are the most seen in {self.executions} executions, "
            f"and {m} executions are those since then"
        )
        return (text,)
