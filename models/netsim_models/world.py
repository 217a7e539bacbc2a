"""
The world that netoops lives in at the start, and the operations of that world.

lo, eth0 (10.0.0.100/24) and eth1 (10.0.1.100/24) are up with carrier; there is no default route.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from netsim.core.sim import Sim
from netsim.core.thread import Context
from netsim.design import Operation, Parameter
from netsim.sync.workqueue import Work
from netsim_models.errno import ENODEV
from netsim_models.kernel.jiffies import wait_seconds
from netsim_models.kernel.oops import X86, OopsPath
from netsim_models.kernel.panic import soft_dump
from netsim_models.kernel.printk import LogBuf
from netsim_models.machine import Machine
from netsim_models.net import arp_operations, device, fib_frontend, link_watch
from netsim_models.net.arp_answers import ArpAnswers
from netsim_models.net.device import NetDevice, RegState
from netsim_models.net.link_watch_work import linkwatch_event
from netsim_models.net.netpoll import Wire
from netsim_models.net.rtnetlink import rtnl_lock, rtnl_unlock
from netsim_models.x86 import X86_64, Arch

#: As printk() leaves it in the ring: linux_banner is KERN_NOTICE.
BOOT_TEXT = b"<5>Linux version 2.6.36 (sim) #1 SMP\n" * 8
MAC_OF_NEW_DEVICE = "02:00:00:00:00:99"


def boot(sim: Sim, release: str, arch: Arch = X86_64, oops_path: OopsPath = X86) -> Machine:
    """Build the machine as it is after boot; runs no step."""
    m = Machine(sim, release, arch, oops_path)
    m.log = LogBuf(sim)
    m.log.emit(BOOT_TEXT)
    m.wire = Wire()
    m.arp_answers = ArpAnswers(m)
    m.linkwatch_work = Work(sim, "linkwatch_event", lambda: linkwatch_event(m))
    devices = [
        _device(m, "lo", "00:00:00:00:00:00", (("127.0.0.1", 8),), loopback=True),
        _device(m, "eth0", "02:00:00:00:00:01", (("10.0.0.100", 24),)),
        _device(m, "eth1", "02:00:00:00:00:02", (("10.0.1.100", 24),)),
    ]
    m.dev_base.items = tuple(devices)
    fib_frontend.setup(m)
    return m


def _device(
    m: Machine, name: str, mac: str, ifaddrs: tuple[tuple[str, int], ...], loopback: bool = False
) -> NetDevice:
    dev = device.new_device(
        m,
        name,
        mac,
        ifaddrs=ifaddrs,
        loopback=loopback,
        up=True,
        start=True,
        nocarrier=False,
        reg_state=RegState.REGISTERED,
    )
    dev.refs.holders.append(device.REGISTRATION_REF)
    dev.refs.count = 1
    return dev


# -- arguments -----------------------------------------------------------------------------------


def _is_address(text: str) -> str | None:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return "an IPv4 address such as 10.0.0.1"
    return None


def _is_device_name(text: str) -> str | None:
    if re.fullmatch(r"[A-Za-z0-9_.:-]{1,15}", text) and text not in (".", ".."):
        return None
    return "a device name of 1 to 15 letters, digits or _ . : - (such as eth0)"


def _is_mac(text: str) -> str | None:
    if re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", text):
        return None
    return "a MAC address in lower case such as 02:00:0a:00:00:01"


def _is_size(text: str) -> str | None:
    if re.fullmatch(r"[0-9]{1,6}", text) and int(text) <= 1 << 17:
        return None
    return "a number of bytes from 0 to 131072"


def _is_seconds(text: str) -> str | None:
    return None if re.fullmatch(r"[0-9]{1,6}", text) else "a number of seconds from 0 to 999999"


ADDR = Parameter("ADDR", "an IPv4 address", _is_address)
DEV = Parameter("DEV", "the name of a device", _is_device_name)
NEW = Parameter("NEW", "the new name", _is_device_name)
MAC = Parameter("MAC", "a hardware address", _is_mac)
OPTIONAL_MAC = Parameter("MAC", "its hardware address", _is_mac, optional=True)
SECONDS = Parameter("SECONDS", "how long", _is_seconds)
BYTES = Parameter("N", "bytes of text", _is_size)


# -- device operations: a system call each, under rtnl ---------------------------------------------


async def register(m: Machine, name: str) -> int:
    """net/core/dev.c:register_netdev().  Context: process; may sleep.  Locks: takes rtnl."""
    await rtnl_lock(m)
    result = await device.register_netdevice(m, name, MAC_OF_NEW_DEVICE)
    await rtnl_unlock(m)
    return result


async def unregister(m: Machine, name: str) -> int:
    """net/core/dev.c:unregister_netdev().  Context: process; may sleep.  Locks: takes rtnl."""
    await rtnl_lock(m)
    dev = await device.__dev_get_by_name(m, name)
    if dev is not None:
        await device.unregister_netdevice(m, dev)
    await rtnl_unlock(m)
    return 0 if dev is not None else -ENODEV


async def up(m: Machine, name: str) -> int:
    """net/core/dev.c:dev_change_flags(), IFF_UP set.  Context: process.  Locks: takes rtnl."""
    await rtnl_lock(m)
    dev = await device.__dev_get_by_name(m, name)
    result = await device.dev_open(m, dev) if dev is not None else -ENODEV
    await rtnl_unlock(m)
    return result


async def down(m: Machine, name: str) -> int:
    """net/core/dev.c:dev_change_flags(), IFF_UP cleared.  Context: process.  Locks: takes rtnl."""
    await rtnl_lock(m)
    dev = await device.__dev_get_by_name(m, name)
    if dev is not None:
        await device.dev_close(m, dev)
    await rtnl_unlock(m)
    return 0 if dev is not None else -ENODEV


async def flags(m: Machine, name: str) -> int:
    """net/core/dev.c:dev_change_flags(), not IFF_UP.  Context: process.  Locks: takes rtnl."""
    await rtnl_lock(m)
    dev = await device.__dev_get_by_name(m, name)
    if dev is not None:
        await device.dev_change_flags(m, dev)
    await rtnl_unlock(m)
    return 0 if dev is not None else -ENODEV


async def rename(m: Machine, name: str, new: str) -> int:
    """net/core/dev.c:dev_ifsioc(), SIOCSIFNAME.  Context: process.  Locks: takes rtnl."""
    await rtnl_lock(m)
    dev = await device.__dev_get_by_name(m, name)
    result = await device.dev_change_name(m, dev, new) if dev is not None else -ENODEV
    await rtnl_unlock(m)
    return result


async def mac(m: Machine, name: str, address: str) -> int:
    """net/core/dev.c:dev_ifsioc(), SIOCSIFHWADDR.  Context: process.  Locks: takes rtnl."""
    await rtnl_lock(m)
    dev = await device.__dev_get_by_name(m, name)
    result = await device.dev_set_mac_address(m, dev, address) if dev is not None else -ENODEV
    await rtnl_unlock(m)
    return result


async def carrier_on(m: Machine, name: str) -> int:
    """
    A driver sees the link come: net/sched/sch_generic.c:netif_carrier_on().

    Context: any.  Locks: lweventlist_lock.
    """
    return await _carrier(m, name, True)


async def carrier_off(m: Machine, name: str) -> int:
    """
    A driver sees the link go: net/sched/sch_generic.c:netif_carrier_off().

    Context: any.  Locks: lweventlist_lock.
    """
    return await _carrier(m, name, False)


async def _carrier(m: Machine, name: str, on: bool) -> int:
    # A driver is gone before its device is; the reference stands for that.
    dev = await device.dev_get_by_name(m, name)
    if dev is None:
        return -ENODEV
    await (link_watch.netif_carrier_on if on else link_watch.netif_carrier_off)(m, dev)
    await device.dev_put(dev)
    return 0


async def log(m: Machine, size: str) -> int:
    """kernel/printk.c:printk() of so many bytes.  Context: any.  Locks: logbuf_lock."""
    from netsim_models.kernel.printk import log_raw

    line = "netsim: the quick brown fox jumps over the lazy dog\n"
    count = int(size)
    await log_raw(m, (line * (count // len(line) + 1))[:count])
    return 0


async def soft(m: Machine) -> int:
    """kernel/printk.c:kmsg_dump() of a soft dump.  Context: any.  Locks: as kmsg_dump()."""
    await soft_dump(m)
    return 0


ANY = (Context.PROCESS, Context.SOFTIRQ)
#: Written to /proc/sysrq-trigger, typed on a keyboard, or received as a break by a serial port.
SYSRQ = (Context.PROCESS, Context.HARDIRQ, Context.SOFTIRQ)
BOTTOM_HALF = (Context.SOFTIRQ,)


def operations() -> Mapping[str, Operation]:
    """
    Return the operations of the world; `run` takes the machine first.

    Operations without samples stay out of the matrix: from its starting points they do nothing
    that another operation does not (a device that is there, a route that nobody asks for).
    """
    made = [
        Operation(
            "register",
            "a new device object appears: down, no carrier, no address",
            register,
            (DEV,),
            samples=(),
            alone=(("eth0",),),
            source="net/core/dev.c",
        ),
        Operation(
            "unregister",
            "a device is removed for good; waits for all references",
            unregister,
            (DEV,),
            samples=(("eth0",),),
            source="net/core/dev.c",
        ),
        Operation("up", "open a device", up, (DEV,), samples=(("eth0",),), source="net/core/dev.c"),
        Operation(
            "down", "close a device", down, (DEV,), samples=(("eth0",),), source="net/core/dev.c"
        ),
        Operation(
            "carrier-on",
            "the link of a device comes",
            carrier_on,
            (DEV,),
            ANY,
            samples=(("eth0",),),
            source="net/core/link_watch.c",
        ),
        Operation(
            "carrier-off",
            "the link of a device goes",
            carrier_off,
            (DEV,),
            ANY,
            samples=(("eth0",),),
            source="net/core/link_watch.c",
        ),
        Operation(
            "flags",
            "a flag of a device other than UP changes",
            flags,
            (DEV,),
            samples=(("eth0",),),
            source="net/core/dev.c",
        ),
        Operation(
            "rename",
            "a device that is down gets a new name",
            rename,
            (DEV, NEW),
            samples=(("eth0", "eth7"),),
            source="net/core/dev.c",
        ),
        Operation(
            "mac",
            "a device gets a new hardware address",
            mac,
            (DEV, MAC),
            samples=(("eth0", "02:00:00:00:00:77"),),
            source="net/core/dev.c",
        ),
        Operation(
            "neigh-reply",
            "an ARP reply arrives",
            arp_operations.neigh_reply,
            (ADDR, OPTIONAL_MAC),
            BOTTOM_HALF,
            samples=(("10.0.0.1",),),
            source="net/ipv4/arp.c",
        ),
        Operation(
            "neigh-fail",
            "an address stops to answer ARP",
            arp_operations.neigh_fail,
            (ADDR,),
            BOTTOM_HALF,
            samples=(("10.0.0.1",),),
            source="net/core/neighbour.c",
        ),
        Operation(
            "neigh-age",
            "time passes until the neighbour's timer fires",
            arp_operations.neigh_age,
            (ADDR,),
            BOTTOM_HALF,
            samples=(("10.0.0.1",),),
            source="net/core/neighbour.c",
        ),
        Operation(
            "route-add",
            "a host route is added",
            arp_operations.route_add,
            (ADDR, DEV),
            samples=(),
            source="net/ipv4/fib_frontend.c",
        ),
        Operation(
            "route-del",
            "a host route is removed",
            arp_operations.route_del,
            (ADDR,),
            samples=(),
            source="net/ipv4/fib_frontend.c",
        ),
        Operation(
            "log",
            "N bytes are printed to the kernel log",
            log,
            (BYTES,),
            ANY,
            samples=(),
            alone=(("728",),),  # with BOOT_TEXT 1024 bytes: what a packet of netoops holds
            source="kernel/printk.c",
        ),
        Operation(
            "wait",
            "so many seconds pass on the clock; timers do not fire by it, neighbours do not age",
            wait_seconds,
            (SECONDS,),
            samples=(),
            source="kernel/timer.c",
        ),
        Operation(
            "soft-dump",
            "dump the log although nothing is wrong: what pmuD and, under its lock, sysrq y call",
            soft,
            (),
            SYSRQ,
            source="kernel/printk.c, patch 03",
        ),
    ]
    return {operation.name: operation for operation in made}
