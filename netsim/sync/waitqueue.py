"""wait_queue_head_t: prepare, test, sleep, wake; wait_event() on top."""

from collections.abc import Awaitable, Callable
from typing import Any

from netsim.core.access import WRITE, Key
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform


class WaitQueue:
    """
    A wait queue.

    Kernel:     wait_queue_head_t
    Context:    waiting in process context, may sleep; waking in any
    Footprint:  every operation writes it
    """

    __slots__ = ("asleep", "key", "name", "sim")

    def __init__(self, sim: Sim, name: str) -> None:
        self.sim = sim
        self.name = name
        self.key: Key = sim.new_key(name, "waitqueue")
        #: Waiters by thread name; True once woken.
        self.asleep: dict[str, bool] = {}

    def state(self) -> tuple[tuple[str, bool], ...]:
        """Return the waiters and whether each has been woken."""
        return tuple(self.asleep.items())

    def prepare_to_wait(self) -> Awaitable[None]:
        """Enter the queue; a wake-up from here on is not lost.  Context: process."""
        return perform(_Prepare(self))

    def schedule(self) -> Awaitable[None]:
        """Sleep until woken; returns at once if that has happened.  Context: process."""
        return perform(_Schedule(self))

    def finish_wait(self) -> Awaitable[None]:
        """Leave the queue.  Context: process."""
        return perform(_Finish(self))

    def wake_up(self) -> Awaitable[None]:
        """Wake all that wait.  Context: any."""
        return perform(_Wake(self))

    async def wait_event(self, condition: Callable[[], bool]) -> None:
        """
        Sleep until `condition` holds; it is tested again after each wake-up.

        Kernel:     wait_event()
        Context:    process; may sleep
        """
        while True:
            await self.prepare_to_wait()
            if condition():
                break
            await self.schedule()
        await self.finish_wait()


class _QueueOp(Op):
    __slots__ = ("queue",)

    def __init__(self, queue: WaitQueue) -> None:
        self.queue = queue

    def label(self) -> str:
        return self.queue.name


class _Prepare(_QueueOp):
    __slots__ = ()
    name = "prepare_to_wait"

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.queue.key, WRITE, self.queue.state())
        sim.acquire_edge(self.queue.key)
        self.queue.asleep[thread.name] = False


class _Schedule(_QueueOp):
    __slots__ = ()
    name = "schedule"
    may_sleep = True

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return self.queue.asleep.get(thread.name, True)

    def guard(self) -> tuple[Key, ...]:
        return (self.queue.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return bool(dict(state).get(thread, True))

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.queue.key, WRITE, self.queue.state())
        sim.acquire_edge(self.queue.key)

    def waits_for(self, thread: SimThread) -> str:
        return f"a wake-up on {self.queue.name}"


class _Finish(_QueueOp):
    __slots__ = ()
    name = "finish_wait"

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.queue.key, WRITE, self.queue.state())
        self.queue.asleep.pop(thread.name, None)


class _Wake(_QueueOp):
    __slots__ = ()
    name = "wake_up"

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.queue.key, WRITE, self.queue.state())
        sim.release_edge(self.queue.key)
        for name in self.queue.asleep:
            self.queue.asleep[name] = True
