"""
One packet as a value, as bytes, and back.

`encode()` and `decode()` are inverse on what they accept: a packet that is decoded is one that
the code of its stage could have sent, bit by bit.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from netsim_models.wire.layout import DATA_BYTES, REGS, Layout

TYPE_PRINTK_BUFFER = 1
TYPE_PRINTK_BUFFER_SOFT = 3


class DecodeError(ValueError):
    """
    Bytes that are no packet of the layouts asked for.

    `reason` is one of `REASONS`, a stable word to count by; the message says what was expected.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


#: Too few or too many bytes; a constant of no layout; fields that the code never writes so.
REASONS = ("truncated", "too-long", "version", "layout", "type", "number", "reserved", "text")


def _words(registers: Sequence[int]) -> tuple[int, ...]:
    # Without registers the code sends zeros: the two cannot be told apart.
    return tuple(registers) if any(registers) else ()


def _unpadded(blob: bytes) -> bytes:
    return blob.rstrip(b"\0")


@attrs.frozen(kw_only=True)
class Packet:
    """
    A packet; a field that its layout does not have keeps its default.

    Texts are without the NULs that fill them up.  `registers` are in the order of
    `layout.registers`; none were given, or all are 0, if it is empty.  `data` is 1024 bytes, less
    only in what was captured cut off.
    """

    layout: Layout
    packet_no: int
    packet_count: int
    data: bytes
    dump_id: int = 0
    soft: bool = False
    kernel_version: bytes = b""
    #: `blog_boot_id` in v1.
    boot_id: int = 0
    x86_vendor: int = 0
    x86_family: int = 0
    x86_model: int = 0
    x86_stepping: int = 0
    bios_version: bytes = b""
    motherboard_type: bytes = b""
    user_blob: bytes = attrs.field(default=b"", converter=_unpadded)
    registers: tuple[int, ...] = attrs.field(default=(), converter=_words)


#: What a field of another name is called here.
_ATTRIBUTES = {"blog_boot_id": "boot_id", REGS: "registers"}
#: Fields of a packet that not every layout has.
_OPTIONAL = (
    "boot_id", "x86_vendor", "x86_family", "x86_model", "x86_stepping", "bios_version",
    "motherboard_type", "user_blob", "registers",
)  # fmt: skip


def dump_id(jiffies: int, hz: int) -> int:
    """drivers/net/netoops.c:setup_packet_header(): seconds of jiffies, modulo 65536."""
    return (jiffies // hz) & 0xFFFF


def encode(packet: Packet) -> bytes:
    """
    Return the payload of a datagram: the header, and 1024 bytes of data.

    Texts longer than their field are cut, without a NUL, as strncpy() does.  Raises ValueError for
    a value that its field cannot hold, or that the layout has no field for.
    """
    if len(packet.data) != DATA_BYTES:
        raise ValueError(f"expected {DATA_BYTES} bytes of data, found {len(packet.data)}")
    return header(packet) + packet.data


def header(packet: Packet) -> bytes:
    """
    drivers/net/netoops.c:setup_packet_header(): what comes before the data.

    Raises as `encode` does.
    """
    layout = packet.layout
    values = list(_values(packet))
    given = {name for name in _OPTIONAL if getattr(packet, name)}
    for name in sorted(given - {_ATTRIBUTES.get(one.name, one.name) for one in layout.fields}):
        raise ValueError(f"{layout} has no field for {name}")
    try:
        return layout.struct.pack(*values)
    except struct.error as error:
        raise ValueError(f"{layout}: a value does not fit its field: {error}") from None


def numbered(head: bytes, layout: Layout, packet_no: int) -> bytes:
    """drivers/net/netoops.c:netoops_send_packet(): the same header with another packet number."""
    field = layout.field("packet_no")
    assert field is not None
    return head[: field.offset] + packet_no.to_bytes(field.size, "little") + head[field.end :]


def _values(packet: Packet) -> Iterator[Any]:
    layout = packet.layout
    for field in layout.fields:
        name = field.name
        if name in layout.constants:
            yield layout.constants[name]
        elif name == "type":
            yield TYPE_PRINTK_BUFFER_SOFT if packet.soft else TYPE_PRINTK_BUFFER
        elif name == REGS:
            yield from _registers(packet)
        elif field.is_reserved:
            yield b"" if field.is_text else 0
        else:
            value = getattr(packet, _ATTRIBUTES.get(name, name))
            if name == "user_blob":
                if len(value) > field.size:
                    raise ValueError(f"{layout}: expected at most {field.size} bytes in {name}")
            elif field.is_text and b"\0" in value:
                raise ValueError(f"{layout}: expected no NUL in {name}, found {value!r}")
            yield value


def _registers(packet: Packet) -> tuple[int, ...]:
    count = len(packet.layout.registers)
    if packet.registers and len(packet.registers) != count:
        raise ValueError(
            f"{packet.layout}: expected {count} registers, found {len(packet.registers)}"
        )
    return packet.registers or (0,) * count


def decode(payload: bytes, layouts: Sequence[Layout], *, cut: bool = False) -> Packet:
    """
    Read a packet of the first of `layouts` that it fits.

    With `cut`, data may be missing at the end, as in a capture of the first bytes of each packet.
    Raises DecodeError, and nothing else, for whatever other bytes.
    """
    layout = layout_of(payload, layouts)
    size, found = layout.packet_bytes, len(payload)
    if found > size:
        raise DecodeError("too-long", f"{layout}: expected {size} bytes, found {found}")
    if found < (layout.header_bytes if cut else size):
        at_least = f"at least {layout.header_bytes}" if cut else str(size)
        raise DecodeError("truncated", f"{layout}: expected {at_least} bytes, found {found}")
    return Packet(
        layout=layout, data=bytes(payload[layout.header_bytes :]), **_fields(payload, layout)
    )


def layout_of(payload: bytes, layouts: Sequence[Layout]) -> Layout:
    """
    Return the first of `layouts` whose constants `payload` has; raises DecodeError if none.

    One whose reserved fields are 0 goes before one where they are not.
    """
    fitting = [one for one in layouts if _has(payload, one.marks)]
    if not fitting:
        raise _refusal(payload, layouts)
    return next((one for one in fitting if _has(payload, one.zeros)), fitting[0])


def _has(payload: bytes, expected: tuple[tuple[int, int, bytes], ...]) -> bool:
    return all(payload[begin:end] == value for begin, end, value in expected)


def _refusal(payload: bytes, layouts: Sequence[Layout]) -> DecodeError:
    """Say which constant of which layouts `payload` does not have, in the order of the header."""
    left = list(layouts)
    for name in ("version", "header_size", "data_offset", "arch", "arch_offset"):
        asked = [one for one in left if name in one.constants]
        fitting = [one for one in asked if _constant(payload, one, name) == one.constants[name]]
        if asked and not fitting:
            return _unknown(payload, asked, name)
        left = fitting or left
    # Not reached: a layout that is left here has all its constants, and fits.
    return DecodeError("layout", "expected the constants of one layout, found others")


def _constant(payload: bytes, layout: Layout, name: str) -> int:
    field = layout.field(name)
    assert field is not None
    found = payload[field.offset : field.end]
    return int.from_bytes(found, "little") if len(found) == field.size else -1


def _unknown(payload: bytes, layouts: Sequence[Layout], name: str) -> DecodeError:
    field = layouts[0].field(name)
    assert field is not None
    if len(payload) < field.end:
        return DecodeError(
            "truncated", f"expected {name} at byte {field.offset}, found {len(payload)} bytes"
        )
    known = sorted({layout.constants[name] for layout in layouts})
    return DecodeError(
        "version" if name == "version" else "layout",
        f"expected {name} {' or '.join(map(str, known))} at byte {field.offset}, "
        f"found {_constant(payload, layouts[0], name)}",
    )


def _fields(payload: bytes, layout: Layout) -> dict[str, Any]:
    for begin, end, zeros in layout.zeros:
        if payload[begin:end] != zeros:
            name = next(field.name for field in layout.fields if field.offset == begin)
            raise DecodeError("reserved", f"{layout}: expected 0 in {name}, found something else")
    values = iter(layout.struct.unpack_from(payload))
    fields: dict[str, Any] = {}
    for field in layout.fields:
        name = field.name
        if name == REGS:
            fields["registers"] = tuple(values)  # always the last
            continue
        value = next(values)
        if name in layout.constants or field.is_reserved:
            continue
        if name == "type":
            if value not in (TYPE_PRINTK_BUFFER, TYPE_PRINTK_BUFFER_SOFT):
                raise DecodeError("type", f"{layout}: expected type 1 or 3, found {value}")
            fields["soft"] = value == TYPE_PRINTK_BUFFER_SOFT
        elif field.is_text and name != "user_blob":
            fields[name], _, rest = value.partition(b"\0")
            if rest.strip(b"\0"):
                raise DecodeError(
                    "text", f"{layout}: expected NULs up to the end of {name}, found others"
                )
        else:
            fields[_ATTRIBUTES.get(name, name)] = value
    if not fields["packet_no"] < fields["packet_count"]:
        raise DecodeError(
            "number",
            f"{layout}: expected a packet_no below packet_count, found {fields['packet_no']} "
            f"of {fields['packet_count']}",
        )
    return fields
