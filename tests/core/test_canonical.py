"""States as values: equal exactly when nobody could tell them apart later."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any

import pytest

from netsim.core.canonical import Canonical, Unseen
from netsim.core.memory import KObject, bind, kfree, kmalloc, shared
from netsim.core.sim import Sim
from netsim.errors import UsageError
from netsim.explorer.loop import execute
from netsim.explorer.states import States
from netsim.sync.mutex import Mutex
from netsim.sync.sleep import schedule_point
from netsim.sync.wait import wait_for_change
from tests.explorer.brute import TooLarge, every_interleaving
from tests.explorer.programs import Interpreter, generate


@shared
class Cell(KObject):
    x: int = 0
    other: Any = None


class World:
    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.cell = bind(sim, Cell(), "cell")
        self.locks = [Mutex(sim, f"lock{i}") for i in range(2)]
        self.log: list[Any] = []


Body = Callable[[World], Coroutine[Any, Any, None]]


def run(canonical: Canonical, order: Iterable[str], *bodies: Body) -> bytes:
    """Return the state after the threads of `bodies` have run in `order`."""
    sim = Sim()
    sim.recording = True
    world = World(sim)
    for number, body in enumerate(bodies, 1):
        sim.spawn(str(number), body(world), flow=number)
    for name in order:
        sim.step(sim.by_name[name])
    return canonical.value(sim, [world])


Runner = Callable[..., bytes]


@pytest.fixture
def states() -> Runner:
    """`run` with one encoder for each test: its values compare."""
    return partial(run, Canonical())


async def write(w: World) -> None:
    await schedule_point("write")
    w.cell.x = 1


async def write_too(w: World) -> None:
    await schedule_point("write")
    w.cell.x = 2


async def rest(w: World) -> None:
    await schedule_point("rest")


class TestEqual:
    def test_orders_of_independent_steps(self, states: Runner) -> None:
        assert states("12", write, rest) == states("21", write, rest)

    def test_however_often_a_field_was_changed(self, states: Runner) -> None:
        async def back_and_forth(w: World) -> None:
            await schedule_point("write")
            w.cell.x = 5
            await schedule_point("write")
            w.cell.x = 1

        assert states("112", back_and_forth, write) == states("121", back_and_forth, write)

    def test_objects_that_were_made_anew(self, states: Runner) -> None:
        async def make(w: World) -> None:
            await schedule_point("make")
            w.cell.other = kmalloc(w.sim, Cell(), "cell")

        assert states("12", make, rest) == states("21", make, rest)

    def test_steps_at_which_something_was_freed_or_locked(self, states: Runner) -> None:
        async def free(w: World) -> None:
            made = kmalloc(w.sim, Cell(), "cell")
            w.cell.other = made
            await w.locks[0].mutex_lock()
            kfree(made)

        assert states("12", free, rest) == states("21", free, rest)


class TestDifferent:
    def test_what_was_written_last(self, states: Runner) -> None:
        assert states("12", write, write_too) != states("21", write, write_too)

    def test_a_loop_whose_variables_say_nothing(self, states: Runner) -> None:
        async def loop(w: World) -> None:
            for _ in (0, 0, 0):
                await schedule_point("again")

        assert states("1", loop) != states("11", loop)

    def test_a_value_that_waits_on_the_stack(self, states: Runner) -> None:
        async def add(w: World) -> None:
            await schedule_point("read")
            w.log.append((w.cell.x, await schedule_point("value")))  # type: ignore[func-returns-value]

        assert states("12", add, write) != states("21", add, write)

    def test_variables_with_equal_values(self, states: Runner) -> None:
        async def one_of(w: World) -> None:
            await schedule_point("read")
            if w.cell.x:
                a = 7
            else:
                b = 7
            await schedule_point("set")
            w.log.append(a if w.cell.x else b)

        assert states("12", one_of, write) != states("21", one_of, write)

    def test_the_same_content_in_one_object_or_in_two(self, states: Runner) -> None:
        async def fill(w: World) -> None:
            await schedule_point("fill")
            inner: list[int] = []
            w.log += [inner, [] if w.cell.x else inner]
            del inner

        assert states("12", fill, write) != states("21", fill, write)

    def test_true_is_not_one(self) -> None:
        canonical = Canonical()
        values: list[Any] = [1, True, 1.0, "1", b"1", 0.0, -0.0, None, (), (1,), ((1,),)]
        seen = {canonical.value(Sim(), [value]) for value in values}
        assert len(seen) == len(values)

    def test_who_holds_a_lock(self, states: Runner) -> None:
        async def hold(w: World) -> None:
            await w.locks[0].mutex_lock()
            await schedule_point("hold")

        assert states("1", hold, hold) != states("2", hold, hold)

    def test_reports(self, states: Runner) -> None:
        async def wrong(w: World) -> None:
            await schedule_point("wrong")
            w.sim.report("warn-on", "wrong")

        assert states("1", wrong) != states("1", rest)

    def test_whether_what_is_waited_for_has_changed(self, states: Runner) -> None:
        async def wait(w: World) -> None:
            seen = w.sim.begin_round()
            await schedule_point("round")
            _ = w.cell.x
            w.sim.end_round()
            await wait_for_change("x", seen, lambda: "x")

        async def restore(w: World) -> None:
            await schedule_point("write")
            w.cell.x = 1
            w.cell.x = 0

        assert states("12", wait, restore) != states("21", wait, restore)


class TestRefused:
    def refused(self, body: Body, words: str) -> None:
        with pytest.raises(Unseen, match=words):
            run(Canonical(), "1", body)

    def test_a_set_without_order(self) -> None:
        async def keep(w: World) -> None:
            await schedule_point("keep")
            w.log.append({w.cell})

        self.refused(keep, "a set with a Cell")

    def test_an_exception_being_handled(self) -> None:
        async def handle(w: World) -> None:
            await schedule_point("try")
            try:
                raise KeyError
            except KeyError:
                await schedule_point("handle")

        self.refused(handle, "exception")

    def test_an_object_of_a_library(self) -> None:
        async def keep(w: World) -> None:
            await schedule_point("keep")
            w.log.append(memoryview(b"x"))

        self.refused(keep, "memoryview")

    def test_the_strategy_says_what_else_to_do(self) -> None:
        class Bad:
            def start(self) -> Sim:
                sim = Sim()
                sim.recording = True
                sim.spawn("1", rest(World(sim)))
                return sim

        strategy = States(lambda: [memoryview(b"x")])
        with pytest.raises(UsageError, match="expected strategy classes or preemptions"):
            execute(Bad(), strategy)


def differences(first: int, count: int) -> int:
    """Count programs on which merging finds other outcomes, or other deadlocks."""
    wrong = 0
    for seed in range(first, first + count):
        program, faults = generate(seed), seed % 2
        try:
            everything = every_interleaving(Interpreter(program, faults), 500)
        except TooLarge:
            continue
        mine = Interpreter(program, faults)
        strategy = States(lambda mine=mine: (mine.state, mine.registers))  # type: ignore[misc]
        found: set[Any] = set()
        while True:
            execution = execute(mine, strategy)
            if execution.complete:
                found.add(mine.observe())
            if not strategy.more():
                break
        wrong += found != everything.observations
    return wrong


def test_merging_finds_every_outcome_of_random_programs() -> None:
    assert differences(0, 50) == 0


class TestPlantedFaults:
    """What is forgotten of a state turns the comparison red."""

    def test_a_forgotten_stack(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def careless(self: Any, coroutine: Any) -> list[Any]:
            frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
            return [coroutine.__name__, frame and frame.f_lasti]

        monkeypatch.setattr(Canonical, "_coroutine", careless)
        assert differences(0, 50)

    def test_a_forgotten_world(self, monkeypatch: pytest.MonkeyPatch) -> None:
        original = Canonical._object

        def careless(self: Any, name: int, kind: type, *rest: Any) -> list[Any]:
            return [name] if issubclass(kind, KObject) else original(self, name, kind, *rest)

        monkeypatch.setattr(Canonical, "_object", careless)
        assert differences(0, 50)
