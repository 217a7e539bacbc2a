"""A thread that never ends is never green."""

from __future__ import annotations

from netsim import Design, Operation, StartingPoint, Verdict, check
from netsim.sync.sleep import schedule_point
from netsim.view.report import verdict_line
from tests.run.bare import BareSystem


async def spin(_s: BareSystem) -> None:
    while True:
        await schedule_point("cpu_relax")


async def once(_s: BareSystem) -> None:
    await schedule_point("once")


DESIGN = Design(
    name="endless",
    summary="spins",
    boot=BareSystem,
    operations={
        "spin": Operation("spin", "spins for ever", spin),
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
