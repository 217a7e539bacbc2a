"""
The end of the machine: panic and kexec stop every CPU.

Nothing that others do can be seen afterwards except what has left the machine before.  So where
a search says so (`Sim.halts_last`), a halt waits until all others have ended, are blocked, or
stand before an operation that `leaves`: any other place for it gives a prefix of such an execution,
which shows nothing that that one does not.  Its order with what leaves the machine is explored.

On one CPU nobody runs on while another panics, so there a halt is tried at every place.
"""

from collections.abc import Awaitable
from typing import NoReturn

from netsim.core.access import WRITE, Key
from netsim.core.fault import Halt
from netsim.core.op import Op
from netsim.core.sim import MACHINE, STOPS, Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform


class _Halt(Op):
    __slots__ = ("name",)
    leaves = True
    blocks = False  # it waits for no one: a search puts it off

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return not sim.halts_last or all(
            other.pending is None
            or other.pending.leaves
            or other is thread
            or not other.pending.enabled(sim, other)
            for other in sim.threads
        )

    def guard(self) -> tuple[Key, ...]:
        return (MACHINE,)

    def admits(self, key: Key, state: object, thread: str) -> None:
        return None  # it depends on what everybody else can do

    def apply(self, sim: Sim, thread: SimThread) -> NoReturn:
        sim.touch(MACHINE, WRITE)
        if sim.cpu is not None:
            sim.touch(STOPS, WRITE)
        raise Halt


def halt(name: str) -> Awaitable[NoReturn]:
    """
    Stop the machine, in the call with this name; no thread makes another step.

    Context:    any
    Footprint:  conflicts with whatever leaves the machine
    """
    return perform(_Halt(name))
