"""What of an x86 machine shows in a dump: the size of a word, registers, and the processor."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from netsim_models.wire.registers import PT_REGS

PtRegs: TypeAlias = tuple[int, ...]
"""struct pt_regs: its words in order (arch/x86/include/asm/ptrace.h)."""


@attrs.frozen
class Arch:
    """One of the two machines that CONFIG_X86 means."""

    name: str
    #: sizeof(unsigned long)
    long_bytes: int

    @property
    def long_max(self) -> int:
        """ULONG_MAX."""
        return (1 << 8 * self.long_bytes) - 1

    def long(self, value: int) -> bytes:
        """Return an unsigned long as memory holds it."""
        return (value & self.long_max).to_bytes(self.long_bytes, "little")


X86_64 = Arch("x86_64", 8)
I386 = Arch("i386", 4)


@attrs.frozen
class CpuInfo:
    """struct cpuinfo_x86: family, model and stepping, each of which is one byte."""

    x86: int
    x86_model: int
    x86_mask: int


#: A processor of the time: family 6, model 26 (Nehalem-EP), stepping 5.
BOOT_CPU_DATA = CpuInfo(6, 26, 5)


def registers(arch: Arch) -> PtRegs:
    """Return the registers of an exception: each tells its place, since no code here has any."""
    return tuple(0x1000 + index for index in range(len(PT_REGS[arch.name][0])))
