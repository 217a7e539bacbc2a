"""Storms on the driver: numbers against another complete way to explore, and time that passes."""

from __future__ import annotations

import pytest

from netsim.notation import parse
from netsim.results import Bounds, Options, Plan
from netsim.run import load
from netsim.run.program import ScenarioProgram
from netsim.run.tallies import Counting, count
from tests.models.policies.storms import READY, between, compared


@pytest.mark.parametrize(
    ("name", "storm"),
    [
        ("netoops-v1+every", "oops || panic"),
        ("netoops-v1+every+oops-once", "oops || oops"),
        ("netoops-v1+every+stream", 'oops || kmsg "<3>text"'),
        ("netoops-v1+every+dump-flag+stream", "off || panic"),
    ],
)
def test_every_state_gives_the_same_numbers(name: str, storm: str) -> None:
    """Merging states reduces nothing by independence, and lets a halt come at every place."""
    design = load(name)
    scenario = parse(f"{{ {READY} }} {storm}", design.operations)
    states = Counting(ScenarioProgram(design, scenario, Options()), Bounds(), plan=Plan("states"))
    states.explore(first=False, progress=None)
    assert states.complete

    found, classes = count(ScenarioProgram(design, scenario, Options()), Bounds())
    assert classes is not None
    assert classes.complete
    assert {one.name: (one.least, one.most) for one in found} == states.ranges


def test_a_panic_may_strike_amid_a_dump() -> None:
    """It finds the list of dumpers taken, so that nothing is sent any more, or some of both."""
    cell = compared("netoops-v1+every", f"{{ {READY} }} soft-dump || !panic")

    assert between(cell, "crashes") == (1, 1)
    assert between(cell, "dumps begun") == (0, 2)
    assert between(cell, "packets sent") == (0, 6)
    assert between(cell, "crashes nobody hears of") == (0, 1)


class TestWait:
    """The clock moves, and nothing else."""

    def test_it_moves_the_clock_that_a_rate_limit_reads(self) -> None:
        cell = compared("netoops-v1+every+rate-limit", f"{{ {READY} }} oops; oops || wait 61")
        assert between(cell, "dumps begun") == (1, 2)

    def test_a_neighbour_does_not_age(self) -> None:
        """Reachable for 30 s: after an hour it would be probed, and fail."""
        cell = compared("netoops-v1", f"{{ {READY} }} wait 3600; oops")
        assert between(cell, "dumps delivered whole") == (1, 1)

    def test_it_sleeps(self) -> None:
        design = load("netoops-v1")
        assert [c.value for c in design.operations["wait"].contexts] == ["process"]
