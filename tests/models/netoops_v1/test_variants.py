"""What the author wanted otherwise: the TODOs of patch 05, and packets spaced out."""

import pytest

from netsim.results import Result
from netsim.run import check
from tests.models.policies.storms import dumps


def shown(result: Result) -> set[tuple[str, ...]]:
    """Return kind and objects of each finding."""
    return {(f.kind, *f.objects) for f in result.findings}


class TestMacCopy:
    """Patch 05: "it may not make sense to actually pin the neighbor"."""

    @pytest.mark.parametrize(
        ("scenario", "finding"),
        [
            (
                "{ set 10.0.0.1 } set 10.0.0.1 || unregister eth0",
                ("leak", "neigh(10.0.0.1)/0.1", "reference"),
            ),
            (
                "{ set 10.0.0.1 } neigh-reply 10.0.0.1 || soft-dump",
                ("data-race", "neigh(10.0.0.1)/0.1.ha"),
            ),
        ],
    )
    def test_what_a_pinned_neighbour_costs(self, scenario: str, finding: tuple[str, ...]) -> None:
        assert finding in shown(check("netoops-v1", scenario))
        assert finding not in shown(check("netoops-v1+mac-copy", scenario))

    def test_a_target_that_answered_is_reached(self) -> None:
        storm = "set 10.0.0.1; neigh-reply 10.0.0.1; set 10.0.0.1; soft-dump"
        (outcome,) = check("netoops-v1+mac-copy", storm).outcomes
        assert "at 02:00:0a:00:00:01" in dict(outcome.observed)["dumps"]

    def test_a_later_answer_is_not_seen(self) -> None:
        (outcome,) = check(
            "netoops-v1+mac-copy", "set 10.0.0.1; neigh-reply 10.0.0.1; soft-dump"
        ).outcomes
        assert "at 00:00:00:00:00:00" in dict(outcome.observed)["dumps"]


class TestPorts:
    """Patch 05: "UDP port numbers shouldn't be hardcoded like this"."""

    @pytest.mark.parametrize(
        ("storm", "where"),
        [
            ("set 10.0.0.1; soft-dump", "to 10.0.0.1 at"),
            ("ports 2004 6666; set 10.0.0.1; soft-dump", "to 10.0.0.1:6666 at"),
            ("set 10.0.0.1; ports 2004 6666; soft-dump", "to 10.0.0.1 at"),
        ],
    )
    def test_the_next_target_has_them(self, storm: str, where: str) -> None:
        (outcome,) = check("netoops-v1+ports", storm).outcomes
        assert where in dict(outcome.observed)["dumps"]

    def test_setting_them_is_no_race(self) -> None:
        result = check("netoops-v1+ports", "ports 2004 6666 || set 10.0.0.1")
        assert not [f for f in result.findings if f.kind == "data-race"]


class TestSpacing:
    """Mike Waychison, 2010-11-03 03:38: "to explicitly space out packets with delays"."""

    def test_the_same_is_sent(self) -> None:
        assert dumps("netoops-v1+every+spacing", "oops; oops; panic") == ["OOPS", "OOPS", "PANIC"]

    def test_time_passes_for_a_rate_limit_as_well(self) -> None:
        """Three packets of 10 ms each end more than 29 ms after the oops, not more than 30."""
        design = "netoops-v1+every+spacing+rate-limit"
        assert dumps(design, "oops; oops") == ["OOPS"]
        assert dumps(design, "oops; wait 60; oops") == ["OOPS", "OOPS"]
