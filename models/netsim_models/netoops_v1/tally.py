"""What a storm of crashes comes to: crashes, dumps and packets, counted since boot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from netsim_models.net.netpoll import NO_MAC
from netsim_models.netoops_v1.packet import layout

if TYPE_CHECKING:
    from netsim_models.machine import Machine
    from netsim_models.wire.layout import Layout


def tally(m: Machine, spaced: bool = False) -> Mapping[str, int]:
    """
    Count, over all dumps, what happened and what arrived.

    A dump is *whole* if each of its packets was delivered once at least; a packet to the address
    00:00:00:00:00:00, for the target was never resolved, is delivered to nobody.  A log holds all
    that was logged before, so a crash that was not dumped itself is *heard of* by a later dump that
    is whole, or by the end of its text, if that was streamed.  Nobody hears of the others.  An oops
    that ends in a panic counts as two crashes.  If packets are `spaced` out, the time that this
    takes is counted, too, and on a machine with consoles what they streamed, delivered, once.
    """
    of = layout(m.arch)
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
        numbers = arrived.setdefault(dump, set())
        counts[dump] = _number(of, payload, "packet_count")
        packets += sent.fate != "queued"  # such a one comes again when its turn has come
        if sent.fate == "delivered" and sent.packet.destination_mac != NO_MAC:
            delivered += 1
            numbers.add(_number(of, payload, "packet_no"))
    whole = [dump for dump, numbers in arrived.items() if len(numbers) == counts[dump]]
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


def _number(of: Layout, payload: bytes, name: str) -> int:
    field = of.field(name)
    assert field is not None
    return int.from_bytes(payload[field.offset : field.end], "little")
