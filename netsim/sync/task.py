"""Threads that threads make: spawn one, join it, and what both of them order."""

from collections.abc import Callable, Coroutine
from typing import Any

from netsim.core.access import READ, WRITE, Key
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform
from netsim.errors import UsageError

Function = Callable[..., Coroutine[Any, Any, Any]]


class Task:
    """
    A thread of a program, running one function.

    Footprint:  spawning writes, and beginning reads, `started`; ending writes, and joining or
                looking at `done` or `result` reads, `ended`
    """

    __slots__ = ("_done", "_result", "arguments", "ended", "function", "name", "sim", "started")

    def __init__(self, sim: Sim, name: str, function: Function, arguments: tuple[Any, ...]) -> None:
        self.sim = sim
        self.name = name
        self.function = function
        self.arguments = arguments
        self.started: Key = (name, "started")
        self.ended: Key = (name, "ended")
        self._done = False
        self._result: Any = None

    def __repr__(self) -> str:
        return self.name

    @property
    def done(self) -> bool:
        """Whether its function has returned: a marked access, part of the step that looks."""
        self._looked_at()
        return self._done

    @property
    def result(self) -> Any:
        """What its function returned once `done`, else None; looked at like that."""
        self._looked_at()
        return self._result

    def _looked_at(self) -> None:
        sim = self.sim
        current = sim.current
        if current is None:
            return
        sim.part()
        sim.touch(self.ended, READ, self._done)
        sim.acquire_edge(self.ended)
        sim.value_read(self.ended)
        if current.round is not None:
            current.round.states[self.ended] = (self.is_done, self._done)

    def is_done(self) -> bool:
        """Tell whether it is `done`, without recording it."""
        return self._done

    def start(self) -> None:
        """Make it part of the machine before the first step."""
        self.sim.spawn(self.name, self._run(spawned=False))

    async def spawn(self) -> None:
        """Make it part of the machine, from a running thread."""
        await perform(_Spawn(self))

    async def join(self) -> Any:
        """Wait until it has ended, and return its result."""
        return await perform(_Join(self))

    async def _run(self, spawned: bool) -> None:
        await perform(_Begin(self, spawned))
        self._result = await self.function(*self.arguments)
        sim = self.sim
        sim.part()  # the end comes after all that its last step did
        sim.touch(self.ended, WRITE, False)
        sim.release_edge(self.ended)
        self._done = True


class _TaskOp(Op):
    __slots__ = ("task",)

    def __init__(self, task: Task) -> None:
        self.task = task

    def label(self) -> str:
        return self.task.name


class _Spawn(_TaskOp):
    __slots__ = ()
    name = "spawn"

    def apply(self, sim: Sim, thread: SimThread) -> None:
        task = self.task
        if task.name in sim.by_name:
            raise UsageError(f"there is a thread called {task.name} already")
        sim.touch(task.started, WRITE, False)
        sim.release_edge(task.started)
        sim.spawn(task.name, task._run(spawned=True))


class _Begin(_TaskOp):
    """The thread begins: what it does before its first operation belongs to this step."""

    __slots__ = ("spawned",)
    name = "begin"

    def __init__(self, task: Task, spawned: bool) -> None:
        super().__init__(task)
        self.spawned = spawned

    def guard(self) -> tuple[Key, ...]:
        return (self.task.started,) if self.spawned else ()

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return bool(state)

    def apply(self, sim: Sim, thread: SimThread) -> None:
        if self.spawned:
            sim.touch(self.task.started, READ, True)
            sim.acquire_edge(self.task.started)


class _Join(_TaskOp):
    __slots__ = ()
    name = "join"
    may_sleep = True

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return self.task.is_done()

    def guard(self) -> tuple[Key, ...]:
        return (self.task.ended,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return bool(state)

    def apply(self, sim: Sim, thread: SimThread) -> Any:
        sim.touch(self.task.ended, READ, True)
        sim.acquire_edge(self.task.ended)
        return self.task._result

    def blockers(self, sim: Sim) -> tuple[SimThread, ...]:
        target = sim.by_name.get(self.task.name)
        return (target,) if target is not None else ()

    def waits_for(self, thread: SimThread) -> str:
        return f"the end of {self.task.name}"
