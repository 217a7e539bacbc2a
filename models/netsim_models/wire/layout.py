"""
Layouts of headers: packed structs of little-endian fields, one right after the other.

Every struct here has `__attribute__((packed))` in its source, so that no field is aligned.  v1
writes its integers as the machine has them, which is x86; v3 says `__le16` and `__le32`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import attrs

#: NETOOPS_DATA_BYTES: what each packet has of the log, behind its header.
DATA_BYTES = 1024
#: `struct pt_regs`, which is not packed itself, but made of words of one size: no gaps.
REGS = "regs"
RESERVED = "__reserved"


@attrs.frozen
class Field:
    """A field: its name in the source, its place in the packet, and its format (see `struct`)."""

    name: str
    offset: int
    size: int
    format: str

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.offset + self.size

    @property
    def is_text(self) -> bool:
        """Whether it is an array of `char` and no integer."""
        return self.format.endswith("s")

    @property
    def is_reserved(self) -> bool:
        """Whether nothing but 0 is ever written to it."""
        return self.name.startswith(RESERVED)


@attrs.frozen(eq=False)
class Layout:
    """
    The header of one stage of the patches on one machine.

    `constants` are the fields that have one value in all packets of this layout; it is known by
    them.  `registers` names what `regs` holds, word by word; none if there is no such field.
    """

    name: str
    #: Where it is declared.
    source: str
    fields: tuple[Field, ...]
    constants: Mapping[str, int]
    registers: tuple[str, ...]
    struct: struct.Struct = attrs.field(repr=False)
    #: (begin, end, bytes) of each constant, and of each reserved field: so decoding need not look.
    marks: tuple[tuple[int, int, bytes], ...] = attrs.field(repr=False)
    zeros: tuple[tuple[int, int, bytes], ...] = attrs.field(repr=False)

    def __str__(self) -> str:
        return self.name

    @property
    def header_bytes(self) -> int:
        """Where the data begins."""
        return self.struct.size

    @property
    def packet_bytes(self) -> int:
        """The size of every packet: the last part of a log is padded."""
        return self.struct.size + DATA_BYTES

    def field(self, name: str) -> Field | None:
        """Return the field of this name, or None."""
        return next((field for field in self.fields if field.name == name), None)


def packed(
    name: str,
    source: str,
    declared: tuple[tuple[str, str], ...],
    constants: Mapping[str, int],
    registers: tuple[str, ...] = (),
) -> Layout:
    """Lay `declared` (name, format) out without gaps."""
    fields: list[Field] = []
    offset = 0
    for field, form in declared:
        fields.append(Field(field, offset, struct.calcsize(f"<{form}"), form))
        offset = fields[-1].end
    return Layout(
        name,
        source,
        tuple(fields),
        dict(constants),
        registers,
        struct.Struct("<" + "".join(form for _, form in declared)),
        tuple(
            (one.offset, one.end, constants[one.name].to_bytes(one.size, "little"))
            for one in fields
            if one.name in constants
        ),
        tuple((one.offset, one.end, bytes(one.size)) for one in fields if one.is_reserved),
    )
