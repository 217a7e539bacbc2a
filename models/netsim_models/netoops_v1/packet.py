"""The packets of netoops v1 with all patches (stage 07): a header, then 1024 bytes of log."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from netsim_models.wire import v1
from netsim_models.wire.layout import DATA_BYTES, Layout
from netsim_models.wire.packet import Packet, dump_id, header
from netsim_models.wire.segments import ROUNDS
from netsim_models.x86 import BOOT_CPU_DATA, I386, X86_64, Arch

if TYPE_CHECKING:
    from netsim_models.netoops_v1.driver import Netoops
    from netsim_models.x86 import PtRegs

NETOOPS_PORT = 2004
NETOOPS_RETRANSMIT_COUNT = ROUNDS
NETOOPS_DATA_BYTES = DATA_BYTES
HZ = 1000

_LAYOUTS = {X86_64: v1.USER_X86_64, I386: v1.USER_I386}


def layout(arch: Arch) -> Layout:
    """Return the layout of the packets that a machine sends."""
    return _LAYOUTS[arch]


def setup_packet_header(
    driver: Netoops, packet_count: int, regs: PtRegs | None, soft_dump: bool
) -> bytes:
    """
    drivers/net/netoops.c:setup_packet_header(), patches 05 to 07, after a memset() of `msg`.

    Context: irqs off.  Locks: netoops_lock held.
    """
    return _packed(_values(driver, packet_count, regs, soft_dump))


def setup_packet(
    driver: Netoops, packet_count: int, regs: PtRegs | None, soft_dump: bool
) -> Packet:
    """Return what setup_packet_header() packs."""
    return _packet(_values(driver, packet_count, regs, soft_dump))


class _Values(NamedTuple):
    """All that a header depends on."""

    arch: Arch
    packet_count: int
    number: int
    soft: bool
    release: str
    boot_number: int
    fw_version: bytes
    board_name: bytes
    regs: PtRegs | None


def _values(driver: Netoops, packet_count: int, regs: PtRegs | None, soft_dump: bool) -> _Values:
    m, data = driver.m, driver.data
    return _Values(
        m.arch,
        packet_count,
        dump_id(m.sim.jiffies, HZ),
        soft_dump,
        m.release,
        data.netoops_boot_number,
        data.netoops_fw_version,
        data.netoops_board_name,
        regs,
    )


@lru_cache(maxsize=256)
def _packed(values: _Values) -> bytes:
    """Return the header; pure, and asked for at the end of every execution."""
    return header(_packet(values))


def _packet(values: _Values) -> Packet:
    return Packet(
        layout=layout(values.arch),
        packet_no=0,
        packet_count=values.packet_count,
        data=b"",
        dump_id=values.number,
        soft=values.soft,
        kernel_version=values.release.encode(),
        boot_id=values.boot_number & 0xFFFF_FFFF,
        x86_family=BOOT_CPU_DATA.x86,
        x86_model=BOOT_CPU_DATA.x86_model,
        x86_stepping=BOOT_CPU_DATA.x86_mask,
        bios_version=values.fw_version.partition(b"\0")[0],
        motherboard_type=values.board_name.partition(b"\0")[0],
        registers=values.regs or (),
    )
