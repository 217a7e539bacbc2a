"""
One-shot in the kernel: a dumper is called once, and not again until it is armed anew.

The rule is that of patch 08 (Mike Waychison, 2010-11-03 01:30: "we may only be interested in the
first Oops that a kernel emits"; soft dumps do not count), the place is not: there the driver
disables itself after it has sent, here the kernel, which cannot know whether anything was sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.core.memory import KObject, bind, shared
from netsim_models.kernel.printk import KmsgDumpReason
from netsim_models.policies.policy import Policy

if TYPE_CHECKING:
    from netsim_models.machine import Machine


@shared
class OneShotState(KObject):
    """Names of the dumpers that had their shot; dump_list_lock protects it."""

    spent: tuple[str, ...] = ()


class OneShot(Policy):
    """Let each dumper be called for one oops or panic, and for every soft dump."""

    def __init__(self, m: Machine) -> None:
        self.m = m
        self.state = bind(m.sim, OneShotState(), "one_shot")

    def admits_dump(self, dumper: str, reason: KmsgDumpReason) -> bool:
        """See `Policy`; the shot is spent by the call."""
        if reason is KmsgDumpReason.SOFT:
            return True
        spent = self.state.spent
        if dumper in spent:
            return False
        self.state.spent = (*spent, dumper)
        return True

    async def rearm(self) -> None:
        """Give every dumper another shot.  Context: any.  Locks: dump_list_lock, irqsave."""
        async with self.m.log.dump_list_lock.irqsave():
            self.state.spent = ()
