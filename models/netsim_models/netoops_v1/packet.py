"""The packet of patch 05: a packed little-endian header, then 1024 bytes of log."""

import struct

NETOOPS_TYPE_PRINTK_BUFFER = 1
NETOOPS_TYPE_PRINTK_BUFFER_SOFT = 3
NETOOPS_VERSION = 0x0002
NETOOPS_PORT = 2004
NETOOPS_RETRANSMIT_COUNT = 3
NETOOPS_ARCH = 2
NETOOPS_DATA_BYTES = 1024
HZ = 1000

_HEADER = struct.Struct("<HHHHHIII3x64s64s64s")


def header(
    *, jiffies: int, soft_dump: bool, packet_count: int, packet_no: int, release: str
) -> bytes:
    """drivers/net/netoops.c:setup_packet_header() and netoops_send_packet(), patch 05."""
    return _HEADER.pack(
        NETOOPS_VERSION,
        _HEADER.size,
        NETOOPS_ARCH,
        (jiffies // HZ) & 0xFFFF,
        NETOOPS_TYPE_PRINTK_BUFFER_SOFT if soft_dump else NETOOPS_TYPE_PRINTK_BUFFER,
        packet_count,
        packet_no,
        0,
        release.encode(),
        b"",
        b"",
    )


def packet_count_from_length(length: int) -> int:
    """drivers/net/netoops.c:packet_count_from_length(), patch 05."""
    return (length + NETOOPS_DATA_BYTES - 1) // NETOOPS_DATA_BYTES
