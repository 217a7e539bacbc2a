"""
struct timer_list: armed or not; its handler runs when simulated time reaches it.

Time moves only by steps: a timer fires for the operation that ages it (`expire`), which then
runs the handler itself, in softirq context.
"""

from collections.abc import Awaitable
from typing import Any

from netsim.core.access import READ, WRITE, Key
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform


class Timer:
    """
    A timer.

    Kernel:     struct timer_list
    Context:    mod_timer and del_timer any; del_timer_sync must not run in the handler
    Footprint:  what changes it writes; what finds nothing to do reads
    """

    __slots__ = ("armed", "expires", "key", "name", "running", "sim")

    def __init__(self, sim: Sim, name: str) -> None:
        self.sim = sim
        self.name = name
        self.armed = False
        self.running = False
        self.expires = 0
        self.key: Key = (name, "timer")

    def state(self) -> tuple[bool, bool]:
        """Return (armed, handler runs)."""
        return (self.armed, self.running)

    def mod_timer(self, expires: int) -> Awaitable[bool]:
        """Arm it for jiffy `expires`; tell whether it was armed before.  Context: any."""
        return perform(_Mod(self, expires))

    def del_timer(self) -> Awaitable[bool]:
        """Disarm it; tell whether it was armed (a running handler goes on).  Context: any."""
        return perform(_Del(self))

    async def del_timer_sync(self) -> bool:
        """Disarm it and wait until its handler does not run.  Context: any but the handler."""
        armed = await perform(_Del(self))
        await perform(_WaitHandler(self))
        return bool(armed)

    def expire(self) -> Awaitable[bool]:
        """Let time reach it: True if it was armed, and its handler must now be run."""
        return perform(_Expire(self))

    def done(self) -> Awaitable[None]:
        """Note that the handler has ended."""
        return perform(_Done(self))


class _TimerOp(Op):
    __slots__ = ("timer",)

    def __init__(self, timer: Timer) -> None:
        self.timer = timer

    def label(self) -> str:
        return self.timer.name


class _Mod(_TimerOp):
    __slots__ = ("expires",)
    name = "mod_timer"

    def __init__(self, timer: Timer, expires: int) -> None:
        self.timer = timer
        self.expires = expires

    def apply(self, sim: Sim, thread: SimThread) -> bool:
        timer = self.timer
        sim.touch(timer.key, WRITE, timer.state())
        sim.release_edge(timer.key)
        was, timer.armed = timer.armed, True
        timer.expires = self.expires
        return was


class _Del(_TimerOp):
    __slots__ = ()
    name = "del_timer"

    def apply(self, sim: Sim, thread: SimThread) -> bool:
        timer = self.timer
        sim.touch(timer.key, WRITE if timer.armed else READ, timer.state())
        was, timer.armed = timer.armed, False
        return was


class _WaitHandler(_TimerOp):
    __slots__ = ()
    name = "del_timer_sync"

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return not self.timer.running

    def guard(self) -> tuple[Key, ...]:
        return (self.timer.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return not state[1]

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.timer.key, READ, self.timer.state())
        sim.acquire_edge(self.timer.key)

    def waits_for(self, thread: SimThread) -> str:
        return f"the handler of {self.timer.name} to end"


class _Expire(_TimerOp):
    __slots__ = ()
    name = "run_timer"

    def apply(self, sim: Sim, thread: SimThread) -> bool:
        timer = self.timer
        # One handler at a time: while it runs elsewhere, this expiry belongs to that run.
        if not timer.armed or timer.running:
            sim.touch(timer.key, READ, timer.state())
            return False
        sim.touch(timer.key, WRITE, timer.state())
        sim.acquire_edge(timer.key)
        timer.armed = False
        timer.running = True
        sim.time_reaches(timer.expires)
        return True


class _Done(_TimerOp):
    __slots__ = ()
    name = "timer_done"

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.timer.key, WRITE, self.timer.state())
        sim.release_edge(self.timer.key)
        self.timer.running = False
