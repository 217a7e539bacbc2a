"""A thread that never ends is never green."""

from __future__ import annotations

import pytest

from netsim import Bounds, Design, Operation, StartingPoint, Verdict, check
from netsim.core.memory import KObject, bind, shared
from netsim.core.sim import Sim
from netsim.run import search
from netsim.run.search import Search
from netsim.sync.marked import read_once, write_once
from netsim.sync.sleep import schedule_point
from netsim.view.report import verdict_line
from tests.run.bare import BareSystem


@shared
class Flag(KObject):
    """Whether to go on."""

    up: bool = False


class System(BareSystem):
    """A flag."""

    def __init__(self, sim: Sim) -> None:
        super().__init__(sim)
        self.flag = bind(sim, Flag(), "flag")


async def wait_for_flag(s: System) -> None:
    while not await read_once(s.flag, "up"):
        pass


async def raise_(s: System) -> None:
    await write_once(s.flag, "up", True)


async def spin(_s: BareSystem) -> None:
    while True:
        await schedule_point("cpu_relax")


async def once(_s: BareSystem) -> None:
    await schedule_point("once")


DESIGN = Design(
    name="endless",
    summary="spins",
    boot=System,
    operations={
        "spin": Operation("spin", "spins for ever", spin),
        "wait-for-flag": Operation("wait-for-flag", "polls", wait_for_flag),
        "raise": Operation("raise", "lets it go on", raise_),
        "once": Operation("once", "ends", once),
    },
    starts=(StartingPoint("empty", ""),),
    probes=(),
)


def test_states_that_lead_round_are_no_proof() -> None:
    result = check(DESIGN, "spin || once", strategy="states")

    assert (result.verdict, result.complete, result.cut_by) == (Verdict.UNKNOWN, False, "steps")
    assert any("need not end" in note for note in result.notes)
    assert "stopped by executions that do not end" in verdict_line(result)


def test_states_that_lead_on_are() -> None:
    result = check(DESIGN, "once || once", strategy="states")

    assert (result.verdict, result.complete) == (Verdict.HOLDS, True)


@pytest.mark.parametrize("scenario", ["spin", "spin || once", "once || wait-for-flag"])
def test_without_bounds_it_is_told_who_never_ends(
    scenario: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Search, "execution_steps_max", 200)
    result = check(DESIGN, scenario)

    assert (result.verdict, result.complete, result.cut_by) == (Verdict.UNKNOWN, False, "steps")
    spins = scenario.split(" || ").index(next(n for n in scenario.split(" || ") if n != "once"))
    assert (
        f"an execution did not end within 200 steps (flow {spins + 1} "
        f"({scenario.split(' || ')[spins]}) ran last): it may never end"
    ) in result.notes


def test_a_bound_that_is_lower_is_told_as_such() -> None:
    result = check(DESIGN, "spin", bounds=Bounds(steps=100))

    assert (result.cut_by, result.steps) == ("steps", 100)
    assert result.notes == ()


def test_a_higher_bound_does_not_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Search, "execution_steps_max", 200)
    result = check(DESIGN, "spin", bounds=Bounds(steps=1000))

    assert (result.cut_by, result.steps) == ("steps", 200)
    assert "flow 1 (spin) ran last" in result.notes[0]


def test_an_order_that_does_not_end_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One who waits first never ends in that order; after `raise` he does."""
    monkeypatch.setattr(Search, "execution_steps_max", 200)
    monkeypatch.setattr(search, "STEPS_MAX", 200)
    result = check(DESIGN, "raise || wait-for-flag")

    assert result.executions > 0
    assert (result.verdict, result.findings, result.cut_by) == (Verdict.UNKNOWN, (), "steps")
    assert any("a sequential order did not end within" in note for note in result.notes)
