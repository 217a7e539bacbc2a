"""
spinlock_t: spins with preemption off, optionally with local irqs off.

On a uniprocessor machine it only disables preemption; see `netsim.sync._lock_up`.
"""

from collections.abc import Awaitable
from types import TracebackType

from netsim.core.op import Op
from netsim.core.traps import perform
from netsim.sync._lock import Acquire, Lock, Release, TryAcquire
from netsim.sync._lock_up import UpAcquire, UpRelease


class _SpinAcquire(Acquire):
    __slots__ = ()
    name = "spin_lock"


class _SpinTry(TryAcquire):
    __slots__ = ()
    name = "spin_trylock"


class _SpinRelease(Release):
    __slots__ = ()
    name = "spin_unlock"


class SpinLock(Lock):
    """
    A spinlock; one made with `bh` is always taken as spin_lock_bh() takes it.

    Kernel:     spinlock_t
    Context:    any; must not sleep while held
    Footprint:  acquire, release and a successful trylock write it; a failed trylock reads it
    """

    __slots__ = ()

    def spin_lock(self) -> Awaitable[None]:
        """Acquire, spinning until it is free.  Context: any.  Locks: acquires self."""
        return perform(self.acquiring())

    def spin_unlock(self) -> Awaitable[None]:
        """Release.  Context: any.  Locks: releases self."""
        return perform(self.releasing())

    def spin_trylock(self) -> Awaitable[bool]:
        """Acquire if free, and say whether.  Context: any.  Locks: may acquire self."""
        return perform(self.trying())

    def spin_lock_irqsave(self) -> Awaitable[None]:
        """Acquire with local irqs off.  Context: any.  Locks: acquires self."""
        return perform(self.acquiring(irqsave=True))

    def spin_unlock_irqrestore(self) -> Awaitable[None]:
        """Release and restore local irqs.  Context: any.  Locks: releases self."""
        return perform(self.releasing(irqrestore=True))

    def spin_trylock_irqsave(self) -> Awaitable[bool]:
        """Acquire with local irqs off if free.  Context: any.  Locks: may acquire self."""
        return perform(self.trying(irqsave=True))

    def acquiring(self, irqsave: bool = False) -> Op:
        """Return the operation that takes it."""
        if self.sim.cpu is not None:
            return UpAcquire(self, _SpinAcquire.name, irqsave)
        return _SpinAcquire(self, irqsave)

    def trying(self, irqsave: bool = False) -> Op:
        """Return the operation that takes it if it is free."""
        if self.sim.cpu is not None:
            return UpAcquire(self, _SpinTry.name, irqsave)
        return _SpinTry(self, irqsave)

    def releasing(self, irqrestore: bool = False) -> Op:
        """Return the operation that gives it back."""
        if self.sim.cpu is not None:
            return UpRelease(self, _SpinRelease.name, irqrestore)
        return _SpinRelease(self, irqrestore)

    def held(self) -> "_Section":
        """``async with lock.held():`` is spin_lock ... spin_unlock."""
        return _Section(self, irqsave=False)

    def irqsave(self) -> "_Section":
        """``async with lock.irqsave():`` is spin_lock_irqsave ... spin_unlock_irqrestore."""
        return _Section(self, irqsave=True)


class _Section:
    __slots__ = ("irqsave", "lock")

    def __init__(self, lock: SpinLock, irqsave: bool) -> None:
        self.lock = lock
        self.irqsave = irqsave

    def __aenter__(self) -> Awaitable[None]:
        return perform(self.lock.acquiring(self.irqsave))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:  # a thread that stops keeps its locks
            await perform(self.lock.releasing(self.irqsave))
