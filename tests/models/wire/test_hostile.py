"""Hostile datagrams: a sample of what `python -m benchmarks hostile` feeds in full."""

import tracemalloc

import pytest

from benchmarks.hostile import LAYOUTS, hostile, survive
from netsim.caught import Datagram
from netsim_models.wire import v1
from netsim_models.wire.catcher import Catcher, Limits
from netsim_models.wire.packet import Packet, encode
from tests.models.wire.vectors import DATA


@pytest.mark.parametrize("seed", [1, 2])
def test_a_dump_survives_a_flood(seed: int) -> None:
    survived = survive(3000, seed)

    assert survived.datagrams == 3015
    assert survived.whole
    assert survived.refused > 1000
    assert survived.held > 64


def test_every_way_of_being_refused_occurs() -> None:
    catcher = Catcher(LAYOUTS)
    for datagram in hostile(4000, 3):
        catcher.feed(datagram)

    assert {one.reason for one in catcher.caught().refused} == {
        "truncated", "too-long", "version", "layout", "type", "number", "reserved", "text",
    }  # fmt: skip


@pytest.mark.parametrize("limits", [Limits(dumps=100), Limits(bytes=300_000)], ids=str)
def test_the_limit_is_one_of_memory(limits: Limits) -> None:
    """What is accounted is not less than what Python takes, with or without a full table."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        catcher = Catcher(LAYOUTS, limits)
        for datagram in hostile(3000, 4):
            catcher.feed(datagram)
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert catcher.caught().forgotten > 0
    assert used < catcher.cost + 100_000 < limits.bytes + 200_000


def test_one_large_dump_is_accounted_for() -> None:
    packets = [
        encode(Packet(layout=v1.CORE, packet_no=number, packet_count=4000, data=DATA))
        for number in range(3000)
    ]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        catcher = Catcher(LAYOUTS)
        for payload in packets:
            catcher.feed(Datagram("192.0.2.1:9", payload))
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert used < catcher.cost < 1.5 * used


def test_the_same_seed_gives_the_same_datagrams() -> None:
    assert list(hostile(50, 5)) == list(hostile(50, 5))
    assert list(hostile(50, 5)) != list(hostile(50, 6))
