"""
A flag for full dumps, off until it is set.

Mike Waychison, 2010-11-03 20:29: "having a per-target flag for streaming of console messages
(enabled by default) and a flag to emit a structured full dmesg dump (disabled by default)".
netoops has one target, so the flag is that of its dumper.  The stream is in `stream`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.core.memory import KObject, bind, shared
from netsim.sync.marked import read_once, write_once
from netsim_models.policies.policy import Policy

if TYPE_CHECKING:
    from netsim_models.kernel.printk import KmsgDumpReason
    from netsim_models.machine import Machine


@shared
class DumpFlagState(KObject):
    """The flag, by marked accesses."""

    emit: int = 0


class DumpFlag(Policy):
    """Let dumpers be called, for whatever reason, only while the flag is set."""

    def __init__(self, m: Machine) -> None:
        self.state = bind(m.sim, DumpFlagState(), "dump_flag")

    async def admits_dump(self, dumper: str, reason: KmsgDumpReason) -> bool:
        """See `Policy`."""
        return bool(await read_once(self.state, "emit"))

    async def write(self, value: int) -> None:
        """Set the flag.  Context: any.  Locks: none."""
        await write_once(self.state, "emit", value)
