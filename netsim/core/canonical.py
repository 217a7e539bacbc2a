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
import sys
import types
import zlib
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import partial
from typing import Any, Final

from netsim.core.fault import Report
from netsim.core.sim import Round, Sim
from netsim.core.snapshot import members
from netsim.core.thread import SimThread

_PLAIN: Final = (int, float, complex, str, bytes)
#: Never change, and mean the same wherever they stand.
_CONSTANT: Final = (
    type(None), bool, Enum, type, types.ModuleType, types.CodeType, type(NotImplemented),
    type(Ellipsis), types.MethodDescriptorType, types.WrapperDescriptorType,
    types.MemberDescriptorType, types.GetSetDescriptorType, range,
)  # fmt: skip
#: Iterators that tell where they stand; those over sets have no order that one may rely on.
_ITERATORS: Final = (
    *map(type, (iter(()), iter([]), iter({}), iter({}.values()), iter({}.items()), iter(""),
                iter(b""), iter(range(0)), reversed([]))),
    enumerate, zip, map, filter, reversed,
)  # fmt: skip
_COROUTINES: Final = (types.CoroutineType, types.GeneratorType)
_HEAP_TYPE: Final = 1 << 9


class Unseen(Exception):
    """Something of the machine has a state that cannot be seen; the text says what."""


class Canonical:
    """
    Writes down states of machines that run one program; values of different ones do not compare.

    Raises Unseen if this Python does not show the stack of a coroutine.
    """

    def __init__(self) -> None:
        self._atoms: dict[tuple[type, Any], int] = {}
        self._sim: Sim
        self._out: list[int] = []
        self._numbers: dict[int, int] = {}
        self._todo: deque[Any] = deque()
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
        self._out = []
        self._numbers = {}
        self._todo = deque()
        self._machine(sim)
        for root in roots:
            self._put(root)
        while self._todo:
            self._content(self._todo.popleft())
        self._kept.clear()
        return zlib.compress(array("l", self._out).tobytes(), 1)

    # -- references ------------------------------------------------------------------------

    def _atom(self, kind: type, value: Any) -> None:
        number = self._atoms.setdefault((kind, value), len(self._atoms))
        self._out.append(2 * number)

    def _word(self, word: str) -> None:
        self._atom(Canonical, word)  # no value of the machine is of this kind

    def _put(self, obj: Any) -> None:
        """Write down what stands for `obj`: its value, or its number."""
        kind = type(obj)
        if kind in _PLAIN:
            self._atom(kind, repr(obj) if kind in (float, complex) else obj)
        elif isinstance(obj, _CONSTANT):
            self._atom(kind, obj)
        elif kind is tuple:
            self._all("tuple", obj)
        elif isinstance(obj, Sim):
            if obj is not self._sim:
                raise Unseen("another machine")
            self._word("the machine")
        elif kind is types.BuiltinFunctionType:
            self._word("builtin")
            self._all(obj.__qualname__, (obj.__self__,))
        elif kind is types.MethodType:
            self._all("method", (obj.__func__, obj.__self__))
        else:
            number = self._numbers.get(id(obj))
            if number is None:
                number = self._numbers[id(obj)] = len(self._numbers)
                self._todo.append(obj)
            self._out.append(2 * number + 1)

    def _all(self, word: str, objects: Sequence[Any]) -> None:
        self._word(word)
        self._atom(int, len(objects))
        for obj in objects:
            self._put(obj)

    # -- contents --------------------------------------------------------------------------

    def _content(self, obj: Any) -> None:
        kind = type(obj)
        self._atom(type, kind)
        if kind is SimThread:
            self._thread(obj)
        elif kind is Round:
            self._round(obj)
        elif isinstance(obj, _COROUTINES):
            self._coroutine(obj)
        elif kind is types.FunctionType:
            cells = obj.__closure__ or ()
            self._all("function", (obj.__code__, obj.__defaults__, obj.__kwdefaults__, *cells))
        elif kind is types.CellType:
            try:
                self._put(obj.cell_contents)
            except ValueError:  # not filled
                self._word("empty")
        elif kind is partial:
            self._all("partial", (obj.func, obj.args, obj.keywords))
        elif isinstance(obj, _ITERATORS):
            self._iterator(obj)
        else:
            self._object(obj, kind)

    def _object(self, obj: Any, kind: type) -> None:
        canonical: Callable[[Sim], tuple[Any, ...]] | None = getattr(obj, "canonical", None)
        if canonical is not None:
            said = canonical(self._sim)
            self._kept.append(said)
            self._all("canonical", said)
            return
        base = next(base for base in kind.__mro__ if not base.__flags__ & _HEAP_TYPE)
        if base in (list, deque, tuple):
            self._all("items", tuple(obj))
        elif base is dict:
            self._all("entries", [part for entry in obj.items() for part in entry])
        elif base in (set, frozenset):
            self._set(obj)
        elif base is bytearray:
            self._atom(bytearray, bytes(obj))
        elif base in _PLAIN:
            self._put(base(obj))
        elif base is not object:
            raise Unseen(f"a {kind.__module__}.{kind.__qualname__}")
        for member in members(kind):
            try:
                value = member.__get__(obj, kind)
            except AttributeError:
                self._word("empty")
            else:
                self._put(value)
        own = getattr(obj, "__dict__", None)
        if own is not None:
            self._all("attributes", [part for entry in own.items() for part in entry])

    def _set(self, items: Iterable[Any]) -> None:
        """Write down a set in an order of its own: only plain values have one."""
        for item in items:
            if type(item) not in _PLAIN:
                raise Unseen(f"a set with a {type(item).__qualname__}")
        self._all("set", sorted(items, key=lambda item: (type(item).__name__, repr(item))))

    def _iterator(self, obj: Any) -> None:
        whole = obj.__reduce__()
        self._kept.append(whole)
        # What iterators over dicts say is what is left, in a list of its own.
        left = [tuple(part) if type(part) is list else part for part in whole[1]]
        self._all("iterator", (*left, *whole[2:], *gc.get_referents(obj)))

    def _round(self, seen: Round) -> None:
        """A round tells of each location whether it has changed since, not how often."""
        versions = self._sim.versions
        self._all("reads", [
            part
            for key, version in sorted(seen.reads.items())
            for part in (key, versions.get(key, 0) == version)
        ])  # fmt: skip
        self._all(
            "first", [part for entry in sorted(seen.first.items(), key=_key) for part in entry]
        )
        self._all("last", [part for entry in sorted(seen.last.items(), key=_key) for part in entry])

    def _coroutine(self, obj: Any) -> None:
        frame = obj.cr_frame if isinstance(obj, types.CoroutineType) else obj.gi_frame
        if frame is None:
            self._word("over")
            return
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
        self._atom(int, frame.f_lasti)
        self._all("variables", tuple(local))
        self._all("frame", held)

    # -- the machine -----------------------------------------------------------------------

    def _machine(self, sim: Sim) -> None:
        self._put((sim.halted, sim.faults, sim._jiffies, tuple(sim.chosen)))
        self._all("heap", [part for label in sorted(sim.heap) for part in (label, sim.heap[label])])
        self._put(tuple(sorted(sim.boot_allocations.items())))
        for report in sim.reports:
            self._report(report)
        self._all("threads", sim.threads)

    def _report(self, report: Report) -> None:
        self._put((report.kind, report.message, report.objects, report.thread, report.operation,
                   report.fatal))  # fmt: skip
        for site in report.sites:
            self._put((site.role, site.thread, site.function, site.source))

    def _thread(self, thread: SimThread) -> None:
        self._put((
            thread.name, thread.flow, thread.cpu, thread.daemon, thread.context, thread.life,
            thread.irqs_off, thread.preempt_count, thread.operation, thread.pending, thread.round,
            thread.coroutine, thread.idle, tuple(sorted(thread.allocations.items())),
        ))  # fmt: skip
        for lock, (name, _, codes) in thread.held:
            self._put((lock, name, codes))


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
