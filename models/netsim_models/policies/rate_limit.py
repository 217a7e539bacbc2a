"""
Rate limit: so many oopses in an interval are dumped, the others are not.

Matt Mackall, 2010-11-03 20:54: "lots of machines regularly survive oopses, so I think you ought to
consider rate-limiting them (to a configurable rate with a very low default) rather than
suppressing all but the first".  He names no figure: one in a minute is taken.  Panics and soft
dumps pass and do not count, since he speaks of oopses that a machine survives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.core.memory import KObject, bind, shared
from netsim.sync.marked import read_once, write_once
from netsim_models.kernel.jiffies import HZ
from netsim_models.kernel.printk import KmsgDumpReason
from netsim_models.policies.policy import Policy

if TYPE_CHECKING:
    from netsim_models.machine import Machine

INTERVAL_SECONDS = 60
BURST = 1


@shared
class RateLimitSettings(KObject):
    """The rate, which is the same for each dumper, by marked accesses."""

    interval: int = INTERVAL_SECONDS * HZ
    burst: int = BURST


@shared
class RateLimitState(KObject):
    """
    struct ratelimit_state of one dumper; dump_list_lock protects it.

    `begin` is None while nothing was counted.
    """

    begin: int | None = None
    printed: int = 0


class RateLimit(Policy):
    """
    Let each dumper be called for so many oopses in an interval, which begins with the first.

    Kernel:     lib/ratelimit.c:__ratelimit(), without its lock and its message
    """

    def __init__(self, m: Machine) -> None:
        self.m = m
        self.settings = bind(m.sim, RateLimitSettings(), "rate_limit")
        #: By name of the dumper.
        self.states: dict[str, RateLimitState] = {}

    async def admits_dump(self, dumper: str, reason: KmsgDumpReason) -> bool:
        """See `Policy`."""
        if reason is not KmsgDumpReason.OOPS:
            return True
        interval = await read_once(self.settings, "interval")
        burst = await read_once(self.settings, "burst")
        if not interval:
            return True
        state = self._state(dumper)
        now = self.m.sim.jiffies
        begin = state.begin
        if begin is None or now > begin + interval:
            state.begin, state.printed = now, 0
        if state.printed >= burst:
            return False
        state.printed += 1
        return True

    def _state(self, dumper: str) -> RateLimitState:
        if dumper not in self.states:
            fresh = bind(self.m.sim, RateLimitState(), f"rate_limit({dumper})")
            self.states[dumper] = fresh
        return self.states[dumper]

    async def configure(self, seconds: int, burst: int) -> None:
        """
        Set the rate: `burst` oopses in so many seconds; 0 seconds: no limit.

        Context: any.  Locks: none; a dump between the two uses the one and not the other.
        """
        await write_once(self.settings, "interval", seconds * HZ)
        await write_once(self.settings, "burst", burst)
