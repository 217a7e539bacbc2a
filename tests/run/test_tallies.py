"""What executions come to in numbers, against every interleaving, halts at every place included."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import jsonschema
import pytest

import netsim
from netsim import matrix
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform
from netsim.design import Design, Operation, StartingPoint
from netsim.errors import NetsimError
from netsim.notation import parse
from netsim.results import Bounds, Options
from netsim.run.program import ScenarioProgram
from netsim.sync.halt import halt
from netsim.sync.spinlock import SpinLock
from netsim.sync.tally import counted
from netsim.trace.documents import dump_matrix
from netsim.view.storm import storm_report
from tests.explorer.brute import every_interleaving


class _Send(Op):
    """A packet leaves the machine."""

    name = "send"
    leaves = True

    def __init__(self, sent: list[str]) -> None:
        self.sent = sent

    def apply(self, sim: Sim, thread: SimThread) -> None:
        self.sent.append(thread.name)


class System:
    """A machine on which crashes happen, and a driver sends one packet for the first to get in."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.lock = SpinLock(sim, "lock")
        self.crashes: list[str] = []
        self.sent: list[str] = []
        self.missed: list[str] = []

    def dumps(self) -> Sequence[str]:
        return [str(len(self.sent))]

    def roots(self) -> Sequence[Any]:
        return []

    def counts(self) -> Sequence[Any]:
        return []

    def tally(self) -> dict[str, int]:
        return {"crashes": len(self.crashes), "sent": len(self.sent), "missed": len(self.missed)}


async def crash(s: System) -> None:
    """Crash: who finds the lock held sends nothing."""
    await counted(s.sim, "crash")
    s.crashes.append("")
    if await s.lock.spin_trylock():
        await perform(_Send(s.sent))
        await s.lock.spin_unlock()
    else:
        await counted(s.sim, "missed")
        s.missed.append("")


async def stop(s: System) -> None:
    """Crash, and end the machine."""
    await crash(s)
    await halt("stop")


async def hold(s: System) -> None:
    """Hold the lock for a while."""
    await s.lock.spin_lock()
    await s.lock.spin_unlock()


def design(name: str = "storms") -> Design:
    operations = [
        Operation("crash", "a crash", crash),
        Operation("stop", "the last crash", stop, halts=True),
        Operation("hold", "hold the lock", hold),
    ]
    return Design(
        name=name,
        summary="crashes and a driver",
        boot=System,
        operations={operation.name: operation for operation in operations},
        starts=(StartingPoint("off", ""),),
        probes=(),
        tally=System.tally,
    )


class _Counted:
    """The program without what a search does to it, observed by its numbers."""

    def __init__(self, scenario: str) -> None:
        self.program = ScenarioProgram(design(), parse(scenario), Options())

    def start(self) -> Sim:
        return self.program.start()

    def observe(self) -> tuple[Any, ...]:
        return tuple(self.program.run.system.tally().items())  # type: ignore[attr-defined]


STORMS = [
    "crash",
    "crash; crash",
    "crash || crash",
    "crash || hold",
    "crash; crash || hold",
    "crash || crash || crash",
    "crash || stop",
    "stop || stop",
    "crash; crash || stop",
    "crash || hold; stop",
]


@pytest.mark.parametrize("scenario", STORMS)
def test_least_and_most_are_those_of_every_interleaving(scenario: str) -> None:
    everything = every_interleaving(_Counted(scenario), 200_000)
    expected: dict[str, list[int]] = {}
    for observed in everything.observations:
        for name, number in observed:
            expected.setdefault(name, []).append(number)

    (cell,) = matrix([design()], scenarios=[scenario]).cells

    assert cell.tallied
    found = {tally.name: (tally.least, tally.most) for tally in cell.tallies}
    assert found == {name: (min(all_), max(all_)) for name, all_ in expected.items()}


def test_a_search_that_was_cut_says_so() -> None:
    result = matrix([design()], scenarios=["crash || crash || crash"], bounds=Bounds(executions=2))

    (cell,) = result.cells
    assert not cell.tallied
    assert not result.complete
    assert not result.decided
    report = " ".join(storm_report(result).split())
    assert "crashes 3?" in report
    assert "a bound cut" in report


def test_every_design_is_a_column_and_every_scenario_a_table() -> None:
    scenarios = ["crash || hold", "crash; crash"]
    result = matrix([design("one"), design("two")], scenarios=scenarios)

    assert [(c.scenario, c.design) for c in result.cells] == [
        (scenario, name) for name in ("one", "two") for scenario in scenarios
    ]
    assert result.scenarios == tuple(scenarios)
    assert result.starts == ()
    assert result.operations == ()
    report = storm_report(result).split("\n\n")
    assert report[0] == "1  one\n2  two"
    assert report[1].startswith("crash || hold\n")
    # A crash while the lock is held is missed; two in a row never are.
    assert _row(report[1], "missed") == ["0..1", "0..1"]
    assert _row(report[2], "missed") == ["0", "0"]
    assert _row(report[2], "crashes") == ["2", "2"]


def _row(table: str, name: str) -> list[str]:
    (row,) = [line.split() for line in table.split("\n") if line.split()[0] == name]
    return row[1:]


def test_a_design_that_counts_nothing_has_its_verdict_only() -> None:
    silent = attrs.evolve(design(), tally=None)
    result = matrix([silent], scenarios=["crash"])

    assert result.cells[0].tallies == ()
    assert "verdict  holds" in storm_report(result)


def test_a_matrix_of_operations_counts_nothing() -> None:
    assert all(not cell.tallies for cell in matrix([design()]).cells)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"scenarios": ["crahs"]}, "did you mean 'crash'"),
        ({"scenarios": ["crash", "crash "]}, "twice"),
        ({"scenarios": ["{ stop } crash"]}, "cannot stand in { }"),
        ({"scenarios": ["crash"], "starts": ["off"]}, "where they start"),
    ],
)
def test_what_is_refused(request_: dict[str, Any], expected: str) -> None:
    with pytest.raises(NetsimError, match=re.escape(expected)):
        matrix([design()], **request_)


def test_several_processes_give_the_same_document() -> None:
    scenarios = ["oops || off", "oops; wait 1; oops"]
    one, two = (
        dump_matrix(matrix(["netoops-v1", "netoops-v1+every"], scenarios=scenarios, jobs=jobs))
        for jobs in (1, 2)
    )
    assert one == two
    schema = json.loads((Path(netsim.__file__).parent / "schemas/matrix.schema.json").read_text())
    jsonschema.validate(json.loads(one), schema)
