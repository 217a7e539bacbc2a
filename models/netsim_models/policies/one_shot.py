"""
One-shot in the kernel: a dumper is called up to its first crash, and not again until it is armed.

The rule is that of patch 08 (Mike Waychison, 2010-11-03 01:30: "we may only be interested in the
first Oops that a kernel emits"; soft dumps do not spend the shot, but come to an end with it), the
place is another: there the driver disables itself after it has sent, here the kernel, which cannot
know whether anything was sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.core.memory import KObject, bind, shared
from netsim.sync.marked import read_once, write_once
from netsim_models.kernel.printk import KmsgDumpReason
from netsim_models.policies.policy import Policy

if TYPE_CHECKING:
    from netsim_models.machine import Machine


@shared
class OneShotState(KObject):
    """Names of the dumpers that had their shot: dump_list_lock, but for who arms them."""

    spent: tuple[str, ...] = ()


class OneShot(Policy):
    """Let each dumper be called up to its first oops or panic, for soft dumps meanwhile, too."""

    def __init__(self, m: Machine) -> None:
        self.state = bind(m.sim, OneShotState(), "one_shot")

    async def admits_dump(self, dumper: str, reason: KmsgDumpReason) -> bool:
        """See `Policy`; the shot is spent by the call."""
        spent = await read_once(self.state, "spent")
        if dumper in spent:
            return False
        if reason is not KmsgDumpReason.SOFT:
            await write_once(self.state, "spent", (*spent, dumper))
        return True

    async def rearm(self) -> None:
        """Give every dumper another shot.  Context: any.  Locks: none."""
        await write_once(self.state, "spent", ())
