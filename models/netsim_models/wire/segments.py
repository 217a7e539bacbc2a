"""
How a log becomes the data of packets: netoops_send_segment() of v1 and v3, defects and all.

The log comes in two segments: s2, the newest text, and s1 before it if the ring had wrapped.  Each
is cut from its beginning into parts of 1024 bytes, and sent last part first; s2 goes first.  So
packet 0 is the end of the log and the highest number its beginning.  The last part of each segment
is padded with NULs.  If it is full, nothing of it is copied: its length is taken modulo 1024, and
1024 NULs are sent instead.
"""

from __future__ import annotations

from netsim_models.wire.layout import DATA_BYTES

#: NETOOPS_RETRANSMIT_COUNT: how often the packets of a dump are sent, one round after the other.
ROUNDS = 3


def packet_count_from_length(length: int) -> int:
    """drivers/net/netoops.c:packet_count_from_length(): parts of a segment."""
    return (length + DATA_BYTES - 1) // DATA_BYTES


def cut(s1: bytes, s2: bytes) -> list[bytes]:
    """Return the data of each packet of one round; the index is the packet number."""
    return _cut_segment(s2) + _cut_segment(s1)


def _cut_segment(segment: bytes) -> list[bytes]:
    count = packet_count_from_length(len(segment))
    parts = [segment[i * DATA_BYTES : (i + 1) * DATA_BYTES] for i in range(count)]
    if parts:
        copied = len(segment) % DATA_BYTES
        parts[-1] = parts[-1][:copied].ljust(DATA_BYTES, b"\0")
    return parts[::-1]
