"""Buffers on a stack: what lies in them before anything is written is up to the environment."""

from typing import Final

from netsim.core.buffer import PATTERN, Buffer
from netsim.core.sim import Sim
from netsim.sync.choose import choose

#: What ``--choose`` calls it.
STACK: Final = "stack"


async def on_stack(sim: Sim, name: str, size: int) -> Buffer:
    """
    Return a local array of `size` bytes, all uninitialised.

    Bytes that are read all the same are `PATTERN`; with ``--choose stack`` they are, in another
    execution, NUL: the one value at which text ends.  Only then this is a scheduling point.
    """
    free = STACK in sim.choices and not sim.alone
    ends = free and await choose(f"what was in {name}", 2)
    return Buffer(sim, name, size, 0 if ends else PATTERN)
