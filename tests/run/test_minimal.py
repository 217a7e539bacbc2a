"""Findings of a check have their smallest schedule, compared with every execution there is."""

from __future__ import annotations

import json

import pytest

from netsim.results import Bounds, Options, Result
from netsim.run import check, minimal, replay
from netsim.trace.documents import dump_check
from netsim.trace.schedule import Schedule
from netsim.view.report import check_report
from tests.run.every import TOY, every_execution

MINIMAL = "minimal: none shows it with fewer preemptions, or as few and fewer steps"

#: Scenario, failures, and the fewest preemptions of its findings by reason: a lost update needs
#: the writer between the other's read and write; `look` fails only if `pulse` is preempted between
#: its writes and itself between its reads; a lock that one takes twice needs nobody else.
SCENARIOS = [
    ("add || add", 0, {"not-serialisable": 1}),
    ("forth || back", 0, {"deadlock": 1}),
    ("look || pulse", 0, {"bug-on": 2}),
    ("look || pulse || die", 0, {"bug-on": 2}),
    ("again || read", 0, {"recursive-lock": 0}),
    ("tick || tick", 0, {"data-race": 0}),
    ("make || read", 1, {"null-deref": 0}),
]


@pytest.mark.parametrize(("scenario", "faults", "fewest"), SCENARIOS)
def test_no_execution_is_smaller(scenario: str, faults: int, fewest: dict[str, int]) -> None:
    everything = every_execution(scenario, faults)
    result = check(TOY, scenario, options=Options(faults))

    for kind, preemptions in fewest.items():
        assert [f.preemptions for f in result.findings if f.kind == kind] == [preemptions]
    for finding in result.findings:
        showing = [ran for ran in everything if finding.id in ran.ids]
        assert (finding.preemptions, finding.steps) == min(
            (ran.preemptions, len(ran.schedule)) for ran in showing
        )
        assert finding.minimal
        choices = Schedule.parse(finding.schedule).choices
        assert choices in [tuple(map(tuple, ran.schedule)) for ran in showing]
        assert finding.id in [f.id for f in replay(finding.schedule, design=TOY).findings]


@pytest.mark.parametrize("strategy", ["interleavings", "states"])
def test_the_schedule_does_not_hang_on_who_found_it(strategy: str) -> None:
    def told(result: Result) -> list[tuple[str, str]]:
        return [(f.id, f.schedule) for f in result.findings]

    assert told(check(TOY, "look || pulse", strategy=strategy)) == told(check(TOY, "look || pulse"))


@pytest.mark.parametrize(
    ("design", "scenario", "preemptions"),
    [
        # Each flow alone, and one after the other, is an order of its own: one switch is needed.
        ("netoops-v1@2.6.35", "{ set 10.0.0.1 } off || unregister eth0", 1),
        ("netoops-v1@2.6.35", "{ set 10.0.0.1 } panic || unregister eth0", 1),
        ("netoops-v1", "{ set 10.0.0.1 } unregister eth0", 0),
    ],
)
def test_known_findings(design: str, scenario: str, preemptions: int) -> None:
    result = check(design, scenario)

    assert result.findings
    for finding in json.loads(dump_check(result))["findings"]:
        assert finding["minimal"] is True
        if not finding["accepted"]:
            assert finding["preemptions"] == preemptions
    assert check_report(result).count(MINIMAL) == len(result.findings)


class TestWithoutProof:
    """What was not looked at in full is not called minimal."""

    def test_first(self) -> None:
        result = check(TOY, "look || pulse", first=True)

        assert [f.minimal for f in result.findings] == [False]
        assert "minimal" not in check_report(result)

    def test_a_bound_that_cuts(self) -> None:
        executions = check(TOY, "add || add").executions

        result = check(TOY, "add || add", bounds=Bounds(executions=executions - 1))

        assert result.findings
        assert not any(f.minimal for f in result.findings)

    def test_strikes(self) -> None:
        result = check("netoops-v1@2.6.35", "{ set 10.0.0.1 } unregister eth0 || !soft-dump")

        assert result.findings
        assert not any(f.minimal for f in result.findings)

    def test_the_budget(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = {f.id: f for f in check(TOY, "look || pulse").findings}
        runs = len(every_execution("look || pulse"))
        minimals = []
        for budget in range(1, runs):
            monkeypatch.setattr(minimal, "RUNS_MAX", budget)
            (finding,) = check(TOY, "look || pulse").findings
            minimals.append(finding.minimal)
            assert (finding.preemptions, finding.steps) >= (
                whole[finding.id].preemptions,
                whole[finding.id].steps,
            )
            assert finding.id in [f.id for f in replay(finding.schedule, design=TOY).findings]

        assert minimals[0] is False
        assert minimals[-1] is True
        assert minimals == sorted(minimals)

    def test_ctrl_c(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(minimal, "_look", interrupted)

        result = check(TOY, "look || pulse")

        assert result.complete
        assert [f.minimal for f in result.findings] == [False]
