"""
Routes: what ip_route_output_key() and arp_bind_neighbour() need (2.6.36: net/ipv4/route.c,
fib_frontend.c, fib_semantics.c, arp.c, net/core/dst.c).

The cache holds a reference of its own here, where the kernel knows a cached route by its place.
Simplified: the collector of flushed routes runs at once, in the context of the last user, where
the kernel queues work; routes of one device leave the FIB in one step.  Left out: grace periods
of routes (unregistering waits for them before it drops its own reference), gateways, policy,
multipath, input routes.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import attrs

from netsim.core.access import READ, WRITE, Key
from netsim.core.memory import KObject, constant, kfree, kmalloc, shared
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform
from netsim.sync.marked import SharedList, read_once
from netsim.sync.mutex import Mutex
from netsim.sync.refcount import RefCount
from netsim.sync.spinlock import SpinLock
from netsim_models.errno import EINVAL, ENETUNREACH
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
    rt_genid: int = constant()
    dev: NetDevice
    neighbour: Neighbour | None = None
    discards: bool = False
    #: It has been in the cache, where others could find it.
    cached: bool = False


@attrs.frozen(eq=False)
class FibEntry:
    """
    One route of the FIB: local to this host, broadcast, on-link, or to one host.

    `dev` is the device that the route belongs to (fib_nh.nh_dev); what is local is sent through
    loopback all the same.  `source` is the preferred source address, "" if there is none.
    """

    network: ipaddress.IPv4Network
    dev: NetDevice
    source: str
    local: bool = False
    broadcast: bool = False
    host_route: bool = False

    def __str__(self) -> str:
        kind = "local " if self.local else "broadcast " if self.broadcast else ""
        return f"{kind}{self.network} dev {self.dev!r}"

    def rank(self) -> tuple[bool, int]:
        """The local table is asked first; in a table the longest prefix wins."""
        return (self.local or self.broadcast, self.network.prefixlen)


@lru_cache(maxsize=256)
def network(address: str, length: int) -> ipaddress.IPv4Network:
    """Return the network of an address; pure, and asked for at every boot."""
    return ipaddress.IPv4Network((address, length), strict=False)


@lru_cache(maxsize=1024)
def covers(net: ipaddress.IPv4Network, address: str) -> bool:
    """Tell whether an address lies in a network; pure, and asked for at every look-up."""
    return ipaddress.IPv4Address(address) in net


class Routes:
    """
    The FIB and the route cache.

    `genid` is net->ipv4.rt_genid: a cached route of another generation has expired.  It is
    counted on only if a route of this generation was made, which nobody can tell apart.
    """

    def __init__(self, m: Machine) -> None:
        self.m = m
        self.fib = SharedList(m.sim, "fib")
        self.cache = SharedList(m.sim, "rt_hash_table")
        self.lock = SpinLock(m.sim, "rt_hash_lock", bh=True)
        self.garbage = SharedList(m.sim, "dst_garbage")
        self.dst_gc_mutex = Mutex(m.sim, "dst_gc_mutex")
        self.genid = 0
        self.genid_used = False
        self.genid_key: Key = ("rt_genid", "atomic")

    def live(self) -> list[Any]:
        """Return the routes that are reachable from the tables."""
        return [*self.cache.items, *self.garbage.items]

    def is_broadcast(self, address: str) -> bool:
        """net/ipv4/fib_frontend.c:inet_addr_type() == RTN_BROADCAST; part of the caller's step."""
        return any(e.broadcast and covers(e.network, address) for e in self.fib.walk_locked())

    def new_genid(self) -> int:
        """Return the generation of a route that is being made; part of the caller's step."""
        self.m.sim.touch(self.genid_key, READ if self.genid_used else WRITE, self.genid)
        self.genid_used = True
        return self.genid

    def rt_is_expired(self, rt: Rtable) -> bool:
        """net/ipv4/route.c:rt_is_expired(); part of the caller's step."""
        self.m.sim.touch(self.genid_key, READ, self.genid)
        self.m.sim.value_read(self.genid_key)
        return rt.rt_genid != self.genid


class _Invalidate(Op):
    """net/ipv4/route.c:rt_cache_invalidate(): all routes made so far have expired."""

    __slots__ = ("routes",)

    name = "atomic_add"

    def __init__(self, routes: Routes) -> None:
        self.routes = routes

    def label(self) -> str:
        return "rt_genid"

    def apply(self, sim: Sim, thread: SimThread) -> None:
        routes = self.routes
        sim.touch(routes.genid_key, WRITE if routes.genid_used else READ, routes.genid)
        if routes.genid_used:
            routes.genid_used = False
            routes.genid += 1
            sim.value_changed(routes.genid_key, routes.genid - 1, routes.genid)


def addresses(dev: NetDevice, ifaddrs: tuple[tuple[str, int], ...]) -> list[FibEntry]:
    """
    net/ipv4/fib_frontend.c:fib_add_ifaddr(), for each address of a device.

    Returns the routes that the addresses give: to themselves, to their subnet, its broadcasts.
    """
    made: list[FibEntry] = []
    for address, length in ifaddrs:
        subnet = network(address, length)
        made.append(FibEntry(network(address, 32), dev, address, local=True))
        made.append(FibEntry(subnet, dev, address, local=dev.loopback))
        if not dev.loopback and length < 31:
            made += [
                FibEntry(network(str(end), 32), dev, address, broadcast=True)
                for end in (subnet.network_address, subnet.broadcast_address)
            ]
    return made


async def fib_lookup(m: Machine, daddr: str) -> FibEntry | None:
    """
    net/ipv4/fib_frontend.c:fib_lookup(), and the device to send through, held.

    Context: any.  Locks: none (RCU; the result pins its device).
    """
    fib: SharedList = m.routes.fib

    def best(entry: FibEntry) -> bool:
        matching = [e for e in fib.items if covers(e.network, daddr)]
        return bool(matching) and entry is max(matching, key=FibEntry.rank)

    entry: FibEntry | None = await perform(
        FindAndHold(fib, "fib_lookup", best, lambda e: dev_out(m, e))
    )
    return entry


def dev_out(m: Machine, entry: FibEntry) -> NetDevice:
    """Return the device that a route sends through: loopback for what is local."""
    return loopback(m) if entry.local else entry.dev


def loopback(m: Machine) -> NetDevice:
    """Return net->loopback_dev, which never changes."""
    lo: NetDevice = next(dev for dev in m.dev_base.items if dev.loopback)
    return lo


async def inet_select_addr(m: Machine, dev: NetDevice) -> str:
    """
    net/ipv4/devinet.c:inet_select_addr(): of the device, else of another one but loopback.

    Context: any.  Locks: none (RCU).
    """
    for candidate in (dev, *m.dev_base.items):
        if candidate is dev or not candidate.loopback:
            ifaddrs = await read_once(candidate, "ifaddrs")
            if ifaddrs:
                return str(ifaddrs[0][0])
    return "0.0.0.0"


async def ip_route_output_key(m: Machine, daddr: str) -> tuple[int, Rtable | None]:
    """
    net/ipv4/route.c:ip_route_output_key(), ip_route_output_slow().

    Returns (0, route with a reference for the caller) or (negative errno, None).

    Context: process.  Locks: none (RCU) for the cache; those of rt_intern_hash().
    """
    routes: Routes = m.routes
    cached: Rtable | None = await perform(
        FindAndHold(
            routes.cache,
            "ip_route_output_key",
            lambda rt: rt.rt_dst == daddr and not routes.rt_is_expired(rt),
            lambda rt: rt,
        )
    )
    if cached is not None:
        return 0, cached
    entry = await fib_lookup(m, daddr)
    if entry is None:
        return -ENETUNREACH, None
    source = entry.source or await inet_select_addr(m, entry.dev)
    base = f"route({daddr})"
    thread = m.sim.current
    assert thread is not None
    name = f"{base}/{thread.name}.{thread.allocations.get(base, 0) + 1}"
    dev = dev_out(m, entry)
    rt = kmalloc(
        m.sim,
        Rtable(
            rt_dst=daddr,
            rt_src=source,
            refs=m.refcount(name, CACHE),
            rt_genid=routes.new_genid(),
            dev=dev,
        ),
        base,
    )
    dev.refs.hand_over("", repr(rt))
    rt.refs.take()
    return await rt_intern_hash(m, rt)


async def rt_intern_hash(m: Machine, rt: Rtable) -> tuple[int, Rtable | None]:
    """
    net/ipv4/route.c:rt_intern_hash(): into the cache with its neighbour, if nobody was faster.

    Context: any.  Locks: rt_hash_lock; those of neigh_create(), nested inside.
    """
    routes: Routes = m.routes
    expired: list[Rtable] = []
    other: Rtable | None = None
    error = 0
    async with routes.lock.held():
        for rth in routes.cache.walk_locked():
            if routes.rt_is_expired(rth):
                await routes.cache.remove(rth)
                expired.append(rth)
            elif rth.rt_dst == rt.rt_dst:
                other = rth
                await rth.refs.get()
                break
        if other is None:
            error = await arp_bind_neighbour(m, rt)
            if not error:
                rt.cached = True
                rt.refs.take(CACHE)
                await routes.cache.add(rt)
    for rth in expired:
        await rt_free(m, rth)
    if other is None and not error:
        return 0, rt
    await ip_rt_put(m, rt)
    return error, other


async def arp_bind_neighbour(m: Machine, rt: Rtable) -> int:
    """
    net/ipv4/arp.c:arp_bind_neighbour(); does nothing for a route that has its neighbour.

    Context: any.  Locks: those of neigh_create().
    """
    if rt.neighbour is not None:
        return 0
    dev = rt.dev
    nexthop = "0.0.0.0" if dev.loopback else rt.rt_dst
    neigh = await neigh_lookup(m, nexthop, dev) or await neigh_create(m, nexthop, dev)
    if neigh is None:
        return -EINVAL
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


async def rt_cache_flush(m: Machine, delay: int) -> None:
    """
    net/ipv4/route.c:rt_cache_flush(), rt_do_flush().

    What is in the cache expires; unless `delay` is negative it is also taken out now.

    Context: process; may sleep.  Locks: rt_hash_lock; dst_gc_mutex if a user lets go meanwhile.
    """
    routes: Routes = m.routes
    await perform(_Invalidate(routes))
    if delay < 0:
        return
    async with routes.lock.held():
        flushed = routes.cache.walk_locked()
        if flushed:
            await routes.cache.clear()
    for rt in flushed:
        await rt_free(m, rt)


async def rt_free(m: Machine, rt: Rtable) -> None:
    """
    net/ipv4/route.c:rt_free(), net/core/dst.c:dst_free(): a route in use becomes garbage.

    Context: any.  Locks: dst_gc_mutex if a user lets go meanwhile.
    """
    if await rt.refs.read() == 1:  # the cache's own, and nobody can find it any more
        await rt.refs.put(CACHE)
        await dst_destroy(m, rt)
    else:
        await m.routes.garbage.add(rt)
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
            lo = loopback(m)
            rt.dev = lo
            await dev_hold(lo, repr(rt))
            await dev_put(dev, repr(rt))
            neigh = rt.neighbour
            if neigh is not None and neigh.dev is dev:
                neigh.dev = lo
                await dev_hold(lo, repr(neigh))
                await dev_put(dev, repr(neigh))
