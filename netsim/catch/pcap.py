"""
Capture files in the classic format of libpcap, version 2.4: what tcpdump and Wireshark write.

A file is untrusted input and is read record by record: memory does not grow with it.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import attrs

from netsim.catch.frames import LINK_TYPES, RAW, datagram, ipv4
from netsim.caught import Datagram
from netsim.errors import FileError

_MICROSECONDS, _NANOSECONDS = 0xA1B2C3D4, 0xA1B23C4D
_PCAPNG = 0x0A0D0D0A
#: libpcap's own bound for one record (MAXIMUM_SNAPLEN).
RECORD_MAX = 262_144


@attrs.define(eq=False)
class Capture:
    """A capture file that is being read: what was left out, by reason, and where it was cut."""

    path: Path
    skipped: Counter[str] = attrs.Factory(Counter)
    notes: list[str] = attrs.Factory(list)

    def datagrams(self) -> Iterator[Datagram]:
        """
        Yield the UDP datagrams of the file.

        A file that ends in the middle of a record is read up to there, and a note says so.  Raises
        FileError for what is no capture, or has a record that makes no sense.
        """
        try:
            with self.path.open("rb") as stream:
                yield from self._read(stream)
        except (OSError, ValueError) as error:
            problem = getattr(error, "strerror", None) or str(error)
            raise self._fault(f"cannot be read: {problem}") from error

    def _read(self, stream: BinaryIO) -> Iterator[Datagram]:
        order, ticks, link = self._head(stream.read(24))
        record = struct.Struct(f"{order}IIII")
        number = 0
        while head := stream.read(record.size):
            number += 1
            if len(head) < record.size:
                self._cut(number)
                return
            seconds, fraction, captured, original = record.unpack(head)
            if captured > RECORD_MAX or captured > original:
                raise self._fault(
                    f"record {number}: expected at most {RECORD_MAX} captured bytes and not more "
                    f"than were sent, found {captured} of {original}"
                )
            frame = stream.read(captured)
            if len(frame) < captured:
                self._cut(number)
                return
            found = datagram(frame, link, original, seconds + fraction / ticks)
            if isinstance(found, str):
                self.skipped[found] += 1
            else:
                yield found

    def _head(self, head: bytes) -> tuple[str, int, int]:
        if len(head) < 24:
            raise self._fault(
                f"expected a pcap file, whose header is 24 bytes long; found {len(head)} bytes"
            )
        for order in "<>":
            magic, major, minor, _, _, _, network = struct.unpack(f"{order}IHHiIII", head)
            if magic in (_MICROSECONDS, _NANOSECONDS):
                break
        else:
            hint = "; it is pcapng: convert it with `editcap -F pcap IN OUT`"
            raise self._fault(
                f"expected a pcap file (its first bytes are a1b2c3d4), found {head[:4].hex()}"
                + hint * (magic == _PCAPNG)
            )
        if (major, minor) != (2, 4):
            raise self._fault(f"expected pcap version 2.4, found {major}.{minor}")
        link = network & 0xFFFF  # above it: the length of the frame check sequence
        if link not in LINK_TYPES:
            known = ", ".join(map(str, sorted(LINK_TYPES)))
            raise self._fault(f"expected a link type of {known}, found {link}")
        return order, 1_000_000 if magic == _MICROSECONDS else 1_000_000_000, link

    def _cut(self, number: int) -> None:
        self.notes.append(f"the capture ends in the middle of record {number}")

    def _fault(self, problem: str) -> FileError:
        return FileError(str(self.path), problem)


class Writer:
    """
    A capture file that is being written: IPv4 packets without a link layer (LINKTYPE_RAW).

    It is written record by record, so that what came is there even if nobody lives to close it.
    Raises FileError if it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._stream = path.open("wb")
        except (OSError, ValueError) as error:
            raise self._fault(error) from error
        self._put(struct.pack("<IHHiIII", _MICROSECONDS, 2, 4, 0, 0, RECORD_MAX, RAW))

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def write(self, one: Datagram) -> None:
        """Append a datagram; its addresses must be of IPv4."""
        packet = ipv4(one)
        ticks = int(one.time * 1_000_000)
        size = len(packet)
        head = struct.pack("<IIII", ticks // 1_000_000, ticks % 1_000_000, size, size)
        self._put(head + packet)

    def _put(self, data: bytes) -> None:
        try:
            self._stream.write(data)
            self._stream.flush()
        except OSError as error:
            raise self._fault(error) from error

    def _fault(self, error: Exception) -> FileError:
        problem = getattr(error, "strerror", None) or str(error)
        return FileError(str(self.path), f"cannot be written: {problem}; expected a file name")
