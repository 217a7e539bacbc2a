"""
netpoll: net/core/netpoll.c of 2.6.36 and 2.6.35, as far as a client that only sends can see it.

Functions named `__x` want rtnl held and np->dev set.  Left out: the receive side (no client here
has an rx_hook), ndo_netpoll_setup and bonding, the skb pool (an allocation fails only if the
environment chooses so), netpoll_poll() and the NAPI it drives.  A transmit is one step: the
sections of netpoll_send_skb() run with irqs off, and nobody else uses the queue of the device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from netsim.core.access import READ, WRITE, Key
from netsim.core.memory import KObject, constant, kfree, peek, shared
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform
from netsim.sync.alloc import kzalloc
from netsim.sync.atomic import Atomic
from netsim.sync.choose import fails
from netsim.sync.marked import SharedList, rcu_assign
from netsim.sync.sleep import might_sleep
from netsim.sync.workqueue import Work
from netsim_models.errno import EDESTADDRREQ, ENODEV, ENOMEM, ENOTSUPP
from netsim_models.net.device import (
    NetDevice,
    dev_get_by_name,
    dev_open,
    dev_put,
    netif_carrier_ok,
    netif_running,
)
from netsim_models.net.rtnetlink import rtnl_lock, rtnl_unlock

if TYPE_CHECKING:
    from netsim_models.kernel.printk import KmsgDumpReason
    from netsim_models.machine import Machine

NO_MAC = "00:00:00:00:00:00"


@shared
class Netpoll(KObject):
    """struct netpoll."""

    name: str = constant(default="")
    local_port: int = constant(default=0)
    remote_port: int = constant(default=0)
    dev: NetDevice | None = None
    dev_name: str = ""
    local_ip: str = ""
    remote_ip: str = ""
    remote_mac: str = NO_MAC


@shared
class NetpollInfo(KObject):
    """struct netpoll_info: one for each device, shared by its clients."""

    refcnt: Atomic = constant()
    tx_work: Work = constant()
    #: Packets that wait for the device to be less busy; a queue with a lock of its own.
    txq: SharedList = constant()
    netpoll: Netpoll | None = None


@attrs.frozen
class Packet:
    """What a client hands to netpoll_send_udp(): addresses as they were then, and the payload."""

    reason: KmsgDumpReason | None
    #: Number of the dump that it belongs to.
    dump: int
    source_mac: str
    destination_mac: str
    source_ip: str
    destination_ip: str
    port: int
    payload: bytes = attrs.field(repr=False)
    #: What it has of the log if it is no part of a dump: from where to where in all bytes ever
    #: logged.
    streamed: tuple[int, int] | None = None


@attrs.frozen
class Sent:
    """
    What became of a packet: delivered, lost (no carrier), queued, or dropped.

    A queued packet comes up a second time when the worker has it.
    """

    packet: Packet
    device: str
    fate: str

    @property
    def arrives(self) -> bool:
        """Tell whether anybody gets it: no host answers to the address of no neighbour."""
        return self.fate == "delivered" and self.packet.destination_mac != NO_MAC

    @property
    def told(self) -> str:
        """The fate as outcomes tell it."""
        return self.fate if self.arrives or self.fate != "delivered" else "delivered to nobody"


class Wire:
    """Everything that clients tried to send, in order."""

    def __init__(self) -> None:
        self.key: Key = ("wire", "packets")
        self.sent: list[Sent] = []


# -- attaching and detaching ---------------------------------------------------------------------


async def netpoll_setup(m: Machine, np: Netpoll) -> int:
    """
    net/core/netpoll.c:netpoll_setup().

    Context: process; may sleep.  Locks: 2.6.36 takes rtnl to open and to attach; 2.6.35 only to
    open.  On error np->dev is the device if the attach failed, else what it was.
    """
    if m.release == "2.6.35":
        return await _netpoll_setup_2_6_35(m, np)
    ndev = await dev_get_by_name(m, np.dev_name)
    if ndev is None:
        return -ENODEV
    err = await _bring_up(m, ndev, rtnl_held=False)
    if not err:
        err = await _local_address(np, ndev)
    if not err:
        np.dev = ndev
        await rtnl_lock(m)
        err = await __netpoll_setup(m, np)
        await rtnl_unlock(m)
    return await _settle(np, ndev, err)


async def netpoll_setup_rtnl_held(m: Machine, np: Netpoll) -> int:
    """
    What netpoll_setup() does, for a caller that holds rtnl already (no such function in 2.6.36).

    Context: process; may sleep.  Locks: rtnl held.
    """
    ndev = await dev_get_by_name(m, np.dev_name)
    if ndev is None:
        return -ENODEV
    err = await _bring_up(m, ndev, rtnl_held=True)
    if not err:
        err = await _local_address(np, ndev)
    if not err:
        np.dev = ndev
        err = await __netpoll_setup(m, np)
    return await _settle(np, ndev, err)


async def _settle(np: Netpoll, ndev: NetDevice, err: int) -> int:
    """The common end: the reference now belongs to np, or is dropped."""
    if err:
        await dev_put(ndev)
        return err
    ndev.refs.hand_over("", repr(np))
    return 0


async def _bring_up(m: Machine, ndev: NetDevice, *, rtnl_held: bool) -> int:
    """Open a device that is not running, and give the carrier up to four seconds."""
    if await netif_running(ndev):
        return 0
    if not rtnl_held:
        await rtnl_lock(m)
    err = await dev_open(m, ndev)
    if not rtnl_held:
        await rtnl_unlock(m)
    if err:
        return err
    # Whether the carrier came or the time ran out makes no difference to what follows.
    await might_sleep("msleep")
    await netif_carrier_ok(ndev)
    return 0


async def _local_address(np: Netpoll, ndev: NetDevice) -> int:
    if np.local_ip in ("", "0.0.0.0"):
        if not ndev.ifaddrs:
            return -EDESTADDRREQ
        np.local_ip = ndev.ifaddrs[0][0]
    return 0


async def __netpoll_setup(m: Machine, np: Netpoll) -> int:
    """
    net/core/netpoll.c:__netpoll_setup().

    Context: process; may sleep.  Locks: rtnl held.
    """
    ndev = np.dev
    assert ndev is not None
    if not _can_poll(ndev):
        return -ENOTSUPP
    npinfo = ndev.npinfo
    if npinfo is None:
        npinfo = await _new_npinfo(m, ndev)
        if npinfo is None:
            return -ENOMEM
    else:
        await npinfo.refcnt.atomic_inc()
    npinfo.netpoll = np
    await rcu_assign(ndev, "npinfo", npinfo)
    return 0


def _can_poll(ndev: NetDevice) -> bool:
    """Tell whether the driver has ndo_poll_controller: drivers/net/loopback.c has none."""
    return not ndev.loopback


async def _new_npinfo(m: Machine, ndev: NetDevice) -> NetpollInfo | None:
    thread = m.sim.current
    assert thread is not None
    name = f"npinfo({ndev!r})/{thread.name}.{thread.allocations.get('npinfo', 0) + 1}"
    npinfo: NetpollInfo

    async def tx_work() -> None:
        await queue_process(m, ndev, npinfo)

    npinfo = NetpollInfo(
        refcnt=Atomic(m.sim, f"{name}.refcnt", 1),
        tx_work=Work(m.sim, f"tx_work/{name}", tx_work),
        txq=SharedList(m.sim, f"txq/{name}"),
    )
    return await kzalloc(m.sim, npinfo, "npinfo")


async def netpoll_cleanup(m: Machine, np: Netpoll) -> None:
    """
    net/core/netpoll.c:netpoll_cleanup().

    Context: process; may sleep.  Locks: 2.6.36 takes rtnl; 2.6.35 takes none.
    """
    if np.dev is None:
        return
    if m.release == "2.6.35":
        await _netpoll_cleanup_2_6_35(m, np)
    else:
        await rtnl_lock(m)
        await __netpoll_cleanup(m, np)
        await rtnl_unlock(m)
    await _drop_device(np)


async def netpoll_cleanup_rtnl_held(m: Machine, np: Netpoll) -> None:
    """
    The unlocked cleanup of commit 3b410a31: __netpoll_cleanup(), dev_put(), dev = NULL.

    Context: process; may sleep.  Locks: rtnl held.
    """
    if np.dev is None:
        return
    await __netpoll_cleanup(m, np)
    await _drop_device(np)


async def _drop_device(np: Netpoll) -> None:
    dev = np.dev  # read again: another cleanup of the same np may have been here
    await dev_put(dev, repr(np))  # type: ignore[arg-type]
    np.dev = None


async def __netpoll_cleanup(m: Machine, np: Netpoll) -> None:
    """
    net/core/netpoll.c:__netpoll_cleanup().

    Context: process; may sleep.  Locks: rtnl held.
    """
    npinfo = np.dev.npinfo  # type: ignore[union-attr]
    if npinfo is None:
        return
    if await npinfo.refcnt.atomic_dec_and_test():
        await rcu_assign(np.dev, "npinfo", None)  # type: ignore[arg-type]
        await m.rcu.synchronize("synchronize_rcu_bh")
        await npinfo.txq.clear()
        await npinfo.tx_work.cancel_work_sync()
        await npinfo.txq.clear()
        kfree(npinfo)


async def _netpoll_cleanup_2_6_35(m: Machine, np: Netpoll) -> None:
    """
    net/core/netpoll.c:netpoll_cleanup(), 2.6.35: frees first, unpublishes then.

    Context: process; may sleep.  Locks: none.
    """
    npinfo = np.dev.npinfo  # type: ignore[union-attr]
    if npinfo is None:
        return
    if await npinfo.refcnt.atomic_dec_and_test():
        await npinfo.txq.clear()
        await npinfo.tx_work.cancel_work_sync()
        await npinfo.txq.clear()
        kfree(npinfo)
        np.dev.npinfo = None  # type: ignore[union-attr]


async def _netpoll_setup_2_6_35(m: Machine, np: Netpoll) -> int:
    """
    net/core/netpoll.c:netpoll_setup(), 2.6.35: attaches without any lock.

    Context: process; may sleep.  Locks: rtnl only around dev_open().
    """
    ndev = await dev_get_by_name(m, np.dev_name)
    if ndev is None:
        return -ENODEV
    np.dev = ndev
    npinfo = ndev.npinfo
    if npinfo is None:
        npinfo = await _new_npinfo(m, ndev)
        if npinfo is None:
            await dev_put(ndev)
            return -ENOMEM
    else:
        await npinfo.refcnt.atomic_inc()
    npinfo.netpoll = np
    err = 0 if _can_poll(ndev) else -ENOTSUPP
    if not err:
        err = await _bring_up(m, ndev, rtnl_held=False)
    if not err:
        err = await _local_address(np, ndev)
    if err:
        if ndev.npinfo is None:  # an npinfo that others use keeps the count taken above
            kfree(npinfo)
        await dev_put(ndev)
        return err
    await rcu_assign(ndev, "npinfo", npinfo)
    await m.rcu.synchronize("synchronize_rcu")
    ndev.refs.hand_over("", repr(np))
    return 0


# -- sending ---------------------------------------------------------------------------------------


async def netpoll_send_udp(
    m: Machine, np: Netpoll, payload: bytes, streamed: tuple[int, int] | None = None
) -> None:
    """
    net/core/netpoll.c:netpoll_send_udp(), netpoll_send_skb().

    What is sent belongs to the dump under way, unless it was `streamed`.

    Context: any.  Locks: the transmit queue of the device, by trylock, inside one step.
    """
    dev = np.dev
    packet = Packet(
        reason=m.log.reason if streamed is None else None,
        dump=m.log.dumps if streamed is None else 0,
        source_mac=dev.dev_addr,  # type: ignore[union-attr]
        destination_mac=np.remote_mac,
        source_ip=np.local_ip,
        destination_ip=np.remote_ip,
        port=np.remote_port,
        payload=payload,
        streamed=streamed,
    )
    busy = m.sim.fault_budget > 0 and await fails("ndo_start_xmit")
    npinfo = await perform(_Transmit(m.wire, np.dev, packet, busy))  # type: ignore[arg-type]
    if npinfo is not None:
        await npinfo.txq.add(packet)
        await npinfo.tx_work.schedule_delayed_work(0)


async def queue_process(m: Machine, ndev: NetDevice, npinfo: NetpollInfo) -> None:
    """
    net/core/netpoll.c:queue_process(): sends what was queued, or drops it.

    Context: process (worker).  Locks: the transmit queue inside one step.
    """
    while (packet := await npinfo.txq.take_first()) is not None:
        await perform(_Transmit(m.wire, ndev, packet, False, from_queue=True))


class _Transmit(Op):
    """One packet to the driver; returns the npinfo to queue it at if the device is busy."""

    __slots__ = ("busy", "dev", "from_queue", "packet", "wire")

    name = "ndo_start_xmit"
    leaves = True

    def __init__(
        self, wire: Wire, dev: NetDevice, packet: Packet, busy: bool, from_queue: bool = False
    ) -> None:
        self.wire = wire
        self.dev = dev
        self.packet = packet
        self.busy = busy
        self.from_queue = from_queue

    def label(self) -> str:
        return repr(self.dev)

    def apply(self, sim: Sim, thread: SimThread) -> NetpollInfo | None:
        dev = self.dev
        npinfo = dev.npinfo  # a plain read, as in 2.6.36; also meets a device that was freed
        label = repr(dev)
        for field in ("start", "nocarrier"):
            sim.touch((label, field), READ, sim.versions.get((label, field), 0))
        sim.touch(self.wire.key, WRITE, None)
        fate = "delivered"
        queue: NetpollInfo | None = None
        if (npinfo is None and not self.from_queue) or not peek(dev, "start"):
            fate = "dropped"
        elif not self.from_queue and (self.busy or self._waiting(sim, npinfo)):
            fate = "queued"
            queue = npinfo
        elif peek(dev, "nocarrier"):
            fate = "lost"
        self.wire.sent.append(Sent(self.packet, label, fate))
        return queue

    @staticmethod
    def _waiting(sim: Sim, npinfo: NetpollInfo) -> bool:
        key = npinfo.txq.key
        sim.touch(key, READ, sim.versions.get(key, 0))
        return bool(npinfo.txq.items)
