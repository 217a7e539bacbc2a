"""
The state of a machine as one value: two machines with equal values have the same futures.

Everything that can be reached from the machine and from further roots is written down in one
order, objects by the number under which they were first met, so that the value tells the graph
and not where it lies in memory.  Coroutines count with their position, their variables and what
stands on their stack (the iterator of a loop, the section that is open).  What says only how the
machine came here is left out: step numbers, and how often a field was changed except where
somebody waits for the next change.

Nothing is guessed: an object whose whole state cannot be seen is refused.
"""

import gc
import marshal
import sys
import types
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import partial
from typing import Any, Final

from netsim.core.sim import Sim
from netsim.core.snapshot import members
from netsim.core.step import Round
from netsim.core.thread import SimThread

_PLAIN: Final = frozenset((type(None), bool, int, float, complex, str, bytes))
#: Never change, and mean the same wherever they stand.
_CONSTANT: Final = (
    Enum, type, types.ModuleType, types.CodeType, type(NotImplemented),
    type(Ellipsis), types.MethodDescriptorType, types.WrapperDescriptorType,
    types.MemberDescriptorType, types.GetSetDescriptorType, range,
)  # fmt: skip
#: Iterators that tell where they stand; those over sets have no order that one may rely on.
_ITERATORS: Final = (
    *map(type, (iter(()), iter([]), iter({}), iter({}.values()), iter({}.items()), iter(""),
                iter(b""), iter(range(0)), reversed([]))),
    enumerate, zip, map, filter, reversed,
)  # fmt: skip
_HEAP_TYPE: Final = 1 << 9
#: The last version whose output does not hang on how often an object is referred to.
_MARSHAL: Final = 2


class Unseen(Exception):
    """Something of the machine has a state that cannot be seen; the text says what."""


class Canonical:
    """
    Writes down states of machines that run one program; values of different ones do not compare.

    Each object becomes a row of plain values, in which numbers in brackets stand for others; a
    row has the same number whenever it occurs again, and a state is the sequence of its rows.
    Without `time` it is left out what the time is; how long who waits stays.
    Raises Unseen if this Python does not show the stack of a coroutine.
    """

    def __init__(self, *, time: bool = True) -> None:
        self._time = time
        self._rows: dict[bytes, int] = {}
        self._constants: dict[tuple[type, Any], int] = {}
        self._makers: dict[type, Callable[[Any], list[Any]]] = {
            SimThread: self._thread,
            Round: self._round,
            types.CoroutineType: self._coroutine,
            types.GeneratorType: self._coroutine,
            types.FunctionType: self._function,
            types.CellType: self._cell,
            partial: self._partial,
            **dict.fromkeys(_ITERATORS, self._iterator),
        }
        self._sim: Sim
        #: Objects of the state by address: the order in which they were met.
        self._numbers: dict[int, int] = {}
        self._met: list[Any] = []
        #: Made on the way; while they live no other object has their address.
        self._kept: list[Any] = []
        if sys.implementation.name != "cpython" or not _shows_stacks():
            raise Unseen("this Python does not show what a suspended coroutine holds")

    def value(self, sim: Sim, roots: Iterable[Any]) -> bytes:
        """
        Return the state of `sim` and of all that `roots` lead to.

        Raises Unseen, which names the object, if it cannot be told.
        """
        self._sim = sim
        self._numbers = {}
        met: list[Any] = []
        self._met = met
        rows, makers = self._rows, self._makers
        first = [self._machine(sim), [self._token(root) for root in roots]]
        state = array("I")
        row = marshal.dumps(first, _MARSHAL)
        state.append(rows.setdefault(row, len(rows)))
        done = 0
        while done < len(met):
            obj = met[done]
            done += 1
            kind = type(obj)
            maker = makers.get(kind)
            if maker is None:
                maker = makers[kind] = self._maker(kind)
            row = marshal.dumps(maker(obj), _MARSHAL)
            state.append(rows.setdefault(row, len(rows)))
        self._kept.clear()
        return state.tobytes()

    # -- what stands for an object in a row --------------------------------------------------

    def _token(self, obj: Any) -> Any:
        """Return a plain value as it is, a tuple as one of tokens, all else in a list."""
        kind = type(obj)
        if kind in _PLAIN:
            return obj
        if kind is tuple:
            return tuple(map(self._token, obj))
        number = self._numbers.get(id(obj))
        if number is not None:
            return [number]
        if isinstance(obj, _CONSTANT):
            return [self._constant(obj)]
        if isinstance(obj, Sim):
            if obj is not self._sim:
                raise Unseen("another machine")
            return []
        if kind is types.BuiltinFunctionType:
            return ["builtin", obj.__qualname__, self._token(obj.__self__)]
        if kind is types.MethodType:
            return ["method", self._token(obj.__func__), self._token(obj.__self__)]
        self._numbers[id(obj)] = number = len(self._met)
        self._met.append(obj)
        return [number]

    def _constant(self, obj: Any) -> int:
        return -1 - self._constants.setdefault((type(obj), obj), len(self._constants))

    def _tokens(self, objects: Iterable[Any]) -> list[Any]:
        return list(map(self._token, objects))

    def _entries(self, table: Mapping[Any, Any]) -> list[Any]:
        token = self._token
        return [(token(key), token(value)) for key, value in table.items()]

    # -- rows ------------------------------------------------------------------------------

    def _maker(self, kind: type) -> Callable[[Any], list[Any]]:
        """Return what makes the row of an object of a class of models, or of a container."""
        name = self._constant(kind)
        if hasattr(kind, "canonical"):
            return partial(self._by_itself, name)
        base = next(base for base in kind.__mro__ if not base.__flags__ & _HEAP_TYPE)
        content: Callable[[Any], Any]
        if base in (list, deque, tuple):
            content = self._tokens
        elif base is dict:
            content = self._entries
        elif base in (set, frozenset):
            content = self._set
        elif base is bytearray:
            content = bytes
        elif base in _PLAIN:
            content = base
        elif base is object:
            content = _nothing
        else:
            raise Unseen(f"a {kind.__module__}.{kind.__qualname__}")
        getters = tuple(member.__get__ for member in members(kind))
        return partial(self._object, name, kind, content, getters)

    def _by_itself(self, name: int, obj: Any) -> list[Any]:
        said = obj.canonical(self._sim)
        self._kept.append(said)
        return [name, self._token(said)]

    def _object(
        self,
        name: int,
        kind: type,
        content: Callable[[Any], Any],
        getters: tuple[Callable[[Any, type], Any], ...],
        obj: Any,
    ) -> list[Any]:
        row = [name, content(obj)]
        token = self._token
        for get in getters:
            try:
                row.append(token(get(obj, kind)))
            except AttributeError:  # a slot that was never filled
                row.append(["empty"])
        own = getattr(obj, "__dict__", None)
        if own is not None:
            row.append(self._entries(own))
        return row

    def _set(self, items: Iterable[Any]) -> list[Any]:
        """Return a set in an order of its own: only plain values have one."""
        for item in items:
            if type(item) not in _PLAIN:
                raise Unseen(f"a set with a {type(item).__qualname__}")
        return sorted(items, key=lambda item: (type(item).__name__, repr(item)))

    def _function(self, function: types.FunctionType) -> list[Any]:
        cells = function.__closure__ or ()
        return ["function", *self._tokens((function.__code__, function.__defaults__,
                                           function.__kwdefaults__, *cells))]  # fmt: skip

    def _cell(self, cell: types.CellType) -> list[Any]:
        return ["cell", *self._tokens(_inside(cell))]

    def _partial(self, part: Any) -> list[Any]:
        return ["partial", *self._tokens((part.func, part.args, part.keywords))]

    def _iterator(self, obj: Any) -> list[Any]:
        whole = obj.__reduce__()
        self._kept.append(whole)
        # What iterators over dicts say is what is left, in a list of its own.
        left = [tuple(part) if type(part) is list else part for part in whole[1]]
        return ["iterator", self._constant(type(obj)), self._tokens(left),
                self._tokens(whole[2:]), self._tokens(gc.get_referents(obj))]  # fmt: skip

    def _round(self, seen: Round) -> list[Any]:
        """A round tells of each location whether it has changed since, not how often."""
        versions = self._sim.versions
        reads = sorted(seen.reads.items())
        return [
            "round",
            [(key, versions.get(key, 0) == version) for key, version in reads],
            [(key, self._token(value)) for key, value in sorted(seen.first.items(), key=_key)],
            [(key, self._token(value)) for key, value in sorted(seen.last.items(), key=_key)],
        ]

    def _coroutine(self, obj: Any) -> list[Any]:
        frame = obj.cr_frame if type(obj) is types.CoroutineType else obj.gi_frame
        if frame is None:
            return ["over"]
        local = frame.f_locals
        held = [
            item
            for item in gc.get_referents(obj)
            if item is not local and type(item) is not types.FrameType
        ]
        seen = {id(item) for item in held}
        seen.update(id(inside) for item in held for inside in _inside(item))
        for name, value in local.items():
            if id(value) not in seen:
                raise Unseen(f"variable {name} of {frame.f_code.co_qualname}()")
        for item in held:
            if isinstance(item, BaseException):
                raise Unseen(f"an exception that {frame.f_code.co_qualname}() handles")
        return ["suspended", frame.f_lasti, tuple(local), self._tokens(held)]

    # -- the machine -----------------------------------------------------------------------

    def _machine(self, sim: Sim) -> list[Any]:
        heap = [(label, self._token(sim.heap[label])) for label in sorted(sim.heap)]
        reports = [
            (report.kind, report.message, report.objects, report.thread, report.operation,
             report.fatal, [(site.role, site.thread, site.function, site.source)
                            for site in report.sites])
            for report in sim.reports
        ]  # fmt: skip
        time = sim._jiffies if self._time else 0
        return [
            sim.halted, sim.faults, time, tuple(sim.chosen), heap, reports,
            sorted(sim.boot_allocations.items()), self._tokens(sim.threads),
        ]  # fmt: skip

    def _thread(self, thread: SimThread) -> list[Any]:
        return [
            "thread", thread.name, thread.flow, thread.cpu, thread.daemon, thread.irqs_off,
            thread.preempt_count, thread.operation, sorted(thread.allocations.items()),
            self._tokens((thread.context, thread.life, thread.pending, thread.round,
                          thread.coroutine, thread.idle)),
            [self._token((lock, name, codes)) for lock, (name, _, codes) in thread.held],
        ]  # fmt: skip


def _nothing(_: Any) -> None:
    """Return the content of what is not a container."""


def _key(entry: tuple[Any, Any]) -> Any:
    return entry[0]


def _inside(item: Any) -> tuple[Any, ...]:
    """Return what a cell holds."""
    try:
        return (item.cell_contents,) if type(item) is types.CellType else ()
    except ValueError:  # not filled
        return ()


def _shows_stacks() -> bool:
    def loop() -> Any:
        for number in (1, 2):
            yield -number

    probe = loop()
    next(probe)
    shown = [item for item in gc.get_referents(probe) if type(item) is type(iter(()))]
    probe.close()
    return len(shown) == 1
