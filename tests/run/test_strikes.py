"""A dump that strikes a flow on its CPU: what it finds, compared with a dump on another CPU."""

from __future__ import annotations

import pytest

from netsim.notation import parse
from netsim.results import Options, Result, Verdict
from netsim.run import check, load, replay
from netsim.run.program import ScenarioProgram
from netsim.run.serial import _without, sequential_orders
from netsim.trace.schedule import Schedule


def explored(scenario: str, design: str = "netoops-v1") -> Result:
    return check(design, f"{{ set 10.0.0.1 }} {scenario}")


def results_of(result: Result, line: str) -> list[str]:
    """Return what the outcomes show in one of their lines, sorted, each once."""
    return sorted({dict(outcome.observed)[line] for outcome in result.outcomes})


class TestMustShow:
    """`off || !oops` next to `off || oops`."""

    def test_a_strike_has_more_places_than_another_cpu_has_classes(self) -> None:
        beside, struck = explored("off || oops"), explored("off || !oops")

        assert (beside.verdict, beside.executions) == (Verdict.HOLDS, 7)
        # Before and after each of the 18 steps of `off`; and before each plain write that it
        # makes: two in disable_netoops(), one in netpoll_cleanup().
        assert (struck.verdict, struck.executions) == (Verdict.HOLDS, 18 + 1 + 3)
        assert (struck.blocked, struck.deadlocked) == (0, 0)

    def test_only_a_strike_kills(self) -> None:
        assert results_of(explored("off || oops"), "flow 1: off") == ["3"]
        assert results_of(explored("off || !oops"), "flow 1: off") == ["3", "killed", "not begun"]

    def test_locks_that_stay_held_are_information(self) -> None:
        struck = explored("off || !oops")

        assert all(finding.accepted for finding in struck.findings)
        assert struck.notes == (
            "flow 1 (off) is killed while it holds netoops_lock, which stays held",
            "flow 1 (off) is killed while it holds rtnl_mutex, which stays held",
        )

    def test_a_strike_that_does_not_kill_leaves_nothing(self) -> None:
        struck = explored("off || !soft-dump")

        assert results_of(struck, "flow 1: off") == ["3"]
        assert struck.notes == ()
        assert struck.verdict is Verdict.HOLDS

    def test_every_outcome_has_a_schedule_that_gives_it(self) -> None:
        inside = 0
        for outcome in explored("off || !oops").outcomes:
            again = replay(Schedule.parse(outcome.schedule))
            inside += any(event.inside for event in again.events)

            assert again.diverged is None
            assert again.outcome == outcome.observed
        assert not inside  # none needs a place inside a step


class TestInside:
    """A place inside a step is a value of it, and the story tells it."""

    SCHEDULE = "netsim-schedule 1 netoops-v1 1*3,1?{} -- {{ set 10.0.0.1 }} off || !oops"

    def test_the_story(self) -> None:
        (*_, last) = replay(self.SCHEDULE.format(2)).events

        assert last.call == "spin_lock netoops_lock"
        assert last.inside[0] == "flow 2 strikes here, before it writes netoops.netoops_neighbour:"
        assert "netoops(): spin_trylock netoops_lock" in last.inside
        assert last.inside[-1] == "the flow is killed"
        assert last.changes == ()

    def test_half_of_the_configuration_is_gone(self) -> None:
        (*_, last) = replay(self.SCHEDULE.format(4)).events

        assert last.inside[0] == "flow 2 strikes here, before it writes netoops.np:"
        assert [change.partition(":")[0] for change in last.changes] == [
            "netoops.netoops_neighbour"
        ]

    def test_a_place_that_is_not_there_diverges(self) -> None:
        again = replay(self.SCHEDULE.format(9))

        assert again.diverged is not None
        assert again.diverged.expected == "a strike that runs to its end inside the step"


class TestFindings:
    """What strikes find, and how it is judged."""

    def test_an_oops_amid_the_lock_is_not_dumped(self) -> None:
        found = explored("set 10.0.1.1 || !oops").findings
        (finding,) = (f for f in found if f.kind == "not-serialisable")

        assert [f.kind for f in found if not f.accepted and f is not finding] == []
        assert finding.message == (
            "set 10.0.1.1 was killed amid its work, oops succeeded, yet the dump is not sent; "
            "no sequential order gives this outcome"
        )
        again = replay(Schedule.parse(finding.schedule))
        assert finding.id in [f.id for f in again.findings]

    def test_an_oops_with_bottom_halves_off_is_a_panic(self) -> None:
        """kernel/exit.c and oops_end(): nobody can die in interrupt context."""
        stopped = [
            outcome
            for outcome in explored("set 10.0.1.1 || !oops").outcomes
            if ("machine", "stopped") in outcome.observed
        ]

        assert stopped
        assert all(outcome.serial for outcome in stopped)

    def test_an_oops_on_a_softirq_is_a_panic(self) -> None:
        outcomes = explored("neigh-reply 10.0.0.1 || !oops").outcomes

        assert all("killed" not in dict(o.observed).values() for o in outcomes)
        assert any(("machine", "stopped") in o.observed for o in outcomes)

    def test_an_oops_in_an_oops_passes_the_lock(self) -> None:
        """arch/x86/kernel/dumpstack.c:oops_begin(): the owner's own CPU does not spin."""
        nested = explored("process: oops || !oops")

        assert "deadlock" not in [f.kind for f in nested.findings]
        assert "flow 1 (oops) is killed while it holds die_lock, which stays held" in nested.notes

    def test_operations_after_a_killed_one_never_begin(self) -> None:
        rows = [
            (dict(o.observed)["flow 1: off"], dict(o.observed)["flow 1: read"])
            for o in explored("off; read || !oops").outcomes
        ]

        assert ("killed", "not begun") in rows
        assert ("3", "killed") in rows
        assert ("killed", "killed") not in rows

    def test_each_flow_may_be_struck(self) -> None:
        result = explored("off || read || !oops")

        assert "killed" in results_of(result, "flow 1: off")
        assert "killed" in results_of(result, "flow 2: read")
        assert not any(
            dict(o.observed)["flow 1: off"] == dict(o.observed)["flow 2: read"] == "killed"
            for o in result.outcomes
        )


class TestSequentialOrders:
    """A strike stands before or after each operation of whom it strikes, never inside."""

    @pytest.mark.parametrize(
        ("scenario", "orders"),
        [
            ("off || !oops", [["1: off", "2: oops"], ["2: oops"]]),
            (
                "off; read || !soft-dump",
                [
                    ["1: off", "1: read", "2: soft-dump"],
                    ["1: off", "2: soft-dump", "1: read"],
                    ["2: soft-dump", "1: off", "1: read"],
                ],
            ),
        ],
    )
    def test_orders(self, scenario: str, orders: list[list[str]]) -> None:
        design = load("netoops-v1")
        text = f"{{ set 10.0.0.1 }} {scenario}"
        program = ScenarioProgram(design, parse(text, design.operations), Options())

        walked = sequential_orders(program, 100, 10_000)

        assert sorted(list(order.begins) for order in walked.orders) == orders

    @pytest.mark.parametrize(
        ("scenario", "failed", "rest"),
        [
            ("off || read || !2 oops", (0,), "read || !1 oops"),
            ("off || read || !1 oops", (0,), "read || nmi: oops"),
            ("off || !soft-dump", (0,), "hardirq: soft-dump"),
            ("off || read || !oops", (0,), "read || !oops"),
            ("off || !oops", (1,), "off"),
        ],
    )
    def test_without_what_failed(self, scenario: str, failed: tuple[int, ...], rest: str) -> None:
        design = load("netoops-v1")
        program = ScenarioProgram(design, parse(scenario, design.operations), Options())

        assert str(_without(program, failed)) == rest
