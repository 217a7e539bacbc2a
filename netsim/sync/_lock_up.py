"""
Locks that spin, in a uniprocessor build: they disable preemption, and lock nothing.

Nobody ever waits for one, trylock succeeds, and who takes one twice goes on: without
CONFIG_DEBUG_SPINLOCK there is no state to tell it from.  They touch no location, either: what
keeps sections apart is that each is one step (`netsim.sync.uniprocessor`).

Kernel: include/linux/spinlock_api_up.h, include/linux/spinlock_up.h.
"""

from typing import Any, Protocol

from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread


class Spinning(Protocol):
    """A spinlock or rwlock."""

    @property
    def name(self) -> str:
        """How it is called."""
        ...

    @property
    def bh(self) -> bool:
        """True if bottom halves are off while it is held."""
        ...


class UpAcquire(Op):
    """Take a lock that spins, or try to: True."""

    __slots__ = ("irqsave", "lock", "name")

    def __init__(self, lock: Spinning, name: str, irqsave: bool = False) -> None:
        self.lock = lock
        self.name = name  # type: ignore[misc]
        self.irqsave = irqsave

    def label(self) -> str:
        return self.lock.name

    def apply(self, sim: Sim, thread: SimThread) -> bool:
        thread.held.append((self.lock, sim.mark()))
        thread.preempt_count += 1
        thread.bh_off += self.lock.bh
        thread.irqs_off += self.irqsave
        return True


class UpRelease(Op):
    """Give it back; releasing what one does not hold is a finding and changes nothing."""

    __slots__ = ("irqrestore", "lock", "name")

    def __init__(self, lock: Spinning, name: str, irqrestore: bool = False) -> None:
        self.lock = lock
        self.name = name  # type: ignore[misc]
        self.irqrestore = irqrestore

    def label(self) -> str:
        return self.lock.name

    def apply(self, sim: Sim, thread: SimThread) -> Any:
        lock = self.lock
        at = next((i for i in reversed(range(len(thread.held))) if thread.held[i][0] is lock), -1)
        if at < 0:
            sim.report(
                "bad-unlock",
                f"{sim.title(thread)} releases {lock.name}, which it does not hold",
                objects=(lock.name,),
                role="releases",
            )
            return
        del thread.held[at]
        thread.preempt_count -= 1
        thread.bh_off -= lock.bh
        thread.irqs_off -= self.irqrestore
