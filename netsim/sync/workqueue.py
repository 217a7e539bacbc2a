"""
Work items and delayed work on the system workqueue.

Each work item has a worker thread of its own, made when the work is first queued: the workqueue
of 2.6.36 is concurrency managed, so a work that sleeps does not hold up the others, and one
item never runs twice at a time.  The delay of delayed work is not modelled as time: once queued
it may start at any moment, as a timer of unknown length would allow.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from netsim.core.access import READ, WRITE, Key
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform

State = tuple[bool, bool, int]
"""(pending, running, completed runs)"""


class Work:
    """
    A work item.

    Kernel:     struct work_struct, struct delayed_work
    Context:    queueing and cancel_work any; *_sync and flush process, may sleep
    Footprint:  everything writes it, except queueing what is pending and waiting, which read it
    """

    __slots__ = ("completed", "function", "key", "name", "pending", "queued", "running", "sim")

    def __init__(
        self, sim: Sim, name: str, function: Callable[[], Coroutine[Op, Any, None]]
    ) -> None:
        self.sim = sim
        self.name = name
        self.function = function
        self.pending = False
        self.running = False
        self.completed = 0
        self.key: Key = sim.new_key(name, "work")
        #: Where queueing publishes to the run that it causes.  Not `key`: that would also order
        #: queueing what is pending before a wait, although the two commute.
        self.queued: Key = (name, "work queued")

    def state(self) -> State:
        """Return (pending, running, completed runs)."""
        return (self.pending, self.running, self.completed)

    def schedule_work(self) -> Awaitable[bool]:
        """Queue it; False if it is queued already.  Context: any."""
        return perform(_Queue(self))

    def schedule_delayed_work(self, delay: int) -> Awaitable[bool]:
        """Queue it after `delay` jiffies (any moment: see the module).  Context: any."""
        return perform(_Queue(self))

    def cancel_work(self) -> Awaitable[bool]:
        """Take it off the queue if it has not started; tell whether it was there.  Context: any."""
        return perform(_Cancel(self))

    async def cancel_work_sync(self) -> bool:
        """Cancel it and wait until it does not run.  Context: process; may sleep."""
        pending = await perform(_Cancel(self, "cancel_work_sync", sleeps=True))
        await perform(_WaitIdle(self))
        return bool(pending)

    async def flush_work(self) -> None:
        """Wait until what is queued or running now has finished.  Context: process; may sleep."""
        target = await perform(_FlushTarget(self))
        await perform(_WaitDone(self, target))

    async def _worker(self) -> None:
        while True:
            await perform(_Dequeue(self))
            await self.function()
            await perform(_Done(self))


class _WorkOp(Op):
    __slots__ = ("work",)

    def __init__(self, work: Work) -> None:
        self.work = work

    def label(self) -> str:
        return self.work.name


class _Queue(_WorkOp):
    __slots__ = ()
    name = "queue_work"

    def apply(self, sim: Sim, thread: SimThread) -> bool:
        work = self.work
        before = work.state()
        sim.release_edge(work.queued)
        if work.pending:
            sim.touch(work.key, READ, before)
            return False
        sim.touch(work.key, WRITE, before)
        work.pending = True
        if work.name not in sim.by_name:
            current = sim.current
            sim.spawn(work.name, work._worker(), daemon=True).idle = work._worker
            sim.current = current
        return True


class _Dequeue(_WorkOp):
    __slots__ = ()
    name = "run_work"
    idles = True

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return self.work.pending

    def guard(self) -> tuple[Key, ...]:
        return (self.work.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return bool(state[0])

    def apply(self, sim: Sim, thread: SimThread) -> None:
        work = self.work
        sim.touch(work.key, WRITE, work.state())
        sim.acquire_edge(work.queued)
        work.pending = False
        work.running = True
        thread.operation = work.name

    def waits_for(self, thread: SimThread) -> str:
        return "work"


class _Done(_WorkOp):
    __slots__ = ()
    name = "work_done"

    def apply(self, sim: Sim, thread: SimThread) -> None:
        work = self.work
        sim.touch(work.key, WRITE, work.state())
        sim.release_edge(work.key)
        work.running = False
        work.completed += 1
        thread.operation = ""


class _Cancel(Op):
    __slots__ = ("may_sleep", "name", "work")

    def __init__(self, work: Work, name: str = "cancel_work", sleeps: bool = False) -> None:
        self.work = work
        self.name = name  # type: ignore[misc]
        self.may_sleep = sleeps  # type: ignore[misc]

    def label(self) -> str:
        return self.work.name

    def apply(self, sim: Sim, thread: SimThread) -> bool:
        work = self.work
        before = work.state()
        if not work.pending:
            sim.touch(work.key, READ, before)
            return False
        sim.touch(work.key, WRITE, before)
        work.pending = False
        return True


class _WaitIdle(_WorkOp):
    __slots__ = ()
    name = "wait_on_work"
    may_sleep = True

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return not self.work.running

    def guard(self) -> tuple[Key, ...]:
        return (self.work.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return not state[1]

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.work.key, READ, self.work.state())
        sim.acquire_edge(self.work.key)

    def blockers(self, sim: Sim) -> tuple[SimThread, ...]:
        worker = sim.by_name.get(self.work.name)
        return (worker,) if worker is not None else ()

    def waits_for(self, thread: SimThread) -> str:
        return f"work {self.work.name} to end"


class _FlushTarget(_WorkOp):
    __slots__ = ()
    name = "flush_work"
    may_sleep = True

    def apply(self, sim: Sim, thread: SimThread) -> int:
        work = self.work
        sim.touch(work.key, READ, work.state())
        return work.completed + int(work.running) + int(work.pending)


class _WaitDone(Op):
    __slots__ = ("target", "work")

    name = "wait_for_work"
    may_sleep = True

    def __init__(self, work: Work, target: int) -> None:
        self.work = work
        self.target = target

    def label(self) -> str:
        return self.work.name

    def _over(self, state: State) -> bool:
        pending, running, completed = state
        return completed >= self.target or not (pending or running)

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return self._over(self.work.state())

    def guard(self) -> tuple[Key, ...]:
        return (self.work.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return self._over(state)

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.work.key, READ, self.work.state())
        sim.acquire_edge(self.work.key)

    def blockers(self, sim: Sim) -> tuple[SimThread, ...]:
        worker = sim.by_name.get(self.work.name)
        return (worker,) if worker is not None else ()

    def waits_for(self, thread: SimThread) -> str:
        return f"work {self.work.name} to end"
