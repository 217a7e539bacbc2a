"""matrix(): how many operations at a time, what is inherited, and several processes."""

from __future__ import annotations

import sys
from math import comb
from pathlib import Path
from typing import Any

import attrs
import pytest

from netsim import Bounds, Design, UsageError, matrix
from netsim.design import StartingPoint
from netsim.run.survey import inherit
from netsim.run.walk import Progress
from netsim.trace.documents import dump_matrix
from netsim.view.matrix import matrix_report
from tests.run.test_predicted import design

#: The module, whose name is that of its function, too.
MATRIX = sys.modules[matrix.__module__]

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "my_driver.py")


def three() -> Design:
    """Two locks in both orders, and an operation that has nothing to do with them."""
    return design("forth", "back", "complete")


@pytest.mark.parametrize("flows", [1, 2, 3])
def test_every_group_of_operations_is_a_cell(flows: int) -> None:
    result = matrix([three()], flows=flows)

    expected = sum(comb(3 + size - 1, size) for size in range(1, flows + 1))
    assert len(result.cells) == expected * len(result.starts)
    assert {len(cell.operations) for cell in result.cells} == set(range(1, flows + 1))
    assert result.flows == flows
    assert result.complete


def test_what_two_of_three_show_is_inherited() -> None:
    result = matrix([three()], flows=3)

    (deadlock,) = [m.finding.id for m in result.findings if m.finding.kind == "deadlock"]
    cells = {cell.operations: cell for cell in result.cells}
    assert deadlock in cells["forth", "back"].findings
    assert deadlock in cells["forth", "back", "complete"].alone
    assert deadlock not in cells["forth", "back", "complete"].findings
    report = matrix_report(result)
    assert "10 cells of three operations; findings that need all three" in report


@pytest.mark.parametrize("flows", [2, 3])
def test_several_processes_give_the_same_document(
    flows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MATRIX, "CHUNK", 3)
    shown: list[Progress] = []

    alone = matrix([EXAMPLE], flows=flows)
    both = matrix([EXAMPLE], flows=flows, jobs=2, progress=shown.append)

    assert dump_matrix(both) == dump_matrix(alone)
    assert [p.done for p in shown] == sorted(p.done for p in shown)
    assert shown[-1].done == shown[-1].total == len(alone.cells)


def test_chunks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = []
    for chunk in (1, 4, 100):
        monkeypatch.setattr(MATRIX, "CHUNK", chunk)
        documents.append(dump_matrix(matrix([three()], flows=3)))

    assert len(set(documents)) == 1


def test_some_starts_only() -> None:
    one = attrs.evolve(three(), starts=(StartingPoint("a", ""), StartingPoint("b", "forth")))
    whole = matrix([one], flows=3)

    part = matrix([one], flows=3, starts=["b"])

    assert part.cells == tuple(c for c in whole.cells if c.start == "b")
    assert [s.name for s in part.starts] == ["b"]
    with pytest.raises(UsageError, match="unknown start 'c': expected one of a, b"):
        matrix([one], starts=["b", "c"])


def test_a_cell_whose_parts_are_missing_is_left_out() -> None:
    """After Ctrl-C it may be: whether a finding is its own is not known then."""
    result = matrix([three()], flows=3)
    raw = [attrs.evolve(c, findings=(*c.findings, *c.alone), alone=()) for c in result.cells]

    assert tuple(inherit(raw, 3)) == result.cells
    less = [c for c in raw if c.operations != ("forth", "back")]
    assert [c.operations for c in inherit(less, 3) if {"forth", "back"} <= {*c.operations}] == []


def test_ctrl_c_keeps_what_the_processes_have_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MATRIX, "CHUNK", 1)

    def interrupt(progress: Progress) -> None:
        if progress.done > 20:
            raise KeyboardInterrupt

    result = matrix([EXAMPLE], flows=3, jobs=2, progress=interrupt)

    whole = matrix([EXAMPLE], flows=3)
    assert 20 < len(result.cells) < len(whole.cells)
    assert set(result.cells) < set(whole.cells)
    assert not result.complete
    assert not result.decided
    assert f"an interrupt came after {len(result.cells)} of {len(whole.cells)} cells" in (
        result.notes
    )


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"flows": 0}, "1 to 3 operations at a time, found 0"),
        ({"flows": 4}, "1 to 3 operations at a time, found 4"),
        ({"jobs": 0}, "jobs must be 1 or more"),
        ({"jobs": 2}, "given as an object"),
        ({"starts": "set"}, "a list of starts, found the str 'set'"),
        ({"scenarios": "off"}, "a list of scenarios, found the str 'off'"),
    ],
)
def test_nonsense_is_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        matrix([three()], **more)


def test_one_design_is_a_list_of_one() -> None:
    with pytest.raises(UsageError, match="a list of designs, found the str 'netoops-v1'"):
        matrix("netoops-v1")


def test_a_cell_of_three_that_is_cut_is_not_decided() -> None:
    result = matrix([three()], flows=3, bounds=Bounds(executions=1))

    assert not result.complete
    assert "of them not decided" in matrix_report(result)
