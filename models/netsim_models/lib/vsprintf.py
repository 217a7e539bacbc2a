"""
lib/vsprintf.c of 2.6.36: text to numbers, on buffers; a pointer is an offset.

Numbers wrap round, as unsigned arithmetic does: nothing is too large.
"""

from __future__ import annotations

from netsim.core.buffer import Buffer
from netsim_models.errno import EINVAL
from netsim_models.lib.ctype import isdigit, isxdigit
from netsim_models.lib.string import skip_spaces
from netsim_models.x86 import Arch

_NEWLINE = 0x0A
_MINUS = 0x2D


def simple_guess_base(cp: Buffer, at: int) -> int:
    """lib/vsprintf.c:simple_guess_base(): 0x before a digit is 16, 0 is 8.  Context: any."""
    if cp[at] != 0x30:
        return 10
    return 16 if cp[at + 1] | 0x20 == 0x78 and isxdigit(cp[at + 2]) else 8


def simple_strtoull(cp: Buffer, at: int, base: int) -> tuple[int, int]:
    """lib/vsprintf.c:simple_strtoull(): the number, and where it ends.  Context: any."""
    base = base or simple_guess_base(cp, at)
    if base == 16 and cp[at] == 0x30 and cp[at + 1] | 0x20 == 0x78:
        at += 2
    result = 0
    while isxdigit(c := cp[at]):
        value = c - 0x30 if isdigit(c) else (c | 0x20) - 0x61 + 10
        if value >= base:
            break
        result = result * base + value & 0xFFFF_FFFF_FFFF_FFFF
        at += 1
    return result, at


def simple_strtoul(arch: Arch, cp: Buffer, at: int, base: int) -> tuple[int, int]:
    """lib/vsprintf.c:simple_strtoul(): the number, and where it ends.  Context: any."""
    result, end = simple_strtoull(cp, at, base)
    return result & arch.long_max, end


def simple_strtol(arch: Arch, cp: Buffer, at: int, base: int) -> tuple[int, int]:
    """lib/vsprintf.c:simple_strtol(), as an unsigned long.  Context: any."""
    if cp[at] == _MINUS:
        result, end = simple_strtoul(arch, cp, at + 1, base)
        return -result & arch.long_max, end
    return simple_strtoul(arch, cp, at, base)


def strict_strtoul(arch: Arch, cp: Buffer, base: int, res: Buffer) -> int:
    """
    lib/vsprintf.c:strict_strtoul(): `res` gets an unsigned long, which nothing but one newline
    may follow; else 0, and -EINVAL.

    Context: any.
    """
    res.put(arch.long(0))
    if not cp[0]:
        return -EINVAL
    val, tail = simple_strtoul(arch, cp, 0, base)
    if tail == 0:
        return -EINVAL
    if cp[tail] and not (cp[tail] == _NEWLINE and not cp[tail + 1]):
        return -EINVAL
    res.put(arch.long(val))
    return 0


def sscanf_d(arch: Arch, buf: Buffer) -> int | None:
    """
    lib/vsprintf.c:vsscanf() with "%d", whatever stands behind it: an int, None if there is none.

    Context: any.
    """
    if not buf[0]:
        return None
    at = skip_spaces(buf, 0)
    digit = buf[at + 1] if buf[at] == _MINUS else buf[at]
    if not isdigit(digit):
        return None
    return to_int(simple_strtol(arch, buf, at, 10)[0])


def to_int(value: int) -> int:
    """Return what an int holds to which `value` is assigned (32 bits, two's complement)."""
    return (value + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
