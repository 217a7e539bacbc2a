"""The packets of netoops v1 with all patches (stage 07): a header, then 1024 bytes of log."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from netsim_models.lib.string import strncpy
from netsim_models.x86 import BOOT_CPU_DATA

if TYPE_CHECKING:
    from netsim_models.netoops_v1.driver import Netoops
    from netsim_models.x86 import Arch, PtRegs

NETOOPS_TYPE_PRINTK_BUFFER = 1
NETOOPS_TYPE_PRINTK_BUFFER_SOFT = 3
NETOOPS_VERSION = 0x0002
NETOOPS_PORT = 2004
NETOOPS_RETRANSMIT_COUNT = 3
NETOOPS_ARCH = 2
NETOOPS_DATA_BYTES = 1024
HZ = 1000

#: What precedes `regs`, which is 168 bytes on x86_64 and 68 on i386 (the patch says 60).
_HEADER = struct.Struct("<HHHHHIIIBBB64s64s64s")


def setup_packet_header(
    driver: Netoops, packet_count: int, regs: PtRegs | None, soft_dump: bool
) -> bytearray:
    """
    drivers/net/netoops.c:setup_packet_header(), patches 05 to 07, after a memset() of `msg`.

    Context: irqs off.  Locks: netoops_lock held.
    """
    m, data = driver.m, driver.data
    words = [m.arch.long(word) for word in regs or (0,) * m.arch.registers]
    memory = b"".join(words)
    head = _HEADER.pack(
        NETOOPS_VERSION,
        _HEADER.size + len(memory),
        NETOOPS_ARCH,
        (m.sim.jiffies // HZ) & 0xFFFF,
        NETOOPS_TYPE_PRINTK_BUFFER_SOFT if soft_dump else NETOOPS_TYPE_PRINTK_BUFFER,
        packet_count,
        0,
        data.netoops_boot_number & 0xFFFF_FFFF,
        BOOT_CPU_DATA.x86,
        BOOT_CPU_DATA.x86_model,
        BOOT_CPU_DATA.x86_mask,
        m.release.encode(),
        strncpy(data.netoops_fw_version, 64),
        strncpy(data.netoops_board_name, 64),
    )
    return bytearray(head + memory)


def set_packet_no(head: bytearray, arch: Arch, packet_nr: int) -> None:
    """drivers/net/netoops.c:netoops_send_packet(), patch 05: what varies.  Context: irqs off."""
    struct.pack_into("<I", head, 14, packet_nr)


def packet_count_from_length(length: int) -> int:
    """drivers/net/netoops.c:packet_count_from_length(), patch 05."""
    return (length + NETOOPS_DATA_BYTES - 1) // NETOOPS_DATA_BYTES
