"""A loss that a design accepts is shown and counted, and makes nothing red."""

from __future__ import annotations

import pytest

from netsim.core.memory import KObject, kmalloc, shared
from netsim.design import AcceptedLoss, Design, Operation, StartingPoint
from netsim.results import Bounds, Verdict
from netsim.run import check, matrix
from netsim.sync.sleep import schedule_point
from netsim.view.matrix import matrix_report
from netsim.view.report import check_report
from tests.run.bare import BareSystem


@shared
class Box(KObject):
    """Something to lose."""

    lid: int = 0


async def lose(s: BareSystem) -> None:
    await schedule_point("lose")
    kmalloc(s.sim, Box(), "box")


def design(*accepted: AcceptedLoss) -> Design:
    return Design(
        name="toy",
        summary="loses boxes",
        boot=BareSystem,
        operations={"lose": Operation("lose", "loses a box", lose)},
        starts=(StartingPoint("empty", ""),),
        probes=(),
        accepted=accepted,
    )


ACCEPTS = AcceptedLoss("leak", ("lose", "other"), "boxes are cheap")


def test_what_is_not_accepted_is_red() -> None:
    result = check(design(), "lose || lose")

    assert result.verdict is Verdict.VIOLATED
    assert [f.accepted for f in result.findings] == [""]


@pytest.mark.parametrize(
    "other", [AcceptedLoss("hung", ("lose",), "x"), AcceptedLoss("leak", ("find",), "x")]
)
def test_other_kinds_and_other_operations_are_not_covered(other: AcceptedLoss) -> None:
    assert check(design(other), "lose").verdict is Verdict.VIOLATED


@pytest.mark.parametrize(
    ("objects", "verdict"),
    [(("box/1.1",), Verdict.HOLDS), (("lid",), Verdict.VIOLATED), ((), Verdict.HOLDS)],
)
def test_only_the_objects_that_are_named_are_covered(
    objects: tuple[str, ...], verdict: Verdict
) -> None:
    loss = AcceptedLoss("leak", ("lose",), "boxes are cheap", objects)

    result = check(design(loss), "lose")
    assert result.verdict is verdict, result.findings
    (cell,) = matrix([design(loss)], flows=1).cells
    assert cell.verdict is verdict


def test_what_is_accepted_holds_and_is_told() -> None:
    result = check(design(ACCEPTS), "lose || lose")

    assert result.verdict is Verdict.HOLDS
    assert [(f.kind, f.accepted) for f in result.findings] == [("leak", "boxes are cheap")]
    text = check_report(result)
    assert "accepted by the design: boxes are cheap" in text
    assert "1 finding accepted" in text


def test_accepting_does_not_make_a_search_complete() -> None:
    result = check(design(ACCEPTS), "lose; lose || lose; lose", bounds=Bounds(steps=9))

    assert result.verdict is Verdict.UNKNOWN


def test_the_matrix_marks_it() -> None:
    result = matrix([design(ACCEPTS)])

    assert {cell.verdict for cell in result.cells} == {Verdict.HOLDS}
    text = matrix_report(result)
    assert "~a" in text
    assert "1 distinct findings (1 accepted)" in text
