"""How a cell is decided: by classes, with few preemptions, because nothing starts, or not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import jsonschema
import pytest

import netsim
from netsim.core.memory import KObject, bind, shared
from netsim.core.sim import Sim
from netsim.design import Design, Operation, StartingPoint
from netsim.results import Bounds, Cell, MatrixResult, Verdict
from netsim.run import cascade, matrix
from netsim.sync.marked import read_once, write_once
from netsim.sync.mutex import Mutex
from netsim.trace.documents import dump_matrix
from netsim.view.matrix import matrix_report

#: How often each flow takes the lock that all take: that only multiplies classes.
NOISE = 4


@shared
class Shared(KObject):
    """Shared data."""

    x: int = 0


class System:
    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.data = bind(sim, Shared(), "data")
        self.lock = Mutex(sim, "lock")

    def dumps(self) -> Sequence[str]:
        return ()

    def roots(self) -> Sequence[Any]:
        return (self.data,)

    def counts(self) -> Sequence[Any]:
        return ()


async def noise(s: System) -> None:
    for _ in range(NOISE):
        async with s.lock.held():
            pass


async def write(s: System) -> None:
    for value in (1, 2, 3):
        await write_once(s.data, "x", value)
    await noise(s)


async def look(s: System) -> bool:
    """
    Return what no order of the two gives: True if it saw both 1 and 2.

    `write` is left after 1, `look` after that, and `write` again after 2, each of which has more to
    do: that takes three preemptions, and less cannot show it.
    """
    seen = [await read_once(s.data, "x"), await read_once(s.data, "x")]
    await noise(s)
    return seen == [1, 2]


async def first(s: System) -> bool:
    """Return what no order gives, and one preemption does: that it saw 1."""
    seen = await read_once(s.data, "x")
    await noise(s)
    return bool(seen == 1)


async def stuck(s: System) -> None:
    raise AssertionError


def design(*samples: str) -> Design:
    runs = {"write": write, "look": look, "first": first, "noise": noise, "stuck": stuck}
    return Design(
        name="toy",
        summary="counts to three",
        boot=System,
        operations={
            name: Operation(name, name, run, samples=((),) if name in samples else ())
            for name, run in runs.items()
        },
        starts=(StartingPoint("empty", ""), StartingPoint("stuck", "stuck")),
        probes=(),
    )


def cell(result: MatrixResult, *operations: str, start: str = "empty") -> Cell:
    (found,) = [c for c in result.cells if c.operations == operations and c.start == start]
    return found


CUT = Bounds(executions=300)


@pytest.fixture(scope="module")
def cut() -> MatrixResult:
    return matrix([design("write", "look")], bounds=CUT, starts=["empty"])


def test_without_a_bound_classes_show_what_takes_three_preemptions() -> None:
    result = matrix([design("write", "look")], starts=["empty"])

    found = cell(result, "write", "look")
    assert (found.decided, found.complete, found.preemptions) == ("classes", True, None)
    assert found.verdict is Verdict.VIOLATED
    (one,) = result.findings
    assert (one.finding.kind, one.finding.preemptions) == ("not-serialisable", 3)
    assert found.executions > 300


def test_what_takes_three_preemptions_holds_under_two_and_says_so(cut: MatrixResult) -> None:
    found = cell(cut, "write", "look")

    assert (found.decided, found.preemptions) == ("preemptions", 2)
    assert found.verdict is Verdict.HOLDS
    assert not found.complete
    assert not cut.complete
    assert cut.decided
    assert not cut.findings
    report = " ".join(matrix_report(cut).split())
    assert ":: holds under at most 2 preemptions" in report
    assert "5 cells: 3 by classes, 2 under at most 2 preemptions;" in report
    assert "but for what needs more preemptions" in report
    assert "one of every class of executions was run, of up to" not in report
    assert any(line.split()[:2] == ["2", "look"] and ":" in line for line in
               matrix_report(cut).splitlines())  # fmt: skip


def test_what_takes_one_is_found_where_classes_are_cut() -> None:
    result = matrix([design("write", "first")], bounds=Bounds(executions=200), starts=["empty"])

    found = cell(result, "write", "first")
    assert (found.decided, found.verdict) == ("preemptions", Verdict.VIOLATED)
    assert [m.finding.kind for m in result.findings] == ["not-serialisable"]


def test_without_anything_left_it_is_unknown() -> None:
    result = matrix([design("write", "look")], bounds=Bounds(executions=20), starts=["empty"])

    found = cell(result, "write", "look")
    assert (found.decided, found.complete) == (None, False)
    assert found.verdict is Verdict.UNKNOWN
    assert not result.decided
    assert "not decided" in matrix_report(result)


@pytest.mark.parametrize("steps", [2_000, 8_000])
def test_other_bounds_hold_for_both_searches(steps: int) -> None:
    bounds = attrs.evolve(CUT, steps=steps)

    result = matrix([design("write", "look")], bounds=bounds, starts=["empty"])

    found = cell(result, "write", "look")
    assert (found.decided, found.verdict) == (None, Verdict.UNKNOWN)
    assert (found.executions > 300) is (steps == 8_000)


def test_a_bound_that_leaves_nothing_out_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.NOISE", 1)
    whole = matrix([design("write", "look")], starts=["empty"])
    executions = cell(whole, "write", "look").executions
    monkeypatch.setattr(cascade, "PREEMPTIONS_MAX", 30)
    monkeypatch.setattr(cascade._FewPreemptions, "spent", lambda _: None)

    bounds = Bounds(executions=executions - 1)
    again = matrix([design("write", "look")], bounds=bounds, starts=["empty"])

    found = cell(again, "write", "look")
    assert (found.decided, found.complete) == ("classes", True)
    assert found.executions > executions
    assert found.verdict is Verdict.VIOLATED
    assert found.findings == cell(whole, "write", "look").findings


def test_a_start_that_is_not_reached_is_decided_by_that() -> None:
    result = matrix([design("noise")], flows=1)

    found = cell(result, "noise", start="stuck")
    assert (found.decided, found.complete) == ("start", True)
    assert found.verdict is Verdict.UNKNOWN
    assert "1 by classes, 1 whose start is not reached;" in " ".join(matrix_report(result).split())


def test_three_operations_have_a_bound_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cascade, "CLASSES_MAX", 4)
    monkeypatch.setattr(cascade, "FEW_MAX", 4)
    monkeypatch.setattr(cascade, "RUNS_EACH", 1000)
    monkeypatch.setattr(f"{__name__}.NOISE", 1)

    result = matrix([design("noise")], flows=3, starts=["empty"])

    assert cell(result, "noise", "noise").decided == "classes"
    assert cell(result, "noise", "noise", "noise").decided is None  # four executions each
    assert "1 cells of three operations, 1 of them not decided" in matrix_report(result)


def test_the_document_fits_its_schema(cut: MatrixResult) -> None:
    data = json.loads(dump_matrix(cut))

    folder = Path(netsim.__file__).parent / "schemas"
    schema = json.loads((folder / "matrix.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(data)
    assert {(c["decided"], c["preemptions"]) for c in data["cells"]} == {
        ("classes", None),
        ("preemptions", 2),
    }
    assert data["decided"]
