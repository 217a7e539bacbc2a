"""
Families of programs, each with the number of its classes as a formula that has a proof.

Two executions are of one class if each pair of steps that conflict comes in the same order, so
counting classes is counting those orders.  Each function below makes the family of one size;
its docstring is the proof.
"""

from collections.abc import Callable, Coroutine, Sequence
from math import comb, factorial
from typing import Any

import attrs

from netsim.core.memory import KObject, bind, shared
from netsim.core.sim import Sim
from netsim.sync.completion import Completion
from netsim.sync.marked import read_once, write_once
from netsim.sync.mutex import Mutex
from netsim.sync.sleep import schedule_point
from netsim.sync.spinlock import SpinLock
from netsim.sync.waitqueue import WaitQueue

Threads = Callable[[Sim], Sequence[Coroutine[Any, Any, None]]]


@shared
class Cell(KObject):
    """One plain location."""

    x: int = 0


@attrs.frozen
class Family:
    """A program of a family: `classes` of them, of which `deadlocks` end in one."""

    name: str
    size: int
    threads: Threads
    classes: int
    deadlocks: int = 0

    def start(self) -> Sim:
        """Return a fresh machine with every thread before its first operation."""
        sim = Sim()
        sim.recording = True
        for number, coroutine in enumerate(self.threads(sim), 1):
            sim.spawn(str(number), coroutine, flow=number)
        return sim


def deadlocked(sim: Sim) -> bool:
    """Tell whether somebody is unfinished on a machine at rest."""
    return not sim.halted and any(t.pending is not None and not t.daemon for t in sim.threads)


def _cells(sim: Sim, count: int) -> list[Cell]:
    return [bind(sim, Cell(), f"cell{i}") for i in range(count)]


def writers(n: int) -> Family:
    """n threads write one variable: the writes are totally ordered, in any order: n!."""

    def threads(sim: Sim) -> list[Coroutine[Any, Any, None]]:
        (cell,) = _cells(sim, 1)
        return [write_once(cell, "x", i) for i in range(n)]  # type: ignore[misc]

    return Family("writers of one variable", n, threads, factorial(n))


def readers(n: int) -> Family:
    """n readers and a writer: each reads before or after the write, of its own accord: 2^n."""

    def threads(sim: Sim) -> list[Coroutine[Any, Any, None]]:
        (cell,) = _cells(sim, 1)
        reading: list[Any] = [read_once(cell, "x") for _ in range(n)]
        writing: Any = write_once(cell, "x", 1)
        return [*reading, writing]

    return Family("readers and a writer", n, threads, 2**n)


def increments(n: int) -> Family:
    """n threads increment a plain variable under one lock: the sections in any order: n!."""

    def threads(sim: Sim) -> list[Coroutine[Any, Any, None]]:
        (cell,) = _cells(sim, 1)
        lock = Mutex(sim, "lock")

        async def increment() -> None:
            async with lock.held():
                cell.x = cell.x + 1

        return [increment() for _ in range(n)]

    return Family("increments under a lock", n, threads, factorial(n))


def pairs(k: int) -> Family:
    """k pairs of threads write a plain variable each: one order of two for each pair: 2^k."""

    def threads(sim: Sim) -> list[Coroutine[Any, Any, None]]:
        cells = _cells(sim, k)

        async def write(i: int) -> None:
            await schedule_point("write")
            cells[i // 2].x = i

        return [write(i) for i in range(2 * k)]

    return Family("independent pairs", k, threads, 2**k)


def philosophers(n: int) -> Family:
    """
    n philosophers each eat once, taking the left fork first: 2^n - 1, of which one deadlocks.

    Where all eat, who holds both forks eats, and two neighbours use their fork in the order in
    which they eat.  So of the 2^n ways to say who is first at each fork all can be but the two
    that go around in a circle: 2^n - 2.  Where somebody does not, everybody holds the left fork
    and waits for the right one, which is one class more.
    """
    return Family("philosophers", n, _table(n, reverse=False), 2**n - 1, 1)


def philosophers_reversed(n: int) -> Family:
    """
    The first of n philosophers takes the right fork first: 2^n - 2, none deadlocks.

    As for `philosophers`, without the deadlock: nobody can wait in a circle.
    """
    return Family("philosophers, one reversed", n, _table(n, reverse=True), 2**n - 2)


def _table(n: int, *, reverse: bool) -> Threads:
    def threads(sim: Sim) -> list[Coroutine[Any, Any, None]]:
        forks = [Mutex(sim, f"fork{i}") for i in range(n)]

        async def eat(i: int) -> None:
            first, second = forks[i], forks[(i + 1) % n]
            if reverse and i == 0:
                first, second = second, first
            async with first.held(), second.held():
                pass

        return [eat(i) for i in range(n)]

    return threads


def last_zero(n: int) -> Family:
    """
    Thread 0 looks for the last zero of a[0..n], thread j sets a[j] = a[j-1] + 1: (n+3) 2^(n-2).

    (Abdulla, Aronis, Jonsson, Sagonas, *Source Sets*, JACM 2017, whose table has 64 for n = 5,
    3328 for 10 and 147456 for 15.)  Thread j+1 reads a[j] before or after thread j writes it:
    n - 1 pairs.  Thread 0 stops at some k.  For k = n or k = 0 it leaves the pairs alone:
    2^(n-1) each.  Between, it has seen the writes of n, ..., k+1 and then reads a[k] before its
    write, so k+1 cannot have read a[k] after it: one pair is decided, 2^(n-2) for each k of
    n - 1.
    """

    def threads(sim: Sim) -> list[Coroutine[Any, Any, None]]:
        cells = _cells(sim, n + 1)

        async def search() -> None:
            for cell in reversed(cells):
                if not await read_once(cell, "x"):
                    return

        async def follow(j: int) -> None:
            await write_once(cells[j], "x", await read_once(cells[j - 1], "x") + 1)

        return [search(), *(follow(j) for j in range(1, n + 1))]

    return Family("last zero", n, threads, (n + 3) * 2**n // 4)


def trylocks(n: int) -> Family:
    """
    n threads try one lock once and let go: sum over k of C(n, k) k! k^(n-k).

    k of them get it, one after the other in any order; each of the rest fails in one of their k
    sections, and those that fail in the same one commute.
    """

    def threads(sim: Sim) -> list[Coroutine[Any, Any, None]]:
        lock = SpinLock(sim, "lock")

        async def once() -> None:
            if await lock.spin_trylock():
                await lock.spin_unlock()

        return [once() for _ in range(n)]

    ways = sum(comb(n, k) * factorial(k) * k ** (n - k) for k in range(1, n + 1))
    return Family("trylock once", n, threads, ways)


def producers(n: int) -> Family:
    """
    n threads complete once, one waits n times: n! C(2n, n) / (n + 1).

    All are updates of one counter, hence totally ordered: a word of n completes and n waits in
    which no wait outruns the completes (a ballot sequence: the n-th Catalan number), and the
    completes are of the threads in any order.
    """

    def threads(sim: Sim) -> list[Coroutine[Any, Any, None]]:
        done = Completion(sim, "done")

        async def consume() -> None:
            for _ in range(n):
                await done.wait_for_completion()

        async def produce() -> None:
            await done.complete()

        return [consume(), *(produce() for _ in range(n))]

    classes = factorial(n) * comb(2 * n, n) // (n + 1)
    return Family("producers and a consumer", n, threads, classes)


def lost_wakeups(n: int) -> Family:
    """
    n threads test a flag and then sleep, not testing it again; one sets it and wakes them once.

    m of the n read the flag before it is set, and go to sleep: those j of them that enter the
    queue before the wake-up, in any of j! orders, leave it afterwards, in two steps each; the
    m - j that enter after it have lost it.  All of that is on one queue, hence ordered: after
    the wake-up there are (m + j)! / 2^j words.  So the sum over m and j of
    C(n, m) C(m, j) j! (m + j)! / 2^j; no deadlock where j = m.
    """

    def threads(sim: Sim) -> list[Coroutine[Any, Any, None]]:
        (flag,) = _cells(sim, 1)
        queue = WaitQueue(sim, "queue")

        async def wait() -> None:
            if not await read_once(flag, "x"):
                await queue.prepare_to_wait()
                await queue.schedule()
                await queue.finish_wait()

        async def wake() -> None:
            await write_once(flag, "x", 1)
            await queue.wake_up()

        return [*(wait() for _ in range(n)), wake()]

    def words(m: int, j: int) -> int:
        return comb(n, m) * comb(m, j) * factorial(j) * factorial(m + j) // (1 << j)

    classes = sum(words(m, j) for m in range(n + 1) for j in range(m + 1))
    return Family(
        "lost wake-ups", n, threads, classes, classes - sum(words(m, m) for m in range(n + 1))
    )


@attrs.frozen
class Scale:
    """A family with the sizes that the benchmark runs; brute force can do the first."""

    make: Callable[[int], Family]
    sizes: tuple[int, ...]


SCALES = (
    Scale(writers, (3, 5, 8)),
    Scale(readers, (3, 8, 14)),
    Scale(increments, (3, 5, 7)),
    Scale(pairs, (2, 8, 14)),
    Scale(philosophers, (2, 3, 4, 5, 6, 7)),
    Scale(philosophers_reversed, (2, 3, 4, 5, 6, 7)),
    Scale(last_zero, (3, 5, 8, 10)),
    Scale(trylocks, (3, 5, 6)),
    Scale(producers, (2, 4, 5)),
    Scale(lost_wakeups, (1, 2, 3)),
)
