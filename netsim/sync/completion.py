"""struct completion: a counter that one waits for."""

from collections.abc import Awaitable
from typing import Any

from netsim.core.access import READ, WRITE, Key
from netsim.core.op import Op
from netsim.core.sim import TIME, Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform
from netsim.sync.timeout import checked


class Completion:
    """
    A completion.

    Kernel:     struct completion
    Context:    complete() any; wait_for_completion() process, may sleep
    Footprint:  both write it
    """

    __slots__ = ("done", "key", "name", "sim")

    def __init__(self, sim: Sim, name: str) -> None:
        self.sim = sim
        self.name = name
        self.done = 0
        self.key: Key = sim.new_key(name, "completion")

    def complete(self) -> Awaitable[None]:
        """Let one waiter go on.  Context: any."""
        return perform(_Complete(self))

    def wait_for_completion(self) -> Awaitable[None]:
        """Wait for one completion and consume it.  Context: process; may sleep."""
        return perform(_Wait(self))

    def wait_for_completion_timeout(self, timeout: int) -> Awaitable[int]:
        """
        Wait for one completion and consume it, or until `timeout` jiffies have passed.

        Returns 0 if time was up, else the jiffies that were left, at least 1.  Time passes only
        when nothing else can happen.  Raises ModelError for a timeout below 1.

        Kernel:     wait_for_completion_timeout(), kernel/sched.c:do_wait_for_common()
        Context:    process; may sleep
        Footprint:  writes it; reads the time, or moves it (and then reads the completion)
        """
        return perform(_WaitTimeout(self, checked(timeout)))


class _Complete(Op):
    __slots__ = ("completion",)

    name = "complete"

    def __init__(self, completion: Completion) -> None:
        self.completion = completion

    def label(self) -> str:
        return self.completion.name

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.completion.key, WRITE, self.completion.done)
        sim.release_edge(self.completion.key)
        self.completion.done += 1


class _Wait(Op):
    __slots__ = ("completion",)

    name = "wait_for_completion"
    may_sleep = True

    def __init__(self, completion: Completion) -> None:
        self.completion = completion

    def label(self) -> str:
        return self.completion.name

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return self.completion.done > 0

    def guard(self) -> tuple[Key, ...]:
        return (self.completion.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool | None:
        return bool(state > 0)

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.completion.key, WRITE, self.completion.done)
        sim.acquire_edge(self.completion.key)
        self.completion.done -= 1

    def waits_for(self, thread: SimThread) -> str:
        return f"completion {self.completion.name}"


class _WaitTimeout(_Wait):
    __slots__ = ("timeout",)

    name = "wait_for_completion_timeout"
    exact = False

    def __init__(self, completion: Completion, timeout: int) -> None:
        super().__init__(completion)
        self.timeout: int = timeout

    def guard(self) -> tuple[Key, ...]:
        return (self.completion.key, TIME)

    def admits(self, key: Key, state: Any, thread: str) -> bool | None:
        if key == self.completion.key and state > 0:
            return True
        return None  # time may be up: if nobody else can do anything

    def apply(self, sim: Sim, thread: SimThread) -> int:  # type: ignore[override]
        if self.completion.done > 0:
            super().apply(sim, thread)
            sim.touch(TIME, READ, None)
            return max(self.timeout, 1)
        sim.touch(self.completion.key, READ, self.completion.done)
        sim.time_passes(self.timeout)
        return 0
