"""matrix(): how many operations at a time, what is inherited, and several processes."""

from __future__ import annotations

from math import comb
from pathlib import Path
from typing import Any

import pytest

from netsim import Bounds, Design, UsageError, matrix
from netsim.trace.documents import dump_matrix
from netsim.view.matrix import matrix_report
from tests.run.test_predicted import design

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


def test_several_processes_give_the_same_document() -> None:
    assert dump_matrix(matrix([EXAMPLE])) == dump_matrix(matrix([EXAMPLE], jobs=2))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"flows": 0}, "1 to 3 operations at a time, found 0"),
        ({"flows": 4}, "1 to 3 operations at a time, found 4"),
        ({"jobs": 0}, "jobs must be 1 or more"),
        ({"jobs": 2}, "given as an object"),
    ],
)
def test_nonsense_is_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        matrix([three()], **more)


def test_a_cell_of_three_that_is_cut_is_not_decided() -> None:
    result = matrix([three()], flows=3, bounds=Bounds(executions=1))

    assert not result.complete
    assert "of them not decided" in matrix_report(result)
