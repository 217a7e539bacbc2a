"""
schedule_timeout(): sleep until time has passed.

Time passes when nothing else can happen, and then at once as far as the next timeout: who waits
with a timeout is never deadlocked, and no step is slow enough for a timeout to overtake it.
"""

from collections.abc import Awaitable

from netsim.core.access import Key
from netsim.core.op import Op
from netsim.core.sim import TIME, ModelError, Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform


class _Timeout(Op):
    __slots__ = ("timeout",)

    name = "schedule_timeout"
    may_sleep = True
    exact = False

    def __init__(self, timeout: int) -> None:
        self.timeout: int = timeout

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return False  # but for its timeout

    def guard(self) -> tuple[Key, ...]:
        return (TIME,)

    def admits(self, key: Key, state: object, thread: str) -> None:
        return None  # it depends on what everybody else can do

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.time_passes(self.timeout)

    def waits_for(self, thread: SimThread) -> str:
        return "time to pass"


def schedule_timeout(timeout: int) -> Awaitable[None]:
    """
    Sleep for `timeout` jiffies.  Raises ModelError for a timeout below 1.

    Kernel:     schedule_timeout_uninterruptible(), kernel/timer.c:schedule_timeout()
    Context:    process; may sleep
    Footprint:  moves the time
    """
    return perform(_Timeout(checked(timeout)))


def checked(timeout: int) -> int:
    """Return a timeout in jiffies; raises ModelError if it is none."""
    if type(timeout) is not int or timeout < 1:
        raise ModelError(f"a timeout is 1 jiffy or more; found {timeout!r}")
    return timeout
