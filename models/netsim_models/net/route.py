"""
Routes: what ip_route_output_key() and arp_bind_neighbour() need (2.6.36: net/ipv4/route.c,
fib_frontend.c, fib_semantics.c, arp.c, net/core/dst.c).

The cache holds a reference of its own here, where the kernel knows a cached route by its place,
and the collector of flushed routes runs at once, in the context of the last user.  Left out: grace
periods of routes (unregistering waits for them before it drops its own reference), gateways,
policy, multipath, input routes.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import attrs

from netsim.core.memory import KObject, constant, kfree, kmalloc, shared
from netsim.core.traps import perform
from netsim.sync.marked import SharedList
from netsim.sync.mutex import Mutex
from netsim.sync.refcount import RefCount
from netsim.sync.spinlock import SpinLock
from netsim_models.errno import ENETUNREACH
from netsim_models.net.device import FindAndHold, NetDevice, dev_hold, dev_put
from netsim_models.net.neighbour import (
    Neighbour,
    neigh_create,
    neigh_lookup,
    neigh_release,
)

if TYPE_CHECKING:
    from netsim_models.machine import Machine

CACHE = "rt_cache"


@shared
class Rtable(KObject):
    """struct rtable with its dst_entry."""

    rt_dst: str = constant()
    rt_src: str = constant()
    refs: RefCount = constant()
    dev: NetDevice
    neighbour: Neighbour | None = None
    discards: bool = False
    #: It has been in the cache, where others could find it.
    cached: bool = False


@attrs.frozen(eq=False)
class FibEntry:
    """One route of the FIB: local to this host, on-link, or to one host."""

    network: ipaddress.IPv4Network
    dev: NetDevice
    source: str
    local: bool = False
    host_route: bool = False

    def __str__(self) -> str:
        return f"{'local ' if self.local else ''}{self.network} dev {self.dev!r}"


@lru_cache(maxsize=256)
def network(address: str, length: int) -> ipaddress.IPv4Network:
    """Return the network of an address; pure, and asked for at every boot."""
    return ipaddress.IPv4Network((address, length), strict=False)


@lru_cache(maxsize=1024)
def covers(net: ipaddress.IPv4Network, address: str) -> bool:
    """Tell whether an address lies in a network; pure, and asked for at every look-up."""
    return ipaddress.IPv4Address(address) in net


class Routes:
    """The FIB and the route cache."""

    def __init__(self, m: Machine) -> None:
        self.fib = SharedList(m.sim, "fib")
        self.cache = SharedList(m.sim, "rt_hash_table")
        self.lock = SpinLock(m.sim, "rt_hash_lock")
        self.garbage = SharedList(m.sim, "dst_garbage")
        self.dst_gc_mutex = Mutex(m.sim, "dst_gc_mutex")

    def live(self) -> list[Any]:
        """Return the routes that are reachable from the tables."""
        return [*self.cache.items, *self.garbage.items]


def connected(dev: NetDevice, ifaddrs: tuple[tuple[str, int], ...]) -> list[FibEntry]:
    """Return the on-link routes of a device with these addresses."""
    return [FibEntry(network(address, length), dev, address) for address, length in ifaddrs]


def local(lo: NetDevice, ifaddrs: tuple[tuple[str, int], ...]) -> list[FibEntry]:
    """Return the routes to this host's own addresses, which lead to lo."""
    return [FibEntry(network(address, 32), lo, address, local=True) for address, _ in ifaddrs]


async def fib_lookup(m: Machine, daddr: str) -> FibEntry | None:
    """
    net/ipv4/fib_frontend.c:fib_lookup(): longest prefix; the device of the result is held.

    Context: any.  Locks: none (RCU; the result pins its device).
    """
    fib: SharedList = m.routes.fib

    def best(entry: FibEntry) -> bool:
        matching = [e for e in fib.items if covers(e.network, daddr)]
        return bool(matching) and entry is max(
            matching, key=lambda e: (e.local, e.network.prefixlen)
        )

    entry: FibEntry | None = await perform(FindAndHold(fib, "fib_lookup", best, lambda e: e.dev))
    return entry


async def ip_route_output_key(m: Machine, daddr: str) -> tuple[int, Rtable | None]:
    """
    net/ipv4/route.c:ip_route_output_key(), ip_route_output_slow(), rt_intern_hash().

    Returns (0, route with a reference for the caller) or (negative errno, None).

    Context: process.  Locks: rt_hash_lock; those of neigh_create().
    """
    routes: Routes = m.routes
    async with routes.lock.held():
        cached = _find(routes, daddr)
        if cached is not None:
            await cached.refs.get()
    if cached is not None:
        return 0, cached
    entry = await fib_lookup(m, daddr)
    if entry is None:
        return -ENETUNREACH, None
    base = f"route({daddr})"
    thread = m.sim.current
    assert thread is not None
    name = f"{base}/{thread.name}.{thread.allocations.get(base, 0) + 1}"
    rt = kmalloc(
        m.sim,
        Rtable(rt_dst=daddr, rt_src=entry.source, refs=m.refcount(name, CACHE), dev=entry.dev),
        base,
    )
    entry.dev.refs.hand_over("", repr(rt))
    await rt.refs.get()
    await arp_bind_neighbour(m, rt)
    await routes.lock.spin_lock()
    other = _find(routes, daddr)
    if other is not None:  # somebody was faster: use that one
        await other.refs.get()
        await routes.lock.spin_unlock()
        await ip_rt_put(m, rt)
        return 0, other
    rt.cached = True
    await rt.refs.get(CACHE)
    await routes.cache.add(rt)
    await routes.lock.spin_unlock()
    return 0, rt


def _find(routes: Routes, daddr: str) -> Rtable | None:
    """Look for a route in the cache; rt_hash_lock held."""
    return next((rt for rt in routes.cache.walk_locked() if rt.rt_dst == daddr), None)


async def arp_bind_neighbour(m: Machine, rt: Rtable) -> int:
    """
    net/ipv4/arp.c:arp_bind_neighbour(); does nothing for a route that has its neighbour.

    Context: any.  Locks: those of neigh_create().
    """
    if rt.neighbour is not None:
        return 0
    dev = rt.dev
    nexthop = "0.0.0.0" if dev.loopback else rt.rt_dst
    neigh = await neigh_lookup(m, nexthop, dev)
    if neigh is None:
        neigh = await neigh_create(m, nexthop, dev)
    neigh.refs.hand_over("", repr(rt))
    rt.neighbour = neigh
    return 0


async def ip_rt_put(m: Machine, rt: Rtable, by: str = "") -> None:
    """
    include/net/route.h:ip_rt_put(), net/core/dst.c:dst_release().

    The last reference to a flushed route lets the collector have it at once; one that was never
    in the cache is freed (rt_drop()).

    Context: process; may sleep.  Locks: dst_gc_mutex for a route that is garbage.
    """
    if await rt.refs.put(by):
        if rt.cached:
            await dst_gc(m, rt)
        else:
            await dst_destroy(m, rt)


async def dst_destroy(m: Machine, rt: Rtable) -> None:
    """net/core/dst.c:dst_destroy().  Context: process or softirq.  Locks: none."""
    if rt.neighbour is not None:
        await neigh_release(m, rt.neighbour, repr(rt))
    await dev_put(rt.dev, repr(rt))
    kfree(rt)


async def dst_gc(m: Machine, rt: Rtable) -> None:
    """
    net/core/dst.c:dst_gc_task(), for one route that nobody uses any more.

    Context: process; may sleep.  Locks: dst_gc_mutex.
    """
    routes: Routes = m.routes
    async with routes.dst_gc_mutex.held():
        await routes.garbage.remove(rt)
        await dst_destroy(m, rt)


async def rt_cache_flush(m: Machine) -> None:
    """
    net/ipv4/route.c:rt_cache_flush(), rt_do_flush(), dst_free(): a route in use becomes garbage.

    Context: process; may sleep.  Locks: rt_hash_lock; dst_gc_mutex if a user lets go meanwhile.
    """
    routes: Routes = m.routes
    async with routes.lock.held():
        flushed = routes.cache.walk_locked()
        if flushed:
            await routes.cache.clear()
    for rt in flushed:
        if await rt.refs.read() == 1:  # the cache's own, and nobody can find it any more
            await rt.refs.put(CACHE)
            await dst_destroy(m, rt)
        else:
            await routes.garbage.add(rt)
            await ip_rt_put(m, rt, CACHE)


async def dst_ifdown(m: Machine, dev: NetDevice, unregister: bool) -> None:
    """
    net/core/dst.c:dst_dev_event(), dst_ifdown(), for routes on the garbage list.

    Context: process; may sleep.  Locks: rtnl held; dst_gc_mutex.
    """
    routes: Routes = m.routes
    async with routes.dst_gc_mutex.held():
        for rt in await routes.garbage.snapshot():
            if rt.dev is not dev:
                continue
            if not unregister:
                rt.discards = True
                continue
            lo = next(d for d in m.dev_base.items if d.loopback)
            rt.dev = lo
            await dev_hold(lo, repr(rt))
            await dev_put(dev, repr(rt))
            neigh = rt.neighbour
            if neigh is not None and neigh.dev is dev:
                neigh.dev = lo
                await dev_put(dev, repr(neigh))
                await dev_hold(lo, repr(neigh))
