"""
What all locks that have one owner share: acquire, try, release, and the misuse of each.

An acquire is dependent with every other operation on the lock and can block; it is never
co-enabled with a release.  A failed trylock only reads the lock, so two of them commute.
"""

from typing import Any, ClassVar

from netsim.core.access import READ, WRITE, Key
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread


class Lock:
    """
    State of a lock with one owner.

    Invariant: `owner` is the thread in whose `held` list the lock stands, or None.
    """

    __slots__ = ("bh", "key", "name", "owner", "sim")

    #: Taking it may sleep.
    sleeps: ClassVar[bool] = False

    def __init__(self, sim: Sim, name: str, *, bh: bool = False) -> None:
        self.sim = sim
        self.name = name
        #: True if bottom halves are off while it is held.
        self.bh = bh
        self.owner: SimThread | None = None
        self.key: Key = sim.new_key(name, "lock")

    def __repr__(self) -> str:
        return self.name

    def is_locked(self) -> bool:
        """Tell whether somebody holds it; for checkers, records nothing."""
        return self.owner is not None

    def is_shared(self, thread: SimThread) -> bool:
        """Tell whether `thread`, which holds it, holds it together with others; for checkers."""
        return False


class Acquire(Op):
    """
    Take the lock; blocks while another thread holds it; fatal if this one does.

    It is handed over in order, as ticket spinlocks and the list of waiters of a mutex do.
    """

    __slots__ = ("irqsave", "lock")

    name = "lock"
    takes = True
    in_order = True

    def __init__(self, lock: Lock, irqsave: bool = False) -> None:
        self.lock = lock
        self.irqsave = irqsave

    def label(self) -> str:
        return self.lock.name

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        owner = self.lock.owner
        return owner is None or owner is thread

    def guard(self) -> tuple[Key, ...]:
        return (self.lock.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return state is None or state == thread  # the owner goes on, into a finding

    def apply(self, sim: Sim, thread: SimThread) -> None:
        lock = self.lock
        if lock.owner is thread:
            sim.touch(lock.key, READ, thread.name)
            held_at = next(mark for held, mark in thread.held if held is lock)
            sim.report(
                "recursive-lock",
                f"{sim.title(thread)} waits for {lock.name}, which it holds itself",
                objects=(lock.name,),
                sites=(sim.site("acquires"), sim.site_at(held_at, "holds since")),
                fatal=True,
            )
        sim.touch(lock.key, WRITE, None)
        sim.acquire_edge(lock.key)
        take(lock, thread, self.irqsave)

    def blockers(self, sim: Sim) -> tuple[SimThread, ...]:
        owner = self.lock.owner
        return (owner,) if owner is not None else ()

    def waits_for(self, thread: SimThread) -> str:
        owner = self.lock.owner
        holder = f", held by {owner.name}" if owner is not None else ""
        return f"{self.lock.name}{holder}"


class TryAcquire(Op):
    """Take the lock if it is free; never blocks."""

    __slots__ = ("irqsave", "lock")

    name = "trylock"
    takes = True

    def __init__(self, lock: Lock, irqsave: bool = False) -> None:
        self.lock = lock
        self.irqsave = irqsave

    def label(self) -> str:
        return self.lock.name

    def apply(self, sim: Sim, thread: SimThread) -> bool:
        lock = self.lock
        if lock.owner is not None:
            sim.touch(lock.key, READ, lock.owner.name)
            return False
        sim.touch(lock.key, WRITE, None)
        sim.acquire_edge(lock.key)
        take(lock, thread, self.irqsave)
        return True


class Release(Op):
    """Give the lock back; releasing what one does not hold is a finding and changes nothing."""

    __slots__ = ("irqrestore", "lock")

    name = "unlock"

    def __init__(self, lock: Lock, irqrestore: bool = False) -> None:
        self.lock = lock
        self.irqrestore = irqrestore

    def label(self) -> str:
        return self.lock.name

    def apply(self, sim: Sim, thread: SimThread) -> None:
        lock = self.lock
        owner = lock.owner
        if owner is not thread:
            sim.touch(lock.key, READ, owner.name if owner is not None else None)
            if owner is None:
                sim.report(
                    "bad-unlock",
                    f"{sim.title(thread)} releases {lock.name}, which nobody holds",
                    objects=(lock.name,),
                    role="releases",
                )
            else:
                sim.report(
                    "not-owner",
                    f"{sim.title(thread)} releases {lock.name}, which {sim.title(owner)} holds",
                    objects=(lock.name,),
                    role="releases",
                )
            return
        sim.touch(lock.key, WRITE, thread.name)
        sim.release_edge(lock.key)
        lock.owner = None
        thread.held = [item for item in thread.held if item[0] is not lock]
        if not lock.sleeps:
            thread.preempt_count -= 1
        thread.bh_off -= lock.bh
        if self.irqrestore:
            thread.irqs_off -= 1


def take(lock: Lock, thread: SimThread, irqsave: bool) -> None:
    """Make `thread` the owner."""
    lock.owner = thread
    thread.held.append((lock, lock.sim.mark()))
    if not lock.sleeps:
        thread.preempt_count += 1
    thread.bh_off += lock.bh
    if irqsave:
        thread.irqs_off += 1
