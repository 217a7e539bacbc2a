"""
What IPv4 does about device events (2.6.36: fib_frontend.c, devinet.c, arp.c, dst.c), in the order
in which these notifiers were registered at boot: before those of any module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.sync.marked import rcu_assign
from netsim.sync.notifier import NOTIFY_DONE, NotifierBlock
from netsim_models.net import events
from netsim_models.net.device import NetDevice
from netsim_models.net.neighbour import NeighTable, neigh_flush_dev
from netsim_models.net.route import Routes, addresses, dst_ifdown, rt_cache_flush

if TYPE_CHECKING:
    from netsim_models.machine import Machine


def setup(m: Machine) -> None:
    """Make the tables as they are after boot, and register the notifiers; runs no step."""
    m.arp_tbl = NeighTable(m)
    m.routes = routes = Routes(m)
    routes.fib.items = tuple(
        entry for dev in m.dev_base.items for entry in addresses(dev, dev.ifaddrs)
    )

    async def dst_dev_event(event: int, dev: NetDevice) -> int:
        if event in (events.NETDEV_DOWN, events.NETDEV_UNREGISTER):
            await dst_ifdown(m, dev, event == events.NETDEV_UNREGISTER)
        return NOTIFY_DONE

    async def arp_netdev_event(event: int, dev: NetDevice) -> int:
        if event == events.NETDEV_CHANGEADDR:
            await neigh_flush_dev(m, dev)
            await rt_cache_flush(m, 0)
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
    net/ipv4/devinet.c:inetdev_destroy(), inet_del_ifa(): addresses, in_device, neighbours go.

    Context: process; may sleep.  Locks: rtnl held; arp_tbl.lock, write.
    """
    if not dev.ip_ptr:
        return
    while dev.ifaddrs:
        gone, dev.ifaddrs = dev.ifaddrs[0], dev.ifaddrs[1:]
        await fib_inetaddr_event_down(m, dev, gone[0])
    await rcu_assign(dev, "ip_ptr", False)
    async with m.arp_tbl.lock.writing():  # neigh_parms_release()
        dev.arp_parms_dead = True
    await neigh_flush_dev(m, dev)


async def fib_inetaddr_event_down(m: Machine, dev: NetDevice, address: str) -> None:
    """
    net/ipv4/fib_frontend.c:fib_inetaddr_event(), NETDEV_DOWN: an address has been removed.

    Context: process; may sleep.  Locks: rtnl held.
    """
    if not dev.ifaddrs:  # the last address: all else goes with it
        await fib_disable_ip(m, dev, force=1, delay=0)
        return
    await m.routes.fib.remove_if(lambda entry: entry.dev is dev and entry.source == address)
    await rt_cache_flush(m, -1)


async def fib_netdev_event(m: Machine, event: int, dev: NetDevice) -> None:
    """
    net/ipv4/fib_frontend.c:fib_netdev_event().

    What handles UNREGISTER_BATCH there stands behind the test for an in_device, which
    inetdev_destroy() has taken away by then.

    Context: process; may sleep.  Locks: rtnl held.
    """
    if event == events.NETDEV_UNREGISTER:
        await fib_disable_ip(m, dev, force=2, delay=-1)
    elif not dev.ip_ptr:
        return
    elif event == events.NETDEV_DOWN:
        await fib_disable_ip(m, dev, force=0, delay=0)
    elif event == events.NETDEV_UP:
        known = {(e.network, e.source) for e in m.routes.fib.walk_locked() if e.dev is dev}
        for entry in addresses(dev, dev.ifaddrs):
            if (entry.network, entry.source) not in known:
                await m.routes.fib.add(entry)
        await rt_cache_flush(m, -1)
    elif event in (events.NETDEV_CHANGE, events.NETDEV_UNREGISTER_BATCH):
        await rt_cache_flush(m, 0)


async def fib_disable_ip(m: Machine, dev: NetDevice, *, force: int, delay: int) -> None:
    """
    net/ipv4/fib_frontend.c:fib_disable_ip(), fib_semantics.c:fib_sync_down_dev().

    The routes of the device go, with `force` the local ones too; then its neighbours.

    Context: process; may sleep.  Locks: rtnl held.
    """
    await m.routes.fib.remove_if(lambda entry: entry.dev is dev and (force or not entry.local))
    await rt_cache_flush(m, delay)
    await neigh_flush_dev(m, dev)
