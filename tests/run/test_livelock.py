"""Executions that never end: fair loops are livelocks, others are not; against an interpreter."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from functools import partial
from operator import eq
from typing import Any, TypeAlias

import attrs
import pytest

from netsim.results import ProgramResult, Verdict
from netsim.run import explore as exploring
from netsim.run.explore import explore
from netsim.run.replay_program import replay_program
from netsim.sync.spinlock import SpinLock
from netsim.world import World


def kinds(result: ProgramResult) -> list[str]:
    return [finding.kind for finding in result.findings]


def polite(world: World) -> None:
    """Two threads take two locks the wrong way round, and give way where the second is taken."""
    a, b = world.spinlock("a"), world.spinlock("b")

    async def take(first: SpinLock, second: SpinLock) -> None:
        while True:
            await first.spin_lock()
            if await second.spin_trylock():
                break
            await first.spin_unlock()
        await second.spin_unlock()
        await first.spin_unlock()

    world.thread(take, a, b, name="left")
    world.thread(take, b, a, name="right")


def test_two_that_give_way_to_each_other_for_ever_are_a_livelock() -> None:
    # Each takes its first lock, fails on the other's, and gives it back: three steps of both.
    result = explore(polite)

    assert (result.verdict, kinds(result)) == (Verdict.VIOLATED, ["livelock"])
    (finding,) = result.findings
    assert finding.objects == ("a", "b")
    calls = ("spin_lock", "spin_trylock", "spin_unlock")
    assert {site.role for site in finding.sites} == {
        f"repeats {c} {o}" for c in calls for o in "ab"
    }
    replay = replay_program(polite, finding.schedule)
    assert replay.reproduced
    assert replay.findings[0].id == finding.id
    assert (len(replay.events), replay.loop) == (8, 3)  # each thread begins, then the loop, once
    told = str(finding).splitlines()
    assert told.count("      -- these steps repeat for ever --") == 1
    assert told.count("      -- and back to step 3 --") == 1
    assert [outcome.text for outcome in result.outcomes] == ["done"]


def spinning(world: World, setter: bool, plain: bool = False) -> Callable[[], int]:
    """One thread looks at a flag until it is set."""
    flag, data = world.var("flag", 0), world.var("data", 0)

    async def spin() -> None:
        while not await flag.load():
            pass
        if plain:
            assert data.value == 7

    async def set_() -> None:
        if plain:
            data.value = 7
        await flag.store(1)

    world.thread(spin)
    if setter:
        world.thread(set_)
    return flag.peek


def test_a_flag_that_another_sets_ends_the_spinning() -> None:
    result = explore(spinning, True)

    assert (result.verdict, result.findings) == (Verdict.HOLDS, ())
    assert [outcome.value for outcome in result.outcomes] == [1]
    assert "one of every class" not in str(result)
    assert "every execution that gives each thread its turn ends" in result.notes


def test_what_states_do_not_tell_is_left_open() -> None:
    result = explore(spinning, True, True)

    assert (result.verdict, result.complete) == (Verdict.UNKNOWN, False)
    assert result.notes[-1] == "data races were judged in the executions that were run only"


def test_a_flag_that_nobody_sets_is_a_livelock() -> None:
    result = explore(spinning, False)

    assert kinds(result) == ["livelock"]
    assert "spin goes round for ever" in result.findings[0].message
    assert [site.role for site in result.findings[0].sites] == ["repeats load flag"]


def test_who_waits_for_the_one_that_spins_is_a_consequence() -> None:
    def program(world: World) -> None:
        flag, done = world.var("flag", 0), world.completion("done")

        async def spin() -> None:
            while not await flag.load():
                await world.pause()
            await done.complete()

        async def wait() -> None:
            await done.wait_for_completion()

        world.thread(spin)
        world.thread(wait)

    (finding,) = explore(program).findings

    assert finding.kind == "livelock"
    assert finding.consequences == ("wait then waits for ever for completion done",)


def retrying(world: World, forever: bool) -> None:
    """A thread waits a jiffy at a time for what another completes late, or never."""
    done = world.completion("done")

    async def wait() -> None:
        while True:
            if await done.wait_for_completion_timeout(1):
                break

    async def complete() -> None:
        await world.schedule_timeout(5)
        await done.complete()

    world.thread(wait)
    if not forever:
        world.thread(complete)


def test_a_timer_keeps_a_timed_waiter_alive() -> None:
    assert explore(retrying, False).verdict is Verdict.HOLDS


def test_timeouts_that_change_nothing_leave_the_wait_hung() -> None:
    result = explore(retrying, True)

    assert kinds(result) == ["hung"]
    assert "wait waits for what no step that is left can bring about" in result.findings[0].message
    assert replay_program(retrying, result.findings[0].schedule, True).loop == 2


def test_who_waits_while_others_run_to_their_end_is_not_kept_waiting() -> None:
    def program(world: World) -> None:
        done = world.completion("done")

        async def wait() -> None:
            while True:
                if await done.wait_for_completion_timeout(1):
                    break

        async def other() -> None:
            await world.pause()

        world.thread(wait)
        world.thread(other)

    result = explore(program)

    assert (kinds(result), result.complete) == (["hung"], True)


def test_time_that_cannot_pass_while_another_spins_is_told() -> None:
    def program(world: World) -> None:
        flag = world.var("flag", 0)

        async def spin() -> None:
            while not await flag.load():
                pass

        async def set_() -> None:
            await world.schedule_timeout(1)
            await flag.store(1)

        world.thread(spin)
        world.thread(set_)

    result = explore(program)

    assert (result.verdict, result.findings) == (Verdict.UNKNOWN, ())
    assert any("no time passes for set_" in note for note in result.notes)


def test_who_can_run_now_and_again_may_starve() -> None:
    def program(world: World) -> None:
        flag, done = world.var("flag", 0), world.var("done", 0)

        async def toggle() -> None:
            while True:
                if await done.load():
                    break
                await flag.store(1)
                await flag.store(0)

        async def wait() -> None:
            await flag.until(bool)
            await done.store(1)

        world.thread(toggle)
        world.thread(wait)

    result = explore(program)

    assert (result.verdict, result.findings) == (Verdict.UNKNOWN, ())
    assert any("wait may starve" in note for note in result.notes)


def test_a_lock_is_handed_over_in_order() -> None:
    def program(world: World) -> None:
        flag, lock = world.var("flag", 0), world.spinlock("lock")

        async def poll() -> None:
            seen = 0
            while not seen:
                async with lock.held():
                    seen = await flag.load()

        async def set_() -> None:
            async with lock.held():
                await flag.store(1)

        world.thread(poll)
        world.thread(set_)

    result = explore(program)

    assert (result.verdict, result.findings) == (Verdict.HOLDS, ())
    assert any("so that set_ cannot starve" in note for note in result.notes)


def test_too_many_states_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exploring, "STATES_MAX", 4)

    result = explore(spinning, True)

    assert (result.verdict, result.cut_by) == (Verdict.UNKNOWN, "steps")
    assert "not all states were searched" in result.notes[0]


def test_a_state_that_cannot_be_seen_is_unknown() -> None:
    def program(world: World) -> None:
        flag = world.var("flag", 0)
        unseen = iter(lambda: 0, 1)

        async def spin() -> None:
            while not await flag.load():
                next(unseen)

        world.thread(spin)

    result = explore(program)

    assert (result.verdict, result.cut_by) == (Verdict.UNKNOWN, "steps")


def test_a_livelock_between_long_ways_is_found() -> None:
    """The loop stands behind more steps than the first look at an execution covers."""

    def program(world: World) -> None:
        flag = world.var("flag", 0)

        async def spin() -> None:
            for _ in range(150):
                await world.pause()
            while True:  # Python writes the condition of another loop down twice
                if await flag.load():
                    break

        world.thread(spin)

    (finding,) = explore(program).findings

    assert (finding.kind, finding.steps) == ("livelock", 152)


# ---- against an interpreter that shares nothing with the machine

Instruction: TypeAlias = tuple[Any, ...]


@attrs.frozen
class State:
    """Where each thread stands, and the values."""

    at: tuple[int, ...]
    values: tuple[int, ...]


def generate(seed: int) -> list[list[Instruction]]:
    """Make two or three threads that store, wait, compare and swap, and jump back."""
    source = random.Random(seed)
    made: list[list[Instruction]] = []
    for _ in range(source.choice((2, 2, 3))):
        body: list[Instruction] = []
        for at in range(source.randint(1, 4)):
            var, value = source.randrange(2), source.randrange(2)
            what = source.choice(("store", "await", "jump", "jump", "swap"))
            body.append((what, var, value, source.randrange(at + 1)))
        made.append(body)
    return made


def perform(instruction: Instruction, value: int, at: int) -> tuple[int, int] | None:
    """Return (next place, new value) of an instruction; None if it is blocked."""
    what, _, wanted, back = instruction
    if what == "store":
        return at + 1, wanted
    if what == "await":
        return (at + 1, value) if value == wanted else None
    if what == "jump":  # go back while the value is another
        return (at + 1 if value == wanted else back), value
    return (at + 1, wanted) if value != wanted else (back, value)


def graph(bodies: list[list[Instruction]]) -> dict[State, dict[int, State]]:
    """Return every state with who can run there, and where that leads."""
    start = State((0,) * len(bodies), (0, 0))
    found: dict[State, dict[int, State]] = {}
    todo = [start]
    while todo:
        state = todo.pop()
        if state in found:
            continue
        found[state] = {}
        for me, body in enumerate(bodies):
            if state.at[me] == len(body):
                continue
            instruction = body[state.at[me]]
            var = instruction[1]
            done = perform(instruction, state.values[var], state.at[me])
            if done is not None:
                at = (*state.at[:me], done[0], *state.at[me + 1 :])
                values = (*state.values[:var], done[1], *state.values[var + 1 :])
                found[state][me] = State(at, values)
                todo.append(found[state][me])
    return found


def loops(states: dict[State, dict[int, State]], threads: set[int]) -> list[set[State]]:
    """Return the sets of states that lead to each other by steps of `threads`."""
    reach: dict[State, set[State]] = {}
    for state in states:
        todo, met = [state], set()
        while todo:
            for me, to in states[todo.pop()].items():
                if me in threads and to in states and to not in met:
                    met.add(to)
                    todo.append(to)
        reach[state] = met
    return [
        {other for other in reach[state] if state in reach[other]}
        for state in states
        if state in reach[state]
    ]


def ran(states: dict[State, dict[int, State]], loop: set[State]) -> set[int]:
    return {me for state in loop for me, to in states[state].items() if to in loop}


def expected(bodies: list[list[Instruction]]) -> tuple[bool, bool, bool, set[tuple[int, ...]]]:
    """Return (a fair loop exists, a weakly fair one does, some end is stuck, values at the end)."""
    states = graph(bodies)
    every = range(len(bodies))
    strong = False
    for size in range(1, len(bodies) + 1):
        for chosen in itertools.combinations(every, size):
            # All that can run run: no other thread may be able to in any state of the loop.
            some = {s: out for s, out in states.items() if set(out) <= set(chosen)}
            strong = strong or any(
                ran(some, one) == set(chosen) for one in loops(some, set(chosen))
            )
    weak = any(
        all(me in ran(states, one) or any(me not in states[s] for s in one) for me in every)
        for one in loops(states, set(every))
    )
    ends = [state for state, out in states.items() if not out]
    done = {s.values for s in ends if all(s.at[me] == len(bodies[me]) for me in every)}
    return strong, weak, len(done) < len({(s.at, s.values) for s in ends}), done


def written(world: World, bodies: list[list[Instruction]]) -> Callable[[], tuple[int, ...]]:
    """Write the same program with variables of a World."""
    variables = world.array("v", [0, 0])

    async def run(me: int) -> None:
        at = 0
        while at < len(bodies[me]):
            what, var, wanted, back = bodies[me][at]
            at += 1
            if what == "store":
                await variables[var].store(wanted)
            elif what == "await":
                await variables[var].until(partial(eq, wanted))
            elif what == "jump":
                if await variables[var].load() != wanted:
                    at = back
            elif not await variables[var].compare_and_swap(1 - wanted, wanted):
                at = back

    for me in range(len(bodies)):
        world.thread(run, me)
    return lambda: tuple(variable.value for variable in variables)


@pytest.mark.parametrize("seed", range(80))
def test_livelocks_are_those_of_an_interpreter(seed: int) -> None:
    bodies = generate(seed)
    strong, weak, stuck, values = expected(bodies)

    result = explore(written, bodies)

    found = kinds(result)
    assert ("livelock" in found) == strong
    assert ("hung" in found) == stuck
    assert {outcome.value for outcome in result.outcomes if not outcome.unfinished} == values
    if not strong and not stuck:
        assert result.verdict is (Verdict.UNKNOWN if weak else Verdict.HOLDS)
