"""How much of the log never arrives: what crashes found in it, against what packets brought."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from netsim_models.kernel.printk import LOG_BUF_LEN
from netsim_models.wire.layout import DATA_BYTES
from netsim_models.wire.segments import packet_count_from_length

if TYPE_CHECKING:
    from netsim_models.machine import Machine


def bytes_lost(
    m: Machine, packets: Iterable[tuple[int, int, bytes]], streamed: Iterable[tuple[int, int]]
) -> int:
    """
    Return how many bytes of the log reached no receiver.

    Of all that stood in the log when a crash came to be dumped (`Crashes.found`) a byte has arrived
    if a packet of any dump brought it as it was when that dump began, or if it was streamed.
    `packets` are (dump, packet_no, payload) of those that were delivered; `streamed` is from where
    to where, in all bytes ever logged.
    """
    if not m.crashes.found:
        return 0
    first = min(start for start, _ in m.crashes.found)
    last = max(end for _, end in m.crashes.found)
    found, there = bytearray(last - first), bytearray(last - first)
    for start, end in m.crashes.found:
        found[start - first : end - first] = b"\1" * (end - start)
    texts = {one.dump: one.text for asks in m.log.asked.values() for one in asks}

    def arrives(start: int, text: bytes) -> None:
        """Note bytes that arrive; those of a log that no crash found do not count."""
        start, text = max(start, first), text[max(first - start, 0) : max(last - start, 0)]
        there[start - first : start - first + len(text)] = b"\1" * len(text)

    for dump, packet_no, payload in dict.fromkeys(packets):
        begin, end = m.crashes.dumped[dump]
        at, length = _part(begin, end, packet_no)
        data, text = payload[-DATA_BYTES:][:length], texts[dump][at : at + length]
        if data == text:
            arrives(begin + at, text)
        else:  # the last part of a segment, full and so empty, or overwritten meanwhile
            for offset, (one, other) in enumerate(zip(data, text, strict=True)):
                if one == other:
                    arrives(begin + at + offset, text[offset : offset + 1])
    for start, end in streamed:
        arrives(start, bytes(end - start))
    gone = int.from_bytes(found) & ~int.from_bytes(there)
    return gone.bit_count()


def _part(begin: int, end: int, packet_no: int) -> tuple[int, int]:
    """Return where in the log of a dump the data of a packet begins, and how long it is."""
    newer = min(end - begin, end % LOG_BUF_LEN)
    older = end - begin - newer
    start, length = older, newer
    if packet_no >= packet_count_from_length(newer):
        packet_no -= packet_count_from_length(newer)
        start, length = 0, older
    at = (packet_count_from_length(length) - 1 - packet_no) * DATA_BYTES
    if at < 0:  # text that goes before the log
        return 0, 0
    return start + at, min(DATA_BYTES, length - at)
