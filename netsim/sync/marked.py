"""
Marked accesses: READ_ONCE, WRITE_ONCE, atomic bit operations, RCU pointers and lists.

Each is one step of its own and is never a data race.  `rcu_assign` publishes: what was done
before it happens before what follows an `rcu_dereference` that sees it.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from netsim.core.access import READ, WRITE, Key, Mode
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
        self.key: Key = sim.new_key(name, "list")

    def find(self, matches: Callable[[Any], bool]) -> Awaitable[Any]:
        """Return the first item for which `matches` holds, or None; a marked look-up."""
        return perform(
            _ListOp(self, "list_lookup", lambda: next(filter(matches, self._look()), None))
        )

    def add(self, item: Any) -> Awaitable[None]:
        """Add an item at the end."""
        return perform(
            _ListOp(self, "list_add_rcu", lambda: self._publish((*self.items, item), WRITE))
        )

    def remove(self, item: Any) -> Awaitable[None]:
        """Remove an item, if it is there."""

        def act() -> None:
            self._publish(tuple(one for one in self.items if one is not item), WRITE)

        return perform(_ListOp(self, "list_del_rcu", act))

    def remove_if(self, matches: Callable[[Any], bool]) -> Awaitable[None]:
        """Remove all items for which `matches` holds, at once."""

        def act() -> None:
            self.sim.value_read(self.key)
            rest = tuple(item for item in self.items if not matches(item))
            self._publish(rest, WRITE if len(rest) < len(self.items) else READ)

        return perform(_ListOp(self, "list_del_rcu", act))

    def walk_locked(self) -> tuple[Any, ...]:
        """Return all items, for a caller whose lock serialises: part of its step."""
        self._touch(READ)
        self.sim.value_read(self.key)
        return self.items

    def take_first(self) -> Awaitable[Any]:
        """Remove and return the first item, or None."""
        return perform(_ListOp(self, "dequeue", self._take_first))

    def clear(self) -> Awaitable[None]:
        """Remove all items."""
        return perform(_ListOp(self, "queue_purge", self._clear))

    def snapshot(self) -> Awaitable[tuple[Any, ...]]:
        """Return all items as they are now."""
        return perform(_ListOp(self, "list_walk", self._look))

    def _touch(self, mode: Mode) -> None:
        self.sim.touch(self.key, mode, self.sim.versions.get(self.key, 0))

    def _look(self) -> tuple[Any, ...]:
        self._touch(READ)
        self.sim.value_read(self.key)
        self.sim.acquire_edge(self.key)
        return self.items

    def _publish(self, items: tuple[Any, ...], mode: Mode) -> None:
        """Let `items` be the list from here on; with READ nothing changes."""
        self._touch(mode)
        if mode == WRITE:
            self.sim.release_edge(self.key)
            old, self.items = self.items, items
            self.sim.value_changed(self.key, old, items)

    def _take_first(self) -> Any:
        old = self.items
        self._touch(WRITE if old else READ)
        self.sim.value_read(self.key)
        self.sim.acquire_edge(self.key)
        if not old:
            return None
        self.items = old[1:]
        self.sim.value_changed(self.key, old, self.items)
        return old[0]

    def _clear(self) -> None:
        old = self.items
        self._touch(WRITE if old else READ)
        if old:
            self.items = ()
            self.sim.value_changed(self.key, old, ())


class _ListOp(Op):
    """One step on a list; `act` is what it does."""

    __slots__ = ("act", "list", "name")

    def __init__(self, shared_list: SharedList, name: str, act: Callable[[], Any]) -> None:
        self.list = shared_list
        self.name = name  # type: ignore[misc]
        self.act = act

    def label(self) -> str:
        return self.list.name

    def apply(self, sim: Sim, thread: SimThread) -> Any:
        return self.act()
