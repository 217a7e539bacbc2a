"""
Neighbours: net/core/neighbour.c of 2.6.36, the machine of NUD states with its timers.

Time is jiffies, moved by steps only; reachable_time is its base value, where the kernel draws it
anew from half to one and a half times that.  Left out: the queue of packets that wait for
resolution (netpoll never queues there), what a solicitation sends (the world answers by
`neigh-reply`, or by itself with `--choose arp`), hardware header caches, notifications, the proxy
part, and forced garbage collection (the table is never full, so -ENOBUFS does not occur).
"""

from __future__ import annotations

import ipaddress
from enum import Enum
from typing import TYPE_CHECKING

from netsim.core.fsm import StateMachine
from netsim.core.memory import KObject, constant, kfree, kmalloc, shared
from netsim.sync.atomic import Atomic
from netsim.sync.marked import SharedList, read_once
from netsim.sync.refcount import RefCount
from netsim.sync.rwlock import RwLock
from netsim.sync.timer import Timer
from netsim_models.errno import EINVAL, EPERM
from netsim_models.net.device import NetDevice, dev_hold, dev_put

if TYPE_CHECKING:
    from netsim_models.machine import Machine


class Nud(Enum):
    """neigh->nud_state."""

    NONE = 0x00
    INCOMPLETE = 0x01
    REACHABLE = 0x02
    STALE = 0x04
    DELAY = 0x08
    PROBE = 0x10
    FAILED = 0x20
    NOARP = 0x40
    PERMANENT = 0x80


NUD_IN_TIMER = frozenset({Nud.INCOMPLETE, Nud.REACHABLE, Nud.DELAY, Nud.PROBE})
NUD_CONNECTED = frozenset({Nud.PERMANENT, Nud.NOARP, Nud.REACHABLE})
NUD_VALID = NUD_CONNECTED | {Nud.PROBE, Nud.STALE, Nud.DELAY}

_UPDATABLE = [s for s in Nud if s not in (Nud.NOARP, Nud.PERMANENT)]

NUD = StateMachine(
    "NUD",
    Nud,
    [
        ("constructor_noarp", [Nud.NONE], Nud.NOARP),
        ("event_send", [Nud.NONE, Nud.FAILED], Nud.INCOMPLETE),
        ("event_send_stale", [Nud.STALE], Nud.DELAY),
        ("timer_confirmed", [Nud.REACHABLE, Nud.DELAY], Nud.REACHABLE),
        ("timer_used", [Nud.REACHABLE], Nud.DELAY),
        ("timer_idle", [Nud.REACHABLE], Nud.STALE),
        ("timer_unconfirmed", [Nud.DELAY], Nud.PROBE),
        ("timer_exhausted", [Nud.INCOMPLETE, Nud.PROBE], Nud.FAILED),
        ("update_reachable", _UPDATABLE, Nud.REACHABLE),
        ("update_stale", _UPDATABLE, Nud.STALE),
        ("update_failed", _UPDATABLE, Nud.FAILED),
        ("flush_valid", sorted(NUD_VALID, key=lambda s: s.value), Nud.NOARP),
        ("flush_invalid", [Nud.NONE, Nud.INCOMPLETE, Nud.FAILED], Nud.NONE),
    ],
    Nud.NONE,
)

NO_ADDRESS = "00:00:00:00:00:00"
#: dev->broadcast of Ethernet
BROADCAST = "ff:ff:ff:ff:ff:ff"
HZ = 1000
BASE_REACHABLE_TIME = 30 * HZ
DELAY_PROBE_TIME = 5 * HZ
RETRANS_TIME = 1 * HZ
LOCKTIME = 1 * HZ
GC_STALETIME = 60 * HZ
UCAST_PROBES = 3
MCAST_PROBES = 3

TABLE = "arp_tbl"
TIMER = "timer"


@shared
class Neighbour(KObject):
    """struct neighbour."""

    primary_key: str = constant()
    refs: RefCount = constant()
    lock: RwLock = constant()
    timer: Timer = constant()
    probes: Atomic = constant()
    dev: NetDevice
    nud_state: Nud = Nud.NONE
    ha: str = NO_ADDRESS
    dead: bool = True
    confirmed: int = 0
    updated: int = 0
    used: int = 0


class NeighTable:
    """struct neigh_table, one bucket."""

    def __init__(self, m: Machine) -> None:
        self.lock = RwLock(m.sim, "arp_tbl.lock", bh=True)
        self.entries = SharedList(m.sim, "arp_tbl.hash")


async def neigh_clone(neigh: Neighbour, by: str = "") -> Neighbour:
    """include/net/neighbour.h:neigh_clone().  Context: any.  Locks: none."""
    await neigh.refs.get(by)
    return neigh


async def neigh_release(m: Machine, neigh: Neighbour, by: str = "") -> None:
    """include/net/neighbour.h:neigh_release().  Context: any.  Locks: none."""
    if await neigh.refs.put(by):
        await neigh_destroy(m, neigh)


async def neigh_destroy(m: Machine, neigh: Neighbour) -> None:
    """
    net/core/neighbour.c:neigh_destroy(): refuses a neighbour that is still hashed.

    Context: any.  Locks: none.
    """
    if not neigh.dead:
        m.sim.report(
            "warn-on",
            f"Destroying alive neighbour {neigh!r}",
            objects=(repr(neigh),),
            role="destroys",
        )
        return
    await dev_put(neigh.dev, repr(neigh))
    kfree(neigh)


async def neigh_lookup(m: Machine, pkey: str, dev: NetDevice) -> Neighbour | None:
    """
    net/core/neighbour.c:neigh_lookup(): a reference for the caller.

    Context: any.  Locks: arp_tbl.lock, read.
    """
    table: NeighTable = m.arp_tbl
    async with table.lock.reading():
        found = next(
            (n for n in table.entries.walk_locked() if n.primary_key == pkey and n.dev is dev), None
        )
        if found is not None:
            await found.refs.get()
    return found


async def neigh_create(m: Machine, pkey: str, dev: NetDevice) -> Neighbour | None:
    """
    net/core/neighbour.c:neigh_create(); None is -EINVAL: the device has no IPv4 (any more).

    Context: any.  Locks: arp_tbl.lock, write.
    """
    table: NeighTable = m.arp_tbl
    thread = m.sim.current
    assert thread is not None
    base = f"neigh({pkey})"
    name = f"{base}/{thread.name}.{thread.allocations.get(base, 0) + 1}"
    neigh = kmalloc(
        m.sim,
        Neighbour(
            primary_key=pkey,
            refs=m.refcount(name, TABLE),
            lock=RwLock(m.sim, f"{name}.lock", bh=True),
            timer=Timer(m.sim, f"{name}.timer", lambda: neigh_timer_handler(m, neigh)),
            probes=Atomic(m.sim, f"{name}.probes"),
            dev=dev,
        ),
        base,
    )
    neigh.used = neigh.updated = neigh.confirmed = m.sim.jiffies
    neigh.refs.take()
    await dev_hold(dev, repr(neigh))
    if await arp_constructor(m, neigh):
        await neigh_release(m, neigh)
        return None
    neigh.confirmed = m.sim.jiffies - 2 * BASE_REACHABLE_TIME
    await table.lock.write_lock()
    found: Neighbour | None = None
    if not dev.arp_parms_dead:
        others: tuple[Neighbour, ...] = table.entries.walk_locked()
        found = next((n for n in others if n.primary_key == pkey and n.dev is dev), None)
        if found is None:
            neigh.dead = False
            await neigh.refs.get(TABLE)
            await table.entries.add(neigh)
            await table.lock.write_unlock()
            return neigh
        await found.refs.get()
    await table.lock.write_unlock()
    await neigh_release(m, neigh)
    return found


async def arp_constructor(m: Machine, neigh: Neighbour) -> int:
    """
    net/ipv4/arp.c:arp_constructor().

    Context: any.  Locks: none (RCU).
    """
    dev = neigh.dev
    if not await read_once(dev, "ip_ptr"):
        return -EINVAL
    if ipaddress.IPv4Address(neigh.primary_key).is_multicast:  # inet_addr_type()
        NUD.fire(m.sim, neigh, "nud_state", "constructor_noarp")
        neigh.ha = multicast_mac(neigh.primary_key)
    elif dev.loopback:
        NUD.fire(m.sim, neigh, "nud_state", "constructor_noarp")
        neigh.ha = dev.dev_addr
    elif m.routes.is_broadcast(neigh.primary_key):
        NUD.fire(m.sim, neigh, "nud_state", "constructor_noarp")
        neigh.ha = BROADCAST
    return 0


def multicast_mac(address: str) -> str:
    """include/net/ip.h:ip_eth_mc_map(): 23 bits of the address in a prefix of the IANA."""
    low = int(ipaddress.IPv4Address(address)) & 0x7FFFFF
    return ":".join(f"{byte:02x}" for byte in (0x01005E << 24 | low).to_bytes(6, "big"))


async def neigh_event_send(m: Machine, neigh: Neighbour) -> int:
    """
    include/net/neighbour.h:neigh_event_send(), net/core/neighbour.c:__neigh_event_send().

    Context: any.  Locks: neigh->lock, write, unless the state is already good.
    """
    neigh.used = m.sim.jiffies
    if neigh.nud_state in NUD_CONNECTED | {Nud.DELAY, Nud.PROBE}:
        return 0
    async with neigh.lock.writing():
        state = neigh.nud_state
        if state in NUD_CONNECTED | {Nud.DELAY, Nud.PROBE}:
            return 0
        if state in (Nud.NONE, Nud.FAILED):
            await neigh.probes.atomic_set(UCAST_PROBES)
            NUD.fire(m.sim, neigh, "nud_state", "event_send")
            neigh.updated = m.sim.jiffies
            await neigh_add_timer(m, neigh, m.sim.jiffies + 1)
            m.arp_answers.solicited(neigh.primary_key)  # by that timer, a jiffy later
            return 1
        if state is Nud.STALE:
            NUD.fire(m.sim, neigh, "nud_state", "event_send_stale")
            neigh.updated = m.sim.jiffies
            await neigh_add_timer(m, neigh, m.sim.jiffies + DELAY_PROBE_TIME)
            return 0
    return 1


async def neigh_add_timer(m: Machine, neigh: Neighbour, when: int) -> None:
    """net/core/neighbour.c:neigh_add_timer().  Context: any.  Locks: neigh->lock held."""
    await neigh.refs.get(TIMER)
    if await neigh.timer.mod_timer(when):
        # The kernel only complains: the reference of the first arming stays as well.
        m.sim.report(
            "warn-on",
            f"NEIGH: BUG, double timer add, state is {neigh.nud_state.name}",
            objects=(repr(neigh),),
            role="arms",
        )


async def neigh_del_timer(m: Machine, neigh: Neighbour) -> None:
    """net/core/neighbour.c:neigh_del_timer().  Context: any.  Locks: neigh->lock held."""
    if neigh.nud_state in NUD_IN_TIMER and await neigh.timer.del_timer():
        await neigh_release(m, neigh, TIMER)


async def neigh_update(m: Machine, neigh: Neighbour, lladdr: str, override: bool) -> int:
    """
    net/core/neighbour.c:neigh_update() to REACHABLE, as an ARP reply to this host does.

    Context: any.  Locks: neigh->lock, write.
    """
    async with neigh.lock.writing():
        old = neigh.nud_state
        if old in (Nud.NOARP, Nud.PERMANENT):
            return -EPERM
        if not lladdr and old not in NUD_VALID:
            return -EINVAL
        neigh.confirmed = m.sim.jiffies
        neigh.updated = m.sim.jiffies
        if old in NUD_VALID and lladdr != neigh.ha and not override:
            return 0
        if old is not Nud.REACHABLE:
            await neigh_del_timer(m, neigh)
            await neigh_add_timer(m, neigh, m.sim.jiffies + BASE_REACHABLE_TIME)
            NUD.fire(m.sim, neigh, "nud_state", "update_reachable")
        if lladdr != neigh.ha:
            neigh.ha = lladdr
    return 0


async def neigh_timer_handler(m: Machine, neigh: Neighbour) -> bool:
    """
    net/core/neighbour.c:neigh_timer_handler(), neigh_invalidate().

    Tells whether it did anything but arm the timer again.

    Context: softirq.  Locks: neigh->lock, write.
    """
    await neigh.lock.write_lock()
    before = neigh.nud_state
    solicits = False
    if before in NUD_IN_TIMER:
        again = await _timer_transition(m, neigh)
        solicits = neigh.nud_state in (Nud.INCOMPLETE, Nud.PROBE)
        if solicits and await neigh.probes.atomic_read() >= neigh_max_probes(neigh):
            NUD.fire(m.sim, neigh, "nud_state", "timer_exhausted")
            neigh.updated = m.sim.jiffies
            solicits = False
        after = neigh.nud_state
        if after in NUD_IN_TIMER and not await neigh.timer.mod_timer(
            max(again, m.sim.jiffies + HZ // 2)
        ):
            await neigh.refs.get(TIMER)
        await neigh.lock.write_unlock()
        if solicits:  # ->solicit() and its count come after the lock is dropped
            m.arp_answers.solicited(neigh.primary_key)
            await neigh.probes.atomic_inc()
    else:
        after = before
        await neigh.lock.write_unlock()
    await neigh_release(m, neigh, TIMER)
    return solicits or after is not before


async def _timer_transition(m: Machine, neigh: Neighbour) -> int:
    """Let the state age; return when the timer is due again.  neigh->lock held."""
    now = m.sim.jiffies
    state = neigh.nud_state
    if state is Nud.REACHABLE:
        if now <= neigh.confirmed + BASE_REACHABLE_TIME:
            return neigh.confirmed + BASE_REACHABLE_TIME
        if now <= neigh.used + DELAY_PROBE_TIME:
            NUD.fire(m.sim, neigh, "nud_state", "timer_used")
            neigh.updated = now
            return now + DELAY_PROBE_TIME
        NUD.fire(m.sim, neigh, "nud_state", "timer_idle")
        neigh.updated = now
    elif state is Nud.DELAY:
        if now <= neigh.confirmed + DELAY_PROBE_TIME:
            NUD.fire(m.sim, neigh, "nud_state", "timer_confirmed")
            neigh.updated = now
            return neigh.confirmed + BASE_REACHABLE_TIME
        NUD.fire(m.sim, neigh, "nud_state", "timer_unconfirmed")
        neigh.updated = now
        await neigh.probes.atomic_set(0)
    return now + RETRANS_TIME


def neigh_max_probes(neigh: Neighbour) -> int:
    """net/core/neighbour.c:neigh_max_probes().  Context: any.  Locks: neigh->lock held."""
    return UCAST_PROBES + (0 if neigh.nud_state is Nud.PROBE else MCAST_PROBES)


async def neigh_flush_dev(m: Machine, dev: NetDevice) -> None:
    """
    net/core/neighbour.c:neigh_flush_dev(), as neigh_ifdown() and neigh_changeaddr() call it.

    An entry that somebody still refers to becomes a stray: it stays allocated, unhashed, and
    keeps its device.

    Context: process.  Locks: arp_tbl.lock, write; neigh->lock, write, nested inside.
    """
    table: NeighTable = m.arp_tbl
    async with table.lock.writing():
        for neigh in table.entries.walk_locked():
            if neigh.dev is not dev:
                continue
            await table.entries.remove(neigh)
            async with neigh.lock.writing():
                await neigh_del_timer(m, neigh)
                neigh.dead = True
                if await neigh.refs.read() != 1:
                    valid = neigh.nud_state in NUD_VALID
                    NUD.fire(m.sim, neigh, "nud_state", "flush_valid" if valid else "flush_invalid")
            await neigh_release(m, neigh, TABLE)


async def neigh_gc(m: Machine, neigh: Neighbour) -> None:
    """
    net/core/neighbour.c:neigh_periodic_work(), for one entry.

    Context: process (worker).  Locks: arp_tbl.lock, write; neigh->lock, write.
    """
    table: NeighTable = m.arp_tbl
    drop = False
    async with table.lock.writing():
        if neigh not in table.entries.walk_locked():
            return
        async with neigh.lock.writing():
            state = neigh.nud_state
            if state is not Nud.PERMANENT and state not in NUD_IN_TIMER:
                neigh.used = max(neigh.used, neigh.confirmed)
                if await neigh.refs.read() == 1:
                    drop = state is Nud.FAILED or m.sim.jiffies > neigh.used + GC_STALETIME
                if drop:
                    await table.entries.remove(neigh)
                    neigh.dead = True
        if drop:
            await neigh_release(m, neigh, TABLE)
