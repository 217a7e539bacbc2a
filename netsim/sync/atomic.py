"""atomic_t and atomic bits: one indivisible operation each."""

from collections.abc import Awaitable

from netsim.core.access import DEC, INC, READ, WRITE, Key, Mode
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform


class Atomic:
    """
    An atomic counter.

    Kernel:     atomic_t
    Context:    any
    Footprint:  reads read; inc and dec without result commute with themselves; the rest write
    """

    __slots__ = ("key", "name", "sim", "value")

    def __init__(self, sim: Sim, name: str, value: int = 0) -> None:
        self.sim = sim
        self.name = name
        self.value = value
        self.key: Key = sim.new_key(name, "atomic")

    def __repr__(self) -> str:
        return f"{self.name}={self.value}"

    def atomic_read(self) -> Awaitable[int]:
        """Return the value.  Context: any."""
        return perform(_AtomicOp(self, "atomic_read", READ, 0, False))

    def atomic_set(self, value: int) -> Awaitable[None]:
        """Replace the value.  Context: any."""
        return perform(_AtomicSet(self, value))

    def atomic_inc(self) -> Awaitable[None]:
        """Add one, without telling the result.  Context: any."""
        return perform(_AtomicOp(self, "atomic_inc", INC, 1, False))

    def atomic_dec(self) -> Awaitable[None]:
        """Subtract one, without telling the result.  Context: any."""
        return perform(_AtomicOp(self, "atomic_dec", DEC, -1, False))

    def atomic_add_return(self, delta: int) -> Awaitable[int]:
        """Add `delta` and return the new value.  Context: any."""
        return perform(_AtomicOp(self, "atomic_add_return", WRITE, delta, True))

    async def atomic_dec_and_test(self) -> bool:
        """Subtract one and tell whether the result is zero.  Context: any."""
        return bool(await perform(_AtomicOp(self, "atomic_dec_and_test", WRITE, -1, True)) == 0)

    def atomic_cmpxchg(self, old: int, new: int) -> Awaitable[int]:
        """Replace `old` by `new` if it is there, and return what was there.  Context: any."""
        return perform(_AtomicCmpxchg(self, old, new))


def _change(sim: Sim, atomic: Atomic, value: int) -> None:
    old, atomic.value = atomic.value, value
    if old != value:
        sim.value_changed(atomic.key, old, value)


class _AtomicOp(Op):
    __slots__ = ("atomic", "delta", "mode", "returns", "spelling")

    name = "atomic"

    def __init__(
        self, atomic: Atomic, spelling: str, mode: Mode, delta: int, returns: bool
    ) -> None:
        self.atomic = atomic
        self.spelling = spelling
        self.mode = mode
        self.delta = delta
        self.returns = returns

    def call(self) -> str:
        return self.spelling

    def label(self) -> str:
        return self.atomic.name

    def apply(self, sim: Sim, thread: SimThread) -> int | None:
        atomic = self.atomic
        sim.touch(atomic.key, self.mode, atomic.value)
        if self.mode == READ:
            sim.value_read(atomic.key)
        elif self.returns:  # value-returning atomics are full barriers; the others are none
            sim.value_read(atomic.key)
            sim.acquire_edge(atomic.key)
            sim.release_edge(atomic.key)
        if self.delta:
            _change(sim, atomic, atomic.value + self.delta)
        # What commutes must not tell in which order it happened.
        return atomic.value if self.returns or self.mode == READ else None


class _AtomicSet(Op):
    __slots__ = ("atomic", "value")

    name = "atomic_set"

    def __init__(self, atomic: Atomic, value: int) -> None:
        self.atomic = atomic
        self.value = value

    def label(self) -> str:
        return self.atomic.name

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.atomic.key, WRITE, self.atomic.value)
        _change(sim, self.atomic, self.value)


class _AtomicCmpxchg(Op):
    __slots__ = ("atomic", "new", "old")

    name = "atomic_cmpxchg"

    def __init__(self, atomic: Atomic, old: int, new: int) -> None:
        self.atomic = atomic
        self.old = old
        self.new = new

    def label(self) -> str:
        return self.atomic.name

    def apply(self, sim: Sim, thread: SimThread) -> int:
        atomic = self.atomic
        found = atomic.value
        sim.value_read(atomic.key)
        if found != self.old:  # a failed compare-and-swap only reads
            sim.touch(atomic.key, READ, found)
            return found
        sim.touch(atomic.key, WRITE, found)
        sim.acquire_edge(atomic.key)
        sim.release_edge(atomic.key)
        _change(sim, atomic, self.new)
        return found
