"""
POS: a random priority for each pending operation, drawn again when something races with it.

Yuan, Yang, Gu, *Partial Order Aware Concurrency Sampling* (CAV 2018).  Which steps race is known
here only once they have run, for the plain accesses behind an operation belong to its step; so a
pending operation is taken to race with a step that touched the object or a guard of it.
"""

import random
from collections.abc import Sequence

from netsim.core.sim import Sim
from netsim.core.step import Choice, Step
from netsim.core.thread import SimThread
from netsim.explorer.walk import RandomWalk


class Pos(RandomWalk):
    """The enabled thread whose pending operation has the highest priority runs."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self._priority: dict[str, float] = {}

    def begin(self, sim: Sim) -> Sequence[Choice]:
        """Draw everything anew."""
        self._priority = {}
        return ()

    def pick(self, sim: Sim, enabled: Sequence[SimThread]) -> SimThread:
        """Return the thread with the highest priority; one without draws it now."""
        for thread in enabled:
            if thread.name not in self._priority:
                self._priority[thread.name] = self.rng.random()
        return max(enabled, key=lambda thread: self._priority[thread.name])

    def stepped(self, sim: Sim, step: Step) -> None:
        """Forget the priority of what ran, and of what races with it."""
        self._priority.pop(step.thread, None)
        touched = {key[0] for key in step.footprint}
        for thread in sim.threads:
            op = thread.pending
            if op is None or thread.name not in self._priority:
                continue
            if op.label() in touched or any(key in step.footprint for key in op.guard()):
                del self._priority[thread.name]

    def notes(self) -> Sequence[str]:
        """Say that a sample proves nothing."""
        return ("POS is a sample: what it did not find may be there all the same",)
