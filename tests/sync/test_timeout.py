"""Waiting with a timeout: never a deadlock, and every order in which timeouts may come."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from netsim.core.sim import Sim
from netsim.errors import UsageError
from netsim.results import ProgramResult, Verdict
from netsim.run.explore import explore
from netsim.run.subject import Subject
from netsim.world import World
from tests.explorer.brute import TooLarge, every_interleaving

Program = Callable[[World], Callable[[], Any]]


def values(result: ProgramResult) -> list[Any]:
    return [outcome.value for outcome in result.outcomes if not outcome.unfinished]


def waiting(world: World, timeout: int, late: int) -> Callable[[], int]:
    """One thread waits for what another completes after `late` jiffies; -1: never."""
    ready, left = world.completion("ready"), world.var("left", -1)

    async def wait() -> None:
        left.value = await ready.wait_for_completion_timeout(timeout)

    async def complete() -> None:
        if late > 0:
            await world.schedule_timeout(late)
        if late >= 0:
            await ready.complete()

    world.thread(wait)
    world.thread(complete)
    return lambda: left.value


@pytest.mark.parametrize(
    ("timeout", "late", "left"),
    [
        (10, 0, [10]),  # no time passes while somebody can run
        (10, 3, [7]),
        (10, 10, [0, 1]),  # both at once: either is first; a waiter that wins has at least 1
        (10, 11, [0]),
        (10, -1, [0]),  # nobody completes: time is up, and nobody is deadlocked
    ],
)
def test_a_wait_ends_in_time_or_by_its_timeout(timeout: int, late: int, left: list[int]) -> None:
    result = explore(waiting, timeout, late)

    assert (result.verdict, result.deadlocked, result.blocked) == (Verdict.HOLDS, 0, 0)
    assert sorted(values(result)) == left
    assert result.executions == len(left)


def test_time_ends_a_wait_but_not_a_deadlock() -> None:
    def program(world: World) -> None:
        a, b = world.mutex("a"), world.mutex("b")

        async def first() -> None:
            async with a.held():
                await world.schedule_timeout(1)
                async with b.held():
                    pass

        async def second() -> None:
            async with b.held():
                await world.schedule_timeout(1)
                async with a.held():
                    pass

        world.thread(first)
        world.thread(second)

    result = explore(program)

    assert [finding.kind for finding in result.findings] == ["deadlock"]


def test_sleeping_with_a_spinlock_is_told() -> None:
    def program(world: World) -> None:
        lock = world.spinlock("lock")

        async def sleep() -> None:
            async with lock.held():
                await world.schedule_timeout(1)

        world.thread(sleep)

    assert [finding.kind for finding in explore(program).findings] == ["sleep-in-atomic"]


@pytest.mark.parametrize("timeout", [0, -1, True, "1"])
def test_a_timeout_that_is_none_is_refused(timeout: Any) -> None:
    def program(world: World) -> None:
        async def wait() -> None:
            await world.completion("c").wait_for_completion_timeout(timeout)

        world.thread(wait)

    with pytest.raises(UsageError, match="a timeout is 1 jiffy or more"):
        explore(program)


class Observed(Subject):
    """A program for brute force."""

    def observe(self) -> tuple[Any, ...]:
        judged, seen, _ = self.judge()
        return (seen, tuple(sorted(one.id for one in judged)))

    def start(self) -> Sim:
        sim = super().start()
        sim.recording = True
        return sim


def generate(seed: int) -> Program:
    """Make a random program of two or three threads over completions, a lock and a variable."""
    source = random.Random(seed)
    bodies = [
        [
            (source.choice(("wait", "sleep", "complete", "add", "lock", "forever")), at)
            for at in (source.randrange(2) for _ in range(source.randint(1, 3)))
        ]
        for _ in range(source.randint(2, 3))
    ]

    def program(world: World) -> Callable[[], Any]:
        done = [world.completion("c0"), world.completion("c1")]
        start: tuple[Any, ...] = ()
        lock, seen = world.mutex("lock"), world.var("seen", start)

        async def run(me: int) -> None:
            for what, at in bodies[me]:
                if what == "wait":
                    left = await done[at].wait_for_completion_timeout(1 + at)
                    await seen.add(((me, left),))
                elif what == "sleep":
                    await world.schedule_timeout(1 + at)
                elif what == "complete":
                    await done[at].complete()
                elif what == "add":
                    await seen.add((me,))
                elif what == "lock":
                    async with lock.held():
                        await world.schedule_timeout(1)
                elif at:
                    await done[at].wait_for_completion()

        for me in range(len(bodies)):
            world.thread(run, me)
        return lambda: seen.value

    return program


@pytest.mark.parametrize("seed", range(60))
def test_every_order_of_timeouts_is_explored_once(seed: int) -> None:
    program = generate(seed)
    try:
        expected = every_interleaving(Observed(program, ()), 3000)
    except TooLarge:
        return

    result = explore(program)

    assert not any(finding.kind == "bug-on" for finding in result.findings)
    assert (result.executions, result.blocked) == (expected.classes, 0)
    assert {o.text for o in result.outcomes} == {seen.text for seen, _ in expected.observations}
    assert {f.id for f in result.findings} == {i for _, ids in expected.observations for i in ids}


def consumers(world: World, first: int, sure: bool) -> Callable[[], Any]:
    """One thread completes; two wait for that, of whom the one that gets it completes again."""
    ready, left = world.completion("ready"), world.array("left", (-1, -1))

    async def complete() -> None:
        await ready.complete()

    async def pass_on() -> None:
        if sure:
            await ready.wait_for_completion()
        else:
            left[0].value = await ready.wait_for_completion_timeout(first)
        await ready.complete()

    async def wait() -> None:
        left[1].value = await ready.wait_for_completion_timeout(2)

    world.thread(complete)
    world.thread(pass_on)
    world.thread(wait)
    return lambda: tuple(one.value for one in left)


@pytest.mark.parametrize("first", [1, 2])
def test_a_waiter_comes_before_whoever_went_before_the_one_that_woke_it(first: int) -> None:
    # Without the second complete() nobody knows whether time is up: not so, but then the first
    # complete() would have ended the wait, had nobody consumed it.
    result = explore(consumers, first, False)

    assert sorted(values(result)) == [(0, 2), (first, 2)]
    assert (result.executions, result.blocked) == (2, 0)


def test_a_waiter_may_take_what_another_one_then_waits_for_in_vain() -> None:
    result = explore(consumers, 0, True)

    assert [finding.kind for finding in result.findings] == ["hung"]
    assert (result.executions, result.deadlocked, result.blocked) == (2, 1, 0)
