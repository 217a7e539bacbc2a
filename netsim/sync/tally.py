"""Places that a tally of executions counts: operations of their own, while somebody counts."""

from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.traps import perform


class _Count(Op):
    __slots__ = ("name",)
    leaves = True  # a halt before it and one after it give other counts
    blocks = False

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]


async def counted(sim: Sim, name: str) -> None:
    """
    Pass a place whose passing counts, under a name.

    A halt is explored before and after it, if executions are tallied (`Sim.tallied`); else it is no
    operation at all, so that nothing but counts may depend on it.

    Context:    any
    Footprint:  commutes with all but a halt
    """
    if sim.tallied:
        await perform(_Count(name))
