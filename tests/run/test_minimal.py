"""Findings of a check have their smallest schedule, compared with every execution there is."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from netsim.results import Bounds, Options, Result
from netsim.run import check, minimal, replay
from netsim.run.explore import explore
from netsim.run.subject import Subject
from netsim.run.walk import OVERTIME
from netsim.trace.documents import dump_check
from netsim.trace.schedule import Schedule
from netsim.view.report import check_report
from netsim.world import World
from tests.run.every import TOY, every_execution, every_run
from tests.run.test_explore_oracle import Small, generate

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


def update(world: World) -> Any:
    """Two that add one by a read and a write, and assert at the end that both have."""
    x = world.var("x", 0)

    async def add() -> None:
        await x.store(await x.load() + 1)

    def total() -> int:
        assert x.value == 2
        return x.value

    world.thread(add)
    world.thread(add)
    return total


def inverted(world: World) -> None:
    """Two locks in both orders, and writes under the first: the second one may order them."""
    a, b = world.mutex("a"), world.mutex("b")
    x = world.var("x", 0)

    async def takes(first: Any, then: Any) -> None:
        async with first.held():
            x.value = 1
            async with then.held():
                pass

    world.thread(takes, a, b)
    world.thread(takes, b, a)


def between(world: World) -> None:
    """Who is kept from looking at the second while both are written has missed the first."""
    x, y = world.var("x", 0), world.var("y", 0)

    async def writes() -> None:
        await x.store(1)
        await y.store(1)

    async def looks() -> None:
        first = await x.load()
        assert (first, await y.load()) != (0, 1)

    world.thread(looks)
    world.thread(writes)


@pytest.mark.parametrize(
    ("program", "fewest"),
    [
        (update, {"bug-on": 1}),
        (inverted, {"deadlock": 1, "data-race": 1}),
        (between, {"bug-on": 1}),
    ],
)
def test_no_execution_of_a_program_is_smaller(program: Any, fewest: dict[str, int]) -> None:
    subject = Subject(program, ())
    everything = every_run(subject, lambda _: subject.judge()[0])
    result = explore(program)

    assert {f.kind: f.preemptions for f in result.findings} == fewest
    for finding in result.findings:
        showing = [ran for ran in everything if finding.id in ran.ids]
        assert (finding.preemptions, finding.steps) == min(
            (ran.preemptions, len(ran.schedule)) for ran in showing
        )
        assert finding.minimal
        choices = Schedule.parse(finding.schedule).choices
        assert choices in [tuple(map(tuple, ran.schedule)) for ran in showing]
        assert MINIMAL in str(finding)
    cut = explore(program, bounds=Bounds(executions=result.executions - 1))
    assert not any(finding.minimal for finding in cut.findings)


def random_program(seed: int) -> Callable[[World], Any]:
    """Return one of `test_explore_oracle`, whose outcome is all that its threads have learnt."""
    threads = generate(seed)

    def program(world: World) -> Any:
        small = Small(threads)
        small.world, small.x = world, world.array("x", [0, 0, 0])
        for number, thread in enumerate(threads, 1):
            world.thread(small.run, thread, number, name=f"t{number}")
        return lambda: sorted(small.learnt.items())

    return program


@pytest.mark.parametrize("seed", [*range(8), 22, 55, 357])
def test_no_execution_with_an_outcome_is_smaller(seed: int) -> None:
    """Of the last three the executions that were run are not all the smallest."""
    subject = Subject(random_program(seed), ())
    sizes: dict[str, tuple[int, int]] = {}

    def shown(_: Any) -> list[Any]:
        seen = subject.judge()[1]
        return [SimpleNamespace(id=f"{seen.text} {seen.unfinished}")]

    for ran in every_run(subject, shown):
        (name,) = ran.ids
        size = (ran.preemptions, len(ran.schedule))
        sizes[name] = min(sizes.get(name, size), size)
    found = {
        f"{o.text} {o.unfinished}": (o.preemptions, o.steps)
        for o in explore(random_program(seed)).outcomes
        if o.minimal
    }
    assert found == sizes


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


def explored(**bounds: Any) -> Any:
    return explore(update, **bounds)


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

        monkeypatch.setattr(minimal, "look", interrupted)

        result = check(TOY, "look || pulse")

        assert result.complete
        assert [f.minimal for f in result.findings] == [False]

    @pytest.mark.parametrize("run", [lambda **b: check(TOY, "look || pulse", **b), explored])
    def test_every_bound_on_seconds(
        self, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whenever the time is up, a finding is replayed, and called minimal only if proved."""
        seen = set()
        whole = run()
        for seconds in [*range(1, 200, 3), 10_000]:
            clock = itertools.count()
            monkeypatch.setattr(time, "monotonic", lambda clock=clock: float(next(clock)))
            result = run(bounds=Bounds(seconds=seconds))
            monkeypatch.undo()
            notes = " ".join(result.notes)
            seen.add((result.cut_by, OVERTIME in notes, any(f.minimal for f in result.findings)))
            for found in result.findings:
                (small,) = [f for f in whole.findings if f.id == found.id]
                if found.minimal:
                    assert (found.schedule, result.complete) == (small.schedule, True)
                assert (found.preemptions, found.steps) >= (small.preemptions, small.steps)

        assert seen >= {("seconds", True, False), (None, True, False), (None, False, True)}
