"""check() and replay(): bounds, verdicts, identities."""

from typing import Any

import pytest

from netsim.errors import NetsimError, UsageError
from netsim.results import Bounds, Options, Verdict
from netsim.run import check, load, replay
from netsim.trace.schedule import Schedule
from tests.run.every import TOY

RACE = ("netoops-v1@2.6.35", "{ set 10.0.0.1 } off || unregister eth0")


class TestBounds:
    """A bound that cuts is UNKNOWN, never green."""

    def test_one_execution(self) -> None:
        result = check("netoops-v1", "{ set 10.0.0.1 } off || read", bounds=Bounds(executions=1))

        assert result.verdict is Verdict.UNKNOWN
        assert result.cut_by == "executions"
        assert not result.complete

    def test_a_bound_that_does_not_cut(self) -> None:
        result = check("netoops-v1", "read", bounds=Bounds(executions=1))

        assert result.verdict is Verdict.HOLDS
        assert result.cut_by is None

    def test_steps(self) -> None:
        result = check("netoops-v1", "{ set 10.0.0.1 } off || read", bounds=Bounds(steps=10))

        assert (result.verdict, result.cut_by) == (Verdict.UNKNOWN, "steps")

    def test_first_stops_at_a_finding(self) -> None:
        everything = check(*RACE)
        first = check(*RACE, first=True)

        assert first.verdict is Verdict.VIOLATED
        assert first.executions <= everything.executions

    @pytest.mark.parametrize("bounds", [Bounds(executions=0), Bounds(steps=-1), Bounds(seconds=0)])
    def test_nonsense_is_refused(self, bounds: Bounds) -> None:
        with pytest.raises(UsageError, match="must be more than 0"):
            check(*RACE, bounds=bounds)


class TestReplay:
    """A schedule shows its finding again, under the same id."""

    def test_from_its_string(self) -> None:
        (finding,) = [f for f in check(*RACE).findings if f.kind == "not-serialisable"]

        again = replay(Schedule.parse(finding.schedule))

        assert again.diverged is None
        assert again.reproduced
        assert finding.id in [f.id for f in again.findings]
        assert [e.step for e in again.events] == list(range(1, finding.steps + 1))

    def test_every_outcome_has_a_schedule_that_gives_it(self) -> None:
        for outcome in check(*RACE).outcomes:
            again = replay(Schedule.parse(outcome.schedule))

            assert again.outcome == outcome.observed

    def test_a_failure_that_did_not_happen_is_compared_with_orders_without_it(self) -> None:
        outcomes = check(TOY, "make || read", options=Options(faults=1)).outcomes
        serial = [outcome for outcome in outcomes if outcome.serial]
        assert serial

        for outcome in serial:
            again = replay(outcome.schedule, design=TOY)
            assert "not-serialisable" not in [f.kind for f in again.findings]

    def test_on_another_design_it_diverges(self) -> None:
        (finding,) = [f for f in check(*RACE).findings if f.kind == "not-serialisable"]

        again = replay(Schedule.parse(finding.schedule), design=load("netoops-v1"))

        assert again.diverged is not None
        assert not again.reproduced


class TestRefusals:
    """What is not modelled is refused with a message."""

    @pytest.mark.parametrize(
        ("design", "scenario", "words"),
        [
            ("netoops-v2", "read", "did you mean"),
            ("netoops-v1", "raed", "read"),
            ("netoops-v1", "set", "takes 1 argument"),
            ("netoops-v1", "set 10.0.0.300", "an IPv4 address"),
            ("netoops-v1", "set 10.0.0.1 || !off", "process context only"),
            ("netoops-v1", "set 10.0.0.1 || !process: oops", "softirq, hardirq or nmi"),
            ("netoops-v1", "set 10.0.0.1 || !oops || !2 soft-dump", "is a strike itself"),
            ("netoops-v1", "nmi: soft-dump", "expected process, hardirq"),
            ("netoops-v1", "softirq: set 10.0.0.1", "expected process"),
            ("netoops-v1", "{ panic } read", "cannot stand in"),
        ],
    )
    def test_message(self, design: str, scenario: str, words: str) -> None:
        with pytest.raises(NetsimError) as caught:
            check(design, scenario)

        assert words in str(caught.value)
        assert caught.value.exit_code == 2

    def test_unknown_choice(self) -> None:
        with pytest.raises(UsageError, match="expected one of: arp, stack, timers"):
            check("netoops-v1", "read", options=Options(choose=("weather",)))


@pytest.mark.parametrize(
    ("words", "design", "scenario", "bounds"),
    [
        ("a design is a name or a netsim.Design; found an int", 5, "off", None),
        ("a scenario is a text or a parsed one; found an int", "netoops-v1", 7, None),
        ("bounds are netsim.Bounds", "netoops-v1", "off", 5),
        ("executions must be a number, found 'x'", "netoops-v1", "off", Bounds(executions="x")),  # type: ignore[arg-type]
    ],
)
def test_what_is_of_another_type_is_told(
    words: str, design: Any, scenario: Any, bounds: Any
) -> None:
    with pytest.raises(UsageError, match=words):
        check(design, scenario, bounds=bounds)


def test_what_failed_in_the_start_is_noted() -> None:
    result = check("netoops-v1", "{ set 10.0.0.1; up eth9 } read")
    assert "in { } up eth9 failed with -ENODEV" in result.notes
    assert not check("netoops-v1", "{ set 10.0.0.1; up eth0 } read").notes


def test_each_operation_of_a_flow_runs_in_its_own_context() -> None:
    result = check("netoops-v1", "{ set 10.0.0.1 } oops; set 10.0.0.1; neigh-reply 10.0.0.1; read")

    assert all(finding.accepted for finding in result.findings)
    assert result.verdict is Verdict.HOLDS


def test_puts_of_one_device_by_three_flows_leave_no_execution_blocked() -> None:
    """They did while a put conflicted with others by the count that it found."""
    scenario = "{ set 10.0.0.1 } off || unregister eth0 || carrier-off eth0"
    result = check("netoops-v1", scenario, bounds=Bounds(executions=600))
    assert (result.executions, result.blocked) == (600, 0)
