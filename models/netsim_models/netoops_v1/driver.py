"""
drivers/net/netoops.c, as patches 05 to 09 leave it; its files are in `proc` and `sysfs`.

The driver is reproduced as it behaves, defects and all: what leaks, deadlocks or races here does
so in the patch.  `Netoops.in_notifier` is the one place where variants differ: how netpoll is
attached and detached when the caller is a notifier, which runs under rtnl.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import attrs

from netsim.core.memory import KObject, bind, kfree, peek, shared
from netsim.sync.alloc import kzalloc
from netsim.sync.notifier import NOTIFY_DONE, NotifierBlock
from netsim.sync.spinlock import SpinLock
from netsim_models.fs.sysfs import Kobject
from netsim_models.kernel.consoles import Console
from netsim_models.kernel.jiffies import mdelay
from netsim_models.kernel.levels import KERN_ERR
from netsim_models.kernel.oops import bug_on
from netsim_models.kernel.printk import KmsgDumper, KmsgDumpReason, Segment, printk
from netsim_models.net import events
from netsim_models.net.device import IFNAMSIZ, NetDevice, netif_carrier_ok
from netsim_models.net.neighbour import NUD_VALID, neigh_event_send
from netsim_models.net.netpoll import Netpoll, netpoll_send_udp
from netsim_models.net.route import arp_bind_neighbour, ip_route_output_key, ip_rt_put
from netsim_models.netoops_v1 import packet
from netsim_models.netoops_v1.blob import Blob
from netsim_models.netoops_v1.destination import (
    Destination,
    FixedPorts,
    Keeping,
    Pinned,
    Ports,
)
from netsim_models.netoops_v1.formats import Format, Packed
from netsim_models.netoops_v1.sysfs import FIELD_BYTES
from netsim_models.wire.segments import packet_count_from_length

if TYPE_CHECKING:
    from netsim_models.machine import Machine
    from netsim_models.x86 import PtRegs

Setup = Callable[["Machine", Netpoll], Awaitable[int]]
Cleanup = Callable[["Machine", Netpoll], Awaitable[None]]


@shared
class NetoopsData(KObject):
    """The static data of the driver; it goes when the module is unloaded."""

    np: Netpoll | None = None
    netoops_neighbour: Destination | None = None
    network_dumper_one_shot: int = 1
    network_dumper_disabled: int = 0
    netoops_fw_version: bytes = bytes(FIELD_BYTES)
    netoops_board_name: bytes = bytes(FIELD_BYTES)
    netoops_boot_number: int = 0
    netoops_kobj: Kobject | None = None


class Paths:
    """How netpoll is attached and detached on one kind of path."""

    def __init__(self, setup: Setup, cleanup: Cleanup) -> None:
        self.netpoll_setup = setup
        self.netpoll_cleanup = cleanup


@attrs.frozen
class Handled:
    """
    What netoops() found in a dump: what kept it from sending, or whom it sends to.

    `stopped_by` names what did, "" if nothing, and `why` tells it.  `neighbour` is "none", "valid"
    or "invalid" when something is sent.
    """

    stopped_by: str = ""
    why: str = ""
    neighbour: str = ""


class Netoops:
    """The driver: its globals, and its functions under their own names."""

    def __init__(self, m: Machine, in_process: Paths, in_notifier: Paths) -> None:
        self.m = m
        self.in_process = in_process
        self.in_notifier = in_notifier
        self.netoops_lock = SpinLock(m.sim, "netoops_lock")
        # What `netsim_models.policies.stream` wants of a driver.
        self.console: Console | None = None
        self.target_lock = self.netoops_lock
        self.target_names = ("netoops",)
        self.loaded = True
        #: What network_dumper_one_shot is at first: patch 08 has 1.
        self.one_shot_default = 1
        #: Milliseconds between two packets, spun.
        self.spacing = 0
        self.keeping: Keeping = Pinned(m)
        self.format: Format = Packed(packet.layout(m.arch))
        #: What packets carry in place of the texts of patch 07.
        self.blob: Blob | None = None
        self.ports: FixedPorts | Ports = FixedPorts(packet.NETOOPS_PORT)
        self.loads = 0
        #: What became of each dump, by its number: for promises, nothing acts on it.
        self.handled: dict[int, Handled] = {}
        self.data = self.fresh_data()
        self.netoops_notifier = NotifierBlock("netoops", self.netoops_netdev_event)
        self.netoops_dumper = KmsgDumper("netoops", self.netoops)

    def fresh_data(self) -> NetoopsData:
        """Make the static data of a module that is being loaded."""
        self.loads += 1
        label = "netoops" if self.loads == 1 else f"netoops#{self.loads}"
        data = NetoopsData(network_dumper_one_shot=self.one_shot_default)
        self.m.sim.heap[label] = data
        return bind(self.m.sim, data, label)

    async def netoops_netdev_event(self, event: int, event_dev: NetDevice) -> int:
        """
        drivers/net/netoops.c:netoops_netdev_event(), patch 05.

        Context: process; may sleep.  Locks: rtnl held.
        """
        if event == events.NETDEV_UNREGISTER:
            await self.save_and_disable_netoops(event_dev)
        elif event == events.NETDEV_CHANGE and await netif_carrier_ok(event_dev):
            await self.restore_netoops(event_dev)
        return NOTIFY_DONE

    async def set_netoops_dest(self, dest_ip: str, paths: Paths) -> None:
        """
        drivers/net/netoops.c:set_netoops_dest(), patch 05.

        Context: process; may sleep.  Locks: none of its own.
        """
        m = self.m
        _err, rt = await ip_route_output_key(m, dest_ip)
        if rt is not None and not await arp_bind_neighbour(m, rt) and rt.neighbour is not None:
            await neigh_event_send(m, rt.neighbour)
        if rt is not None and rt.neighbour is not None:
            neighbour = await self.keeping.take(rt.neighbour)
            await self.enable_netoops(rt.neighbour.dev.name, dest_ip, rt.rt_src, neighbour, paths)
        else:
            await self.disable_netoops(paths)
        if rt is not None:
            await ip_rt_put(m, rt)

    async def disable_netoops(self, paths: Paths) -> None:
        """
        drivers/net/netoops.c:disable_netoops(), patch 05.

        Context: process; may sleep.  Locks: netoops_lock, then none.
        """
        data = self.data
        async with self.netoops_lock.irqsave():
            cleanup_neighbour, data.netoops_neighbour = data.netoops_neighbour, None
            saved_np, data.np = data.np, None
        if saved_np is not None and saved_np.dev is not None:
            await paths.netpoll_cleanup(self.m, saved_np)
        kfree(saved_np)
        if cleanup_neighbour is not None:
            await self.keeping.drop(cleanup_neighbour)

    async def enable_netoops(
        self,
        dev_name: str,
        dest_ip: str,
        src_ip: str,
        dest_neighbour: Destination,
        paths: Paths,
    ) -> None:
        """
        drivers/net/netoops.c:enable_netoops(), patch 05; one-shot of patch 08.

        Context: process; may sleep.  Locks: netoops_lock, then none.
        """
        m, data = self.m, self.data
        local_port, remote_port = await self.ports.read()
        fresh = Netpoll(
            name="network_dumper",
            local_port=local_port,
            remote_port=remote_port,
            dev_name=dev_name,
            local_ip=src_ip,
            remote_ip=dest_ip,
        )
        new_np = await kzalloc(m.sim, fresh, "netpoll")
        if new_np is None:
            await printk(m, f"{KERN_ERR}netpoll_setup failed, netoops disabled.")
            await self.disable_netoops(paths)
            return  # dest_neighbour stays referenced
        if await paths.netpoll_setup(m, new_np):
            await printk(m, f"{KERN_ERR}netpoll_setup failed, netoops disabled.")
            await self.disable_netoops(paths)
            kfree(new_np)
            return  # dest_neighbour stays referenced
        async with self.netoops_lock.irqsave():
            saved_np, data.np = data.np, new_np
            neighbour, data.netoops_neighbour = data.netoops_neighbour, dest_neighbour
            data.network_dumper_disabled = 0
            self.keeping.keep(dest_neighbour)
        if neighbour is not None:
            await self.keeping.drop(neighbour)
        if saved_np is not None:
            await paths.netpoll_cleanup(m, saved_np)
            kfree(saved_np)

    async def restore_netoops(self, dev: NetDevice) -> None:
        """
        drivers/net/netoops.c:restore_netoops(), patch 05.

        Context: process; may sleep.  Locks: rtnl held; netoops_lock, not across the restart.
        """
        m, data = self.m, self.data
        async with self.netoops_lock.irqsave():
            saved_np = data.np
            mine = saved_np is not None and saved_np.dev_name == dev.name
            if mine:
                dest_ip = saved_np.remote_ip  # type: ignore[union-attr]
                data.np = None
        if not mine:
            return
        await self.set_netoops_dest(dest_ip, self.in_notifier)
        async with self.netoops_lock.irqsave():
            failed = data.np is None
            if failed:
                data.np = saved_np
        if failed:
            return
        if saved_np.dev is not None:  # type: ignore[union-attr]
            await self.in_notifier.netpoll_cleanup(m, saved_np)  # type: ignore[arg-type]
        kfree(saved_np)

    async def save_and_disable_netoops(self, dev: NetDevice) -> None:
        """
        drivers/net/netoops.c:save_and_disable_netoops(), patch 05.

        Context: process; may sleep.  Locks: rtnl held; netoops_lock, dropped for the cleanup.
        """
        m, data, lock = self.m, self.data, self.netoops_lock
        neighbour = None
        await lock.spin_lock_irqsave()
        if data.np is not None and data.np.dev is not None and data.np.dev is dev:
            neighbour, data.netoops_neighbour = data.netoops_neighbour, None
            saved_np, data.np = data.np, None
            await lock.spin_unlock_irqrestore()
            await self.in_notifier.netpoll_cleanup(m, saved_np)
            await lock.spin_lock_irqsave()
            await bug_on(m, saved_np.dev is not None, "saved_np->dev != NULL", (repr(saved_np),))
            await bug_on(m, not saved_np.dev_name, "!strlen(saved_np->dev_name)", ())
            if self.data.np is not None:  # somebody configured meanwhile
                kfree(saved_np)
            else:
                data.np = saved_np
        await lock.spin_unlock_irqrestore()
        if neighbour is not None:
            await self.keeping.drop(neighbour)

    async def get_netoops_dest(self) -> tuple[str, str, str]:
        """
        drivers/net/netoops.c:get_netoops_dest(), patch 05: (device name, destination, source).

        Context: process.  Locks: netoops_lock.
        """
        data = self.data
        async with self.netoops_lock.irqsave():
            np = data.np
            if np is None:
                return "", "0.0.0.0", "0.0.0.0"
            return np.dev_name[:IFNAMSIZ], np.remote_ip, np.local_ip

    async def netoops(
        self, reason: KmsgDumpReason, regs: PtRegs | None, s1: Segment, s2: Segment
    ) -> None:
        """
        drivers/net/netoops.c:netoops(), the dump callback, patches 05, 06 and 08.

        Context: any, irqs off.  Locks: dump_list_lock held; netoops_lock by trylock.
        """
        data = self.data
        if reason not in (KmsgDumpReason.OOPS, KmsgDumpReason.PANIC, KmsgDumpReason.SOFT):
            return
        soft_dump = reason is KmsgDumpReason.SOFT
        dump = self.m.log.dumps
        if not await self.netoops_lock.spin_trylock():
            self.handled[dump] = self._locked_out()
            return
        np = data.np
        if np is None or np.dev is None or data.network_dumper_disabled:
            self.handled[dump] = self._declined()
            await self.netoops_lock.spin_unlock()
            return
        self.handled[dump] = Handled(neighbour=self._resolve(np))
        count_1 = packet_count_from_length(s1.length)
        count_2 = packet_count_from_length(s2.length)
        blob = await self.blob.read() if self.blob is not None else None
        header, text = self.format.begin(self, count_1 + count_2, regs, soft_dump, blob)
        message = Message(self, header)
        for _ in range(packet.NETOOPS_RETRANSMIT_COUNT):
            await message.send_text(count_1 + count_2, text)
            await message.send_segment(0, s2)
            await message.send_segment(count_2, s1)
        if not soft_dump and data.network_dumper_one_shot:
            data.network_dumper_disabled = 1
        await self.netoops_lock.spin_unlock()

    def _locked_out(self) -> Handled:
        lock = self.netoops_lock
        assert lock.owner is not None
        return Handled(lock.name, f"{lock.name} is held by {self.m.sim.title(lock.owner)}")

    def _declined(self) -> Handled:
        """Say which condition holds, as far as the driver has looked at them."""
        np = peek(self.data, "np")
        if np is None:
            return Handled("np", "no target is configured")
        if peek(np, "dev") is None:
            return Handled("dev", "the target has no device")
        return Handled("one-shot", "the one shot is used up")

    def _resolve(self, np: Netpoll) -> str:
        """
        Take over the address of the neighbour, if it is valid; the caller holds the lock.

        Returns what it is: see `Handled`.
        """
        neighbour = self.data.netoops_neighbour
        if neighbour is None:
            return "none"
        if neighbour.nud_state not in NUD_VALID:
            return "invalid"
        np.remote_mac = neighbour.ha
        return "valid"

    def enabled_targets(self) -> tuple[tuple[str, Netpoll], ...]:
        """See `netsim_models.policies.stream`; one-shot is about dumps alone."""
        np = self.data.np
        if np is None or np.dev is None:
            return ()
        self._resolve(np)
        return ((self.target_names[0], np),)


class Message:
    """`msg` while a dump runs: a header, of which the number varies, and its data."""

    def __init__(self, driver: Netoops, header: bytes) -> None:
        self.driver = driver
        self.header = header
        self.data = bytearray(packet.NETOOPS_DATA_BYTES)

    async def send_segment(self, packet_offset: int, s: Segment) -> None:
        """
        drivers/net/netoops.c:netoops_send_segment(), patch 05: last part first.

        Context: irqs off.  Locks: netoops_lock held.
        """
        count = packet_count_from_length(s.length)
        for i in range(count - 1, -1, -1):
            length = packet.NETOOPS_DATA_BYTES
            if i == count - 1:
                # Nothing of a last part that fills its packet is copied, as in the patch.
                length = s.length % packet.NETOOPS_DATA_BYTES
                self.data[length:] = bytes(packet.NETOOPS_DATA_BYTES - length)
            self.data[:length] = s.bytes(i * packet.NETOOPS_DATA_BYTES, length)
            await self.send_packet((count - i - 1) + packet_offset)

    async def send_text(self, packet_offset: int, text: bytes) -> None:
        """
        Send what goes before the log, its beginning in the packet with the highest number.

        Context: irqs off.  Locks: netoops_lock held.
        """
        size = packet.NETOOPS_DATA_BYTES
        parts = [text[at : at + size] for at in range(0, len(text), size)]
        for packet_nr, part in enumerate(reversed(parts), packet_offset):
            self.data[:] = part.ljust(size, b"\0")
            await self.send_packet(packet_nr)

    async def send_packet(self, packet_nr: int) -> None:
        """
        drivers/net/netoops.c:netoops_send_packet(), patch 05.

        Context: irqs off.  Locks: netoops_lock held.
        """
        m, np = self.driver.m, self.driver.data.np
        head = self.driver.format.numbered(self.header, packet_nr)
        await netpoll_send_udp(m, np, head + bytes(self.data))  # type: ignore[arg-type]
        if self.driver.spacing:
            await m.crashes.spins(m.sim, self.driver.spacing)
            await mdelay(self.driver.spacing)
