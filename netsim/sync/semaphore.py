"""struct semaphore of one: what DECLARE_MUTEX() made, and sleeps while it waits."""

from collections.abc import Awaitable

from netsim.core.access import READ, WRITE
from netsim.core.thread import SimThread
from netsim.core.traps import perform
from netsim.sync._lock import Acquire, Lock, Release, TryAcquire, take


class _Down(Acquire):
    __slots__ = ()
    name = "down"
    may_sleep = True


class _DownTry(TryAcquire):
    __slots__ = ()
    name = "down_trylock"


class _Up(Release):
    __slots__ = ()
    name = "up"


class Semaphore(Lock):
    """
    A semaphore that lets in one, who is also the one that gives it back.

    Kernel:     struct semaphore, as DECLARE_MUTEX() of 2.6.36 makes it
    Context:    down() process, may sleep; down_trylock() and up() any
    Footprint:  as that of a mutex: a failed trylock reads it, all else writes it
    """

    __slots__ = ()
    sleeps = True

    def down(self) -> Awaitable[None]:
        """Acquire, sleeping until it is free.  Context: process.  Locks: acquires self."""
        return perform(_Down(self))

    def down_trylock(self) -> Awaitable[bool]:
        """Acquire if free, and say whether.  Context: any.  Locks: may acquire self."""
        return perform(_DownTry(self))

    def up(self) -> Awaitable[None]:
        """Release.  Context: any.  Locks: releases self."""
        return perform(_Up(self))

    def tried(self, thread: SimThread) -> bool:
        """Do what down_trylock() does, inside the step under way: for who holds another lock."""
        owner = self.owner
        self.sim.touch(self.key, WRITE if owner is None else READ, owner and owner.name)
        if owner is not None:
            return False
        self.sim.acquire_edge(self.key)
        take(self, thread, irqsave=False)
        return True

    def given(self, thread: SimThread) -> None:
        """Do what up() does, inside the step under way: for who holds another lock."""
        _Up(self).apply(self.sim, thread)
