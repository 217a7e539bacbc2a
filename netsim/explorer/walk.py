"""Random walk: at each step one of the threads that are enabled, each as likely as the others."""

import random
from collections.abc import Sequence

from netsim.core.sim import Sim
from netsim.core.step import Choice, Step
from netsim.core.thread import SimThread
from netsim.results import CutBy


class RandomWalk:
    """
    A strategy that never ends by itself and proves nothing; the base of the other sampling ones.

    All that is random comes from `rng`, so the same seed gives the same executions.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        #: Complete executions so far.
        self.executions = 0

    # -- Strategy ----------------------------------------------------------------------------

    def begin(self, sim: Sim) -> Sequence[Choice]:
        """Start afresh: nothing is kept of the execution before."""
        return ()

    def forced(self, sim: Sim) -> tuple[SimThread, int] | None:
        """Nothing is known before the enabled threads are."""
        return None

    def choose(self, sim: Sim, enabled: Sequence[SimThread]) -> tuple[SimThread, int] | None:
        """Draw a thread and the value chosen for it."""
        thread = self.pick(sim, enabled)
        assert thread.pending is not None
        options = thread.pending.options(sim)
        return thread, self.rng.randrange(options) if options > 1 else 0

    def pick(self, sim: Sim, enabled: Sequence[SimThread]) -> SimThread:
        """Draw the thread that goes on."""
        return self.rng.choice(enabled)

    def stepped(self, sim: Sim, step: Step) -> None:
        """Nothing is learnt from a step."""

    # -- Exploration ---------------------------------------------------------------------------

    def finish(self, sim: Sim) -> None:
        """Count."""
        self.executions += 1

    def more(self) -> bool:
        """There is always more to draw."""
        return True

    def left(self) -> None:
        """There is no end to what can be drawn."""
        return

    def cut_by(self) -> CutBy | None:
        """Never asked: a walk ends by the bounds of the search only."""
        return None

    def notes(self) -> Sequence[str]:
        """Say that a sample proves nothing."""
        return ("a random walk is a sample: what it did not find may be there all the same",)
