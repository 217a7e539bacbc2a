"""Operations of the network around: ARP answers, silence, time, and host routes."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from netsim.sync.marked import read_once
from netsim_models.errno import EEXIST, EHOSTUNREACH, ENETDOWN, ENODEV, ESRCH
from netsim_models.net.device import __dev_get_by_name
from netsim_models.net.neighbour import (
    GC_STALETIME,
    LOCKTIME,
    Neighbour,
    Nud,
    neigh_gc,
    neigh_release,
    neigh_timer_handler,
    neigh_update,
)
from netsim_models.net.route import FibEntry, network, rt_cache_flush
from netsim_models.net.rtnetlink import rtnl_lock, rtnl_unlock

if TYPE_CHECKING:
    from netsim_models.machine import Machine

#: The hosts that exist, and answer ARP when asked to.
ANSWERS_ARP = ("10.0.0.1", "10.0.0.2", "10.0.1.1")

#: Every NUD path to FAILED is shorter than this many runs of the timer.
RUNS_MAX = 10


def mac_of(address: str) -> str:
    """Return the hardware address of a host of this world."""
    return "02:00:" + ":".join(f"{byte:02x}" for byte in ipaddress.IPv4Address(address).packed)


async def _lookup(m: Machine, address: str) -> Neighbour | None:
    """Find the entry for an address on any device, with a reference; arp_tbl.lock, read."""
    table = m.arp_tbl
    async with table.lock.reading():
        found: Neighbour | None = next(
            (n for n in table.entries.walk_locked() if n.primary_key == address), None
        )
        if found is not None:
            await found.refs.get()
    return found


async def neigh_reply(m: Machine, address: str, mac: str = "") -> int:
    """
    net/ipv4/arp.c:arp_process(): a reply to this host, for a sender that is known.

    Returns -EHOSTUNREACH for a host that does not exist (give MAC to make it).

    Context: softirq.  Locks: arp_tbl.lock, read; neigh->lock, write.
    """
    if not mac and address not in ANSWERS_ARP:
        return -EHOSTUNREACH
    neigh = await _lookup(m, address)
    if neigh is not None:
        override = m.sim.jiffies > neigh.updated + LOCKTIME
        await neigh_update(m, neigh, mac or mac_of(address), override)
        await neigh_release(m, neigh)
    return 0


async def neigh_fail(m: Machine, address: str) -> int:
    """
    net/core/neighbour.c:neigh_timer_handler(), again and again while nobody answers its probes.

    Does nothing for an entry that is not being resolved or probed.

    Context: softirq.  Locks: arp_tbl.lock, read; neigh->lock, write.
    """
    neigh = await _lookup(m, address)
    if neigh is None:
        return 0
    for _ in range(RUNS_MAX):
        # The world looks from outside: no lock of the kernel's, and no plain access.
        state = await read_once(neigh, "nud_state")
        if state not in (Nud.INCOMPLETE, Nud.PROBE):
            break
        if not await neigh.timer.expire():
            break
        await neigh_timer_handler(m, neigh)
        await neigh.timer.done()
    await neigh_release(m, neigh)
    return 0


async def neigh_age(m: Machine, address: str) -> int:
    """
    Time passes until the entry's timer fires once; one without timer grows so old that the
    collector takes it, unless somebody refers to it.

    Context: softirq.  Locks: arp_tbl.lock; neigh->lock, write.
    """
    neigh = await _lookup(m, address)
    if neigh is None:
        return 0
    if await neigh.timer.expire():
        await neigh_timer_handler(m, neigh)
        await neigh.timer.done()
        await neigh_release(m, neigh)
        return 0
    idle = max(await read_once(neigh, "used"), await read_once(neigh, "confirmed"))
    await neigh_release(m, neigh)
    m.sim.time_reaches(idle + GC_STALETIME + 1)
    await neigh_gc(m, neigh)
    return 0


async def route_add(m: Machine, address: str, name: str) -> int:
    """
    net/ipv4/fib_frontend.c:inet_rtm_newroute(), a host route through a device.

    Context: process; may sleep.  Locks: takes rtnl.
    """
    await rtnl_lock(m)
    dev = await __dev_get_by_name(m, name)
    result = 0
    if dev is None:
        result = -ENODEV
    elif not dev.up:
        result = -ENETDOWN
    elif _host_route(m, address) is not None:
        result = -EEXIST
    else:
        await m.routes.fib.add(FibEntry(network(address, 32), dev, "", host_route=True))
        await rt_cache_flush(m, -1)
    await rtnl_unlock(m)
    return result


async def route_del(m: Machine, address: str) -> int:
    """
    net/ipv4/fib_frontend.c:inet_rtm_delroute(), a host route.

    Context: process; may sleep.  Locks: takes rtnl.
    """
    await rtnl_lock(m)
    entry = _host_route(m, address)
    if entry is not None:
        await m.routes.fib.remove(entry)
        await rt_cache_flush(m, -1)
    await rtnl_unlock(m)
    return 0 if entry is not None else -ESRCH


def _host_route(m: Machine, address: str) -> FibEntry | None:
    wanted = network(address, 32)
    return next(
        (e for e in m.routes.fib.walk_locked() if e.host_route and e.network == wanted), None
    )
