"""How a dump is put into packets: as the patches do it, or as tagged text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

from netsim_models.netoops_v1 import packet
from netsim_models.netoops_v1.blob import with_blob
from netsim_models.wire import tagged
from netsim_models.wire.layout import Layout
from netsim_models.wire.packet import numbered
from netsim_models.wire.segments import packet_count_from_length

if TYPE_CHECKING:
    from netsim_models.netoops_v1.driver import Netoops
    from netsim_models.x86 import PtRegs


class Format(Protocol):
    """What stands in packets beside the log."""

    def begin(
        self,
        driver: Netoops,
        packet_count: int,
        regs: PtRegs | None,
        soft_dump: bool,
        blob: bytes | None,
    ) -> tuple[bytes, bytes]:
        """
        Return the header of each packet, and text that goes before the log.

        `packet_count` are the packets of the log.  Context: irqs off.  Locks: netoops_lock held.
        """
        ...

    def numbered(self, header: bytes, packet_nr: int) -> bytes:
        """Return a header with the number of its packet."""
        ...

    def numbers(self, payload: bytes) -> tuple[int, int]:
        """Return packet_count and packet_no of a packet that was sent."""
        ...


class Packed:
    """The packed header of patch 07, in each packet."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def begin(
        self,
        driver: Netoops,
        packet_count: int,
        regs: PtRegs | None,
        soft_dump: bool,
        blob: bytes | None,
    ) -> tuple[bytes, bytes]:
        """See `Format`."""
        header = packet.setup_packet_header(driver, packet_count, regs, soft_dump)
        return header if blob is None else with_blob(header, self.layout, blob), b""

    def numbered(self, header: bytes, packet_nr: int) -> bytes:
        """See `Format`."""
        return numbered(header, self.layout, packet_nr)

    def numbers(self, payload: bytes) -> tuple[int, int]:
        """See `Format`."""
        return self._number(payload, "packet_count"), self._number(payload, "packet_no")

    def _number(self, payload: bytes, name: str) -> int:
        field = self.layout.field(name)
        assert field is not None
        return int.from_bytes(payload[field.offset : field.end], "little")


class Tagged:
    """Tagged text, after Greg KH: see `netsim_models.wire.tagged`."""

    def begin(
        self,
        driver: Netoops,
        packet_count: int,
        regs: PtRegs | None,
        soft_dump: bool,
        blob: bytes | None,
    ) -> tuple[bytes, bytes]:
        """See `Format`."""
        values = packet.setup_packet(driver, packet_count, regs, soft_dump)
        if blob is not None:  # it stands in place of the three fields
            values = attrs.evolve(
                values, boot_id=0, bios_version=b"", motherboard_type=b"", user_blob=blob
            )
        text = tagged.header(values)
        head = packet_count_from_length(len(text))
        return tagged.prefix(soft_dump, values.dump_id, packet_count + head, 0, head), text

    def numbered(self, header: bytes, packet_nr: int) -> bytes:
        """See `Format`."""
        return tagged.numbered(header, packet_nr)

    def numbers(self, payload: bytes) -> tuple[int, int]:
        """See `Format`."""
        found = tagged.read(payload).packet
        return found.packet_count, found.packet_no
