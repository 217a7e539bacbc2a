"""Families of programs whose number of classes is known from theory."""

from collections.abc import Callable, Coroutine, Sequence
from math import factorial
from typing import Any

import pytest

from netsim.core.memory import KObject, bind, shared
from netsim.core.sim import Sim
from netsim.explorer.loop import execute
from netsim.explorer.optimal import OptimalDpor
from netsim.sync.rwlock import RwLock
from netsim.sync.sleep import schedule_point
from netsim.sync.spinlock import SpinLock
from netsim.sync.workqueue import Work

Threads = Callable[[Sim], Sequence[Coroutine[Any, Any, None]]]


@shared
class Cell(KObject):
    """One plain location."""

    x: int = 0


class Family:
    """A program from a function that makes its threads."""

    def __init__(self, threads: Threads) -> None:
        self.threads = threads

    def start(self) -> Sim:
        """Return the machine at the start."""
        sim = Sim()
        sim.recording = True
        for number, coroutine in enumerate(self.threads(sim), 1):
            sim.spawn(str(number), coroutine, flow=number)
        return sim


def count(threads: Threads) -> tuple[int, int, int]:
    """Return (complete executions, deadlocked, sleep-set blocked)."""
    program = Family(threads)
    strategy = OptimalDpor(program)
    executions = deadlocked = blocked = 0
    while True:
        execution = execute(program, strategy)
        if execution.complete:
            executions += 1
            strategy.finish(execution.sim)
            deadlocked += any(t.pending is not None and not t.daemon for t in execution.sim.threads)
        else:
            blocked += 1
        if not strategy.more():
            return executions, deadlocked, blocked


def cells(n: int, *, write: bool) -> Threads:
    """n threads that each read, or write, one location."""

    def threads(sim: Sim) -> list[Coroutine[Any, Any, None]]:
        cell = bind(sim, Cell(), "cell")

        async def access(i: int) -> None:
            await schedule_point("access")
            if write:
                cell.x = i
            else:
                assert cell.x == 0

        return [access(i) for i in range(n)]

    return threads


@pytest.mark.parametrize("n", [2, 3, 4])
def test_readers_are_one_class_and_writers_n_factorial(n: int) -> None:
    assert count(cells(n, write=False)) == (1, 0, 0)
    assert count(cells(n, write=True)) == (factorial(n), 0, 0)


def test_two_trylocks_are_no_deadlock() -> None:
    def threads(sim: Sim) -> list[Coroutine[Any, Any, None]]:
        lock = SpinLock(sim, "lock")

        async def once() -> None:
            if await lock.spin_trylock():
                await lock.spin_unlock()

        return [once(), once()]

    assert count(threads) == (4, 0, 0)


def inverted(*, nested: bool, rw: bool) -> Threads:
    """Two threads take two locks in opposite order, nested or one after the other."""

    def threads(sim: Sim) -> list[Coroutine[Any, Any, None]]:
        a: Any = RwLock(sim, "a") if rw else SpinLock(sim, "a")
        b: Any = RwLock(sim, "b") if rw else SpinLock(sim, "b")

        async def take(one: Any, other: Any) -> None:
            first = one.writing() if rw else one.held()
            second = other.reading() if rw else other.held()
            if nested:
                async with first, second:
                    pass
            else:
                async with first:
                    pass
                async with second:
                    pass

        return [take(a, b), take(b, a)]

    return threads


@pytest.mark.parametrize("rw", [False, True])
def test_inverted_locks_deadlock_only_if_nested(rw: bool) -> None:
    assert count(inverted(nested=True, rw=rw))[1] == 1
    assert count(inverted(nested=False, rw=rw))[1] == 0


def test_an_idle_worker_is_no_deadlock() -> None:
    def threads(sim: Sim) -> list[Coroutine[Any, Any, None]]:
        async def nothing() -> None:
            await schedule_point("work")

        work = Work(sim, "work", nothing)

        async def queue() -> None:
            await work.schedule_work()

        return [queue()]

    assert count(threads) == (1, 0, 0)
