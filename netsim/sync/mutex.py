"""struct mutex: one owner, sleeps while it waits, process context only."""

from collections.abc import Awaitable
from types import TracebackType

from netsim.core.traps import perform
from netsim.sync._lock import Acquire, Lock, Release, TryAcquire


class _MutexAcquire(Acquire):
    __slots__ = ()
    name = "mutex_lock"
    may_sleep = True


class _MutexTry(TryAcquire):
    __slots__ = ()
    name = "mutex_trylock"


class _MutexRelease(Release):
    __slots__ = ()
    name = "mutex_unlock"


class Mutex(Lock):
    """
    A mutex; waiters barge, as those of 2.6.36 may.

    Kernel:     struct mutex
    Context:    process only; taking it may sleep
    Footprint:  acquire, release and a successful trylock write it; a failed trylock reads it
    """

    __slots__ = ()
    sleeps = True

    def mutex_lock(self) -> Awaitable[None]:
        """Acquire, sleeping until it is free.  Context: process.  Locks: acquires self."""
        return perform(_MutexAcquire(self))

    def mutex_unlock(self) -> Awaitable[None]:
        """Release.  Context: process.  Locks: releases self."""
        return perform(_MutexRelease(self))

    def mutex_trylock(self) -> Awaitable[bool]:
        """Acquire if free, and say whether.  Context: process.  Locks: may acquire self."""
        return perform(_MutexTry(self))

    def held(self) -> "_Section":
        """``async with mutex.held():`` is mutex_lock ... mutex_unlock."""
        return _Section(self)


class _Section:
    __slots__ = ("lock",)

    def __init__(self, lock: Mutex) -> None:
        self.lock = lock

    def __aenter__(self) -> Awaitable[None]:
        return perform(_MutexAcquire(self.lock))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:  # a thread that stops keeps its locks
            await perform(_MutexRelease(self.lock))
