"""
What a program is written with: shared variables, the primitives of a kernel, and threads.

A program is a function that gets a fresh `World`, makes what its threads share, and makes the
threads; see `netsim.explore`.  Everything here hands out what lives in `netsim.sync`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from netsim.core.raised import place
from netsim.core.sim import Sim
from netsim.errors import UsageError
from netsim.sync.atomic import Atomic
from netsim.sync.choose import choose
from netsim.sync.completion import Completion
from netsim.sync.marked import SharedList
from netsim.sync.mutex import Mutex
from netsim.sync.rwlock import RwLock
from netsim.sync.sleep import schedule_point
from netsim.sync.spinlock import SpinLock
from netsim.sync.task import Function, Task
from netsim.sync.timeout import schedule_timeout
from netsim.sync.variable import Variable
from netsim.sync.wait import until
from netsim.sync.waitqueue import WaitQueue
from netsim.sync.workqueue import Work

_T = TypeVar("_T")

#: What a thread may be called, so that a schedule can name it.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:@()/+-]*", re.ASCII)
#: An argument that is short enough to stand in the name of its thread.
_SHORT = re.compile(r"[A-Za-z0-9_.-]{1,16}", re.ASCII)


class World:
    """
    A fresh machine to build a program on.

    Invariant: no two of its objects, and no two of its threads, have the same name.
    """

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self._names: dict[str, None] = {}

    # -- what threads share ----------------------------------------------------------------

    def var(self, name: str, value: _T) -> Variable[_T]:
        """Make a shared variable: `load`, `store`, `compare_and_swap` ... are steps."""
        return Variable(self.sim, self._new(name), value)

    def array(self, name: str, values: Iterable[_T]) -> tuple[Variable[_T], ...]:
        """Make one variable for each of `values`, called name[0], name[1] ..."""
        return tuple(self.var(f"{name}[{index}]", value) for index, value in enumerate(values))

    def spinlock(self, name: str) -> SpinLock:
        """Make a spinlock; who holds it must not sleep."""
        return SpinLock(self.sim, self._new(name))

    def mutex(self, name: str) -> Mutex:
        """Make a mutex."""
        return Mutex(self.sim, self._new(name))

    def rwlock(self, name: str) -> RwLock:
        """Make a reader-writer spinlock."""
        return RwLock(self.sim, self._new(name))

    def atomic(self, name: str, value: int = 0) -> Atomic:
        """Make an atomic counter with the kernel's operations, and the kernel's ordering."""
        return Atomic(self.sim, self._new(name), value)

    def completion(self, name: str) -> Completion:
        """Make a completion: a counter that one waits for."""
        return Completion(self.sim, self._new(name))

    def waitqueue(self, name: str) -> WaitQueue:
        """Make a wait queue."""
        return WaitQueue(self.sim, self._new(name))

    def list(self, name: str, items: Iterable[Any] = ()) -> SharedList:
        """Make a list that threads search and change, one step each."""
        return SharedList(self.sim, self._new(name), items)

    def work(self, name: str, function: Callable[[], Coroutine[Any, Any, None]]) -> Work:
        """Make a work item, run by a worker of its own whenever it is queued."""
        return Work(self.sim, self._new(name), function)

    # -- threads ---------------------------------------------------------------------------

    def thread(self, function: Function, *arguments: Any, name: str = "") -> Task:
        """
        Make a thread that runs `function(*arguments)` from the start.

        Without a `name` it is called after its function and short single argument: eat(0).
        Raises UsageError if the function is not `async def` or the name is in use.
        """
        if self.sim.current is not None:
            raise UsageError(
                "world.thread() makes the threads that are there from the start; "
                "expected in a running thread: await world.spawn(function, ...)"
            )
        task = self._task(function, arguments, name)
        task.start()
        return task

    async def spawn(self, function: Function, *arguments: Any, name: str = "") -> Task:
        """Start a thread from a running one: a step.  Arguments and errors as for `thread`."""
        current = self.sim.current
        if current is None:
            raise UsageError("world.spawn() needs a running thread; expected world.thread()")
        if not name:  # numbered in its parent: the same in every execution of a class
            number = current.allocations["spawn"] = current.allocations.get("spawn", 0) + 1
            name = f"{current.name}/{number}"
        task = self._task(function, arguments, name)
        await task.spawn()
        return task

    # -- what threads do -------------------------------------------------------------------

    def until(self, condition: Callable[[], Any], what: str = "") -> Awaitable[None]:
        """
        Block until `condition` holds, which may read several variables by their `value`.

        It does not spin: see `netsim.sync.wait.until`.  For one variable `Variable.until` is
        better, whose failed tests are no steps.
        """
        return until(condition, what)

    def choose(self, what: str, count: int) -> Awaitable[int]:
        """Return one of 0 ... `count` - 1; each is explored."""
        return choose(what, count)

    def pause(self, what: str = "pause") -> Awaitable[None]:
        """Pass a place where others may run."""
        return schedule_point(what)

    def schedule_timeout(self, jiffies: int) -> Awaitable[None]:
        """Sleep until so many jiffies have passed, which they do when nothing else can happen."""
        return schedule_timeout(jiffies)

    # -- names -----------------------------------------------------------------------------

    def _new(self, name: str) -> str:
        if not name:
            raise UsageError("a shared object needs a name; found an empty one")
        if name in self._names:
            raise UsageError(f"there are two shared objects called {name!r}; expected one")
        self._names[name] = None
        return name

    def _task(self, function: Function, arguments: tuple[Any, ...], name: str) -> Task:
        if not inspect.iscoroutinefunction(function):
            raise UsageError(f"a thread runs an `async def` function; found {_described(function)}")
        try:
            inspect.signature(function).bind(*arguments)
        except TypeError as error:
            raise UsageError(f"thread function {_described(function)}: {error}") from None
        base = getattr(function, "__name__", "thread")
        if not name and len(arguments) == 1 and _SHORT.fullmatch(str(arguments[0])):
            base = f"{base}({arguments[0]})"
        made = name or base
        count = 1
        while not name and made in self.sim.by_name:
            count += 1
            made = f"{base}-{count}"
        if made in self.sim.by_name:
            raise UsageError(f"there is a thread called {made!r} already")
        if not _NAME.fullmatch(made):
            raise UsageError(
                f"a thread cannot be called {made!r}: expected a letter, then letters, digits "
                "and _ . : @ ( ) / + -"
            )
        return Task(self.sim, made, function, arguments)


def _described(function: Any) -> str:
    code = getattr(function, "__code__", None)
    name = getattr(function, "__name__", None) or repr(function)
    return f"{name}() at {place(code)}" if code is not None else str(name)
