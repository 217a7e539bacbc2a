"""
Shared objects of the simulated kernel, and the allocator.

A class decorated with `shared` keeps its natural looks (``np.dev`` stays ``np.dev``) while each
access to its fields is recorded; fields declared with `constant` never change after creation
and are not recorded.  Objects come from `kmalloc` and go with `kfree`, so that use after free,
double free and leaks are seen.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, dataclass_transform

import attrs

from netsim.core.access import READ, WRITE, Key, Mode
from netsim.core.fault import Site
from netsim.core.sim import CALLED_BY, Sim
from netsim.core.thread import Mark

_T = TypeVar("_T", bound=type)
_O = TypeVar("_O", bound="KObject")


class KObject:
    """
    Base of every shared object.

    `_sim` is None until the object is bound to a machine by the allocator, and a `_Grave` once
    it has been freed.
    """

    __slots__ = ("_label", "_sim")

    _sim: Any
    _label: str

    def __attrs_pre_init__(self) -> None:
        self._sim = None
        self._label = ""

    def __repr__(self) -> str:
        return self._label or type(self).__name__


class _Grave:
    """Stands in for the machine in a freed object: any access is a use after free."""

    __slots__ = ("mark", "sim")
    recording = True

    def __init__(self, sim: Sim, mark: Mark) -> None:
        self.sim = sim
        self.mark = mark

    def canonical(self, sim: Sim) -> tuple[Any, ...]:
        """Return what later reports cite, without the number of the step."""
        return (self.mark[0], self.mark[2])

    @property
    def freed(self) -> Site:
        return self.sim.site_at(self.mark, "freed")

    def story(self) -> str:
        site = self.freed
        function = site.function.partition(CALLED_BY)[0]
        return f"{function}() of {self.sim.named(site.thread)} has freed"

    def plain_read(self, key: Key) -> None:
        self._use(key, READ, "reads")

    def plain_write(self, key: Key, old: Any, new: Any) -> None:
        self._use(key, WRITE, "writes")

    def _use(self, key: Key, mode: Mode, verb: str) -> None:
        if self.sim.current is None:
            return
        # The report depends on the free: without this no one would try the use before it.
        self.sim.touch(key, mode, self.sim.versions.get(key, 0))
        self.sim.report(
            "use-after-free",
            f"{self.sim.title(self.sim.current)} {verb} {key[0]}.{key[1]}, which {self.story()}",
            objects=(key[0],),
            sites=(self.freed,),
            role=verb,
            fatal=True,
        )


def constant(**arguments: Any) -> Any:
    """Declare a field that never changes after creation; arguments as for `attrs.field`."""
    return attrs.field(**arguments, metadata={"constant": True})


@dataclass_transform(field_specifiers=(attrs.field, constant))
def shared(cls: _T) -> _T:
    """
    Make an attrs class with slots whose fields are recorded at each access.

    The class must derive from `KObject` and annotate its fields.
    """
    made: Any = attrs.define(cls, slots=True, eq=False, repr=False)
    #: The slots behind the recorded properties.
    made._members = behind = {}
    for field in attrs.fields(made):
        if field.metadata.get("constant") or field.name not in made.__dict__:
            continue
        behind[field.name] = slot = made.__dict__[field.name]
        setattr(made, field.name, _recorded(field.name, slot))
    #: The slots of all fields.
    made._slots = tuple(_slot(made, field.name) for field in attrs.fields(made))
    return made  # type: ignore[no-any-return]


def _slot(made: type, name: str) -> Any:
    """Return the slot of a field, which a property may hide."""
    base = next(base for base in made.__mro__ if name in base.__dict__)
    return base.__dict__.get("_members", {}).get(name, base.__dict__[name])


def _recorded(name: str, slot: Any) -> property:
    get: Callable[[Any], Any] = slot.__get__
    put: Callable[[Any, Any], None] = slot.__set__

    def fget(self: Any) -> Any:
        sim = self._sim
        if sim is not None and (sim.recording or sim.rounds):
            sim.plain_read((self._label, name))
        return get(self)

    def fset(self: Any, value: Any) -> None:
        sim = self._sim
        if sim is not None:
            sim.plain_write((self._label, name), get(self), value)
        put(self, value)

    return property(fget, fset)


def peek(obj: KObject, name: str) -> Any:
    """Read a field without recording it, as a checker or a drawing may."""
    sim, obj._sim = obj._sim, None
    try:
        return getattr(obj, name)
    finally:
        obj._sim = sim


def bind(sim: Sim, obj: _O, label: str) -> _O:
    """Make `obj` part of machine `sim` under a unique `label` (static objects)."""
    obj._sim = sim
    obj._label = label
    return obj


def kmalloc(sim: Sim, obj: _O, base: str) -> _O:
    """
    Allocate: bind a new object and enter it in the heap.

    Its label is `base` with the thread and the number of the allocation in that thread, so that
    it is the same in every execution of a class.  Not a scheduling point; where the kernel may
    sleep or fail, see `netsim.sync.alloc`.
    """
    thread = sim.current
    name = thread.name if thread is not None else "boot"
    counts = thread.allocations if thread is not None else sim.boot_allocations
    number = counts[base] = counts.get(base, 0) + 1
    label = f"{base}/{name}.{number}"
    sim.heap[label] = obj
    return bind(sim, obj, label)


def kfree(obj: KObject | None) -> None:
    """
    Free an object; kfree(NULL) does nothing.  Freeing it again is a `double-free`.

    From here on each access through a stale pointer is a `use-after-free`.
    """
    if obj is None:
        return
    sim = obj._sim
    if isinstance(sim, _Grave):
        current = sim.sim.current
        assert current is not None
        sim.sim.touch((obj._label, ""), WRITE)
        sim.sim.report(
            "double-free",
            f"{sim.sim.title(current)} frees {obj._label}, which {sim.story()} already",
            objects=(obj._label,),
            sites=(sim.freed,),
            role="frees",
            fatal=True,
        )
    key = (obj._label, "")
    for field in fields_of(obj):
        if not field.metadata.get("constant"):
            sim.touch((obj._label, field.name), WRITE)
    sim.touch(key, WRITE)
    del sim.heap[obj._label]
    obj._sim = _Grave(sim, sim.mark())


def fields_of(obj: KObject) -> tuple[Any, ...]:
    """Return the attrs fields of a shared object."""
    made: Any = type(obj)
    return tuple(attrs.fields(made))


def is_freed(obj: KObject) -> bool:
    """Tell whether `obj` has been freed."""
    return isinstance(obj._sim, _Grave)


def references(obj: Any) -> Iterator[KObject]:
    """Yield the shared objects that `obj` points to, for reachability."""
    if isinstance(obj, KObject):
        made: Any = type(obj)
        for slot in made._slots:
            value = slot.__get__(obj)
            if isinstance(value, KObject):
                yield value
            elif isinstance(value, (list, tuple)):
                yield from (item for item in value if isinstance(item, KObject))
            elif isinstance(value, dict):
                yield from (item for item in value.values() if isinstance(item, KObject))
