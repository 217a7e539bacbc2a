"""Byte arrays that know what was written to them."""

from collections.abc import Callable

import pytest

from netsim.core.buffer import PATTERN, Buffer
from netsim.core.fault import Report
from netsim.core.sim import Sim
from netsim.sync.sleep import schedule_point
from netsim.sync.stack import on_stack


def reports(use: Callable[[Sim], None]) -> list[Report]:
    """Return what is found while a thread runs `use` in one step."""
    sim = Sim()
    sim.recording = True

    async def main() -> None:
        await schedule_point("go")
        use(sim)

    thread = sim.spawn("1", main(), flow=1)
    while thread.pending is not None:
        sim.step(thread)
    return sim.reports


def kinds(use: Callable[[Sim], None]) -> list[str]:
    return [report.kind for report in reports(use)]


def test_what_was_written_is_read() -> None:
    def use(sim: Sim) -> None:
        buffer = Buffer(sim, "b", 4)
        buffer.put(b"abc")
        buffer[3] = 0
        assert buffer.get(4) == b"abc\0"
        assert (buffer[0], buffer[3]) == (ord("a"), 0)
        buffer.put(b"xy", 2)
        assert buffer.get(2, 2) == b"xy"

    assert reports(use) == []


def test_a_byte_that_was_never_written_is_found_and_has_the_stated_value() -> None:
    def use(sim: Sim) -> None:
        buffer = Buffer(sim, "b", 4)
        buffer[1] = 7
        assert buffer[2] == PATTERN == 0xAA
        assert buffer[1] == 7

    (report,) = reports(use)
    assert report.kind == "uninitialised"
    assert report.message == "flow 1 reads byte 2 of b (4 bytes), which was never written"
    assert report.objects == ("b",)
    assert [site.role for site in report.sites] == ["reads"]
    assert not report.fatal


def test_a_chosen_filling_is_what_is_read() -> None:
    def use(sim: Sim) -> None:
        assert Buffer(sim, "b", 2, 0)[0] == 0

    assert kinds(use) == ["uninitialised"]


def first(buffer: Buffer, at: int) -> int:
    return buffer[at]


def second(buffer: Buffer, at: int) -> int:
    return buffer[at]


def test_once_for_each_place() -> None:
    def use(sim: Sim) -> None:
        buffer = Buffer(sim, "b", 8)
        for at in range(4):
            first(buffer, at)
        second(buffer, 0)  # it has a value by now
        second(buffer, 5)
        second(buffer, 6)

    found = reports(use)
    assert [report.sites[0].function.split(" < ")[0] for report in found] == ["first", "second"]
    assert "byte 0 of b" in found[0].message
    assert "byte 5 of b" in found[1].message


@pytest.mark.parametrize("at", [-1, 4, 100])
def test_outside(at: int) -> None:
    def use(sim: Sim) -> None:
        buffer = Buffer(sim, "b", 4)
        buffer.put(b"good")
        buffer[at] = 1
        assert buffer[at] == 0
        assert buffer.get(4) == b"good"

    found = reports(use)
    # One place writes and reads: the kind and the place are what tells findings apart.
    assert [report.kind for report in found] == ["out-of-bounds"]
    assert found[0].message == f"flow 1 writes byte {at} of b (4 bytes), which is outside"


def test_a_write_that_begins_inside_writes_what_fits() -> None:
    def use(sim: Sim) -> None:
        buffer = Buffer(sim, "dest", 4)
        buffer.put(bytes(range(8)))
        assert buffer.get(4) == bytes(range(4))

    (report,) = reports(use)
    assert report.message == "flow 1 writes byte 4 of dest (4 bytes), which is outside"


def test_a_range_is_read_byte_by_byte() -> None:
    def use(sim: Sim) -> None:
        buffer = Buffer(sim, "b", 3)
        buffer.put(b"ab")
        assert buffer.get(3) == b"ab\xaa"

    assert kinds(use) == ["uninitialised"]


def filled(sim: Sim, choice: int) -> int:
    made: list[Buffer] = []

    async def main() -> None:
        made.append(await on_stack(sim, "b", 1))
        await schedule_point("end")

    thread = sim.spawn("1", main(), flow=1)
    assert thread.pending is not None
    if thread.pending.name == "choose":
        assert thread.pending.label() == "what was in b"
        assert thread.pending.options(sim) == 2
        sim.step(thread, choice)
    return made[0].fill


def test_the_stack_holds_the_pattern_or_what_was_chosen() -> None:
    sim = Sim()
    assert filled(sim, 1) == PATTERN  # nothing to choose: no scheduling point either
    for choice, value in ((0, PATTERN), (1, 0)):
        sim = Sim()
        sim.choices = frozenset(("stack",))
        assert filled(sim, choice) == value
