"""kmalloc() as simulated code calls it: it may sleep, and fails if the environment says so."""

from typing import TypeVar

from netsim.core.memory import KObject
from netsim.core.memory import kmalloc as allocate
from netsim.core.sim import Sim
from netsim.sync.choose import fails

_O = TypeVar("_O", bound=KObject)


async def kzalloc(sim: Sim, obj: _O, base: str, *, atomic: bool = False) -> _O | None:
    """
    Allocate `obj` under label `base`, or return None if the environment lets it fail.

    Kernel:     kzalloc(GFP_KERNEL), or GFP_ATOMIC if `atomic`
    Context:    GFP_KERNEL: process, may sleep.  GFP_ATOMIC: any
    """
    if await fails("kzalloc", may_sleep=not atomic):
        return None
    return allocate(sim, obj, base)
