"""
Dumps as tagged text: what the packed header of v1 says, in lines `name=value` before the log.

Greg KH, 2010-11-03 18:16: "As for the user/kernel interface, perhaps exporting the data in a text
format that is "tagged" would be best?  Then the whole world can parse it easily."  With registers
such a header does not fit into an Ethernet frame beside 1024 bytes of log.  So a packet has a few
lines that tell where it belongs, an empty line, and 1024 bytes of text; the header is the text of
the packets with the highest numbers, before the beginning of the log, filled up with NULs.  `head`
tells how many they are.

    netoops=tagged / type=crash or soft / dump_id / packet_count / packet_no / head

In a value, backslashes and what is not printable ASCII are written as \\xHH.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from netsim_models.wire.layout import DATA_BYTES, packed
from netsim_models.wire.packet import DecodeError, Packet

MARK = b"netoops=tagged\n"
#: The fields of a packet, for who asks a layout; their places vary with their values.
TAGGED = packed(
    "tagged",
    "Greg KH's mail of 2010-11-03 18:16",
    (("dump_id", "H"), ("type", "H"), ("packet_count", "I"), ("packet_no", "I")),
    {},
)

_NUMBER = rb"(0|[1-9][0-9]{0,9})"
_PREFIX = re.compile(
    MARK
    + rb"type=(crash|soft)\n"
    + b"".join(
        name + b"=" + _NUMBER + rb"\n"
        for name in (b"dump_id", b"packet_count", b"packet_no", b"head")
    )
    + rb"\n"
)
_NUMBER_LINE = re.compile(rb"\npacket_no=[0-9]+\n")
#: The longest that there is, with five numbers of ten digits.
PREFIX_BYTES = 128


@attrs.frozen
class Piece:
    """A packet: `kept` are its lines without its number, alike in all packets of a dump."""

    packet: Packet
    head: int
    kept: bytes


def prefix(soft: bool, dump_id: int, packet_count: int, packet_no: int, head: int) -> bytes:
    """Return the lines that say where a packet belongs."""
    kind = b"soft" if soft else b"crash"
    return MARK + b"type=%b\ndump_id=%d\npacket_count=%d\npacket_no=%d\nhead=%d\n\n" % (
        kind, dump_id, packet_count, packet_no, head
    )  # fmt: skip


def numbered(lines: bytes, packet_no: int) -> bytes:
    """Return the same lines with another packet number."""
    return _NUMBER_LINE.sub(b"\npacket_no=%d\n" % packet_no, lines, count=1)


def header(packet: Packet) -> bytes:
    """Return the header of a dump: what the layout of `packet` has fields for, and is given."""
    return b"".join(f"{name}={value}\n".encode() for name, value in _lines(packet))


def _lines(packet: Packet) -> Iterator[tuple[str, str]]:
    yield "kernel_version", escaped(packet.kernel_version)
    yield "boot_id", str(packet.boot_id)
    for name in ("x86_family", "x86_model", "x86_stepping"):
        yield name, str(getattr(packet, name))
    for name in ("bios_version", "motherboard_type", "user_blob"):
        if getattr(packet, name):
            yield name, escaped(getattr(packet, name))
    for name, value in zip(packet.layout.registers, packet.registers, strict=False):
        yield f"regs.{name}", f"{value:x}"


def escaped(value: bytes) -> str:
    """Return bytes as printable ASCII."""
    return "".join(
        chr(one) if 32 <= one < 127 and one != ord("\\") else f"\\x{one:02x}" for one in value
    )


def read(payload: bytes, *, cut: bool = False) -> Piece:
    """
    Read a packet.

    With `cut`, data may be missing at the end.  Raises DecodeError, and nothing else.
    """
    found = _PREFIX.match(payload)
    if found is None:
        raise _refusal(payload)
    kind, *numbers = found.groups()
    dump_id, count, number, head = map(int, numbers)
    if not (number < count < 1 << 32 and dump_id < 1 << 16 and 0 < head <= count):
        raise DecodeError(
            "number",
            "tagged: expected packet_no below packet_count, head from 1 to packet_count and "
            f"dump_id below 65536, found {number}, {count}, {head} and {dump_id}",
        )
    data = payload[found.end() :]
    if len(data) > DATA_BYTES or (len(data) < DATA_BYTES and not cut):
        reason = "too-long" if len(data) > DATA_BYTES else "truncated"
        raise DecodeError(reason, f"tagged: expected {DATA_BYTES} bytes of text, found {len(data)}")
    packet = Packet(
        layout=TAGGED,
        packet_no=number,
        packet_count=count,
        data=bytes(data),
        dump_id=dump_id,
        soft=kind == b"soft",
    )
    return Piece(packet, head, _NUMBER_LINE.sub(b"\n", payload[: found.end()], count=1))


def _refusal(payload: bytes) -> DecodeError:
    start = payload[: len(MARK)]
    if not MARK.startswith(start):
        return DecodeError("version", f"tagged: expected netoops=tagged, found {bytes(start)!r}")
    if len(payload) < PREFIX_BYTES and b"\n\n" not in payload:
        return DecodeError(
            "truncated", f"tagged: expected an empty line, found {len(payload)} bytes"
        )
    return DecodeError(
        "layout", "tagged: expected type, dump_id, packet_count, packet_no and head, one by one"
    )


def read_header(text: bytes) -> tuple[tuple[str, str], ...] | None:
    """Return names and values of a header that came whole; None if it is no tagged text."""
    *lines, rest = text.rstrip(b"\0").split(b"\n")
    if rest or not all(re.fullmatch(rb"[!-<>-~]+=[ -~]*", line) for line in lines):
        return None
    pairs = (line.decode("ascii").partition("=") for line in lines)
    return tuple((name, value) for name, _, value in pairs)
