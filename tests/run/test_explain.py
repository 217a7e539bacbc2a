"""The critical step and the nearest passing execution, compared with every execution there is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import netsim
from netsim.core.step import Choice
from netsim.results import Explanation, Finding, Options, Place, ReplayResult
from netsim.run import check, explain, replay
from netsim.trace.documents import dump_check
from netsim.trace.schedule import Schedule
from netsim.view.report import check_report
from tests.run.every import TOY, Ran, every_execution

SCENARIOS = [
    ("add || add", 0),
    ("forth || back", 0),
    ("look || pulse", 0),
    ("look || pulse || die", 0),
    ("look || pulse || die; add", 0),
    ("again || read", 0),
    ("tick || tick", 0),
    ("make || read", 1),
]


def choices_of(schedule: str) -> list[Choice]:
    return [Choice(*choice) for choice in Schedule.parse(schedule).choices]


def kept_of(everything: Sequence[Ran], finding: Finding) -> int | None:
    """Return the most steps after which an execution without the finding still exists."""
    mine = choices_of(finding.schedule)
    passing = [ran.schedule for ran in everything if finding.id not in ran.ids]
    kept = [
        kept
        for kept in range(len(mine))
        for schedule in passing
        if schedule[:kept] == mine[:kept] and len(schedule) >= kept
    ]
    return max(kept, default=None)


def explained(scenario: str, faults: int) -> list[tuple[Finding, Explanation]]:
    result = check(TOY, scenario, options=Options(faults)).explained()
    assert result.findings
    found = []
    for finding in result.findings:
        assert finding.explanation is not None
        assert not finding.explanation.undecided
        found.append((finding, finding.explanation))
    return found


def index_of(replayed: ReplayResult, place: Place, start: int) -> int:
    """Return where a step stands in a replay, from `start` on."""
    return next(
        at
        for at, event in enumerate(replayed.events)
        if at >= start
        and (event.thread, event.function, event.call) == (place.thread, place.function, place.call)
    )


@pytest.mark.parametrize(("scenario", "faults"), SCENARIOS)
def test_critical_step(scenario: str, faults: int) -> None:
    everything = every_execution(scenario, faults)

    for finding, why in explained(scenario, faults):
        kept = kept_of(everything, finding)
        if kept is None:
            assert why == Explanation()
            continue
        assert why.critical is not None
        assert why.critical.step == kept + 1
        event = replay(finding.schedule, design=TOY).events[kept]
        assert (event.thread, event.function, event.call) == (
            why.critical.thread,
            why.critical.function,
            why.critical.call,
        )


@pytest.mark.parametrize(("scenario", "faults"), SCENARIOS)
def test_what_passes(scenario: str, faults: int) -> None:
    for finding, why in explained(scenario, faults):
        if why.critical is None:
            continue
        kept = why.critical.step - 1
        passing = replay(why.passing, design=TOY)
        assert passing.diverged is None
        assert choices_of(why.passing)[:kept] == choices_of(finding.schedule)[:kept]
        assert finding.id not in [f.id for f in passing.findings]
        assert why.instead == tuple(dict.fromkeys(f.kind for f in passing.findings))
        if why.earlier is None:
            continue
        assert why.earlier.thread != why.critical.thread
        earlier = index_of(passing, why.earlier, kept)
        assert why.critical.thread not in [e.thread for e in passing.events[kept:earlier]]
        if why.earlier.step:
            assert why.earlier.step > why.critical.step
            failing = replay(finding.schedule, design=TOY).events[why.earlier.step - 1]
            assert (failing.thread, failing.call) == (why.earlier.thread, why.earlier.call)


def of_kind(scenario: str, kind: str, faults: int = 0) -> Explanation:
    (why,) = [why for finding, why in explained(scenario, faults) if finding.kind == kind]
    return why


class TestReasons:
    """What the explanation must be, by reason."""

    def test_a_lost_update_is_decided_by_the_second_read(self) -> None:
        why = of_kind("add || add", "not-serialisable")

        assert why.critical is not None
        assert why.earlier is not None
        assert (why.critical.call, why.critical.function) == ("read_once cell.x", "add")
        assert (why.earlier.call, why.location) == ("write_once cell.x", "cell.x")

    def test_two_locks_are_decided_by_the_second_that_is_taken(self) -> None:
        why = of_kind("forth || back", "deadlock")

        assert why.critical is not None
        assert why.earlier is not None
        assert why.critical.call == "mutex_lock b"
        assert why.critical.operation == "back"
        assert (why.earlier.operation, why.earlier.call) == ("forth", "mutex_lock b")

    def test_a_lock_that_one_takes_twice_is_decided_from_the_start(self) -> None:
        assert of_kind("again || read", "recursive-lock") == Explanation()

    def test_a_failure_of_the_environment(self) -> None:
        why = of_kind("make || read", "null-deref", 1)

        assert why.critical is not None
        assert why.critical.call == "choose kzalloc"
        assert why.earlier is None
        assert why.passing


def test_the_known_race() -> None:
    """off finds the target enabled before unregister takes it away for a while."""
    result = check("netoops-v1@2.6.35", "{ set 10.0.0.1 } off || unregister eth0").explained()
    finding, promise = result.findings
    why = finding.explanation

    assert (finding.kind, promise.kind) == ("not-serialisable", "promise:off-disables")
    assert promise.explanation == why
    assert why is not None
    assert why.critical is not None
    assert why.earlier is not None
    assert (why.critical.operation, why.critical.call) == ("off", "spin_lock netoops_lock")
    assert (why.earlier.operation, why.earlier.call) == (
        "unregister eth0",
        "spin_lock netoops_lock",
    )
    assert replay(why.passing).findings == ()
    text = " ".join(check_report(result).split())
    assert f"critical step {why.critical.step}: flow 1 (off) does spin_lock netoops_lock" in text
    assert (
        "passes if flow 2 (unregister eth0) does spin_lock netoops_lock in "
        f"save_and_disable_netoops() (step {why.earlier.step}) before flow 1 (off) does "
        f"(step {why.critical.step})"
    ) in text
    assert why.passing in check_report(result)


class TestUndecided:
    """What is not known is not told."""

    def test_a_strike(self) -> None:
        result = check("netoops-v1@2.6.35", "{ set 10.0.0.1 } unregister eth0 || !soft-dump")

        for finding in result.findings:
            why = result.explain(finding)
            assert why is not None
            assert "strikes" in why.undecided
            assert why.critical is None

    def test_the_budget(self, monkeypatch: pytest.MonkeyPatch) -> None:
        result = check(TOY, "look || pulse")
        (finding,) = result.findings
        whole = result.explain(finding)
        seen = []
        for budget in range(1, 60):
            monkeypatch.setattr(explain, "EXECUTIONS_MAX", budget)
            why = result.explain(finding)
            assert why is not None
            assert why == whole or "executions" in why.undecided
            seen.append(not why.undecided)

        assert seen[0] is False
        assert seen[-1] is True

    def test_without_a_schedule(self) -> None:
        result = check("netoops-v1", "{ set 10.0.0.1; unregister eth0 } read")

        assert result.findings
        assert [f.explanation for f in result.explained().findings] == [None] * len(result.findings)


def test_document() -> None:
    result = check(TOY, "add || add").explained()
    data: Any = json.loads(dump_check(result))
    schema = Path(netsim.__file__).parent / "schemas" / "check.schema.json"

    jsonschema.Draft202012Validator(json.loads(schema.read_text())).validate(data)
    (finding,) = data["findings"]
    assert finding["explanation"]["critical"]["operation"] == "add"
    plain = json.loads(dump_check(check(TOY, "add || add")))
    assert [f["explanation"] for f in plain["findings"]] == [None]
