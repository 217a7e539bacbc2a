"""Locks with one owner: what holding means, what is touched, and the misuse of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netsim.core.thread import Life
from netsim.sync.mutex import Mutex
from netsim.sync.spinlock import SpinLock
from tests.sync.bench import Bench, edges, touched

Call = Callable[[], Awaitable[Any]]


def counts(bench: Bench) -> tuple[int, int, int]:
    thread = bench.sim.by_name["1"]
    return thread.preempt_count, thread.irqs_off, thread.bh_off


def spin(bench: Bench, way: str) -> tuple[Call, Call]:
    """Return how to take a spinlock and how to give it back."""
    lock = SpinLock(bench.sim, "lock", bh=way.startswith("bh"))
    taking = {
        "plain": (lock.spin_lock, lock.spin_unlock),
        "bh": (lock.spin_lock, lock.spin_unlock),
        "irqsave": (lock.spin_lock_irqsave, lock.spin_unlock_irqrestore),
        "try": (lock.spin_trylock, lock.spin_unlock),
        "bh try": (lock.spin_trylock, lock.spin_unlock),
        "try irqsave": (lock.spin_trylock_irqsave, lock.spin_unlock_irqrestore),
    }
    return taking[way]


class TestHolding:
    @pytest.mark.parametrize(
        ("way", "held"),
        [
            ("plain", (1, 0, 0)),
            ("try", (1, 0, 0)),
            ("bh", (1, 0, 1)),
            ("bh try", (1, 0, 1)),
            ("irqsave", (1, 1, 0)),
            ("try irqsave", (1, 1, 0)),
        ],
    )
    def test_a_spinlock_turns_off_and_on(self, way: str, held: tuple[int, int, int]) -> None:
        bench = Bench()
        take, give = spin(bench, way)
        thread = bench.thread("1", take, give)

        (first,) = bench.steps("1")
        assert counts(bench) == held
        assert [repr(lock) for lock, _ in thread.held] == ["lock"]
        assert (touched(first), edges(first)) == ({"lock": "write"}, ["acquire"])

        (last,) = bench.steps("1")
        assert counts(bench) == (0, 0, 0)
        assert thread.held == []
        assert (touched(last), edges(last)) == ({"lock": "write"}, ["release"])
        assert bench.sim.reports == []

    def test_a_mutex_turns_nothing_off(self) -> None:
        bench = Bench()
        mutex = Mutex(bench.sim, "mutex")
        bench.thread("1", mutex.mutex_lock, mutex.mutex_unlock, mutex.mutex_trylock)

        for _ in range(3):
            bench.step("1")
            assert counts(bench) == (0, 0, 0)

    def test_sections_count(self) -> None:
        """Locks are given back in any order; all stays off until the last is."""
        bench = Bench()
        one, other = SpinLock(bench.sim, "one", bh=True), SpinLock(bench.sim, "other", bh=True)
        thread = bench.thread(
            "1",
            one.spin_lock_irqsave,
            other.spin_lock_irqsave,
            one.spin_unlock_irqrestore,
            other.spin_unlock_irqrestore,
        )

        bench.steps("11")
        assert counts(bench) == (2, 2, 2)
        bench.step("1")
        assert counts(bench) == (1, 1, 1)
        assert [lock for lock, _ in thread.held] == [other]
        assert (one.is_locked(), other.is_locked()) == (False, True)
        bench.step("1")
        assert counts(bench) == (0, 0, 0)

    def test_who_wants_it_waits_for_its_owner(self) -> None:
        bench = Bench()
        lock = SpinLock(bench.sim, "lock")
        owner = bench.thread("1", lock.spin_lock, lock.spin_unlock)
        waiter = bench.thread("2", lock.spin_lock)
        wanted = waiter.pending
        assert wanted is not None
        assert (wanted.blockers(bench.sim), wanted.waits_for(waiter)) == ((), "lock")

        bench.step("1")

        assert not bench.sim.is_enabled(waiter)
        assert wanted.blockers(bench.sim) == (owner,)
        assert wanted.waits_for(waiter) == "lock, held by 1"
        assert not lock.is_shared(owner)
        bench.step("1")
        assert bench.sim.is_enabled(waiter)


class TestTrylock:
    def test_a_failed_one_only_reads(self) -> None:
        bench = Bench()
        lock = SpinLock(bench.sim, "lock")
        bench.thread("1", lock.spin_lock, lock.spin_unlock)
        thread = bench.thread("2", lock.spin_trylock_irqsave)

        _, failed = bench.steps("12")

        assert bench.results["2"] == [False]
        assert (touched(failed), edges(failed)) == ({"lock": "read"}, [])
        assert failed.before == {("lock", "lock"): "1"}
        assert (thread.preempt_count, thread.irqs_off, thread.held) == (0, 0, [])

    def test_one_fails_for_the_owner_too(self) -> None:
        bench = Bench()
        mutex = Mutex(bench.sim, "mutex")
        bench.thread("1", mutex.mutex_trylock, mutex.mutex_trylock)

        bench.steps("11")

        assert bench.results["1"] == [True, False]


class TestMisuse:
    def test_taking_what_one_holds(self) -> None:
        bench = Bench()
        lock = SpinLock(bench.sim, "lock")
        thread = bench.thread("1", lock.spin_lock, lock.spin_lock)

        *_, again = bench.steps("11")

        (report,) = bench.sim.reports
        assert (report.kind, report.objects, report.fatal) == ("recursive-lock", ("lock",), True)
        assert report.message == "flow 1 waits for lock, which it holds itself"
        assert [(s.role, s.step) for s in report.sites] == [("acquires", 2), ("holds since", 1)]
        assert (touched(again), edges(again)) == ({"lock": "read"}, [])
        assert thread.life is Life.STOPPED
        assert lock.owner is thread

    def test_the_place_cited_is_that_of_this_lock(self) -> None:
        bench = Bench()
        one, other = SpinLock(bench.sim, "one"), SpinLock(bench.sim, "other")
        bench.thread("1", one.spin_lock, other.spin_lock, other.spin_lock)

        bench.steps("111")

        assert [s.step for s in bench.sim.reports[0].sites] == [3, 2]

    @pytest.mark.parametrize(
        ("order", "kind", "words"),
        [
            ("2", "bad-unlock", "flow 2 releases lock, which nobody holds"),
            ("12", "not-owner", "flow 2 releases lock, which flow 1 holds"),
        ],
    )
    def test_giving_back_what_one_does_not_hold(self, order: str, kind: str, words: str) -> None:
        bench = Bench()
        lock = SpinLock(bench.sim, "lock", bh=True)
        bench.thread("1", lock.spin_lock, lock.spin_unlock)
        thread = bench.thread("2", lock.spin_unlock_irqrestore)

        *_, last = bench.steps(order)

        (report,) = bench.sim.reports
        assert (report.kind, report.message, report.fatal) == (kind, words, False)
        assert (report.objects, [s.role for s in report.sites]) == (("lock",), ["releases"])
        assert (touched(last), edges(last)) == ({"lock": "read"}, [])
        assert last.before == {("lock", "lock"): "1" if order == "12" else None}
        assert (thread.preempt_count, thread.irqs_off, thread.bh_off) == (0, 0, 0)
        assert lock.is_locked() == (order == "12")
