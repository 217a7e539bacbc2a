"""
The header of netoops v1 after patches 05, 06 and 07 (drivers/net/netoops.c, struct netoops_msg).

Offsets (bytes):

    version  header_size  arch  dump_id  type  packet_count  packet_no
    0        2            4     6        8     10            14

    18  05, 06: __reserved1 (0)                 07: blog_boot_id
    22  05: __reserved2, 3, 4 (0)               06, 07: x86_family, x86_model, x86_stepping
    25  kernel_version[64]
    89  05: __reserved5[64], 06: 2 (0)          07: bios_version[64]
    153 05: __reserved6[64], 06: 3 (0)          07: motherboard_type[64]
    217 05: data[1024], 1241 bytes in all
        06, 07 on i386: regs, 68 bytes; 285: data; 1309 bytes in all
        06, 07 on x86_64: regs, 168 bytes; 385: data; 1409 bytes in all

06 and 07 have the same size: a packet of 06 is one of 07 whose user fields are empty.
"""

from __future__ import annotations

from netsim_models.wire.layout import REGS, RESERVED, Layout, packed
from netsim_models.wire.registers import PT_REGS

VERSION = 2
ARCH = 2

_CORE = (
    ("version", "H"),
    ("header_size", "H"),
    ("arch", "H"),
    ("dump_id", "H"),
    ("type", "H"),
    ("packet_count", "I"),
    ("packet_no", "I"),
)
_X86 = (("x86_family", "B"), ("x86_model", "B"), ("x86_stepping", "B"))
_SOURCE = "drivers/net/netoops.c:struct netoops_msg, [PATCH v1 {}/12]"


def _constants(size: int) -> dict[str, int]:
    return {"version": VERSION, "header_size": size, "arch": ARCH}


def _core() -> Layout:
    return packed(
        "v1-05",
        _SOURCE.format("05"),
        (
            *_CORE,
            (f"{RESERVED}1", "I"),
            (f"{RESERVED}2", "B"),
            (f"{RESERVED}3", "B"),
            (f"{RESERVED}4", "B"),
            ("kernel_version", "64s"),
            (f"{RESERVED}5", "64s"),
            (f"{RESERVED}6", "64s"),
        ),
        _constants(217),
    )


def _x86(machine: str, size: int) -> Layout:
    names, words = PT_REGS[machine]
    return packed(
        f"v1-06/{machine}",
        _SOURCE.format("06"),
        (
            *_CORE,
            (f"{RESERVED}1", "I"),
            *_X86,
            ("kernel_version", "64s"),
            (f"{RESERVED}2", "64s"),
            (f"{RESERVED}3", "64s"),
            (REGS, words),
        ),
        _constants(size),
        names,
    )


def _user(machine: str, size: int) -> Layout:
    names, words = PT_REGS[machine]
    return packed(
        f"v1-07/{machine}",
        _SOURCE.format("07"),
        (
            *_CORE,
            ("blog_boot_id", "I"),
            *_X86,
            ("kernel_version", "64s"),
            ("bios_version", "64s"),
            ("motherboard_type", "64s"),
            (REGS, words),
        ),
        _constants(size),
        names,
    )


CORE = _core()
X86_I386 = _x86("i386", 285)
X86_X86_64 = _x86("x86_64", 385)
USER_I386 = _user("i386", 285)
USER_X86_64 = _user("x86_64", 385)

#: All that v1 ever sent.  Those of patch 06 come last: what they say, those of 07 say, too.
LAYOUTS = (CORE, USER_I386, USER_X86_64, X86_I386, X86_X86_64)
