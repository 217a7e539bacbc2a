"""
The state of a machine at rest, to come back to it again and again: cheaper than booting anew.

Everything that is reachable from the roots is noted once: fields of objects, lists, dicts, sets,
byte arrays, and what functions close over.  `restore` puts all of it back in place; objects made
since are simply no longer referred to.  Coroutines cannot be copied, so at rest nothing but idle
daemons may be alive: those start afresh.
"""

import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from enum import Enum
from typing import Any

from netsim.core.sim import Sim
from netsim.core.thread import SimThread

_ATOMS = (
    type(None), bool, int, float, complex, str, bytes, Enum, type,
    types.BuiltinFunctionType, types.ModuleType, types.CoroutineType, types.CodeType,
)  # fmt: skip


class NotAtRest(Exception):
    """A thread that is no idle daemon is still alive."""


class Snapshot:
    """
    What `sim` and all that `roots` lead to look like now.

    Raises NotAtRest if a thread other than an idle daemon is alive.
    """

    def __init__(self, sim: Sim, roots: Iterable[Any]) -> None:
        self.sim = sim
        self._fields: list[tuple[Callable[[Any, Any], None], Any, Any]] = []
        self._lists: list[tuple[Any, Any]] = []
        self._tables: list[tuple[Any, Any]] = []
        self._attributes: list[tuple[Any, dict[str, Any]]] = []
        self._idle: list[SimThread] = []
        for thread in sim.threads:
            if thread.pending is not None:
                if thread.idle is None or thread.operation or thread.held:
                    raise NotAtRest(thread.name)
                self._idle.append(thread)
        self._note([sim, *roots])

    def restore(self) -> None:
        """Put everything back; what was left in the middle of its code is thrown away."""
        for thread in self.sim.threads:
            # From the outside in: the garbage collector would do it in any order, and complain.
            with suppress(RuntimeError):
                thread.coroutine.close()
        for put, obj, value in self._fields:
            put(obj, value)
        for items, old in self._lists:
            items[:] = old
        for table, entries in self._tables:
            table.clear()
            table.update(entries)
        for obj, attributes in self._attributes:
            own = obj.__dict__
            own.clear()
            own.update(attributes)
        for thread in self._idle:
            assert thread.idle is not None
            self.sim.start_over(thread, thread.idle())

    def _note(self, todo: list[Any]) -> None:
        seen: set[int] = set()
        while todo:
            obj = todo.pop()
            if isinstance(obj, _ATOMS) or id(obj) in seen:
                continue
            seen.add(id(obj))
            if isinstance(obj, (tuple, frozenset)):
                todo += obj
            elif isinstance(obj, (list, bytearray)):
                self._lists.append((obj, obj[:]))
                todo += [] if isinstance(obj, bytearray) else obj
            elif isinstance(obj, dict):
                self._tables.append((obj, dict(obj)))
                todo += [*obj, *obj.values()]
            elif isinstance(obj, set):
                self._tables.append((obj, frozenset(obj)))
                todo += obj
            elif isinstance(obj, types.MethodType):
                todo.append(obj.__self__)
                todo.append(obj.__func__)
            elif isinstance(obj, types.FunctionType):
                todo += [cell.cell_contents for cell in obj.__closure__ or ()]
            else:
                todo += self._object(obj)

    def _object(self, obj: Any) -> Iterator[Any]:
        kind = type(obj)
        for member in members(kind):
            try:
                value = member.__get__(obj, kind)
            except AttributeError:  # a slot that was never filled
                continue
            self._fields.append((member.__set__, obj, value))
            yield value
        own = getattr(obj, "__dict__", None)
        if own is not None:
            self._attributes.append((obj, dict(own)))
            yield from own.values()


def members(kind: type) -> Iterator[Any]:
    """Yield the descriptors of all slots of a class, those behind properties too."""
    for base in kind.__mro__:
        behind: dict[str, Any] = base.__dict__.get("_members", {})
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name in ("__weakref__", "__dict__"):
                continue
            if name.startswith("__") and not name.endswith("__"):
                name = f"_{base.__name__.lstrip('_')}{name}"  # as the compiler mangles it
            yield behind[name] if name in behind else base.__dict__[name]
