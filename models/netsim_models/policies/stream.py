"""
Streaming of console messages to targets, with a flag for each, on until it is cleared.

Mike Waychison, 2010-11-03 20:29: "having a per-target flag for streaming of console messages
(enabled by default) and a flag to emit a structured full dmesg dump (disabled by default)"; the
other flag is `dump_flag`.  He means netconsole with dumps; here it is the driver of dumps that gets
a console.  It writes as write_msg() of drivers/net/netconsole.c does: it waits for the lock of the
targets, irqs off, where the callback of a dumper tries it and gives up.

A level for each target is Bruno Prémont's, 2010-11-03 20:59: "filter levels on a per-console base
(e.g. let uart only show KERN_WARN..KERN_CRIT but having more verbosity on termial or netconsole
[per target])".  More verbosity than others have is possible only if console_loglevel is not asked,
so the level of a target stands in its place: what console_verbose() and sysrq do to
console_loglevel does not change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from netsim.core.memory import KObject, bind, shared
from netsim.sync.marked import read_once, write_once
from netsim.sync.spinlock import SpinLock
from netsim_models.kernel.consoles import Console, Consoles, Message
from netsim_models.kernel.levels import DEFAULT_CONSOLE_LOGLEVEL
from netsim_models.net.device import netif_running
from netsim_models.net.netpoll import netpoll_send_udp
from netsim_models.policies.policy import Policy

if TYPE_CHECKING:
    from netsim_models.machine import Machine
    from netsim_models.net.netpoll import Netpoll

#: drivers/net/netconsole.c
MAX_PRINT_CHUNK = 1000


class Streaming(Protocol):
    """
    What a driver offers that can stream: its targets, and a place for a console.

    `console` is set before anything runs.  The driver registers it as the last thing that loading
    does, and unregisters it as the first of unloading; at boot it is registered if `loaded`.
    """

    console: Console | None
    target_lock: SpinLock
    #: The targets, each of which gets a flag and a level.
    target_names: tuple[str, ...]
    loaded: bool

    def enabled_targets(self) -> Sequence[tuple[str, Netpoll]]:
        """Return name and netpoll of those that can be sent to; the caller holds the lock."""
        ...


@shared
class StreamSettings(KObject):
    """The flag and the level of one target, by marked accesses."""

    stream: int = 1
    level: int = DEFAULT_CONSOLE_LOGLEVEL


class Stream(Policy):
    """A console that sends to the targets of one driver; every dump passes."""

    def __init__(self, m: Machine, driver: Streaming) -> None:
        self.m = m
        self.driver = driver
        #: By name of the target.
        self.settings = {
            name: bind(m.sim, StreamSettings(), f"stream({name})") for name in driver.target_names
        }
        self.console = driver.console = Console("netcon", self.write_msg)
        consoles = m.log.consoles = m.log.consoles or Consoles(m.sim, m.log.log_end)
        if driver.loaded:
            consoles.console_drivers.items = (*consoles.console_drivers.items, self.console)

    async def write_msg(self, message: Message) -> None:
        """
        Send a message to each target that wants it, in pieces of at most 1000 bytes.

        Kernel:   drivers/net/netconsole.c:write_msg()
        Context:  any, irqs off
        Locks:    console_sem held; waits for that of the targets, irqsave
        """
        async with self.driver.target_lock.irqsave():
            for name, np in self.driver.enabled_targets():
                assert np.dev is not None
                if await self._wanted(name, message) and await netif_running(np.dev):
                    for at in range(0, len(message.text), MAX_PRINT_CHUNK):
                        frag = message.text[at : at + MAX_PRINT_CHUNK]
                        begin = message.start + at
                        await netpoll_send_udp(self.m, np, frag, (begin, begin + len(frag)))

    async def _wanted(self, name: str, message: Message) -> bool:
        settings = self.settings[name]
        if not await read_once(settings, "stream"):
            return False
        return not self.console.filters or message.level < await read_once(settings, "level")

    def give_levels(self) -> None:
        """Let each target have a level of its own, before anything runs."""
        self.console.filters = True

    async def configure(self, field: str, value: int) -> None:
        """Set `stream` or `level` of each target.  Context: any.  Locks: none."""
        for settings in self.settings.values():
            await write_once(settings, field, value)
