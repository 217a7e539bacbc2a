"""
The files of netoops in /sys/kernel/netdump (patch 07), as posted.

The attributes are called netoops_*, but show and store look for netdump_*: so nothing is ever
shown or stored, and the fields of the packets stay empty.  The patch's own text names three files
(netdump_board_name, netdump_fw_version, netdump_boot_id) of which none exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.core.buffer import Buffer
from netsim_models.fs.sysfs import PAGE_SIZE
from netsim_models.lib.string import strlen, strncpy
from netsim_models.lib.vsprintf import sscanf_d

if TYPE_CHECKING:
    from netsim_models.netoops_v1.driver import Netoops

#: Names of the attributes, in the order of attr_group.
ATTRIBUTES = ("netoops_fw_version", "netoops_board_name", "netoops_boot_number")
FIELD_BYTES = 80


def netoops_show(driver: Netoops, name: str, buf: Buffer) -> int:
    """drivers/net/netoops.c:netoops_show(), patch 07.  Context: process.  Locks: none."""
    data = driver.data
    if name == "netdump_fw_version":
        buf.put(strncpy(data.netoops_fw_version, PAGE_SIZE))
    elif name == "netdump_board_name":
        buf.put(strncpy(data.netoops_board_name, PAGE_SIZE))
    elif name == "netdump_boot_number":
        buf.put(b"%d\n\0" % data.netoops_boot_number)
    buf[PAGE_SIZE - 1] = 0
    return strlen(buf)


def netoops_store(driver: Netoops, name: str, buf: Buffer, count: int) -> int:
    """drivers/net/netoops.c:netoops_store(), patch 07.  Context: process.  Locks: none."""
    data = driver.data
    if name == "netdump_fw_version":
        data.netoops_fw_version = _field(buf)
    elif name == "netdump_board_name":
        data.netoops_board_name = _field(buf)
    elif name == "netdump_boot_number":
        buf[count - 1] = 0  # the last byte is lost, be it a newline or a digit
        number = sscanf_d(driver.m.arch, buf)
        if number is not None:
            data.netoops_boot_number = number
    return count


def _field(buf: Buffer) -> bytes:
    return strncpy(buf.get(strlen(buf)), FIELD_BYTES)[:-1] + b"\0"
