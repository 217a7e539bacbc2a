"""rwlock_t: many readers or one writer, spinning; a reader never waits for a queued writer."""

from collections.abc import Awaitable
from types import TracebackType
from typing import Any

from netsim.core.access import DEC, INC, READ, WRITE, Key
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform
from netsim.sync._lock_up import UpAcquire, UpRelease


class RwLock:
    """
    A reader-writer spinlock; one made with `bh` is always taken as write_lock_bh() takes it.

    Kernel:     rwlock_t (2.6.36: readers are not held up by waiting writers, so that a reader
                may take it again)
    Context:    any; must not sleep while held
    Footprint:  a writer writes it; readers increment and decrement it
    """

    __slots__ = ("bh", "key", "name", "readers", "sim", "writer")

    sleeps = False

    def __init__(self, sim: Sim, name: str, *, bh: bool = False) -> None:
        self.sim = sim
        self.name = name
        #: True if bottom halves are off while it is held.
        self.bh = bh
        self.key: Key = sim.new_key(name, "lock")
        self.writer: SimThread | None = None
        self.readers: list[SimThread] = []

    def __repr__(self) -> str:
        return self.name

    @property
    def owner(self) -> SimThread | None:
        """Return who holds up others: the writer, or the first reader."""
        return self.writer or (self.readers[0] if self.readers else None)

    def is_locked(self) -> bool:
        """Tell whether somebody holds it; for checkers, records nothing."""
        return self.owner is not None

    def is_shared(self, thread: SimThread) -> bool:
        """Tell whether `thread`, which holds it, holds it together with others; for checkers."""
        return self.writer is not thread

    def state(self) -> tuple[bool, int]:
        """Return (written, number of readers)."""
        return (self.writer is not None, len(self.readers))

    def read_lock(self) -> Awaitable[None]:
        """Acquire for reading.  Context: any.  Locks: acquires self, shared."""
        return perform(self.doing(_ReadAcquire))

    def read_unlock(self) -> Awaitable[None]:
        """Release for reading.  Context: any.  Locks: releases self."""
        return perform(self.doing(_ReadRelease))

    def write_lock(self) -> Awaitable[None]:
        """Acquire for writing.  Context: any.  Locks: acquires self."""
        return perform(self.doing(_WriteAcquire))

    def write_unlock(self) -> Awaitable[None]:
        """Release for writing.  Context: any.  Locks: releases self."""
        return perform(self.doing(_WriteRelease))

    def doing(self, op: "type[_RwOp]") -> Op:
        """Return an operation on it, or what stands for that on a uniprocessor machine."""
        if self.sim.cpu is None:
            return op(self)
        up = UpAcquire if op.takes else UpRelease
        return up(self, op.name)

    def reading(self) -> "_Section":
        """``async with lock.reading():`` is read_lock ... read_unlock."""
        return _Section(self, _ReadAcquire, _ReadRelease)

    def writing(self) -> "_Section":
        """``async with lock.writing():`` is write_lock ... write_unlock."""
        return _Section(self, _WriteAcquire, _WriteRelease)


class _RwOp(Op):
    __slots__ = ("lock",)

    def __init__(self, lock: RwLock) -> None:
        self.lock = lock

    def label(self) -> str:
        return self.lock.name

    def blockers(self, sim: Sim) -> tuple[SimThread, ...]:
        lock = self.lock
        return (lock.writer,) if lock.writer is not None else tuple(lock.readers)

    def waits_for(self, thread: SimThread) -> str:
        owner = self.lock.owner
        holder = f", held by {owner.name}" if owner is not None else ""
        return f"{self.lock.name}{holder}"

    def _recursion(self, sim: Sim, thread: SimThread) -> None:
        # Touches nothing: whether this thread holds the lock is no other thread's doing.
        held_at = next(mark for held, mark in thread.held if held is self.lock)
        sim.report(
            "recursive-lock",
            f"{sim.title(thread)} waits for {self.lock.name}, which it holds itself",
            objects=(self.lock.name,),
            sites=(sim.site("acquires"), sim.site_at(held_at, "holds since")),
            fatal=True,
        )


class _ReadAcquire(_RwOp):
    __slots__ = ()
    name = "read_lock"
    takes = True
    shares = True

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        writer = self.lock.writer
        return writer is None or writer is thread

    def guard(self) -> tuple[Key, ...]:
        return (self.lock.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return not state[0]

    def apply(self, sim: Sim, thread: SimThread) -> None:
        lock = self.lock
        if lock.writer is thread:
            self._recursion(sim, thread)
        sim.touch(lock.key, INC, lock.state())
        sim.acquire_edge(lock.key)
        lock.readers.append(thread)
        thread.held.append((lock, sim.mark()))
        thread.preempt_count += 1
        thread.bh_off += lock.bh


class _ReadRelease(_RwOp):
    __slots__ = ()
    name = "read_unlock"

    def apply(self, sim: Sim, thread: SimThread) -> None:
        lock = self.lock
        if thread not in lock.readers:
            sim.touch(lock.key, READ, lock.state())
            _bad_unlock(sim, thread, lock)
            return
        sim.touch(lock.key, DEC, lock.state())
        sim.release_edge(lock.key)
        lock.readers.remove(thread)
        _drop(lock, thread)


class _WriteAcquire(_RwOp):
    __slots__ = ()
    name = "write_lock"
    takes = True

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        lock = self.lock
        if lock.writer is thread or thread in lock.readers:
            return True
        return lock.writer is None and not lock.readers

    def guard(self) -> tuple[Key, ...]:
        return (self.lock.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return bool(state == (False, 0))

    def apply(self, sim: Sim, thread: SimThread) -> None:
        lock = self.lock
        if lock.writer is thread or thread in lock.readers:
            self._recursion(sim, thread)
        sim.touch(lock.key, WRITE, lock.state())
        sim.acquire_edge(lock.key)
        lock.writer = thread
        thread.held.append((lock, sim.mark()))
        thread.preempt_count += 1
        thread.bh_off += lock.bh


class _WriteRelease(_RwOp):
    __slots__ = ()
    name = "write_unlock"

    def apply(self, sim: Sim, thread: SimThread) -> None:
        lock = self.lock
        if lock.writer is not thread:
            sim.touch(lock.key, READ, lock.state())
            _bad_unlock(sim, thread, lock)
            return
        sim.touch(lock.key, WRITE, lock.state())
        sim.release_edge(lock.key)
        lock.writer = None
        _drop(lock, thread)


def _drop(lock: RwLock, thread: SimThread) -> None:
    for index in range(len(thread.held) - 1, -1, -1):
        if thread.held[index][0] is lock:
            del thread.held[index]
            break
    thread.preempt_count -= 1
    thread.bh_off -= lock.bh


def _bad_unlock(sim: Sim, thread: SimThread, lock: RwLock) -> None:
    sim.report(
        "not-owner" if lock.is_locked() else "bad-unlock",
        f"{sim.title(thread)} releases {lock.name}, which it does not hold so",
        objects=(lock.name,),
        role="releases",
    )


class _Section:
    __slots__ = ("acquire", "lock", "release")

    def __init__(self, lock: RwLock, acquire: type[_RwOp], release: type[_RwOp]) -> None:
        self.lock = lock
        self.acquire = acquire
        self.release = release

    def __aenter__(self) -> Awaitable[None]:
        return perform(self.lock.doing(self.acquire))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:  # a thread that stops keeps its locks
            await perform(self.lock.doing(self.release))
