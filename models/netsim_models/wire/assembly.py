"""
What a dump says, as far as it came: the log in order, its gaps, and what is doubtful about it.

The highest packet number is the beginning of the log.  If the ring had wrapped, the last part of
the older segment stands in the middle, padded like packet 0; no header says where.  It is found by
its NULs, which text does not have.  A part of NULs alone is one that the sender did not fill
(`segments`): 1024 bytes of the log that no packet brings.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from netsim.caught import CaughtDump, Gap, Why
from netsim_models.wire.layout import DATA_BYTES
from netsim_models.wire.packet import Packet
from netsim_models.wire.parts import Parts
from netsim_models.wire.segments import ROUNDS


def assemble(parts: Parts) -> CaughtDump:
    """Put what came of a dump together."""
    seams = [no for no in sorted(parts.versions) if no and parts.best(no).endswith(b"\0")]
    ends = {0, *seams} if len(seams) == 1 else {0}
    log = _Log()
    for first, last, present in _ranges(parts):
        if not present:
            log.skip((last - first + 1) * DATA_BYTES, (first, last), "missing")
        else:
            log.put(first, parts.best(first), first in ends)
    missing = tuple((gap.packets) for gap in log.gaps if gap.why == "missing")
    doubtful = not seams and any(gap.end < log.end for gap in log.gaps)
    conflicts = parts.conflicts()
    return CaughtDump(
        source=parts.source,
        about=tuple(_about(parts.header)),
        packets=parts.header.packet_count,
        received=len(parts.versions),
        copies=parts.copies,
        missing=missing[::-1],
        pieces=tuple(log.pieces),
        gaps=tuple(log.gaps),
        exact=not doubtful,
        conflicts=conflicts,
        notes=tuple(_notes(parts, log, seams, doubtful, conflicts)),
    )


def _ranges(parts: Parts) -> Iterator[tuple[int, int, bool]]:
    """Yield ranges (first, last, whether it came) from the oldest to the newest packet."""
    expected = parts.header.packet_count - 1
    for no in sorted(parts.versions, reverse=True):
        if no < expected:
            yield no + 1, expected, False
        yield no, no, True
        expected = no - 1
    if expected >= 0:
        yield 0, expected, False


@attrs.define
class _Log:
    pieces: list[tuple[int, bytes]] = attrs.Factory(list)
    gaps: list[Gap] = attrs.Factory(list)
    end: int = 0

    def put(self, no: int, data: bytes, padded: bool) -> None:
        """Go on with the data of a packet; `padded` if NULs at its end are none of the log."""
        text = data.rstrip(b"\0") if padded else data
        if data and not text:
            self.skip(DATA_BYTES, (no, no), "not-sent")
            return
        if text:
            self.pieces.append((self.end, text))
            self.end += len(text)
        if len(text) == len(data) < DATA_BYTES:
            self.skip(DATA_BYTES - len(data), (no, no), "truncated")

    def skip(self, size: int, packets: tuple[int, int], why: Why) -> None:
        """Go on behind bytes that are not there."""
        self.gaps.append(Gap(self.end, self.end + size, packets, why))
        self.end += size


def _about(header: Packet) -> Iterator[tuple[str, str]]:
    layout = header.layout
    yield "layout", layout.name
    yield "type", "soft" if header.soft else "crash"
    yield "dump id", str(header.dump_id)
    if layout.field("boot_id") or layout.field("blog_boot_id"):
        yield "boot id", str(header.boot_id)
    yield "kernel", _text(header.kernel_version)
    if layout.field("x86_family"):
        cpu = f"family {header.x86_family} model {header.x86_model} stepping {header.x86_stepping}"
        if layout.field("x86_vendor"):
            cpu = f"vendor {header.x86_vendor} {cpu}"
        yield "cpu", cpu
    for what, value in (("firmware", header.bios_version), ("board", header.motherboard_type)):
        if value:
            yield what, _text(value)
    if header.user_blob:
        yield "blob", header.user_blob.hex()
    if header.registers:
        words = zip(layout.registers, header.registers, strict=True)
        yield "registers", " ".join(f"{name}={value:x}" for name, value in words)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _notes(
    parts: Parts, log: _Log, seams: list[int], doubtful: bool, conflicts: tuple[int, ...]
) -> Iterator[str]:
    for gap in log.gaps:
        if gap.why == "not-sent":
            yield (
                f"packet {gap.packets[0]} has no text: the segment of the log that it ends is a "
                "multiple of 1024 bytes long, and of such a one the sender leaves out the last part"
            )
    if log.gaps and log.gaps[-1].end == log.end and log.gaps[-1].why != "not-sent":
        yield "the end of the log did not come; its last part may be shorter than is said here"
    if len(seams) > 1:
        yield (
            f"{len(seams)} packets before the last part end in NULs, of which one may be padded: "
            "the log has NULs, or these are packets of several dumps; the NULs are kept"
        )
    if doubtful:
        yield (
            "if the ring had wrapped, a part that did not come was padded: what follows it stands "
            "up to 1023 bytes earlier in the log than is said here"
        )
    if conflicts:
        yield (
            f"packet {_listed(conflicts)} came with different contents: the log was written to "
            "while it was sent, or two dumps have the same header; shown is what came most often"
        )
    copies = [sum(one.copies for one in versions) for versions in parts.versions.values()]
    most = max(copies, default=0)
    if most > ROUNDS:
        yield (
            f"a packet came {most} times and is sent {ROUNDS} times: two dumps have the same "
            "header, or the network repeats"
        )


def _listed(numbers: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, numbers[:8]))
    return shown if len(numbers) <= 8 else f"{shown} and {len(numbers) - 8} more"
