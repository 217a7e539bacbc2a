"""
Reference counts with named holders.

The kernel keeps a bare number; we also keep who holds each reference, so that a leak and a hang
can name it.  A holder is a shared object (by its label) or the operation that is running.
"""

from collections.abc import Awaitable

from netsim.core.access import INC, READ, WRITE, Key, Mode
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform


def running(sim: Sim) -> str:
    """Name the running operation as a holder: thread and operation."""
    thread = sim.current
    assert thread is not None
    return f"{thread.name}:{thread.operation}"


class RefCount:
    """
    A reference count.

    Kernel:     atomic_t used as a count (2.6.36 checks nothing: it may go below zero)
    Context:    any
    Footprint:  get increments, or writes if it crosses zero; put decrements, or writes if it or
                the next could be the last.
                While the `anchor` holds a reference no other put can be the last, so that gets
                and puts of others commute; the anchor's own get and put write.
    """

    __slots__ = ("anchor", "count", "holders", "key", "name", "sim", "zero_key")

    def __init__(
        self, sim: Sim, name: str, holders: tuple[str, ...] = (), anchor: str = ""
    ) -> None:
        #: The holder that keeps the object alive in normal life, such as a table; "" if none.
        self.anchor = anchor
        self.sim = sim
        self.name = name
        self.key: Key = sim.new_key(name, "refcnt")
        self.zero_key: Key = (name, "refcnt is zero")
        self.holders: list[str] = list(holders)
        self.count = len(holders)

    def __repr__(self) -> str:
        return f"{self.name}={self.count}"

    def get(self, by: str = "") -> Awaitable[None]:
        """Take one reference for holder `by` (default: the running operation)."""
        return perform(_Get(self, by))

    def take(self, by: str = "") -> None:
        """Take a reference inside the step of another operation, such as a look-up."""
        if by:
            self.touch_holder(by)
        anchors = bool(by) and by == self.anchor
        # Of two gets that commute neither may cross zero: which of them does is their order.
        writes = anchors or self.count in (-1, 0)
        self.sim.touch(self.key, WRITE if writes else INC, self.count)
        self.count += 1
        self.holders.append(by or running(self.sim))
        self.sim.value_changed(self.key, self.count - 1, self.count)
        if self.count in (0, 1):
            self.crossed_zero(self.count == 0)

    def put(self, by: str = "") -> Awaitable[bool]:
        """Drop the reference of holder `by`; tell whether it was the last."""
        return perform(_Put(self, by))

    def read(self) -> Awaitable[int]:
        """Return the count."""
        return perform(_Read(self))

    def is_zero(self) -> Awaitable[bool]:
        """Tell whether the count is zero; only what makes it so, or ends that, orders this."""
        return perform(_IsZero(self))

    def crossed_zero(self, now: bool) -> None:
        """Record that the count became zero, or ceased to be."""
        self.sim.touch(self.zero_key, WRITE, None)
        self.sim.value_changed(self.zero_key, not now, now)

    def hand_over(self, old: str, new: str) -> None:
        """Note that a reference changed its holder; the count stays."""
        for holder in (old, new):
            if holder:
                self.touch_holder(holder)
        if self.anchor and self.anchor in (old, new):  # decides which puts commute
            self.sim.touch(self.key, WRITE, self.count)
        old = old or running(self.sim)
        if old in self.holders:
            self.holders.remove(old)
            self.holders.append(new or running(self.sim))

    def touch_holder(self, holder: str) -> None:
        """Record that what `holder` holds is looked at or changed: only it orders such steps."""
        self.sim.touch((self.name, f"held by {holder}"), WRITE)


class _Get(Op):
    __slots__ = ("by", "refs")

    name = "get"

    def __init__(self, refs: RefCount, by: str) -> None:
        self.refs = refs
        self.by = by

    def label(self) -> str:
        return self.refs.name

    def apply(self, sim: Sim, thread: SimThread) -> None:
        self.refs.take(self.by)


class _Put(Op):
    __slots__ = ("by", "refs")

    name = "put"

    def __init__(self, refs: RefCount, by: str) -> None:
        self.refs = refs
        self.by = by

    def label(self) -> str:
        return self.refs.name

    def apply(self, sim: Sim, thread: SimThread) -> bool:
        refs = self.refs
        if self.by:
            refs.touch_holder(self.by)
        holder = self.by or running(sim)
        sim.touch(refs.key, self._mode(refs, holder), refs.count)
        sim.release_edge(refs.key)
        refs.count -= 1
        sim.value_changed(refs.key, refs.count + 1, refs.count)
        if refs.count in (0, -1):
            refs.crossed_zero(refs.count == 0)
        if holder in refs.holders:
            refs.holders.remove(holder)
        else:
            others = ", ".join(refs.holders) or "nobody"
            sim.report(
                "refcount",
                f"{sim.title(thread)} drops a reference to {refs.name} that {holder} does not "
                f"hold; the count is now {refs.count}, held by {others}",
                objects=(refs.name,),
                role="drops",
            )
        if refs.count == 0:
            sim.acquire_edge(refs.key)
        return refs.count == 0

    @staticmethod
    def _mode(refs: RefCount, holder: str) -> Mode:
        if holder not in refs.holders or holder == refs.anchor:
            return WRITE
        if refs.anchor and refs.anchor in refs.holders and refs.count == len(refs.holders):
            return INC  # commutes with gets and with such puts: none of them is the last
        # From three on two puts commute, but which of more is the last shows only later: a mode
        # that changes with the count would not say the same of two puts in both orders.
        return WRITE


class _Read(Op):
    __slots__ = ("refs",)

    name = "read_count"

    def __init__(self, refs: RefCount) -> None:
        self.refs = refs

    def label(self) -> str:
        return self.refs.name

    def apply(self, sim: Sim, thread: SimThread) -> int:
        refs = self.refs
        sim.touch(refs.key, READ, refs.count)
        sim.value_read(refs.key)
        sim.acquire_edge(refs.key)
        return refs.count


class _IsZero(Op):
    __slots__ = ("refs",)

    name = "read_count"

    def __init__(self, refs: RefCount) -> None:
        self.refs = refs

    def label(self) -> str:
        return self.refs.name

    def apply(self, sim: Sim, thread: SimThread) -> bool:
        refs = self.refs
        sim.touch(refs.zero_key, READ, None)
        sim.value_read(refs.zero_key)
        if refs.count == 0:
            sim.acquire_edge(refs.key)
        return refs.count == 0
