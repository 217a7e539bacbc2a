"""
A shared variable of a program: sequentially consistent accesses, each a step of its own.

Marked accesses synchronise as those of a volatile variable in Java do (JLS 17.4.4): a write
happens before every later read.  A plain access, through `value`, belongs to the step that it
happens in and is judged by the data-race detector.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from netsim.core.access import READ, WRITE, Key
from netsim.core.op import Op
from netsim.core.raised import written
from netsim.core.sim import ModelError, Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform
from netsim.errors import UsageError

_T = TypeVar("_T")

#: What one can change without writing to the variable, so that nobody would notice.
_MUTABLE = (list, dict, set, bytearray)


class Variable(Generic[_T]):
    """
    One location.

    Footprint:  `load`, `until` and a failed `compare_and_swap` read it; the others write it

    Its value must be immutable: UsageError for a list, dict, set or bytearray.
    """

    __slots__ = ("_value", "key", "name", "sim")

    def __init__(self, sim: Sim, name: str, value: _T) -> None:
        self.sim = sim
        self.name = name
        self.key: Key = (name, "value")
        self._value = self._checked(value)

    def __repr__(self) -> str:
        return self.name

    def peek(self) -> _T:
        """Return the value without recording it, as a checker or a drawing may."""
        return self._value

    # Each is `async def` so that Python complains if its `await` is forgotten.

    async def load(self) -> _T:
        """Return the value."""
        value: _T = await perform(_Load(self))
        return value

    async def store(self, value: _T) -> None:
        """Replace the value."""
        await perform(_Update(self, "store", lambda _old: value, acquires=False))

    async def swap(self, value: _T) -> _T:
        """Replace the value and return what was there."""
        old: _T = await perform(_Update(self, "swap", lambda _old: value))
        return old

    async def compare_and_swap(self, expected: _T, value: _T) -> bool:
        """Replace `expected` by `value` if it is there, and tell whether it was."""
        return bool(await perform(_CompareAndSwap(self, expected, value)))

    async def add(self, delta: Any) -> _T:
        """Add `delta` in one step and return what was there before."""
        old: _T = await perform(_Update(self, "add", lambda old: old + delta))
        return old

    async def until(self, predicate: Callable[[_T], Any]) -> _T:
        """
        Block until `predicate` of the value holds, and return the value then seen.

        The predicate must look at nothing else that is shared; `netsim.sync.wait.until` may.
        """
        value: _T = await perform(_Until(self, predicate))
        return value

    @property
    def value(self) -> _T:
        """The value, as a plain access: no step, no synchronisation."""
        sim = self.sim
        current = sim.current
        if current is not None:
            # The first touch of a step keeps the state: of a variable that is its value.
            sim.touch(self.key, READ, self._value)
            sim.plain_read(self.key)
            if current.round is not None:
                current.round.states[self.key] = (self.peek, self._value)
        return self._value

    @value.setter
    def value(self, value: _T) -> None:
        sim = self.sim
        old, new = self._value, self._checked(value)
        if sim.current is not None:
            sim.touch(self.key, WRITE, old)
            sim.plain_write(self.key, old, new)
        self._value = new

    def _checked(self, value: _T) -> _T:
        if isinstance(value, _MUTABLE):
            raise UsageError(
                f"variable {self.name} cannot hold a {type(value).__name__}: what changes inside "
                "it would not be seen; expected an immutable value such as a tuple, or an array "
                "of variables"
            )
        return value


class _Access(Op):
    __slots__ = ("variable",)

    def __init__(self, variable: Variable[Any]) -> None:
        self.variable = variable

    def label(self) -> str:
        return self.variable.name


class _Load(_Access):
    __slots__ = ()
    name = "load"

    def apply(self, sim: Sim, thread: SimThread) -> Any:
        variable = self.variable
        sim.touch(variable.key, READ, variable.peek())
        sim.value_read(variable.key)
        sim.acquire_edge(variable.key)
        return variable.peek()


class _Update(_Access):
    __slots__ = ("acquires", "compute", "name")

    def __init__(
        self,
        variable: Variable[Any],
        name: str,
        compute: Callable[[Any], Any],
        acquires: bool = True,
    ) -> None:
        super().__init__(variable)
        self.name = name  # type: ignore[misc]
        self.compute = compute
        self.acquires = acquires

    def apply(self, sim: Sim, thread: SimThread) -> Any:
        variable = self.variable
        old = variable.peek()
        sim.touch(variable.key, WRITE, old)
        if self.acquires:
            sim.value_read(variable.key)
            sim.acquire_edge(variable.key)
        sim.release_edge(variable.key)
        _change(sim, variable, old, self.compute(old))
        return old


class _CompareAndSwap(_Access):
    __slots__ = ("expected", "new")
    name = "compare_and_swap"

    def __init__(self, variable: Variable[Any], expected: Any, new: Any) -> None:
        super().__init__(variable)
        self.expected = expected
        self.new = new

    def apply(self, sim: Sim, thread: SimThread) -> bool:
        variable = self.variable
        old = variable.peek()
        sim.value_read(variable.key)
        sim.acquire_edge(variable.key)
        if old != self.expected:  # one that fails only reads
            sim.touch(variable.key, READ, old)
            return False
        sim.touch(variable.key, WRITE, old)
        sim.release_edge(variable.key)
        _change(sim, variable, old, self.new)
        return True


class _Until(_Access):
    """
    Enabled exactly while the predicate holds: no step for a test that fails, so nothing spins.

    (The await statement of Jonsson, Lång, Sagonas, *Awaiting for Godot*, FMCAD 2022.)
    """

    __slots__ = ("predicate",)
    name = "until"

    def __init__(self, variable: Variable[Any], predicate: Callable[[Any], Any]) -> None:
        super().__init__(variable)
        self.predicate = predicate

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return self._holds(self.variable.peek())

    def guard(self) -> tuple[Key, ...]:
        return (self.variable.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return self._holds(state)

    def apply(self, sim: Sim, thread: SimThread) -> Any:
        variable = self.variable
        value = variable.peek()
        sim.touch(variable.key, READ, value)
        sim.value_read(variable.key)
        sim.acquire_edge(variable.key)
        seen = sim.begin_round()
        self.predicate(value)  # once more, inside the step: whatever is wrong with it shows here
        sim.end_round()
        if seen.reads or seen.first:
            other = next(iter(seen.reads or seen.first))[0]
            raise ModelError(
                f"{variable.name}.until() must look at its argument only, and change nothing; "
                f"found an access to {other}: expected until(condition), which may read more"
            )
        return value

    def waits_for(self, thread: SimThread) -> str:
        value = written(self.variable.peek())
        return f"{self.variable.name}, which is {value}, to satisfy its condition"

    def _holds(self, value: Any) -> bool:
        try:
            return bool(self.predicate(value))
        except Exception:  # let the thread go on, into the finding
            return True


def _change(sim: Sim, variable: Variable[Any], old: Any, new: Any) -> None:
    new = variable._checked(new)
    if old != new:
        sim.value_changed(variable.key, old, new)
    variable._value = new
