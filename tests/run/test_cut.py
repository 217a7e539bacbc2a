"""Whatever cuts a search, the verdict never is HOLDS, and what was found is told."""

import itertools
import sys
import time
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from netsim.core.sim import Sim
from netsim.notation import parse
from netsim.results import Bounds, Options, Result, Verdict
from netsim.run.check import check
from netsim.run.explore import explore
from netsim.run.matrix import matrix
from netsim.run.program import ScenarioProgram
from netsim.run.registry import load
from netsim.run.replay import replay
from netsim.run.search import Search
from netsim.run.serial import SerialReference, sequential_orders
from netsim.run.subject import Subject
from netsim.run.trial import try_out
from netsim.run.walk import Progress
from netsim.trace.schedule import Schedule
from netsim.world import World

SAFE = ("netoops-v1", "{ set 10.0.0.1 } off || read")
RACE = ("netoops-v1@2.6.35", "{ set 10.0.0.1 } off || unregister eth0")
STRUCK = ("netoops-v1", "{ set 10.0.0.1 } off || !oops")


def interrupting(monkeypatch: pytest.MonkeyPatch, after: int) -> list[int]:
    """Have Ctrl-C come once, at the step with this number; returns how many were made."""
    step = Sim.step
    made = [0]

    def interrupted(self: Sim, *arguments: Any) -> Any:
        made[0] += 1
        if made[0] == after:
            raise KeyboardInterrupt
        return step(self, *arguments)

    monkeypatch.setattr(Sim, "step", interrupted)
    return made


def steps_of(run: Callable[[], Any]) -> int:
    """Count the steps that something makes, of whatever purpose."""
    with pytest.MonkeyPatch.context() as patch:
        made = interrupting(patch, -1)
        run()
        return made[0]


def spread(count: int, parts: int) -> list[int]:
    """Return steps all over a run, its last ones too."""
    return sorted({1 + count * part // parts for part in range(parts)} | {count - 1, count})


class TestInterrupt:
    @pytest.mark.parametrize("request_", [SAFE, RACE, STRUCK], ids=["safe", "race", "struck"])
    def test_a_check_tells_what_it_has(self, request_: tuple[str, str]) -> None:
        def run() -> Result:
            return check(*request_)

        whole = run()
        total = steps_of(run)
        begin = steps_of(lambda: _started(*request_))  # nothing is known before the start
        seen = set()
        for at in spread(total, 14):
            if at <= begin:
                continue
            with pytest.MonkeyPatch.context() as patch:
                interrupting(patch, at)
                result = run()
            seen.add((result.verdict, result.cut_by))
            ids = {finding.id for finding in result.findings}
            assert ids <= {finding.id for finding in whole.findings}
            assert result.complete == (result.cut_by is None)
            if result.verdict is Verdict.HOLDS:
                assert whole.verdict is Verdict.HOLDS
                assert result.complete
                assert result.executions == whole.executions
            if not result.complete:
                assert result.cut_by == "interrupt"
                red = any(not finding.accepted for finding in result.findings)
                assert result.verdict is (Verdict.VIOLATED if red else Verdict.UNKNOWN)
            assert any("interrupt" in n for n in result.notes) or not result.complete
        assert (Verdict.UNKNOWN, "interrupt") in seen

    def test_a_finding_that_was_not_made_small_can_be_replayed(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            interrupt_calls_of(patch, "netsim.run.walk", "equivalents")
            result = check(*RACE)

        assert (result.verdict, result.complete) == (Verdict.VIOLATED, True)
        assert "an interrupt came before every schedule was made small" in result.notes
        for found in result.findings:
            again = replay(Schedule.parse(found.schedule))
            assert again.diverged is None
            assert found.id in [f.id for f in again.findings]

    def test_in_the_sequential_orders(self, monkeypatch: pytest.MonkeyPatch) -> None:
        interrupt_calls_of(monkeypatch, "netsim.run.serial", "sequential_orders")
        result = check(*RACE)

        assert (result.verdict, result.cut_by) == (Verdict.UNKNOWN, "interrupt")

    def test_in_a_probe(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from netsim.explorer.optimal import OptimalDpor

        def interrupt(*_: Any) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(OptimalDpor, "_probe", interrupt)
        result = check("netoops-v1", "{ set 10.0.0.1 } set 10.0.0.1 || unregister eth0")

        assert result.cut_by == "interrupt"
        assert result.verdict is not Verdict.HOLDS

    def test_in_what_is_predicted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from netsim.run.predict import LockOrders

        def interrupt(*_: Any) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(LockOrders, "findings", interrupt)
        result = check(*SAFE)

        assert (result.verdict, result.cut_by) == (Verdict.UNKNOWN, "interrupt")

    def test_a_matrix_tells_the_cells_that_it_has(self) -> None:
        design = load("netoops-v1@2.6.35")
        names = ("set", "off", "unregister", "read")
        few = {
            name: one if name in names else attrs.evolve(one, samples=())
            for name, one in design.operations.items()
        }
        design = attrs.evolve(design, starts=design.starts[1:2], operations=few)

        def run() -> Any:
            return matrix([design], bounds=Bounds(executions=3))

        total = steps_of(run)
        whole = run()
        for at in spread(total, 6):
            with pytest.MonkeyPatch.context() as patch:
                interrupting(patch, at)
                result = run()
            assert len(result.cells) <= len(whole.cells)
            if len(result.cells) == len(whole.cells):
                assert {f.finding.id for f in result.findings} == {
                    f.finding.id for f in whole.findings
                }
            else:
                assert not result.complete
                left = f"an interrupt came after {len(result.cells)} of {len(whole.cells)} cells"
                assert left in result.notes

    def test_a_program(self) -> None:
        total = steps_of(lambda: explore(_losing))
        whole = explore(_losing)
        assert whole.verdict is Verdict.VIOLATED
        begin = steps_of(lambda: try_out(Subject(_losing, ())))  # nothing is known yet
        for at in spread(total, 12):
            if at <= begin:
                continue
            with pytest.MonkeyPatch.context() as patch:
                interrupting(patch, at)
                result = explore(_losing)
            assert result.verdict is (Verdict.VIOLATED if result.findings else Verdict.UNKNOWN)
            if result.complete:
                assert [f.id for f in result.findings] == [f.id for f in whole.findings]
            else:
                assert result.cut_by == "interrupt"


def _started(design: str, scenario: str) -> None:
    loaded = load(design)
    ScenarioProgram(loaded, parse(scenario, loaded.operations), Options(), halts_last=True).start()


def _losing(world: World) -> None:
    count = world.var("count", 0)

    async def add() -> None:
        await count.store(await count.load() + 1)

    async def look() -> None:
        assert await count.load() != 1

    for function in (add, add, look):
        world.thread(function)


def interrupt_calls_of(patch: pytest.MonkeyPatch, module: str, name: str) -> None:
    """Have Ctrl-C come with the first call of a function."""
    where = sys.modules[module]
    function = getattr(where, name)
    calls = itertools.count()

    def interrupted(*arguments: Any, **named: Any) -> Any:
        if next(calls) == 0:
            raise KeyboardInterrupt
        return function(*arguments, **named)

    patch.setattr(where, name, interrupted)


class TestRounds:
    """With strikes a search is repeated; its bounds hold for the sum."""

    def spent(self, bounds: Bounds) -> tuple[int, int, Search]:
        design = load(STRUCK[0])
        scenario = parse(STRUCK[1], design.operations)
        program = ScenarioProgram(design, scenario, Options(), halts_last=True)
        search = Search(program, bounds)
        program.start()
        search.explore(False, None)
        return (
            search.spent_executions + search.executions,
            search.spent_steps + search.steps,
            search,
        )

    def test_every_bound_on_executions_cuts(self) -> None:
        executions, _, search = self.spent(Bounds())
        assert search.complete
        assert search.spent_executions > 0, "a scenario with one round shows nothing"

        for bound in range(1, executions):
            made, _, search = self.spent(Bounds(executions=bound))
            assert (made, search.complete, search.cut_by) == (bound, False, "executions")
        assert self.spent(Bounds(executions=executions))[2].complete

    def test_every_bound_on_steps_cuts(self) -> None:
        _, steps, _ = self.spent(Bounds())

        for bound in range(1, steps, 37):
            _, made, search = self.spent(Bounds(steps=bound))
            assert made <= bound
            assert (search.complete, search.cut_by) == (False, "steps")

    def test_the_seconds_of_all_rounds_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        executions, _, _ = self.spent(Bounds())
        clock = itertools.count()
        monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))

        made, _, search = self.spent(Bounds(seconds=executions - 1))

        assert (search.complete, search.cut_by) == (False, "seconds")
        assert any("earlier rounds" in note for note in search.notes)
        assert made < executions


class TestSequentialOrders:
    def test_a_timeout_that_passes_among_them_is_obeyed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = itertools.count()
        monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
        result = check("netoops-v1", "read || read || read", bounds=Bounds(seconds=3))

        assert (result.verdict, result.cut_by) == (Verdict.UNKNOWN, "seconds")
        assert "not every sequential order was walked: serialisability not decided" in result.notes

    def test_an_order_that_was_not_walked_refutes_nothing(self) -> None:
        design = load("netoops-v1")
        scenario = parse("{ set 10.0.0.1 } off || read", design.operations)
        program = ScenarioProgram(design, scenario, Options())
        orders = sequential_orders(program, 100, 10_000).orders
        assert len({order.observed for order in orders}) == 2
        first, other = orders[0], next(o for o in orders if o.observed != orders[0].observed)
        cut = SerialReference(program, 1, 10_000)

        assert not cut.complete
        assert cut.explains(first.observed, first.faults)
        assert not cut.explains(other.observed, other.faults)
        assert not cut.refutes(other.observed, other.faults)

    def test_a_walk_that_is_cut_finds_nothing_unserialisable(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in ("netsim.run.search", "netsim.run.check"):
            monkeypatch.setattr(sys.modules[module], "ORDERS_MAX", 1)
        result = check(*SAFE)

        assert (result.verdict, result.findings) == (Verdict.UNKNOWN, ())


class TestProgress:
    def test_a_search_tells_its_band(self) -> None:
        told: list[Progress] = []
        result = check("netoops-v1", "{ set 10.0.0.1 } oops; oops || oops", progress=told.append)

        assert result.executions == 140  # every 10th tells, but for the last one
        assert len(told) == 13
        for progress in told:
            assert progress.total is None
            assert progress.band is not None
            assert progress.done < progress.band.low
        assert any(p.band is not None and p.band.high >= 140 for p in told[-8:])
        assert result.estimate is None

    def test_a_search_that_was_cut_says_what_may_be_left(self) -> None:
        result = check(
            "netoops-v1", "{ set 10.0.0.1 } oops; oops || oops", bounds=Bounds(executions=100)
        )

        assert result.estimate is not None
        assert result.estimate[0] <= 140 <= result.estimate[1]

    def test_samples_tell_their_bound(self) -> None:
        told: list[Progress] = []
        check(*SAFE, strategy="random", bounds=Bounds(executions=50), progress=told.append)

        assert {(p.total, p.band) for p in told} == {(50, None)}
