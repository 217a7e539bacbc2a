"""
UDP datagrams out of captured frames: Ethernet and its likes, IPv4, UDP; and back into IPv4.

Nothing is reassembled and no checksum is judged: a capture at the sender has them before the
hardware filled them in.
"""

from __future__ import annotations

import ipaddress
import struct

from netsim.caught import Datagram

ETHERTYPE_IPV4 = 0x0800
_VLAN = (0x8100, 0x88A8)
_UDP = 17

#: Link types (https://www.tcpdump.org/linktypes.html): where the protocol stands, as an Ethernet
#: type in 2 bytes, and where what follows begins.
_LINKS = {1: (12, 14), 113: (14, 16), 276: (0, 20)}
#: Link types that begin with the IP header: RAW, as numbered by libpcap and by two systems; IPV4.
_IP = (101, 12, 14, 228)
#: BSD loopback: 4 bytes with the number of the family before the IP header.
_NULL = 0

LINK_TYPES = (*_LINKS, *_IP, _NULL)
#: What is written.
RAW = 101


def datagram(frame: bytes, link: int, original: int, time: float) -> Datagram | str:
    """
    Return the UDP datagram of a frame, or why there is none, in a few words.

    `original` is how long the frame was; of a longer one than `frame` the end was not captured.
    """
    found = _ip_header(frame, link)
    if isinstance(found, str):
        return found
    ip = frame[found:]
    size = (ip[0] & 15) * 4
    if ip[0] >> 4 != 4 or size < 20 or len(ip) < size + 8:
        return "no IPv4 header with a UDP header after it"
    if ip[9] != _UDP:
        return "not UDP"
    if int.from_bytes(ip[6:8], "big") & 0x3FFF:
        return "a fragment of a datagram"
    source_port, destination_port, length, _ = struct.unpack_from(">HHHH", ip, size)
    if length < 8 or found + size + length > original:
        return "a UDP length that does not fit its frame"
    return Datagram(
        source=f"{ipaddress.IPv4Address(ip[12:16])}:{source_port}",
        destination=f"{ipaddress.IPv4Address(ip[16:20])}:{destination_port}",
        payload=ip[size + 8 : size + length],
        time=time,
        whole=len(ip) >= size + length,
    )


def _ip_header(frame: bytes, link: int) -> int | str:
    if link in _IP:
        at = 0
    elif link == _NULL:
        at = 4
    else:
        kind_at, at = _LINKS[link]
        kind = int.from_bytes(frame[kind_at : kind_at + 2], "big")
        while kind in _VLAN and at + 4 <= len(frame):
            kind = int.from_bytes(frame[at + 2 : at + 4], "big")
            at += 4
        if kind != ETHERTYPE_IPV4:
            return "not IPv4"
    return at if len(frame) > at else "too short for an IPv4 header"


def ipv4(one: Datagram) -> bytes:
    """
    Return the IPv4 packet of a datagram, without a UDP checksum.

    Raises ValueError if its addresses are not "address:port" of IPv4, or if it is too long.
    """
    source, source_port = _address(one.source)
    destination, destination_port = _address(one.destination)
    length = 8 + len(one.payload)
    if 20 + length > 0xFFFF:
        raise ValueError(f"expected a datagram of at most 65507 bytes, found {len(one.payload)}")
    head = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0, 64, _UDP, 0, source, destination
    )
    head = head[:10] + _checksum(head).to_bytes(2, "big") + head[12:]
    return head + struct.pack(">HHHH", source_port, destination_port, length, 0) + one.payload


def _address(text: str) -> tuple[bytes, int]:
    address, _, port = text.rpartition(":")
    number = int(port)
    if not 0 <= number <= 0xFFFF:
        raise ValueError(f"expected a port from 0 to 65535, found {number}")
    return ipaddress.IPv4Address(address).packed, number


def _checksum(head: bytes) -> int:
    """RFC 1071, of an even number of bytes."""
    total: int = sum(struct.unpack(f">{len(head) // 2}H", head))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
