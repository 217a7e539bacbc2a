"""
The header of netoops v3 (the follow-up series, drivers/net/netoops.c, struct netoops_msg).

Little-endian whatever the machine.  Offsets (bytes):

    version  dump_id  data_offset  arch  arch_offset  type  packet_count  packet_no
    0        2        4            6     8            10    12            16

    first    20 kernel_version[64], 84 data[1024]; arch_data is empty there, arch_offset 84
    boot id  20 boot_id, 24 kernel_version[64], 88 arch_data
    blob     20 boot_id, 24 kernel_version[64], 88 user_blob[128], 216 arch_data

`arch_data` is x86_vendor, x86_family, x86_model, x86_stepping, one byte each, and regs; data[1024]
follows it: at 160 (i386) or 260 (x86_64), with a blob at 288 or 388.  The blob is that of a vendor
kernel's port; how much of it is used is not sent.
"""

from __future__ import annotations

from netsim_models.wire.layout import REGS, Layout, packed
from netsim_models.wire.registers import PT_REGS

VERSION = 3
ARCH = 2

_CORE = (
    ("version", "H"),
    ("dump_id", "H"),
    ("data_offset", "H"),
    ("arch", "H"),
    ("arch_offset", "H"),
    ("type", "H"),
    ("packet_count", "I"),
    ("packet_no", "I"),
)
_SOURCE = "drivers/net/netoops.c:struct netoops_msg, v3, {}"


def _constants(arch_offset: int, data_offset: int) -> dict[str, int]:
    return {
        "version": VERSION,
        "data_offset": data_offset,
        "arch": ARCH,
        "arch_offset": arch_offset,
    }


def _x86(name: str, machine: str, blob: bool, arch_offset: int, data_offset: int) -> Layout:
    names, words = PT_REGS[machine]
    return packed(
        f"{name}/{machine}",
        _SOURCE.format("with a user blob" if blob else "with a boot id"),
        (
            *_CORE,
            ("boot_id", "I"),
            ("kernel_version", "64s"),
            *((("user_blob", "128s"),) if blob else ()),
            ("x86_vendor", "B"),
            ("x86_family", "B"),
            ("x86_model", "B"),
            ("x86_stepping", "B"),
            (REGS, words),
        ),
        _constants(arch_offset, data_offset),
        names,
    )


FIRST = packed(
    "v3-first",
    _SOURCE.format("its first patch"),
    (*_CORE, ("kernel_version", "64s")),
    _constants(84, 84),
)
BOOT_ID_I386 = _x86("v3-boot-id", "i386", False, 88, 160)
BOOT_ID_X86_64 = _x86("v3-boot-id", "x86_64", False, 88, 260)
BLOB_I386 = _x86("v3-blob", "i386", True, 216, 288)
BLOB_X86_64 = _x86("v3-blob", "x86_64", True, 216, 388)

LAYOUTS = (FIRST, BOOT_ID_I386, BOOT_ID_X86_64, BLOB_I386, BLOB_X86_64)
