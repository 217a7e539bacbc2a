"""
struct timer_list: armed or not; its handler runs when simulated time reaches it.

Time moves only by steps: a timer fires for the operation that ages it (`expire`), which then
runs the handler itself, in softirq context.  If timers are left to the environment
(`--choose timers`), one that has a `function` fires by itself, too, at any moment while it is
armed: an armed timer is then like a queued work item, and rest is where none is left to fire.

That would never be of one that arms itself again and again.  So a function says whether it did
anything but that.  One that did nothing may have waited for its time, which it has set itself
when it is armed again; if it does nothing then either (`IDLE_MAX`), it fires again only once
something that it has read is changed, or another thread arms it.  A function that always does
something has run `FIRINGS_MAX` times in an execution when the answer is given up (`Spent`).
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from netsim.core.access import READ, WRITE, Key
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.step import Round
from netsim.core.thread import Context, SimThread
from netsim.core.traps import perform
from netsim.sync.wait import wait_for_change

#: What `Sim.choices` contains if timers fire by themselves.
TIMERS: Final = "timers"
#: A timer that did nothing so often in a row is not let fire without a reason.
IDLE_MAX: Final = 2
#: No timer fires by itself more often in one execution.
FIRINGS_MAX: Final = 20

Handler = Callable[[], Coroutine[Op, Any, bool]]


class Timer:
    """
    A timer.

    `function` is the handler if it may fire by itself, see the module; it tells whether it did
    anything but arm the timer again.

    Kernel:     struct timer_list
    Context:    mod_timer and del_timer any; del_timer_sync must not run in the handler
    Footprint:  what changes it writes; what finds nothing to do reads
    """

    __slots__ = ("armed", "expires", "function", "key", "name", "others", "running", "sim")

    def __init__(self, sim: Sim, name: str, function: Handler | None = None) -> None:
        self.sim = sim
        self.name = name
        self.function = function
        #: Changed by whoever arms it, but for its own handler.
        self.others: Key = (name, "armed by others")
        self.armed = False
        self.running = False
        self.expires = 0
        self.key: Key = sim.new_key(name, "timer")

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

    async def _fires(self) -> None:
        """Let it fire by itself, as often as the module says."""
        assert self.function is not None
        idle = 0
        for _ in range(FIRINGS_MAX):
            seen = await perform(_Fire(self))
            idle = 0 if await self.function() else idle + 1
            await perform(_Fired(self))
            if idle >= IDLE_MAX:
                await wait_for_change(self.name, seen, self._waits)
        await perform(Spent(self))

    def _waits(self) -> str:
        return "a reason to fire"


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
        if TIMERS in sim.choices and timer.function is not None:
            _fires_by_itself(sim, timer, thread)
        return was


def _fires_by_itself(sim: Sim, timer: Timer, armed_by: SimThread) -> None:
    """Give an armed timer the thread that fires it, once; and a reason to, unless it has it."""
    if timer.name not in sim.by_name:
        sim.spawn(timer.name, timer._fires(), daemon=True).idle = timer._fires
        sim.current = armed_by
    elif armed_by.name != timer.name:
        sim.touch(timer.others, WRITE)
        sim.value_changed(timer.others, False, True)


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


class _Fire(_TimerOp):
    __slots__ = ()
    name = "timer_fires"
    idles = True

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return not sim.alone and self.timer.armed and not self.timer.running

    def guard(self) -> tuple[Key, ...]:
        return (self.timer.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return bool(state[0] and not state[1])

    def apply(self, sim: Sim, thread: SimThread) -> Round:
        timer = self.timer
        sim.touch(timer.key, WRITE, timer.state())
        sim.acquire_edge(timer.key)
        timer.armed = False
        timer.running = True
        sim.time_reaches(timer.expires)
        thread.operation = timer.name
        thread.context = Context.SOFTIRQ
        sim.touch(timer.others, READ)
        seen = sim.begin_round()
        seen.reads[timer.others] = sim.versions.get(timer.others, 0)
        return seen

    def waits_for(self, thread: SimThread) -> str:
        return f"{self.timer.name} to be armed"


class _Fired(_Done):
    __slots__ = ()
    name = "timer_done"

    def apply(self, sim: Sim, thread: SimThread) -> None:
        super().apply(sim, thread)
        sim.end_round()
        thread.operation = ""
        thread.context = Context.PROCESS


class Spent(_TimerOp):
    """The timer has fired as often as one may: nobody knows what comes if it is armed."""

    __slots__ = ()
    name = "timer_spent"
    idles = True

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        """Never again."""
        return False

    def guard(self) -> tuple[Key, ...]:
        """What would decide it."""
        return (self.timer.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        """No state does."""
        return False

    def waits_for(self, thread: SimThread) -> str:
        """Say that it is too late."""
        return "nothing: it has fired too often"


def spent(sim: Sim) -> list[str]:
    """Name the timers that are armed and would fire again, had they not fired so often."""
    return [
        thread.name
        for thread in sim.threads
        if isinstance(thread.pending, Spent) and thread.pending.timer.armed
    ]
