"""
Marked accesses: READ_ONCE, WRITE_ONCE, atomic bit operations, RCU pointers and lists.

Each is one step of its own and is never a data race.  `rcu_assign` publishes: what was done
before it happens before what follows an `rcu_dereference` that sees it.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from netsim.core.access import READ, WRITE, Key
from netsim.core.memory import KObject
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform

_T = TypeVar("_T")


class _Marked(Op):
    """An access to one field of a shared object, without recording it as plain."""

    __slots__ = ("compute", "field", "obj", "orders", "spelling")

    name = "marked"

    def __init__(
        self,
        obj: KObject,
        field: str,
        spelling: str,
        compute: Callable[[Any], Any] | None,
        orders: bool,
    ) -> None:
        self.obj = obj
        self.field = field
        self.spelling = spelling
        self.compute = compute
        self.orders = orders

    def call(self) -> str:
        return self.spelling

    def label(self) -> str:
        return f"{self.obj._label}.{self.field}"

    def apply(self, sim: Sim, thread: SimThread) -> Any:
        obj = self.obj
        key = (obj._label, self.field)
        if not isinstance(obj._sim, Sim):  # freed: the ordinary access reports it
            getattr(obj, self.field)
        obj._sim = None
        try:
            old = getattr(obj, self.field)
            new = old if self.compute is None else self.compute(old)
            changes = self.compute is not None and new != old
            if changes:
                setattr(obj, self.field, new)
        finally:
            obj._sim = sim
        sim.touch(key, WRITE if changes else READ, sim.versions.get(key, 0))
        sim.value_read(key)
        if changes:
            if self.orders:
                sim.release_edge(key)
            sim.value_changed(key, old, new)
        elif self.orders:
            sim.acquire_edge(key)
        return old


def read_once(obj: KObject, field: str) -> Awaitable[Any]:
    """READ_ONCE(obj.field): a step that returns the value, without ordering.  Context: any."""
    return perform(_Marked(obj, field, "read_once", None, False))


def write_once(obj: KObject, field: str, value: Any) -> Awaitable[Any]:
    """WRITE_ONCE(obj.field, value): a step, without ordering; returns the old.  Context: any."""
    return perform(_Marked(obj, field, "write_once", lambda _old: value, False))


def test_and_change(obj: KObject, field: str, value: bool) -> Awaitable[Any]:
    """test_and_set_bit / test_and_clear_bit: set, return the old bit.  Context: any."""
    return perform(_Marked(obj, field, "test_and_change_bit", lambda _old: value, True))


def rcu_assign(obj: KObject, field: str, value: Any) -> Awaitable[Any]:
    """rcu_assign_pointer(obj.field, value): publish.  Context: any."""
    return perform(_Marked(obj, field, "rcu_assign_pointer", lambda _old: value, True))


def rcu_dereference(obj: KObject, field: str) -> Awaitable[Any]:
    """rcu_dereference(obj.field): read what was published.  Context: any."""
    return perform(_Marked(obj, field, "rcu_dereference", None, True))


class SharedList:
    """
    A list that several threads search and change, one marked step each.

    Kernel:     list_add_rcu, list_del_rcu, hlist walks under rcu_read_lock
    Footprint:  a search reads it, a change writes it
    """

    __slots__ = ("items", "key", "name", "sim")

    def __init__(self, sim: Sim, name: str, items: Iterable[Any] = ()) -> None:
        self.sim = sim
        self.name = name
        self.items: tuple[Any, ...] = tuple(items)
        self.key: Key = (name, "list")

    def find(self, matches: Callable[[Any], bool]) -> Awaitable[Any]:
        """Return the first item for which `matches` holds, or None."""
        return perform(_Find(self, matches))

    def add(self, item: Any) -> Awaitable[None]:
        """Append an item."""
        return perform(_Replace(self, "list_add_rcu", item, None))

    def remove(self, item: Any) -> Awaitable[None]:
        """Remove an item, if it is there."""
        return perform(_Replace(self, "list_del_rcu", None, item))

    def remove_if(self, matches: Callable[[Any], bool]) -> Awaitable[None]:
        """Remove all items for which `matches` holds, at once."""
        return perform(_RemoveIf(self, matches))

    def walk_locked(self) -> tuple[Any, ...]:
        """Return all items, for a caller whose lock serialises: part of its step."""
        self.sim.touch(self.key, READ, self.sim.versions.get(self.key, 0))
        self.sim.value_read(self.key)
        return self.items

    def take_first(self) -> Awaitable[Any]:
        """Remove and return the first item, or None."""
        return perform(_TakeFirst(self))

    def clear(self) -> Awaitable[None]:
        """Remove all items."""
        return perform(_Clear(self))

    def snapshot(self) -> Awaitable[tuple[Any, ...]]:
        """Return all items as they are now."""
        return perform(_Snapshot(self))


class _Find(Op):
    __slots__ = ("list", "matches")

    name = "list_lookup"

    def __init__(self, shared_list: SharedList, matches: Callable[[Any], bool]) -> None:
        self.list = shared_list
        self.matches = matches

    def label(self) -> str:
        return self.list.name

    def apply(self, sim: Sim, thread: SimThread) -> Any:
        sim.touch(self.list.key, READ, sim.versions.get(self.list.key, 0))
        sim.value_read(self.list.key)
        sim.acquire_edge(self.list.key)
        for item in self.list.items:
            if self.matches(item):
                return item
        return None


class _Snapshot(Op):
    __slots__ = ("list",)

    name = "list_walk"

    def __init__(self, shared_list: SharedList) -> None:
        self.list = shared_list

    def label(self) -> str:
        return self.list.name

    def apply(self, sim: Sim, thread: SimThread) -> tuple[Any, ...]:
        sim.touch(self.list.key, READ, sim.versions.get(self.list.key, 0))
        sim.value_read(self.list.key)
        sim.acquire_edge(self.list.key)
        return self.list.items


class _TakeFirst(Op):
    __slots__ = ("list",)

    name = "dequeue"

    def __init__(self, shared_list: SharedList) -> None:
        self.list = shared_list

    def label(self) -> str:
        return self.list.name

    def apply(self, sim: Sim, thread: SimThread) -> Any:
        shared = self.list
        old = shared.items
        sim.touch(shared.key, WRITE if old else READ, sim.versions.get(shared.key, 0))
        sim.value_read(shared.key)
        sim.acquire_edge(shared.key)
        if not old:
            return None
        shared.items = old[1:]
        sim.value_changed(shared.key, old, shared.items)
        return old[0]


class _Clear(Op):
    __slots__ = ("list",)

    name = "queue_purge"

    def __init__(self, shared_list: SharedList) -> None:
        self.list = shared_list

    def label(self) -> str:
        return self.list.name

    def apply(self, sim: Sim, thread: SimThread) -> None:
        shared = self.list
        old = shared.items
        sim.touch(shared.key, WRITE if old else READ, sim.versions.get(shared.key, 0))
        if old:
            shared.items = ()
            sim.value_changed(shared.key, old, ())


class _RemoveIf(Op):
    __slots__ = ("list", "matches")

    name = "list_del_rcu"

    def __init__(self, shared_list: SharedList, matches: Callable[[Any], bool]) -> None:
        self.list = shared_list
        self.matches = matches

    def label(self) -> str:
        return self.list.name

    def apply(self, sim: Sim, thread: SimThread) -> None:
        shared = self.list
        old = shared.items
        rest = tuple(item for item in old if not self.matches(item))
        changes = len(rest) < len(old)
        sim.touch(shared.key, WRITE if changes else READ, sim.versions.get(shared.key, 0))
        sim.value_read(shared.key)
        if changes:
            sim.release_edge(shared.key)
            shared.items = rest
            sim.value_changed(shared.key, old, rest)


class _Replace(Op):
    __slots__ = ("add", "list", "name", "remove")

    def __init__(self, shared_list: SharedList, name: str, add: Any, remove: Any) -> None:
        self.list = shared_list
        self.name = name  # type: ignore[misc]
        self.add = add
        self.remove = remove

    def label(self) -> str:
        return self.list.name

    def apply(self, sim: Sim, thread: SimThread) -> None:
        shared = self.list
        sim.touch(shared.key, WRITE, sim.versions.get(shared.key, 0))
        sim.release_edge(shared.key)
        old = shared.items
        rest = tuple(item for item in old if item is not self.remove)
        shared.items = rest if self.add is None else (*rest, self.add)
        sim.value_changed(shared.key, old, shared.items)
