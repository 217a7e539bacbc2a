"""
What IPv4 does about device events (2.6.36: fib_frontend.c, devinet.c, arp.c, dst.c), in the order
in which these notifiers were registered at boot: before those of any module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.sync.notifier import NOTIFY_DONE, NotifierBlock
from netsim_models.net import events
from netsim_models.net.device import NetDevice, RegState
from netsim_models.net.neighbour import NeighTable, neigh_flush_dev
from netsim_models.net.route import (
    FibEntry,
    Routes,
    connected,
    dst_ifdown,
    local,
    rt_cache_flush,
)

if TYPE_CHECKING:
    from netsim_models.machine import Machine


def setup(m: Machine) -> None:
    """Make the tables as they are after boot, and register the notifiers; runs no step."""
    m.arp_tbl = NeighTable(m)
    m.routes = routes = Routes(m)
    lo = next(dev for dev in m.dev_base.items if dev.loopback)
    entries: list[FibEntry] = []
    for dev in m.dev_base.items:
        entries += local(lo, dev.ifaddrs)
        if not dev.loopback:
            entries += connected(dev, dev.ifaddrs)
    routes.fib.items = tuple(entries)

    async def dst_dev_event(event: int, dev: NetDevice) -> int:
        if event in (events.NETDEV_DOWN, events.NETDEV_UNREGISTER):
            await dst_ifdown(m, dev, event == events.NETDEV_UNREGISTER)
        return NOTIFY_DONE

    async def arp_netdev_event(event: int, dev: NetDevice) -> int:
        if event == events.NETDEV_CHANGEADDR:
            await neigh_flush_dev(m, dev)
            await rt_cache_flush(m)
        return NOTIFY_DONE

    async def inetdev_event(event: int, dev: NetDevice) -> int:
        if event == events.NETDEV_UNREGISTER:
            await inetdev_destroy(m, dev)
        return NOTIFY_DONE

    async def fib_event(event: int, dev: NetDevice) -> int:
        await fib_netdev_event(m, event, dev)
        return NOTIFY_DONE

    m.netdev_chain.blocks = (
        NotifierBlock("dst", dst_dev_event),
        NotifierBlock("arp", arp_netdev_event),
        NotifierBlock("inetdev", inetdev_event),
        NotifierBlock("fib", fib_event),
    )


async def inetdev_destroy(m: Machine, dev: NetDevice) -> None:
    """
    net/ipv4/devinet.c:inetdev_destroy(): the addresses go, and the neighbours of the device.

    Context: process.  Locks: rtnl held.
    """
    if dev.ifaddrs:
        dev.ifaddrs = ()
    await neigh_flush_dev(m, dev)


async def fib_netdev_event(m: Machine, event: int, dev: NetDevice) -> None:
    """
    net/ipv4/fib_frontend.c:fib_netdev_event().

    Context: process; may sleep.  Locks: rtnl held.
    """
    if event == events.NETDEV_UNREGISTER:
        # The first time the cache is only marked stale, and flushed at UNREGISTER_BATCH.  When
        # the event is repeated, what is stale has been expired by the periodic work meanwhile.
        repeated = dev.reg_state is RegState.UNREGISTERED
        await fib_disable_ip(m, dev, forget_local=True, flush=repeated)
    elif event == events.NETDEV_DOWN:
        await fib_disable_ip(m, dev, forget_local=False, flush=True)
    elif event == events.NETDEV_UP:
        for entry in connected(dev, dev.ifaddrs):
            await m.routes.fib.add(entry)
        await rt_cache_flush(m)
    elif event in (events.NETDEV_CHANGE, events.NETDEV_UNREGISTER_BATCH):
        await rt_cache_flush(m)


async def fib_disable_ip(m: Machine, dev: NetDevice, *, forget_local: bool, flush: bool) -> None:
    """
    net/ipv4/fib_frontend.c:fib_disable_ip(): routes of the device go, then its neighbours.

    Context: process.  Locks: rtnl held.
    """
    addresses = {address for address, _ in dev.ifaddrs} if forget_local else set()
    for entry in m.routes.fib.walk_locked():
        mine = entry.dev is dev and not entry.local
        if mine or (entry.local and entry.source in addresses):
            await m.routes.fib.remove(entry)
    if flush:
        await rt_cache_flush(m)
    await neigh_flush_dev(m, dev)
