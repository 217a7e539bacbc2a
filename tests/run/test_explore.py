"""explore() and replay_program(): programs that a person writes, and every mistake in them."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from netsim.errors import CounterexampleFound, NetsimError, UsageError
from netsim.results import Bounds, ProgramResult, Verdict
from netsim.run import trial
from netsim.run.explore import explore
from netsim.run.replay_program import replay_program
from netsim.run.trial import STEPS_MAX
from netsim.sync.mutex import Mutex
from netsim.world import World


def values(result: ProgramResult) -> list[Any]:
    return [outcome.value for outcome in result.outcomes if not outcome.unfinished]


def kinds(result: ProgramResult) -> list[str]:
    return [finding.kind for finding in result.findings]


# ---- what is found: each count follows from the orders of the steps that conflict


def counter(world: World, atomic: bool) -> Callable[[], int]:
    """Two threads add one, in one step or by a read and a write."""
    x = world.var("x", 0)

    async def add() -> None:
        if atomic:
            await x.add(1)
        else:
            await x.store(await x.load() + 1)

    world.thread(add)
    world.thread(add)
    return lambda: x.value


def test_a_lost_update_is_an_outcome() -> None:
    # One after the other, twice; both read before either writes, twice: four classes.
    result = explore(counter, False)

    assert (result.verdict, values(result), result.executions) == (Verdict.HOLDS, [1, 2], 4)
    assert [o.preemptions for o in result.outcomes] == [1, 0]
    assert (values(explore(counter, True)), explore(counter, True).executions) == ([2], 2)


def awaiting(world: World, number: int) -> None:
    """One thread counts to three; another waits for `number`."""
    x = world.var("x", 0)

    async def count() -> None:
        for n in (1, 2, 3):
            await x.store(n)

    async def wait() -> None:
        assert await x.until(lambda value: value == number) == number

    world.thread(count)
    world.thread(wait)


def test_waiting_for_a_value_is_no_spinning() -> None:
    # The number is seen while it is there, or missed; the last one cannot be missed.
    missed, seen = explore(awaiting, 2), explore(awaiting, 3)

    assert (missed.executions, missed.deadlocked, kinds(missed)) == (2, 1, ["hung"])
    assert "wait waits for x, which is 3" in missed.findings[0].message
    assert (seen.executions, seen.deadlocked, seen.verdict) == (1, 0, Verdict.HOLDS)


def both(world: World, hint: str = "") -> Callable[[], tuple[int, int]]:
    """A thread waits for two variables, which two threads set."""
    x, y = world.var("x", 0), world.var("y", 0)

    async def wait() -> None:
        await world.until(lambda: x.value and y.value, hint)

    world.thread(wait)
    world.thread(x.store, 1, name="set_x")
    world.thread(y.store, 1, name="set_y")
    return lambda: (x.value, y.value)


def test_a_condition_over_several_variables_ends_when_it_holds() -> None:
    result = explore(both)

    assert (result.verdict, values(result), result.deadlocked) == (Verdict.HOLDS, [(1, 1)], 0)


def test_a_condition_that_never_holds_says_what_it_read() -> None:
    def program(world: World) -> None:
        x, y = world.var("x", 0), world.var("y", 7)

        async def wait() -> None:
            await world.until(lambda: x.value > y.value, "x above y")

        world.thread(wait)
        world.thread(x.store, 5, name="set_x")

    (finding,) = explore(program).findings

    assert finding.kind == "hung"
    assert "wait waits for x above y to hold (it read x = 5, y = 7)" in finding.message


def test_two_trylocks_are_no_deadlock_and_one_of_them_wins() -> None:
    def program(world: World) -> Callable[[], tuple[bool, bool]]:
        lock = world.spinlock("lock")
        won = world.array("won", [False, False])

        async def attempt(me: int) -> None:
            if await lock.spin_trylock():
                won[me].value = True
                await lock.spin_unlock()

        world.thread(attempt, 0)
        world.thread(attempt, 1)
        return lambda: (won[0].value, won[1].value)

    result = explore(program)

    assert result.verdict is Verdict.HOLDS
    assert values(result) == [(False, True), (True, False), (True, True)]


def publish(world: World, marked: bool) -> Callable[[], Any]:
    """Hand over plain data through a flag."""
    data, flag, got = world.var("data", 0), world.var("flag", False), world.var("got", 0)

    async def give() -> None:
        data.value = 1
        if marked:
            await flag.store(True)
        else:
            flag.value = True

    async def take() -> None:
        await world.pause()
        if await flag.load() if marked else flag.value:
            got.value = data.value

    world.thread(give)
    world.thread(take)
    return lambda: got.value


def test_marked_accesses_synchronise_and_plain_ones_race() -> None:
    assert explore(publish, True).verdict is Verdict.HOLDS
    races = explore(publish, False)
    assert kinds(races) == ["data-race"] * 2
    assert sorted(f.objects[0] for f in races.findings) == ["data.value", "flag.value"]


def test_threads_of_threads() -> None:
    def program(world: World) -> Callable[[], int]:
        x = world.var("x", 0)

        async def child(n: int) -> int:
            return await x.add(n)

        async def parent() -> None:
            one = await world.spawn(child, 1)
            other = await world.spawn(child, 2)
            assert {one.name, other.name} == {"parent/1", "parent/2"}
            olds = {await one.join(), await other.join()}
            assert olds in ({0, 1}, {0, 2})
            x.value += 10  # after both: no data race

        world.thread(parent)
        return lambda: x.value

    result = explore(program)

    # The children's additions come in one order or the other.
    assert (result.verdict, values(result), result.executions) == (Verdict.HOLDS, [13], 2)


def ending(world: World, look: str) -> None:
    """A thread writes in its last step; another reads that before or after it knows of its end."""
    x = world.var("x", 0)

    async def write() -> None:
        await world.pause()
        x.value = 1

    async def read() -> None:
        if look == "too early":
            await world.pause()
            seen = x.value
            assert task.done or seen in (0, 1)
            return
        await (task.join() if look == "join" else world.until(lambda: task.done))
        assert x.value == 1

    task = world.thread(write)
    world.thread(read)


@pytest.mark.parametrize(
    ("look", "found"), [("join", []), ("until", []), ("too early", ["data-race"])]
)
def test_what_a_thread_did_last_comes_before_its_end(look: str, found: list[str]) -> None:
    assert kinds(explore(ending, look)) == found


def test_joining_a_thread_that_failed_is_its_consequence() -> None:
    def program(world: World) -> None:
        async def fails() -> None:
            raise ValueError("no luck")

        async def joins() -> None:
            await task.join()

        task = world.thread(fails)
        world.thread(joins)

    result = explore(program)

    (finding,) = result.findings
    assert finding.kind == "bug-on"
    assert "ValueError: no luck, in fails(), test_explore.py:" in finding.message
    assert finding.consequences == ("joins then waits for ever for the end of fails",)


def test_kernel_rules_hold_in_programs_too() -> None:
    def program(world: World) -> None:
        spin, mutex = world.spinlock("spin"), world.mutex("mutex")

        async def wrong() -> None:
            async with spin.held(), mutex.held():
                pass

        world.thread(wrong)

    assert kinds(explore(program)) == ["sleep-in-atomic"]


def tidy(world: World) -> None:
    """Two threads take two locks, the wrong way round, and put them back whatever happens."""
    a, b = world.mutex("a"), world.mutex("b")

    async def take(first: Mutex, second: Mutex) -> None:
        await first.mutex_lock()
        try:
            await second.mutex_lock()
            await second.mutex_unlock()
        finally:
            await first.mutex_unlock()

    world.thread(take, a, b, name="ab")
    world.thread(take, b, a, name="ba")


def test_threads_that_tidy_up_are_thrown_away_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    result = explore(tidy)
    gc.collect()

    assert (kinds(result), result.executions) == (["deadlock"], 3)
    assert capfd.readouterr().err == ""  # Python complains there of a coroutine that stays


def test_the_environment_chooses() -> None:
    def program(world: World) -> Callable[[], int]:
        x = world.var("x", 0)

        async def roll() -> None:
            await x.store(await world.choose("die", 6))

        world.thread(roll)
        return lambda: x.value + 1

    assert values(explore(program)) == [1, 2, 3, 4, 5, 6]


def test_an_assertion_about_the_end_is_a_finding() -> None:
    def program(world: World) -> Callable[[], None]:
        x = world.var("x", 0)

        async def add() -> None:
            await x.store(await x.load() + 1)

        world.thread(add)
        world.thread(add)

        def end() -> None:
            assert x.value == 2, "an update is lost"

        return end

    result = explore(program)

    (finding,) = result.findings
    assert (finding.kind, finding.where, finding.preemptions) == ("bug-on", "end", 1)
    assert "at the end: assertion fails: an update is lost" in finding.message
    with pytest.raises(CounterexampleFound, match="an update is lost"):
        result.assert_holds()


# ---- schedules


def test_every_schedule_shows_again_what_it_was_printed_for() -> None:
    result = explore(awaiting, 2)

    for outcome in result.outcomes:
        again = replay_program(awaiting, outcome.schedule, 2)
        assert again.diverged is None
        assert dict(again.outcome)["outcome"] == outcome.text
    (finding,) = result.findings
    again = replay_program(awaiting, finding.schedule, 2)
    assert again.reproduced
    assert [f.id for f in again.findings] == [finding.id]
    assert str(finding) in str(result)
    assert " step count " in str(again)


def test_a_changed_program_diverges() -> None:
    schedule = explore(counter, False).outcomes[0].schedule

    changed = replay_program(counter, schedule.replace("False", "True"), True)

    assert changed.diverged is not None
    assert "DIVERGED" in str(changed)


def test_a_schedule_of_another_program_is_refused() -> None:
    schedule = explore(counter, False).outcomes[0].schedule

    with pytest.raises(UsageError, match="one of counter\\(False\\); found counter\\(True\\)"):
        replay_program(counter, schedule, True)


def test_results_are_the_same_each_time() -> None:
    assert explore(both) == explore(both)
    assert str(explore(both)) == str(explore(both))


SCRIPT = """
import netsim

def program(world):
    x = world.var("x", 0)
    async def put(n):
        await x.store(frozenset([*(await x.load() or ()), f"thread {n}"]))
    world.thread(put, 1)
    world.thread(put, 2)
    return lambda: x.value

print(netsim.explore(program))
"""


def test_an_outcome_has_one_text_whatever_the_hash_seed() -> None:
    outputs = set()
    for seed in ("0", "1", "2", "random"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=environment,
            capture_output=True,
            check=True,
            text=True,
        )
        outputs.add(done.stdout)

    (output,) = outputs
    assert "{'thread 1', 'thread 2'}" in output


def test_equal_dicts_are_one_outcome() -> None:
    def program(world: World) -> Callable[[], Any]:
        lock, seen = world.mutex("lock"), {}

        async def see(number: int) -> None:
            async with lock.held():
                seen[number] = True

        world.thread(see, 1)
        world.thread(see, 2)
        return lambda: seen

    assert [outcome.text for outcome in explore(program).outcomes] == ["{1: True, 2: True}"]


# ---- bounds


def test_a_bound_that_cuts_is_unknown() -> None:
    result = explore(counter, False, bounds=Bounds(executions=1))

    assert (result.verdict, result.cut_by) == (Verdict.UNKNOWN, "executions")
    assert "nothing found so far" in str(result)


def test_a_bound_that_it_does_not_keep_is_refused() -> None:
    with pytest.raises(UsageError, match="takes no bound on preemptions"):
        explore(counter, False, bounds=Bounds(preemptions=1))


def test_an_endless_loop_is_unknown_and_says_what_to_do() -> None:
    def program(world: World) -> None:
        x = world.var("x", False)

        async def spin() -> None:
            tries = 0  # so that no state comes again
            while not await x.load():
                tries += 1

        world.thread(spin)
        world.thread(x.store, True, name="set_x")

    result = explore(program)

    assert (result.verdict, result.cut_by) == (Verdict.UNKNOWN, "steps")
    assert str(STEPS_MAX) in result.notes[0]
    assert "it ends if each thread has its turn" in result.notes[0]
    assert "until()" in result.notes[0]


def test_a_livelock_that_counts_is_unknown_and_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "STEPS_MAX", 60)  # each round more is an execution more

    def program(world: World) -> None:
        x = world.var("x", 0)

        async def polite(me: int) -> None:
            tries = 0
            while await x.swap(me) != me:  # each undoes what the other has done
                tries += 1
                await world.pause()

        world.thread(polite, 1)
        world.thread(polite, 2)

    result = explore(program)

    assert result.verdict is Verdict.UNKNOWN
    assert "does not end even if each thread has its turn" in result.notes[0]
    assert "stopped by executions that do not end" in str(result)


# ---- mistakes: one message each, with the line if there is one


def threads(*functions: Any) -> Callable[[World], None]:
    def program(world: World) -> None:
        for function in functions:
            world.thread(function)

    return program


async def nothing() -> None:
    """Do nothing."""


def no_coroutine() -> None:
    """Is no `async def`."""


def two_names(world: World) -> None:
    world.var("x", 0)
    world.var("x", 1)


def two_threads(world: World) -> None:
    world.thread(nothing, name="a")
    world.thread(nothing, name="a")


def bad_name(world: World) -> None:
    world.thread(nothing, name="a b")


def bad_arguments(world: World) -> None:
    world.thread(nothing, 1)


def mutable(world: World) -> None:
    world.var("x", [])


def broken(world: World) -> None:
    raise KeyError("oh")


def no_reader(world: World) -> int:
    world.thread(nothing)
    return 3


def forgotten(world: World) -> None:
    x = world.var("x", 0)

    async def forgets() -> None:
        x.store(1)  # type: ignore[unused-coroutine]

    world.thread(forgets)


def foreign(world: World) -> None:
    async def sleeps() -> None:
        await asyncio.sleep(0)

    world.thread(sleeps)


def impure(world: World) -> None:
    x = world.var("x", 0)

    def condition() -> bool:
        x.value = 1
        return True

    async def waits() -> None:
        await world.until(condition)

    world.thread(waits)


def blind(world: World) -> None:
    async def waits() -> None:
        await world.until(lambda: False)

    world.thread(waits)


def nosy(world: World) -> None:
    x, y = world.array("x", [0, 1])

    async def waits() -> None:
        await x.until(lambda value: y.value > value)

    world.thread(waits)


def forgotten_step(world: World) -> None:
    lock = world.spinlock("lock")

    async def takes() -> None:
        lock.spin_lock()  # type: ignore[unused-awaitable]

    world.thread(takes)


def forgotten_on_a_branch(world: World) -> None:
    """The first execution, in which the first thread goes first, makes no mistake."""
    x, queue = world.var("x", 0), world.waitqueue("queue")

    async def sets() -> None:
        await x.store(1)

    async def wakes() -> None:
        if not await x.load():
            queue.wake_up()  # type: ignore[unused-awaitable]

    world.thread(sets)
    world.thread(wakes)


def nothing_to_choose(world: World) -> None:
    async def chooses() -> None:
        await world.choose("what", 0)

    world.thread(chooses)


def choosing_words(world: World) -> None:
    async def chooses() -> None:
        await world.choose("what", "two")  # type: ignore[arg-type]

    world.thread(chooses)


def choosing_too_much(world: World) -> None:
    async def chooses() -> None:
        await world.choose("what", 1001)

    world.thread(chooses)


def late(world: World) -> None:
    async def makes() -> None:
        world.thread(nothing)

    world.thread(makes)


def opaque(world: World) -> Callable[[], object]:
    world.thread(nothing)
    return object


def _line(function: Callable[..., Any], number: int) -> int:
    return function.__code__.co_firstlineno + number


@pytest.mark.parametrize(
    ("words", "program"),
    [
        ("a program is a function of a World; found 3", 3),
        ("has no thread; expected world.thread", threads()),
        ("`async def` function; found no_coroutine() at test_explore.py:", threads(no_coroutine)),
        ("test_explore.py:", two_names),
        ("two shared objects called 'x'", two_names),
        ("a thread called 'a' already", two_threads),
        ("cannot be called 'a b'", bad_name),
        ("too many positional arguments", bad_arguments),
        ("cannot hold a list", mutable),
        ("KeyError: 'oh'", broken),
        ("program broken cannot be built: test_explore.py:", broken),
        ("returned an int; expected None, or a function", no_reader),
        ("test_explore.py:", forgotten),
        ("was never awaited", forgotten),
        (f"test_explore.py:{_line(forgotten_step, 4)}: a step was never awaited", forgotten_step),
        ("a step was never awaited", forgotten_on_a_branch),
        ("expected an integer from 1 to 1000; found 0", nothing_to_choose),
        ("expected an integer from 1 to 1000; found 'two'", choosing_words),
        ("expected an integer from 1 to 1000; found 1001", choosing_too_much),
        ("sleeps awaits something that is none of netsim's", foreign),
        ("the condition of until() changes x", impure),
        ("reads nothing shared", blind),
        ("x[0].until() must look at its argument only", nosy),
        ("expected in a running thread: await world.spawn", late),
        ("an outcome must be plain values", opaque),
    ],
)
def test_mistake(words: str, program: Any) -> None:
    with pytest.raises(NetsimError) as caught:
        explore(program)

    assert words in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_program_that_differs_from_run_to_run_is_refused() -> None:
    number = itertools.count()

    def program(world: World) -> Callable[[], int]:
        x = world.var("x", 0)

        async def add() -> None:
            for _ in range(next(number) % 3):
                await x.add(1)

        world.thread(add)
        world.thread(add, name="other")
        return lambda: x.value

    with pytest.raises(NetsimError, match="not deterministic"):
        explore(program)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("SystemExit", SystemExit),
        ("GeneratorExit", GeneratorExit),
        ("CancelledError", asyncio.CancelledError),
    ],
)
def test_what_would_end_python_ends_the_thread_only(words: str, error: type[BaseException]) -> None:
    def program(world: World) -> None:
        x = world.var("x", 0)

        async def leaves() -> None:
            await x.add(1)
            raise error

        async def stays() -> None:
            await x.until(bool)

        world.thread(leaves)
        world.thread(stays)

    result = explore(program)

    assert [(f.kind, words in f.message) for f in result.findings] == [("bug-on", True)]
    assert result.complete


def test_counters_that_commute_do_not_tell_their_order() -> None:
    def program(world: World) -> Callable[[], Any]:
        counter, told = world.atomic("counter"), world.array("told", ["", ""])

        async def count(number: int) -> None:
            told[number].value = repr(await counter.atomic_inc())  # type: ignore[func-returns-value]

        world.thread(count, 0)
        world.thread(count, 1)
        return lambda: tuple(one.value for one in told)

    result = explore(program)

    assert result.executions == 1
    assert [outcome.value for outcome in result.outcomes] == [("None", "None")]
