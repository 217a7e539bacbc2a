"""
oops_once: the first oops is dumped, no other.

Cong Wang, 2010-11-04 06:11: "We have WARN_ONCE(), maybe we can make one oops_once()... At least,
that is not hard", and 06:30: "We also have pause_on_oops, or we can invent a oops_once".  Made as
WARN_ONCE() is (include/asm-generic/bug.h, read in ports and copies of other releases): a flag
without a lock, looked at before the warning and set after it.  So oopses on other CPUs meanwhile
pass, too, and the flag is a data race.  The text of an oops is printed as ever, and panics are
dumped: panic() does not come by here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.core.memory import KObject, bind, shared
from netsim_models.policies.policy import Policy

if TYPE_CHECKING:
    from netsim_models.machine import Machine


@shared
class OopsOnceState(KObject):
    """The flag; nothing protects it."""

    oopsed: int = 0


class OopsOnce(Policy):
    """Let oops_exit() dump as long as no oops has been dumped."""

    def __init__(self, m: Machine) -> None:
        self.state = bind(m.sim, OopsOnceState(), "oops_once")

    async def admits_oops(self) -> bool:
        """See `Policy`."""
        return not self.state.oopsed

    def oops_dumped(self) -> None:
        """See `Policy`."""
        self.state.oopsed = 1
