"""What a storm of crashes comes to: crashes, dumps and packets, counted since boot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from netsim_models.net.netpoll import NO_MAC

if TYPE_CHECKING:
    from netsim_models.machine import Machine

Numbers: TypeAlias = Callable[[bytes], tuple[int, int]]
"""From a packet of a dump to its packet_count and packet_no."""


def tally(m: Machine, numbers: Numbers, spaced: bool = False) -> Mapping[str, int]:
    """
    Count, over all dumps, what happened and what arrived.

    A dump is *whole* if each of its packets was delivered once at least; a packet to the address
    00:00:00:00:00:00, for the target was never resolved, is delivered to nobody.  A log holds all
    that was logged before, so a crash that was not dumped itself is *heard of* by a later dump that
    is whole, or by the end of its text, if that was streamed.  Nobody hears of the others.  An oops
    that ends in a panic counts as two crashes.  If packets are `spaced` out, the time that this
    takes is counted, too, and on a machine with consoles what they streamed, delivered, once.
    """
    arrived: dict[int, set[int]] = {}
    counts: dict[int, int] = {}
    packets = delivered = 0
    streamed: set[tuple[int, int]] = set()
    for sent in m.wire.sent:
        dump, payload = sent.packet.dump, sent.packet.payload
        if sent.packet.streamed is not None:
            packets += sent.fate != "queued"
            if sent.fate == "delivered" and sent.packet.destination_mac != NO_MAC:
                delivered += 1
                streamed.add(sent.packet.streamed)
            continue
        mine = arrived.setdefault(dump, set())
        counts[dump], packet_no = numbers(payload)
        packets += sent.fate != "queued"  # such a one comes again when its turn has come
        if sent.fate == "delivered" and sent.packet.destination_mac != NO_MAC:
            delivered += 1
            mine.add(packet_no)
    whole = [dump for dump, some in arrived.items() if len(some) == counts[dump]]
    logs = [*(m.crashes.dumped[dump] for dump in whole), *sorted(streamed)]
    unheard = [
        crash
        for crash in m.crashes.begun
        if crash.printed is None or not any(a < crash.printed <= b for a, b in logs)
    ]
    spun = {"milliseconds spun with irqs off": m.crashes.spun} if spaced else {}
    bytes_streamed = (
        {"bytes of log streamed": sum(end - start for start, end in streamed)}
        if m.log.consoles is not None
        else {}
    )
    return {
        "crashes": len(m.crashes.begun),
        "dumps begun": len(arrived),
        "dumps delivered whole": len(whole),
        "packets sent": packets,
        "packets delivered": delivered,
        "crashes nobody hears of": len(unheard),
        **spun,
        **bytes_streamed,
    }
