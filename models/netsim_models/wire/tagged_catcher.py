"""A catcher of tagged text: the header apart from the log, both put together as those of v1."""

from __future__ import annotations

import attrs

from netsim.caught import CaughtDump, Datagram
from netsim_models.wire import tagged
from netsim_models.wire.assembly import assemble
from netsim_models.wire.catcher import Catcher, Limits
from netsim_models.wire.packet import Packet
from netsim_models.wire.parts import Parts


class TaggedCatcher(Catcher):
    """Catches what `tagged` describes, and nothing else."""

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__((tagged.TAGGED,), limits)

    def _read(self, datagram: Datagram) -> tuple[Packet, bytes]:
        piece = tagged.read(datagram.payload, cut=not datagram.whole)
        return piece.packet, piece.kept

    def _assemble(self, kept: bytes, parts: Parts) -> CaughtDump:
        head = int(kept.rstrip(b"\n").rpartition(b"=")[2])
        log_packets = parts.header.packet_count - head
        log = _log(parts, log_packets)
        numbers = range(parts.header.packet_count - 1, log_packets - 1, -1)
        lost = [no for no in numbers if no not in parts.versions]
        told = None
        if not lost:
            told = tagged.read_header(b"".join(parts.best(no) for no in numbers))
        notes = log.notes
        if lost:
            notes = (*notes, "the header did not come, or not all of it")
        elif told is None:
            notes = (*notes, "the header is no tagged text")
        return attrs.evolve(
            log,
            about=(
                ("layout", tagged.TAGGED.name),
                ("type", "soft" if parts.header.soft else "crash"),
                ("dump id", str(parts.header.dump_id)),
                *(told or ()),
            ),
            packets=parts.header.packet_count,
            received=len(parts.versions),
            copies=parts.copies,
            missing=(*log.missing, *((no, no) for no in sorted(lost))),
            conflicts=parts.conflicts(),
            notes=notes,
        )


def _log(parts: Parts, packets: int) -> CaughtDump:
    """Put together what came of the log alone, which is empty if the ring was."""
    alone = Parts(
        parts.source, attrs.evolve(parts.header, packet_count=packets), parts.versions_max
    )
    alone.versions = {no: known for no, known in parts.versions.items() if no < packets}
    alone.copies = sum(one.copies for known in alone.versions.values() for one in known)
    return assemble(alone)
