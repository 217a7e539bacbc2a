"""Time of the simulated kernel: its unit, and what lets it pass (kernel/timer.c of 2.6.36)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform

if TYPE_CHECKING:
    from netsim_models.machine import Machine

#: Jiffies in a second.
HZ = 1000


class _Pass(Op):
    __slots__ = ("jiffies", "may_sleep", "name")

    def __init__(self, name: str, jiffies: int, may_sleep: bool) -> None:
        self.name = name  # type: ignore[misc]
        self.jiffies = jiffies
        self.may_sleep = may_sleep  # type: ignore[misc]

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.jiffies += self.jiffies


def msleep(milliseconds: int) -> Awaitable[None]:
    """
    kernel/timer.c:msleep(), for who has nothing to do meanwhile: the clock moves, nothing else.

    Timers that become due do not fire by it (as ever: `--choose timers`, or `neigh-age`), so that
    neighbours do not age.

    Context: process; may sleep.  Footprint: conflicts with who looks at the time.
    """
    return perform(_Pass("msleep", milliseconds * HZ // 1000, True))


def mdelay(milliseconds: int) -> Awaitable[None]:
    """include/linux/delay.h:mdelay(): time passes, and this CPU spins.  Context: any."""
    return perform(_Pass("mdelay", milliseconds * HZ // 1000, False))


async def wait_seconds(m: Machine, seconds: str) -> int:
    """A task of this flow sleeps: see msleep().  Context: process; may sleep."""
    await msleep(1000 * int(seconds))
    return 0
