"""
What a catcher meets on an open port: noise, packets with errors, floods; and dumps among them.

The same seed gives the same datagrams on every machine.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import attrs

from netsim.caught import Datagram
from netsim_models.wire import v1, v3
from netsim_models.wire.catcher import Catcher
from netsim_models.wire.packet import Packet, encode
from netsim_models.wire.segments import ROUNDS, cut

LAYOUTS = (*v1.LAYOUTS, *v3.LAYOUTS)
#: Who sends a dump that counts; nobody else uses this address.
HONEST = "10.0.0.100:2004"
SENDERS = tuple(f"192.0.2.{host}:{port}" for host in range(40) for port in (9, 2004))


def honest_log(size: int = 5000) -> bytes:
    """Return the log of the dump that must survive."""
    return b"".join(b"%15d\n" % n for n in range(size // 16 + 1))[:size]


def honest_dump(log: bytes) -> list[bytes]:
    """Return all rounds of the dump of a log."""
    data = cut(b"", log)
    return ROUNDS * [
        encode(
            Packet(
                layout=v1.USER_X86_64,
                packet_no=number,
                packet_count=len(data),
                data=part,
                dump_id=42,
                kernel_version=b"2.6.36",
            )
        )
        for number, part in enumerate(data)
    ]


def hostile(count: int, seed: int) -> Iterator[Datagram]:
    """Yield so many datagrams that nobody wants, drawn from the seed."""
    source = random.Random(seed)
    kinds = (_noise, _mutated, _shortened, _flood, _claims)
    for _ in range(count):
        payload, whole = source.choice(kinds)(source)
        yield Datagram(source.choice(SENDERS), payload, source.random() * 1e4, whole=whole)


def _valid(source: random.Random) -> Packet:
    count = source.choice((1, 5, 129, 1 << 16))
    return Packet(
        layout=source.choice(LAYOUTS),
        packet_no=source.randrange(count),
        packet_count=count,
        dump_id=source.randrange(1 << 16),
        soft=source.random() < 0.5,
        kernel_version=source.choice((b"", b"2.6.36", b"\xff\xfe" * 32)),
        data=source.choice((bytes(1024), source.randbytes(1024), b"text" * 256)),
    )


def _noise(source: random.Random) -> tuple[bytes, bool]:
    return source.randbytes(source.choice((0, 1, 24, 217, 1241, 1409, 1500))), True


def _mutated(source: random.Random) -> tuple[bytes, bool]:
    payload = bytearray(encode(_valid(source)))
    for _ in range(source.randint(1, 8)):
        at = source.randrange(source.choice((26, 400, len(payload))))
        payload[at] ^= 1 << source.randrange(8)
    return bytes(payload), True


def _shortened(source: random.Random) -> tuple[bytes, bool]:
    payload = encode(_valid(source)) + source.randbytes(8)
    return payload[: source.randrange(len(payload) + 1)], source.random() < 0.3


def _flood(source: random.Random) -> tuple[bytes, bool]:
    """One header again and again, each time with other data."""
    number = source.randrange(129)
    data = source.randbytes(1024)
    return encode(Packet(layout=v1.CORE, packet_no=number, packet_count=129, data=data)), True


def _claims(source: random.Random) -> tuple[bytes, bool]:
    """Dumps that say they are as large as can be said."""
    count = (1 << 32) - source.randrange(3) - 1
    packet = attrs.evolve(_valid(source), packet_count=count, packet_no=source.randrange(count))
    return encode(packet), True


@attrs.frozen
class Survived:
    """What became of a flood: figures of the catcher, and whether the honest dump came whole."""

    datagrams: int
    refused: int
    forgotten: int
    held: int
    cost_max: int
    whole: bool


def survive(count: int, seed: int) -> Survived:
    """Feed so many hostile datagrams, and an honest dump spread among them, to a catcher."""
    catcher = Catcher(LAYOUTS)
    log = honest_log()
    wanted = honest_dump(log)
    every = max(count // len(wanted), 1)
    cost_max = 0
    for number, datagram in enumerate(hostile(count, seed)):
        catcher.feed(datagram)
        if number % every == 0 and wanted:
            catcher.feed(Datagram(HONEST, wanted.pop(0), 0.0))
        cost_max = max(cost_max, catcher.cost)
    catch = catcher.caught()
    mine = [dump for dump in catch.dumps if dump.source == HONEST]
    return Survived(
        catch.datagrams,
        sum(one.packets for one in catch.refused),
        catch.forgotten,
        len(catch.dumps),
        cost_max,
        len(mine) == 1 and mine[0].whole and mine[0].log() == log,
    )
