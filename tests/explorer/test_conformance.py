"""
What every strategy must keep, whatever it explores: one suite for all of STRATEGIES.

The outcomes are those of brute force, which shares with the strategies only `Sim.enabled` and
`Sim.step`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import pytest

from netsim.core.access import dependent
from netsim.core.label import class_of
from netsim.core.sim import Sim
from netsim.core.step import Choice, Step
from netsim.core.thread import SimThread
from netsim.errors import UsageError
from netsim.explorer.directed import Goal, Stand
from netsim.explorer.loop import Exploration, execute
from netsim.explorer.normal import Recorder
from netsim.explorer.strategies import SAMPLES, STRATEGIES, make, planned
from netsim.results import Bounds, Plan, Verdict
from netsim.run import check
from tests.explorer.brute import every_interleaving
from tests.explorer.programs import Interpreter, Program, generate

#: Random programs of few interleavings: 70 or so, with and without deadlock, two and three threads.
SEEDS = (3, 4, 13, 30, 35)
#: Small programs: name, program, failures.
PROGRAMS: dict[str, tuple[Program, int]] = {
    "lost wake-up": (((("lost_wakeup", 0),), (("marked", 1), ("wake_up", 0))), 0),
    "opposite locks": (((("mutex_nested", 0),), (("mutex_nested", 1),)), 0),
    "failing": (((("allocate", 0),), (("choose", 0), ("allocate", 1))), 1),
    "worker": (((("queue_work", 0), ("marked", 0)), (("cancel_work", 1),)), 0),
    "halt": (((("atomic_return", 1), ("halt", 0)), (("atomic_return", 0),)), 0),
    **{f"seed {seed}": (generate(seed), seed % 2) for seed in SEEDS},
}
#: Enough for a sample to meet every outcome of the smallest programs.
TRIES = 400
SMALLEST = ("lost wake-up", "opposite locks", "failing")
BOUND = 1
NAMES = tuple(STRATEGIES)
SAMPLING = tuple(name for name, kind in STRATEGIES.items() if not kind.covered)
COMPLETE = tuple(
    name for name, kind in STRATEGIES.items() if kind.covered and name != "preemptions"
)
BOUNDED = tuple(name for name, kind in STRATEGIES.items() if kind.bounded)


def strategy_for(
    name: str, program: Interpreter, *, seed: int = 0, bound: int | None = None
) -> Exploration:
    if name == "preemptions" and bound is None:
        bound = 99  # more than any of the programs can have
    plan, bounds = planned(Plan(name, seed), Bounds(preemptions=bound))
    goals = meetings(program) if name == "directed" else []
    return make(plan, bounds, program, lambda: (program.state, program.registers), lambda: goals)


def meetings(program: Interpreter) -> list[Goal]:
    """Return goals for directed search: where steps of one execution meet that conflict."""
    steps: list[Step] = []
    sim = Interpreter(program.program, program.faults).start()
    while enabled := sim.enabled():
        steps.append(sim.step(enabled[0]))

    def stand(step: Step) -> Stand:
        return Stand(step.thread, "" if step.op.takes else step.op.name, class_of(step.op.label()))

    pairs = [(a, b) for n, a in enumerate(steps) for b in steps[n + 1 :] if a.thread != b.thread]
    return [Goal((stand(a), stand(b))) for a, b in pairs if dependent(a.footprint, b.footprint)][:4]


@attrs.define
class Found:
    """What a search did: schedule, observation and preemptions of each complete execution."""

    schedules: list[tuple[Choice, ...]] = attrs.Factory(list)
    observations: list[tuple[Any, ...]] = attrs.Factory(list)
    preemptions: list[int] = attrs.Factory(list)
    complete: bool = False


def explore(program: Interpreter, strategy: Exploration, executions_max: int) -> Found:
    found = Found()
    while len(found.schedules) < executions_max:
        execution = execute(program, strategy)
        if execution.complete:
            strategy.finish(execution.sim)
            found.schedules.append(tuple(execution.schedule))
            found.observations.append(program.observe())
            found.preemptions.append(preemptions(program, execution.schedule))
        if not strategy.more():
            found.complete = strategy.cut_by() is None
            break
    return found


def interpreter(name: str) -> Interpreter:
    program, faults = PROGRAMS[name]
    return Interpreter(program, faults)


def preemptions(program: Interpreter, schedule: Sequence[Choice]) -> int:
    """Count where another thread went on although the last one was enabled."""
    fresh = Interpreter(program.program, program.faults)
    sim = fresh.start()
    count = 0
    last = ""
    for choice in schedule:
        names = [thread.name for thread in sim.enabled()]
        count += last in names and choice.thread != last
        last = choice.thread
        sim.step(sim.by_name[choice.thread], choice.value)
    return count


def all_schedules(program: Interpreter) -> Iterator[tuple[Choice, ...]]:
    """Yield every interleaving."""
    todo: list[tuple[Choice, ...]] = [()]
    while todo:
        prefix = todo.pop()
        sim = program.start()
        for choice in prefix:
            sim.step(sim.by_name[choice.thread], choice.value)
        ways = [
            Choice(t.name, value)
            for t in sim.enabled()
            for value in range(t.pending.options(sim))  # type: ignore[union-attr]
        ]
        if not ways:
            yield prefix
        todo += [(*prefix, way) for way in ways]


def everything(name: str) -> frozenset[tuple[Any, ...]]:
    return every_interleaving(interpreter(name), 20_000).observations


class Watched:
    """Passes on to a strategy, and complains if it asks for what cannot be."""

    def __init__(self, inner: Exploration) -> None:
        self.inner = inner
        self.previous: list[Choice] = []
        self.made: list[Choice] = []

    def begin(self, sim: Sim) -> Sequence[Choice]:
        kept = list(self.inner.begin(sim))
        assert kept == self.previous[: len(kept)], "kept what the last execution did not do"
        self.made = list(kept)
        return kept

    def forced(self, sim: Sim) -> tuple[SimThread, int] | None:
        return self._legal(sim, self.inner.forced(sim))

    def choose(self, sim: Sim, enabled: Sequence[SimThread]) -> tuple[SimThread, int] | None:
        return self._legal(sim, self.inner.choose(sim, enabled))

    def _legal(self, sim: Sim, way: tuple[SimThread, int] | None) -> tuple[SimThread, int] | None:
        if way is not None:
            thread, value = way
            assert thread in sim.enabled()
            assert thread.pending is not None
            assert 0 <= value < thread.pending.options(sim)
        return way

    def stepped(self, sim: Sim, step: Step) -> None:
        self.made.append(Choice(step.thread, step.choice))
        self.inner.stepped(sim, step)

    def finish(self, sim: Sim) -> None:
        self.inner.finish(sim)

    def more(self) -> bool:
        self.previous = self.made
        return self.inner.more()

    def left(self) -> Sequence[int] | None:
        return self.inner.left()

    def cut_by(self) -> Any:
        return self.inner.cut_by()

    def notes(self) -> Sequence[str]:
        return self.inner.notes()


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", NAMES)
class TestEach:
    def test_only_legal_choices(self, name: str, program: str) -> None:
        mine = interpreter(program)
        explore(mine, Watched(strategy_for(name, mine)), 200)

    def test_the_same_seed_gives_the_same_search(self, name: str, program: str) -> None:
        one, other = interpreter(program), interpreter(program)
        first = explore(one, strategy_for(name, one, seed=5), 60)
        second = explore(other, strategy_for(name, other, seed=5), 60)
        assert first == second

    def test_each_schedule_replays(self, name: str, program: str) -> None:
        mine, fresh = interpreter(program), interpreter(program)
        found = explore(mine, strategy_for(name, mine), 60)
        for schedule, observed in zip(found.schedules, found.observations, strict=True):
            execution = execute(fresh, Recorder(schedule))
            assert tuple(execution.schedule) == schedule
            assert fresh.observe() == observed

    def test_nothing_is_invented(self, name: str, program: str) -> None:
        mine = interpreter(program)
        found = explore(mine, strategy_for(name, mine), 500)
        assert set(found.observations) <= everything(program)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", [*COMPLETE, "preemptions"])
def test_complete_ones_find_every_outcome(name: str, program: str) -> None:
    mine = interpreter(program)
    found = explore(mine, strategy_for(name, mine), 200_000)
    assert found.complete
    assert set(found.observations) == everything(program)


@pytest.mark.parametrize("bound", [0, 1, 2])
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", BOUNDED)
def test_bounded_ones_find_every_outcome_within(name: str, program: str, bound: int) -> None:
    mine, fresh = interpreter(program), interpreter(program)
    found = explore(mine, strategy_for(name, mine, bound=bound), 200_000)
    within: dict[tuple[Choice, ...], tuple[Any, ...]] = {}
    beyond = False
    for schedule in all_schedules(interpreter(program)):
        if preemptions(fresh, schedule) > bound:
            beyond = True
            continue
        execute(fresh, Recorder(schedule))
        within[schedule] = fresh.observe()
    assert set(found.observations) == set(within.values())
    assert found.complete is not beyond
    assert max(found.preemptions) <= bound
    if name == "preemptions":
        assert set(found.schedules) == set(within)
    new = dict(zip(reversed(found.schedules), reversed(found.preemptions), strict=True))
    first_seen = [new[schedule] for schedule in dict.fromkeys(found.schedules)]
    assert first_seen == sorted(first_seen), "fewest preemptions come first"


@pytest.mark.parametrize("program", SMALLEST)
@pytest.mark.parametrize("name", SAMPLING)
def test_samples_meet_every_outcome_of_a_small_program(name: str, program: str) -> None:
    mine = interpreter(program)
    found = explore(mine, strategy_for(name, mine), TRIES)
    assert not found.complete
    assert len(found.schedules) == TRIES
    assert set(found.observations) == everything(program)


@pytest.mark.parametrize("name", SAMPLING)
def test_another_seed_gives_another_sample(name: str) -> None:
    searches = []
    for seed in (0, 1):
        mine = interpreter("seed 4")
        searches.append(explore(mine, strategy_for(name, mine, seed=seed), 20).schedules)
    assert searches[0] != searches[1]


class TestCheck:
    """Each strategy behind `netsim.check`."""

    SAFE = ("netoops-v1", "read || read")
    RACE = ("netoops-v1@2.6.35", "{ set 10.0.0.1 } off || unregister eth0")

    def bounds(self, name: str, **more: Any) -> Bounds:
        return Bounds(preemptions=BOUND if name == "preemptions" else None, **more)

    @pytest.mark.parametrize("name", NAMES)
    def test_only_complete_searches_hold(self, name: str) -> None:
        result = check(*self.SAFE, strategy=name, bounds=self.bounds(name))
        if name in COMPLETE:
            assert (result.verdict, result.complete, result.cut_by) == (Verdict.HOLDS, True, None)
        elif name == "preemptions":
            assert (result.verdict, result.complete) == (Verdict.UNKNOWN, False)
            assert result.cut_by == "preemptions"
        else:
            assert (result.verdict, result.complete) == (Verdict.UNKNOWN, False)
            assert (result.cut_by, result.executions) == ("executions", SAMPLES)
            assert any("sample" in note for note in result.notes)

    @pytest.mark.parametrize("name", ["preemptions", "states"])
    def test_a_bound_that_left_something_out_is_unknown(self, name: str) -> None:
        result = check(*self.SAFE, strategy=name, bounds=Bounds(preemptions=0))
        assert (result.verdict, result.cut_by) == (Verdict.UNKNOWN, "preemptions")
        assert "every execution with no preemption was run" in result.notes

    def test_a_bound_that_nothing_exceeds_is_no_bound(self) -> None:
        result = check("netoops-v1", "read", bounds=Bounds(preemptions=0))
        assert (result.verdict, result.cut_by) == (Verdict.HOLDS, None)

    @pytest.mark.parametrize("name", NAMES)
    def test_max_executions(self, name: str) -> None:
        result = check(*self.RACE, strategy=name, bounds=self.bounds(name, executions=1))
        assert (result.executions, result.cut_by, result.complete) == (1, "executions", False)
        assert result.verdict is not Verdict.HOLDS

    @pytest.mark.parametrize("name", NAMES)
    def test_interrupt(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        module: Any = sys.modules["netsim.run.search"]
        judge: Callable[..., Any] = module.judge_run
        calls = iter([False, True])

        def judged(run: Any) -> Any:
            if next(calls, False):
                raise KeyboardInterrupt
            return judge(run)

        monkeypatch.setattr(module, "judge_run", judged)
        result = check(*self.SAFE, strategy=name, bounds=self.bounds(name))
        assert (result.cut_by, result.complete) == ("interrupt", False)
        assert result.verdict is Verdict.UNKNOWN
        assert len(result.outcomes) == 1

    @pytest.mark.parametrize("name", ["classes", "preemptions", "pct", "pos"])
    def test_the_lost_off_is_found(self, name: str) -> None:
        result = check(*self.RACE, strategy=name, bounds=self.bounds(name))
        assert [f.kind for f in result.findings] == ["not-serialisable", "promise:off-disables"]
        assert result.verdict is Verdict.VIOLATED

    def test_the_same_seed_gives_the_same_result(self) -> None:
        plan = Plan("pct", seed=3, depth=2)
        one, other = (
            check(*self.RACE, strategy=plan, bounds=Bounds(executions=100)) for _ in range(2)
        )
        assert one == other

    @pytest.mark.parametrize(
        ("plan", "bounds", "words"),
        [
            ("dfs", Bounds(), "expected one of"),
            ("classes", Bounds(preemptions=1), "takes no bound on preemptions"),
            ("random", Bounds(preemptions=1), "takes no bound on preemptions"),
            ("preemptions", Bounds(), "needs a bound on preemptions"),
            ("preemptions", Bounds(preemptions=-1), "must be 0 or more"),
            (Plan("pct", depth=0), Bounds(), "1 or more"),
        ],
    )
    def test_nonsense_is_refused(self, plan: Any, bounds: Bounds, words: str) -> None:
        with pytest.raises(UsageError, match=words):
            check(*self.SAFE, strategy=plan, bounds=bounds)


class TestPct:
    def test_a_bug_is_hit_as_often_as_promised(self) -> None:
        # The wake-up is lost if the flag is read before it is set, and the queue is entered after
        # the wake-up: two orders, so depth 2.
        mine = interpreter("lost wake-up")
        plan, bounds = planned(Plan("pct", depth=2), Bounds(executions=2000))
        strategy: Any = make(plan, bounds, mine, tuple)
        found = explore(mine, strategy, 2000)
        lost = sum(any(life == "live" for _, life, _ in o[2]) for o in found.observations)
        assert (strategy.threads, strategy.steps) == (2, 6)
        # Here the promise is exact: thread 1 goes first, and the one place is its second step.
        assert abs(lost - 2000 / (2 * 6)) <= 50  # four sigma
        assert strategy.miss() == pytest.approx((1 - 1 / 12) ** strategy.counted)

    def test_what_is_not_yet_known_promises_nothing(self) -> None:
        plan, bounds = planned(Plan("pct"), Bounds())
        strategy: Any = make(plan, bounds, interpreter("lost wake-up"), tuple)
        assert strategy.miss() == 1.0

    def test_without_places_the_first_thread_is_any(self) -> None:
        program = Interpreter(((("marked", 1),), (("marked", 1),), (("marked", 1),)))
        plan, bounds = planned(Plan("pct", depth=1), Bounds())
        found = explore(program, make(plan, bounds, program, tuple), 900)
        firsts = [schedule[0].thread for schedule in found.schedules]
        for thread in ("1", "2", "3"):
            assert 240 <= firsts.count(thread) <= 360  # 300 expected, four sigma are 57
