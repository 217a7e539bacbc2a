"""Suspected data races: by one execution in which there is none."""

from __future__ import annotations

from netsim.checkers.datarace import DataRaces
from netsim.checkers.lockset import Locksets
from netsim.core.step import Choice
from netsim.explorer.loop import execute
from netsim.explorer.normal import Recorder
from netsim.notation import parse
from netsim.results import Options
from netsim.run.program import ScenarioProgram
from tests.run.test_confirm import design


def suspects(scenario: str) -> list[str]:
    """Run the flows one after the other: what is suspected, though nothing races there."""
    toy = design()
    program = ScenarioProgram(toy, parse(scenario, toy.operations), Options())
    locksets = Locksets()
    sim = program.start()
    schedule = []
    while enabled := sim.enabled():
        schedule.append(Choice(enabled[0].name))
        sim.step(enabled[0])
    execution = execute(program, Recorder(schedule), (locksets, DataRaces()))
    assert not [r for r in execution.sim.reports if r.kind == "data-race"]
    return [".".join(key) for key, some in locksets.suspects.items() if some]


def test_the_order_of_locks_orders_nothing() -> None:
    assert suspects("write-then-lock || lock-then-read") == ["cell.x"]


def test_one_lock_excludes() -> None:
    assert suspects("write-locked || read-locked") == []


def test_a_completion_orders() -> None:
    assert suspects("write-and-complete || wait-and-read") == []


def test_two_that_read_do_not_race() -> None:
    assert suspects("lock-then-read || lock-then-read") == []
