"""
The files of netoops in /proc/sys/kernel: net_dump_device (patch 05), net_dump_now (patch 09).

Handlers of system calls on files that were just opened, so that *ppos is 0: what the patch does
for another position is left out.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from netsim.core.buffer import Buffer
from netsim.sync.sleep import might_sleep
from netsim.sync.stack import on_stack
from netsim_models.errno import EIO
from netsim_models.fs.proc_sysctl import Task
from netsim_models.kernel.oops import die
from netsim_models.kernel.panic import panic
from netsim_models.kernel.printk import KmsgDumpReason, kmsg_dump
from netsim_models.lib.string import strcmp, strncmp, strsep
from netsim_models.lib.vsprintf import strict_strtoul
from netsim_models.net.device import IFNAMSIZ

if TYPE_CHECKING:
    from netsim_models.netoops_v1.driver import Netoops

#: sizeof(u32)
DEST_BYTES = 4
MAGIC_BYTES = 20


async def proc_netoops_device_read(driver: Netoops, size: int | None) -> str:
    """
    drivers/net/netoops.c:proc_netoops_device(), patch 05, a read of `size` bytes (None: enough).

    Context: process; may sleep.  Locks: netoops_lock.
    """
    if size == 0:
        return ""
    name, dest, src = await driver.get_netoops_dest()
    await might_sleep("copy_to_user")
    return f"{name},0x{_number(dest):08X},0x{_number(src):08X}\n"[:size]


def _number(address: str) -> int:
    return int(ipaddress.IPv4Address(address))


async def proc_netoops_device_write(driver: Netoops, text: bytes) -> int:
    """
    drivers/net/netoops.c:proc_netoops_device(), patch 05, a write.

    Of a text longer than 55 bytes the rest is taken, and ignored.  Nothing ends a shorter one: what
    stands behind it is whatever was on the stack.  `dest` is a u32, but gets an unsigned long.

    Context: process; may sleep.  Locks: none of its own.
    """
    m = driver.m
    buff2 = await on_stack(m.sim, "buff2", IFNAMSIZ + 40)
    await might_sleep("copy_from_user")
    buff2.put(text[: buff2.size - 1])
    buff2[buff2.size - 1] = 0
    strsep(buff2, 0, b",")
    if not strncmp(buff2, 0, b"off", 3):
        await driver.disable_netoops(driver.in_process)
        return len(text)
    dest = Buffer(m.sim, "dest", DEST_BYTES)
    if strict_strtoul(m.arch, buff2, 0, dest):
        await driver.disable_netoops(driver.in_process)
        return -EIO
    address = ipaddress.IPv4Address(int.from_bytes(dest.get(DEST_BYTES), "little"))
    await driver.set_netoops_dest(str(address), driver.in_process)
    return len(text)


async def proc_netoops_now_write(driver: Netoops, text: bytes) -> int | Task:
    """
    drivers/net/netoops.c:proc_netoops_now(), patch 09, a write.

    The last byte is overwritten with a NUL, whatever it was; of an empty text, that before it.

    Context: process; may sleep.  Locks: as kmsg_dump().
    """
    m = driver.m
    magic = await on_stack(m.sim, "magic", MAGIC_BYTES)
    await might_sleep("copy_from_user")
    length = min(len(text), MAGIC_BYTES)
    magic.put(text[:length])
    magic[length - 1] = 0
    if not strcmp(magic, b"elgooG") or not strcmp(magic, b"guB"):
        await die(m)  # a NULL pointer; BUG()
        return Task.DEAD
    if not strcmp(magic, b"cinaP"):
        await panic(m)
    if not strcmp(magic, b"pmuD"):
        await kmsg_dump(m, KmsgDumpReason.SOFT)
    return len(text)


async def proc_netoops_now_read(driver: Netoops) -> str:
    """drivers/net/netoops.c:proc_netoops_now(), patch 09, a read.  Context: process."""
    return ""
