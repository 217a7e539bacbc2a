"""
The catcher: which packets belong together, in bounded memory, whatever comes.

A dump has no name of its own.  Packets are taken for parts of one dump if they come from one
address and port and their headers agree in everything but `packet_no`; `docs/wire.md` tells when
that is wrong.  What the packets of a dump say together is in `assembly`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from heapq import heapify, heappop, heapreplace
from typing import TypeAlias

import attrs

from netsim.caught import Catch, CaughtDump, Datagram, Refused
from netsim_models.wire.assembly import assemble
from netsim_models.wire.layout import Layout
from netsim_models.wire.packet import DecodeError, Packet, decode
from netsim_models.wire.parts import Parts


@attrs.frozen
class Limits:
    """
    How much a catcher keeps.

    When there are more dumps or bytes, the source that has most bytes loses the dump of which no
    packet has come for the longest time: a flood pushes out its own dumps first.
    """

    dumps: int = 4096
    #: Of packets and headers, with what Python needs around them.
    bytes: int = 64 << 20
    #: Packets that a dump may say it has: logs of up to 64 MB.
    packets: int = 65_536
    #: Different contents kept of one packet.
    versions: int = 4
    #: Packets that agree, but come so many seconds after the last one, are of another dump.
    apart: float = 600.0


#: What a packet and a dump cost beside their bytes (CPython 3.11, rounded up).
PACKET_COST, DUMP_COST = 400, 4000

_Key: TypeAlias = tuple[str, str, bytes]


@attrs.define(eq=False)
class _Held:
    key: _Key
    number: int
    parts: Parts
    cost: int = DUMP_COST


@attrs.define(eq=False)
class _Source:
    """What is held of one source; its dumps in the order of their latest packets."""

    cost: int = 0
    dumps: dict[int, _Held] = attrs.Factory(dict)


class Catcher:
    """Puts the dumps of one design together; see `netsim.caught.Catcher`."""

    def __init__(self, layouts: Sequence[Layout], limits: Limits | None = None) -> None:
        self.layouts = tuple(layouts)
        self.limits = limits or Limits()
        self.datagrams = 0
        #: What all that is held costs, in bytes.
        self.cost = 0
        self._complete = 0
        self._forgotten = 0
        self._refused: dict[str, Refused] = {}
        self._sources: dict[str, _Source] = {}
        #: How many dumps are held, and how many ever began.
        self._count = 0
        self._begun = 0
        #: The dump that packets of this key go on with.
        self._open: dict[_Key, _Held] = {}

    @property
    def complete(self) -> int:
        """How many dumps have come with all their packets so far."""
        return self._complete

    def feed(self, datagram: Datagram) -> None:
        """Take one datagram, in the order in which they came."""
        self.datagrams += 1
        try:
            packet, head = self._read(datagram)
            if packet.packet_count > self.limits.packets:
                raise DecodeError(
                    "number",
                    f"expected a dump of at most {self.limits.packets} packets, "
                    f"found {packet.packet_count}",
                )
        except DecodeError as error:
            self._refuse(error)
            return
        held = self._dump_of(datagram, packet, head)
        was_complete = held.parts.complete
        held.parts.time = datagram.time
        kept = held.parts.add(packet.packet_no, packet.data)
        self._complete += held.parts.complete and not was_complete
        self._pay(held, kept + (PACKET_COST if kept else 0))
        if self._count > self.limits.dumps or self.cost > self.limits.bytes:
            self._make_room()

    def caught(self) -> Catch:
        """Return what has come so far, dumps in the order in which they began."""
        held = [one for source in self._sources.values() for one in source.dumps.values()]
        held.sort(key=lambda one: one.number)
        parts = [one.parts for one in held]
        dumps = [self._assemble(one.key[2], one.parts) for one in held]
        return Catch(
            self.datagrams,
            tuple(_with_namesakes(dumps, parts)),
            tuple(self._refused[reason] for reason in sorted(self._refused)),
            self._forgotten,
        )

    def _refuse(self, error: DecodeError) -> None:
        seen = self._refused.get(error.reason) or Refused(error.reason, 0, str(error))
        self._refused[error.reason] = attrs.evolve(seen, packets=seen.packets + 1)

    def _read(self, datagram: Datagram) -> tuple[Packet, bytes]:
        """Return a packet, and its header without its number; raises DecodeError."""
        packet = decode(datagram.payload, self.layouts, cut=not datagram.whole)
        return packet, _head(datagram.payload, packet.layout)

    def _assemble(self, head: bytes, parts: Parts) -> CaughtDump:
        """Put together what came of a dump; `head` is what `_read` returned for each packet."""
        return assemble(parts)

    def _dump_of(self, datagram: Datagram, packet: Packet, head: bytes) -> _Held:
        key = (datagram.source, packet.layout.name, head)
        held = self._open.get(key)
        if held is not None and abs(datagram.time - held.parts.time) > self.limits.apart:
            held = None
        source = self._sources.setdefault(datagram.source, _Source())
        if held is None:
            self._begun += 1
            header = attrs.evolve(packet, packet_no=0, data=b"")
            parts = Parts(datagram.source, header, self.limits.versions)
            self._open[key] = held = _Held(key, self._begun, parts)
            self._count += 1
            source.cost += held.cost
            self.cost += held.cost
        else:
            del source.dumps[held.number]
        source.dumps[held.number] = held
        return held

    def _pay(self, held: _Held, cost: int) -> None:
        held.cost += cost
        self._sources[held.parts.source].cost += cost
        self.cost += cost

    def _make_room(self) -> None:
        """Forget until a sixteenth is free, so that a flood does not cost as much per packet."""
        dumps, cost = self.limits.dumps * 15 // 16, self.limits.bytes * 15 // 16
        heap = [(-source.cost, name) for name, source in self._sources.items()]
        heapify(heap)
        while self._count > dumps or self.cost > cost:
            name = heap[0][1]
            source = self._sources[name]
            self._forget(source)
            if source.dumps:
                heapreplace(heap, (-source.cost, name))
            else:
                del self._sources[name]
                heappop(heap)

    def _forget(self, source: _Source) -> None:
        oldest = source.dumps.pop(next(iter(source.dumps)))
        if self._open.get(oldest.key) is oldest:
            del self._open[oldest.key]
        source.cost -= oldest.cost
        self.cost -= oldest.cost
        self._count -= 1
        self._forgotten += 1


def _head(payload: bytes, layout: Layout) -> bytes:
    """Return the header without its packet number."""
    number = layout.field("packet_no")
    assert number is not None
    return payload[: number.offset] + payload[number.end : layout.header_bytes]


def _with_namesakes(dumps: list[CaughtDump], parts: list[Parts]) -> list[CaughtDump]:
    """Say of dumps with one source, boot id and dump id that nothing tells them apart by name."""
    names = [(one.source, one.header.boot_id, one.header.dump_id) for one in parts]
    count = Counter(names)
    return [
        attrs.evolve(dump, notes=(*dump.notes, _namesakes(count[name])))
        if count[name] > 1
        else dump
        for dump, name in zip(dumps, names, strict=True)
    ]


def _namesakes(count: int) -> str:
    return (
        f"{count} dumps of this source have this dump id: they were made in the same second after "
        "a boot, of one boot or of several, or 65536 seconds apart"
    )
