"""What threads share without netsim seeing it is refused, not explored as if it were nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from netsim.errors import UsageError
from netsim.results import Verdict
from netsim.run.explore import explore
from netsim.world import World


def plain_list(world: World) -> Callable[[], Any]:
    """Threads note their turn in a list of Python."""
    turns: list[int] = []

    async def take(turn: int) -> None:
        await world.pause()
        turns.append(turn)

    world.thread(take, 1)
    world.thread(take, 2)
    return lambda: tuple(turns)


def asserted(world: World) -> None:
    """Fails in one order only, which shows in nothing but that."""
    turns: list[int] = []

    async def take(turn: int) -> None:
        await world.pause()
        turns.append(turn)
        assert turns[0] == 1

    world.thread(take, 1)
    world.thread(take, 2)


def field(look: Callable[[World], Callable[[], Any]]) -> Callable[[World], Callable[[], Any]]:
    """One thread looks at what another one changes."""

    def program(world: World) -> Callable[[], Any]:
        seen = look(world)
        told = world.var("told", None)

        async def tell() -> None:
            await told.store(seen())

        world.thread(tell)
        return told.peek

    return program


def counter(world: World) -> Callable[[], Any]:
    count = world.atomic("count")

    async def change() -> None:
        await count.atomic_inc()

    world.thread(change)
    return lambda: count.value


def completion(world: World) -> Callable[[], Any]:
    done = world.completion("done")

    async def change() -> None:
        await done.complete()

    world.thread(change)
    return lambda: done.done


def unrecorded(world: World) -> Callable[[], Any]:
    x = world.var("x", 0)

    async def change() -> None:
        await x.store(1)

    world.thread(change)
    return x.peek


@pytest.mark.parametrize(
    "program", [plain_list, asserted, field(counter), field(completion), field(unrecorded)]
)
def test_what_is_not_seen_is_refused(program: Callable[[World], Any]) -> None:
    with pytest.raises(UsageError, match="share something that is not seen"):
        explore(program)


def test_both_ends_are_told() -> None:
    with pytest.raises(UsageError, match=r"ends in two ways: as \(1, 2\), and as \(2, 1\); only"):
        explore(plain_list)


def test_a_list_under_a_lock_is_fine() -> None:
    def program(world: World) -> Callable[[], Any]:
        lock, turns = world.mutex("lock"), []

        async def take(turn: int) -> None:
            async with lock.held():
                turns.append(turn)

        world.thread(take, 1)
        world.thread(take, 2)
        return lambda: tuple(turns)

    result = explore(program)

    assert [outcome.value for outcome in result.outcomes] == [(1, 2), (2, 1)]


def test_who_looks_whether_a_thread_has_ended_is_ordered_with_its_end() -> None:
    def program(world: World) -> Callable[[], Any]:
        seen = world.var("seen", (False, None))

        async def work() -> int:
            await world.pause()
            return 7

        async def look() -> None:
            await seen.store((task.done, task.result))

        task = world.thread(work)
        world.thread(look)
        return seen.peek

    result = explore(program)

    assert {outcome.value for outcome in result.outcomes} == {(False, None), (True, 7)}
    assert (result.verdict, result.executions) == (Verdict.HOLDS, 2)


def test_a_condition_may_look_whether_threads_have_ended() -> None:
    def program(world: World) -> None:
        x = world.var("x", 0)

        async def work() -> None:
            await world.pause()
            x.value = 1

        async def wait() -> None:
            await world.until(lambda: task.done)
            assert x.value == 1  # no race: it has ended

        task = world.thread(work)
        world.thread(wait)

    result = explore(program)

    # Tested before the end, in vain, or after it.
    assert (result.findings, result.executions) == ((), 2)
