"""What the dumpers that keep records have in common."""

import attrs

from netsim_models.kernel.printk import KmsgDumpReason, Segment


@attrs.frozen
class Record:
    """
    A dump that was kept; `text` is all of its bytes.

    The reason does not stand in them: who reads a record has to tell it from the text.
    """

    reason: KmsgDumpReason
    text: bytes


def newest(s1: Segment, s2: Segment, room: int) -> bytes:
    """Return the newest `room` bytes of a log, the older segment first (recorded as reads)."""
    l2 = min(s2.length, room)
    l1 = min(s1.length, room - l2)
    return s1.bytes(s1.length - l1, l1) + s2.bytes(s2.length - l2, l2)
