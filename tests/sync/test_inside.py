"""Strikes inside a step: which places there are, and what is told of one that was made."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from typing import Any

import pytest

from netsim.core.access import READ, WRITE
from netsim.core.memory import KObject, bind, peek, shared
from netsim.core.op import Op
from netsim.core.sim import ModelError, Sim
from netsim.core.thread import Context
from netsim.sync.halt import halt
from netsim.sync.inside import Inside
from netsim.sync.interrupt import PLACES, Cpu, Interruptible, Strike
from netsim.sync.sleep import schedule_point

Body = Callable[[], Coroutine[Op, Any, Any]]


@shared
class Cell(KObject):
    x: int = 0
    y: int = 0
    z: int = 0


class Machine:
    """Two flows on CPUs of their own, and strikes on one of them."""

    def __init__(self, *strikes: tuple[int, Body | str]) -> None:
        self.sim = sim = Sim()
        self.in_round = True
        self.cell = bind(sim, Cell(), "cell")
        cpus = [Cpu(0), Cpu(1)]
        for cpu, name, flow in zip(cpus, "12", (self._writes, self._other), strict=True):
            cpu.flow = sim.spawn(name, Interruptible(flow(), cpu))
        for name, (at, body) in zip("34", strikes, strict=False):
            run: Body = getattr(self, body) if isinstance(body, str) else body
            sim.spawn(name, Strike(Context.NMI, [cpus[at]]).run(run))
        threads = [sim.by_name[name] for name in "34"[: len(strikes)]]
        reach = {thread.name: {("cell", "y"): WRITE} for thread in threads}
        Inside(sim, threads, reach, ())

    async def _writes(self) -> None:
        await schedule_point("write")
        if self.in_round:
            self.sim.begin_round()
        self.cell.x = self.cell.x + 1
        self.cell.y = 0
        if self.in_round:
            self.sim.end_round()

    async def _other(self) -> None:
        await schedule_point("other")

    async def sets(self) -> None:
        self.cell.y = 1

    async def halts(self) -> None:
        await halt("panic")


def test_a_step_touches_what_it_and_the_strike_in_it_do() -> None:
    async def reads() -> None:
        await schedule_point("read")
        _ = machine.cell.y, machine.cell.z

    machine = Machine((0, reads))
    machine.sim.recording, machine.in_round = True, False
    step = machine.sim.step(machine.sim.by_name["1"], 3)  # before y is written

    assert step.inner is not None
    assert step.inner.touched == {
        "3": {("cell", "y"): READ, ("cell", "z"): READ, ("cpu0", "context"): WRITE}
    }
    assert step.footprint == {
        ("cell", "x"): WRITE,
        ("cell", "y"): WRITE,
        ("cell", "z"): READ,
        ("cpu0", "context"): WRITE,
    }


@pytest.mark.parametrize("in_round", [True, False])
@pytest.mark.parametrize("recording", [True, False])
def test_a_place_is_the_same_where_nothing_is_recorded(recording: bool, in_round: bool) -> None:
    seen: list[int] = []

    async def looks() -> None:
        seen.append(peek(machine.cell, "x"))

    machine = Machine((0, looks))
    machine.sim.recording, machine.in_round = recording, in_round
    machine.sim.step(machine.sim.by_name["1"], 3)  # x is read, x is written, y is written

    assert seen == [1]


def test_what_a_strike_wrote_is_told_to_be_overwritten() -> None:
    machine = Machine((0, "sets"))
    sim, key = machine.sim, ("cell", "y")
    sim.recording, sim.changes = True, []
    step = sim.step(sim.by_name["1"], 3)

    assert step.inner is not None
    assert not step.inner.void
    assert peek(machine.cell, "y") == 0
    assert [change for change in sim.changes if change[0] == key] == [(key, 0, 1), (key, 0, 0)]


def test_a_write_of_what_is_there_changes_nothing() -> None:
    machine = Machine((0, "sets"))
    machine.sim.changes = []
    machine.sim.step(machine.sim.by_name["1"])

    assert machine.sim.changes == [(("cell", "x"), 0, 1)]


@pytest.mark.parametrize("first", [0, 1])
def test_a_strike_that_is_over_or_elsewhere_hides_no_place_of_another(first: int) -> None:
    machine = Machine((first, "sets"), (0, "sets"))
    sim, strike = machine.sim, machine.sim.by_name["3"]
    sim.recording = True
    while first == 0 and sim.is_enabled(strike):
        sim.step(strike)

    assert sim.step(sim.by_name["1"]).inside == (6,)  # the second strike at the third access


def test_a_halt_inside_a_step_waits_for_nobody() -> None:
    machine = Machine((0, "halts"))
    sim = machine.sim
    sim.recording = sim.halts_last = True
    step = sim.step(sim.by_name["1"], 3)

    assert step.inner is not None
    assert not step.inner.void
    assert sim.halted


def test_other_halts_go_on_to_wait() -> None:
    machine = Machine((0, "sets"))
    sim = machine.sim
    sim.recording = sim.halts_last = True
    sim.step(sim.by_name["1"], 3)

    assert sim.halts_last


@pytest.mark.parametrize(("field", "refused"), [("y", True), ("x", False)])
def test_more_places_than_a_value_can_tell_are_refused(field: str, refused: bool) -> None:
    async def long() -> None:
        await schedule_point("long")
        for number in range(PLACES):
            setattr(cell, field, number)

    async def nothing() -> None:
        pass

    sim = Sim()
    sim.recording = True
    cell = bind(sim, Cell(), "cell")
    cpu = Cpu(0)
    cpu.flow = sim.spawn("1", Interruptible(long(), cpu))
    strike = sim.spawn("2", Strike(Context.NMI, [cpu]).run(nothing))
    Inside(sim, [strike], {"2": {("cell", "y"): WRITE}}, ())

    with pytest.raises(ModelError, match="fewer than 10000 places") if refused else nullcontext():
        assert sim.step(cpu.flow).inside == ()
