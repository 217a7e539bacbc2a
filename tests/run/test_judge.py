"""What is at the root of an outcome, and hides that no order explains it."""

from __future__ import annotations

from typing import Any

import pytest

from netsim.core.fault import Report
from netsim.notation import parse
from netsim.results import Nearest, Options, Where
from netsim.run.judge import Judged, judge
from netsim.run.outcome import Observed
from netsim.run.program import ScenarioProgram
from tests.run.test_endless import DESIGN


class Refuting:
    """A reference that no outcome agrees with."""

    def refutes(self, *_: Any) -> bool:
        return True

    def nearest(self, _: Observed) -> Nearest:
        return Nearest((), ())


@pytest.mark.parametrize(
    ("halted", "where", "leads", "hides"),
    [
        (False, "flows", False, True),
        (False, "end", False, True),
        (True, "flows", True, True),
        (True, "flows", False, False),  # the halt came without it
        (True, "end", True, False),  # they only wait when the machine halts
    ],
)
def test_what_hides_that_no_order_explains(
    halted: bool, where: Where, leads: bool, hides: bool
) -> None:
    program = ScenarioProgram(DESIGN, parse("once || once"), Options())
    fatal = Judged(Report("deadlock", "they wait", (), (), "1", "once", 1, True), where, ())
    observed = Observed(results=(), hung=(), dumps=(), probes=(), halted=halted, failed=())
    reference: Any = Refuting()

    found = judge(observed, [fatal], reference, (), program, lambda _step: leads)

    assert ("not-serialisable" not in [one.report.kind for one in found]) is hides
