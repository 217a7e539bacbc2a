"""`--choose timers` and `--choose arp` in a check: what happens by itself, and what it decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from netsim.core.memory import KObject, bind, shared
from netsim.core.sim import Sim
from netsim.design import Design, Operation, StartingPoint
from netsim.errors import UsageError
from netsim.notation import parse
from netsim.results import Bounds, Options, Result, Verdict
from netsim.run import check, replay
from netsim.run.boot import Boots
from netsim.run.program import ScenarioProgram
from netsim.run.serial import sequential_orders
from netsim.sync.completion import Completion
from netsim.sync.marked import read_once, write_once
from netsim.sync.sleep import schedule_point
from netsim.sync.timer import FIRINGS_MAX, Timer
from netsim.view.report import check_report
from netsim.view.show import design_text


@shared
class Cell(KObject):
    x: int = 0


class System:
    """Timers: one that counts once, one that polls for ever, one that counts for ever."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.cell = bind(sim, Cell(), "cell")
        self.done = Completion(sim, "done")
        self.count = Timer(sim, "count", self._count)
        self.poll = Timer(sim, "poll", self._poll)
        self.restless = Timer(sim, "restless", self._restless)
        self.finish = Timer(sim, "finish", self._finish)
        self.silent = Timer(sim, "silent")

    async def _count(self) -> bool:
        await write_once(self.cell, "x", await read_once(self.cell, "x") + 1)
        return True

    async def _poll(self) -> bool:
        await self.poll.mod_timer(self.sim.jiffies + 10)
        return False

    async def _restless(self) -> bool:
        await self.restless.mod_timer(self.sim.jiffies + 10)
        return await self._count()

    async def _finish(self) -> bool:
        await self.done.complete()
        return True

    def dumps(self) -> Sequence[str]:
        return ()

    def roots(self) -> Sequence[Any]:
        return (self.cell,)

    def counts(self) -> Sequence[Any]:
        return ()


def arm(name: str) -> Callable[[System], Awaitable[bool]]:
    return lambda s: getattr(s, name).mod_timer(5)


async def read(s: System) -> int:
    return await read_once(s.cell, "x")


async def read_twice(s: System) -> tuple[int, int]:
    return await read(s), await read(s)


async def add(s: System) -> int:
    x = await read_once(s.cell, "x")
    await write_once(s.cell, "x", x + 1)
    return 0


async def wait(s: System) -> None:
    await s.done.wait_for_completion()


async def cancel(s: System) -> int:
    return int(await s.count.del_timer_sync())


async def clock(s: System) -> int:
    await schedule_point("clock")
    return s.sim.jiffies


OPERATIONS: dict[str, Callable[[System], Awaitable[Any]]] = {
    **{f"arm-{n}": arm(n) for n in ("count", "poll", "restless", "finish", "silent")},
    "read": read,
    "read-twice": read_twice,
    "add": add,
    "wait": wait,
    "cancel": cancel,
    "clock": clock,
}


def toy(environment: tuple[str, ...] = ("timers",)) -> Design:
    return Design(
        name="toy",
        summary="has timers",
        boot=System,
        operations={name: Operation(name, name, run) for name, run in OPERATIONS.items()},
        starts=(StartingPoint("empty", ""),),
        probes=("read",),
        environment=environment,
    )


def timed(scenario: str, **more: Any) -> Result:
    return check(toy(), scenario, options=Options(choose=("timers",)), **more)


def outcomes(result: Result, *names: str) -> set[tuple[str, ...]]:
    """Return the values of some lines of each outcome."""
    return {tuple(dict(o.observed)[name] for name in names) for o in result.outcomes}


class TestTimers:
    def test_one_that_was_armed_in_the_start_fires_at_any_moment(self) -> None:
        result = timed("{ arm-count } read-twice")

        # Before, after, and amid the operation, which no order of blocks explains.
        assert outcomes(result, "flow 1: read-twice", "then read") == {
            ("(0, 0)", "1"),
            ("(1, 1)", "1"),
            ("(0, 1)", "1"),
        }
        assert [f.kind for f in result.findings] == ["not-serialisable"]

    def test_it_fires_neither_in_the_start_nor_unless_asked_for(self) -> None:
        result = check(toy(), "{ arm-count } read-twice")

        assert outcomes(result, "flow 1: read-twice", "then read") == {("(0, 0)", "0")}
        assert result.executions == 1

    def test_it_is_a_block_of_its_own_in_sequential_orders(self) -> None:
        result = timed("{ arm-count } read")

        assert (result.verdict, result.findings) == (Verdict.HOLDS, ())
        assert outcomes(result, "flow 1: read") == {("0",), ("1",)}
        assert all(outcome.serial for outcome in result.outcomes)

    def test_what_it_makes_unserialisable_is_found_and_replays(self) -> None:
        # It counts between the read and the write of `add`, and is lost: x = 1 in the end.
        result = timed("{ arm-count } add")
        (found,) = result.findings

        assert found.kind == "not-serialisable"
        assert [(d.what, d.expected, d.found) for d in found.nearest.differs] == [  # type: ignore[union-attr]
            ("then read", "2", "1")
        ]
        assert " choose=timers " in found.schedule
        again = replay(found.schedule, design=toy())
        assert (again.reproduced, again.diverged) == (True, None)

    def test_taken_back_or_fired(self) -> None:
        result = timed("{ arm-count } cancel")

        assert outcomes(result, "flow 1: cancel", "then read") == {("1", "0"), ("0", "1")}
        assert result.verdict is Verdict.HOLDS

    def test_one_that_only_arms_itself_comes_to_rest(self) -> None:
        result = timed("arm-poll; read")

        assert (result.verdict, result.complete) == (Verdict.HOLDS, True)

    def test_a_wait_that_only_such_a_timer_is_left_for_is_hung(self) -> None:
        result = timed("arm-poll; wait")

        assert [f.kind for f in result.findings] == ["hung"]

    def test_a_wait_that_a_timer_ends(self) -> None:
        assert [f.kind for f in check(toy(), "arm-finish; wait").findings] == ["hung"]
        result = timed("arm-finish; wait")
        assert (result.verdict, result.findings) == (Verdict.HOLDS, ())

    def test_one_that_never_rests_leaves_the_answer_open(self) -> None:
        result = timed("arm-restless")

        assert (result.verdict, result.complete) == (Verdict.UNKNOWN, False)
        assert result.findings == ()
        assert f"restless fired {FIRINGS_MAX} times" in " ".join(result.notes)

    def test_orders_that_never_rest_refute_nothing(self) -> None:
        scenario = parse("arm-restless", toy().operations)
        program = ScenarioProgram(toy(), scenario, Options(choose=("timers",)))
        walked = sequential_orders(program, 100, 10_000)

        assert (walked.orders, walked.complete, walked.endless) == ((), False, False)

    def test_one_without_a_function_stays_armed(self) -> None:
        assert timed("arm-silent; read").executions == 1

    def test_firing_moves_the_time(self) -> None:
        result = timed("{ arm-count } clock")
        assert outcomes(result, "flow 1: clock") == {("0",), ("5",)}

    def test_the_report_says_so(self) -> None:
        text = " ".join(check_report(timed("{ arm-count } read")).split())
        assert "timers firing at any moment, until they change nothing" in text
        assert "no timer firing by itself" not in text
        assert "Left to the environment" in design_text(toy())

    @pytest.mark.parametrize("strategy", ["interleavings", "states", "random", "directed"])
    def test_with_other_strategies(self, strategy: str) -> None:
        every = timed("{ arm-count } add").outcomes
        result = timed("{ arm-count } add", strategy=strategy, bounds=self.bounds(strategy))

        assert {o.observed for o in result.outcomes} == {o.observed for o in every}
        assert [f.kind for f in result.findings] == ["not-serialisable"]

    def bounds(self, strategy: str) -> Bounds:
        return Bounds(executions=100 if strategy in ("random", "directed") else None)

    def test_a_machine_that_is_not_restored_gives_the_same(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        restored = timed("{ arm-count } add")

        def made(self: Boots, initial: Any, sites: Any, make: Callable[[], Any]) -> Any:
            return make()

        monkeypatch.setattr(Boots, "take", made)
        assert timed("{ arm-count } add") == restored

    def test_a_design_that_leaves_nothing_to_the_environment_says_so(self) -> None:
        with pytest.raises(UsageError, match="nothing but failures"):
            check(toy(()), "read", options=Options(choose=("timers",)))
        with pytest.raises(UsageError, match="expected one of: timers"):
            check(toy(), "read", options=Options(choose=("arp",)))


LINES = ("flow 1: oops", "dumps", "then read", "then soft-dump")


def netoops(scenario: str, *choose: str) -> Result:
    return check("netoops-v1", scenario, options=Options(choose=choose))


class TestArp:
    @pytest.mark.parametrize(
        ("address", "others"),
        [("10.0.0.1", ("neigh-reply", "neigh-fail")), ("10.0.0.9", ("neigh-fail",))],
    )
    def test_what_comes_by_itself_is_what_an_operation_would_bring(
        self, address: str, others: tuple[str, ...]
    ) -> None:
        """Nothing, or one of the operations, beside the flow: the same outcomes, and races."""
        start = f"{{ set {address} }} oops"
        expected = [netoops(start), *(netoops(f"{start} || {name} {address}") for name in others)]
        result = netoops(start, "arp")

        assert outcomes(result, *LINES) == set().union(*(outcomes(r, *LINES) for r in expected))
        assert {f.id for f in result.findings} == {f.id for r in expected for f in r.findings}
        assert result.executions == sum(r.executions for r in expected)

    def test_nothing_comes_for_who_was_not_asked_for(self) -> None:
        assert netoops("oops", "arp").executions == 1

    def test_it_comes_although_the_start_asked(self) -> None:
        result = netoops("{ set 10.0.0.1 } read", "arp")

        assert (result.verdict, result.executions) == (Verdict.HOLDS, 3)
        assert outcomes(result, "then soft-dump") > outcomes(
            netoops("{ set 10.0.0.1 } read"), "then soft-dump"
        )

    def test_a_finding_of_it_replays(self) -> None:
        found = netoops("{ set 10.0.0.1 } oops", "arp").findings[0]
        assert "arp(10.0.0.1)?1" in found.schedule
        assert replay(found.schedule).reproduced

    def test_with_timers_an_entry_fails_by_them(self) -> None:
        """All that can come without an answer, a reply can come to; and timers end in between."""
        alone = outcomes(netoops("{ set 10.0.0.1 } read", "timers"), "then soft-dump")
        both = outcomes(netoops("{ set 10.0.0.1 } read", "arp", "timers"), "then soft-dump")
        assert alone <= both
        assert len(both) > len(alone)
