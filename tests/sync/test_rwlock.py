"""rwlock_t: who may hold it with whom, what is touched, and its misuse."""

from __future__ import annotations

import pytest

from netsim.core.thread import Life
from netsim.sync.rwlock import RwLock
from tests.sync.bench import Bench, edges, touched


def enabled(bench: Bench) -> str:
    return "".join(thread.name for thread in bench.sim.enabled())


def test_readers_share_and_a_writer_does_not() -> None:
    bench = Bench()
    lock = RwLock(bench.sim, "rw")
    bench.thread("1", lock.read_lock, lock.read_unlock)
    bench.thread("2", lock.read_lock, lock.read_unlock)
    writer = bench.thread("3", lock.write_lock, lock.write_unlock)

    states = [(lock.state(), lock.is_locked(), enabled(bench))]
    for name in "12123":
        bench.step(name)
        states.append((lock.state(), lock.is_locked(), enabled(bench)))

    assert states == [
        ((False, 0), False, "123"),
        ((False, 1), True, "12"),
        ((False, 2), True, "12"),
        ((False, 1), True, "2"),
        ((False, 0), False, "3"),
        ((True, 0), True, "3"),
    ]
    assert lock.owner is writer


def test_a_writer_keeps_everybody_out() -> None:
    bench = Bench()
    lock = RwLock(bench.sim, "rw")
    bench.thread("1", lock.write_lock, lock.write_unlock)
    bench.thread("2", lock.read_lock)
    bench.thread("3", lock.write_lock)

    bench.step("1")
    assert enabled(bench) == "1"
    bench.step("1")
    assert enabled(bench) == "23"


def test_readers_commute_and_writers_do_not() -> None:
    bench = Bench()
    lock = RwLock(bench.sim, "rw")
    bench.thread("1", lock.read_lock, lock.read_unlock, lock.write_lock, lock.write_unlock)

    steps = bench.steps("1111")

    assert [touched(step)["lock"] for step in steps] == ["inc", "dec", "write", "write"]
    assert [edges(step) for step in steps] == [["acquire"], ["release"]] * 2
    assert [step.before[("rw", "lock")] for step in steps] == [
        (False, 0),
        (False, 1),
        (False, 0),
        (True, 0),
    ]


@pytest.mark.parametrize("bh", [False, True])
@pytest.mark.parametrize("side", ["read", "write"])
def test_preemption_is_off_while_it_is_held(side: str, bh: bool) -> None:
    bench = Bench()
    lock = RwLock(bench.sim, "rw", bh=bh)
    take, give = (
        (lock.read_lock, lock.read_unlock)
        if side == "read"
        else (lock.write_lock, lock.write_unlock)
    )
    thread = bench.thread("1", take, give)

    bench.step("1")
    assert (thread.preempt_count, thread.bh_off) == (1, int(bh))
    assert [repr(held) for held, _ in thread.held] == ["rw"]
    assert lock.is_shared(thread) == (side == "read")
    bench.step("1")
    assert (thread.preempt_count, thread.bh_off, thread.held) == (0, 0, [])
    assert bench.sim.reports == []


def test_a_reader_may_take_it_again() -> None:
    """Readers of 2.6.36 do not wait for queued writers; the latest hold is given back first."""
    bench = Bench()
    lock, other = RwLock(bench.sim, "rw"), RwLock(bench.sim, "other")
    assert not lock.bh
    thread = bench.thread("1", lock.read_lock, other.read_lock, lock.read_lock, lock.read_unlock)
    bench.thread("2", lock.write_lock)

    bench.steps("111")
    assert thread.preempt_count == 3
    first = thread.held[0]
    bench.step("1")

    assert thread.held[0] is first
    assert [held for held, _ in thread.held] == [lock, other]
    assert lock.state() == (False, 1)


@pytest.mark.parametrize(
    ("first", "then"), [("read", "write"), ("write", "write"), ("write", "read")]
)
def test_waiting_for_oneself(first: str, then: str) -> None:
    bench = Bench()
    lock = RwLock(bench.sim, "rw")
    calls = {"read": lock.read_lock, "write": lock.write_lock}
    thread = bench.thread("1", calls[first], calls[then])
    other = RwLock(bench.sim, "other")
    thread.held.append((other, ("1", 9, ())))

    *_, again = bench.steps("11")

    (report,) = bench.sim.reports
    assert (report.kind, report.objects, report.fatal) == ("recursive-lock", ("rw",), True)
    assert report.message == "flow 1 waits for rw, which it holds itself"
    assert [(s.role, s.step) for s in report.sites] == [("acquires", 2), ("holds since", 1)]
    assert (touched(again), edges(again)) == ({}, [])
    assert thread.life is Life.STOPPED
    assert lock.is_locked()


@pytest.mark.parametrize(
    ("holds", "gives", "kind"),
    [
        ("", "read", "bad-unlock"),
        ("", "write", "bad-unlock"),
        ("read", "read", "not-owner"),
        ("read", "write", "not-owner"),
        ("write", "write", "not-owner"),
    ],
)
def test_giving_back_what_one_does_not_hold(holds: str, gives: str, kind: str) -> None:
    bench = Bench()
    lock = RwLock(bench.sim, "rw", bh=True)
    take = {"read": lock.read_lock, "write": lock.write_lock}
    give = {"read": lock.read_unlock, "write": lock.write_unlock}
    thread = bench.thread("2", give[gives])
    if holds:
        bench.thread("1", take[holds], give[holds])
        bench.step("1")
    state = lock.state()

    step = bench.step("2")

    (report,) = bench.sim.reports
    assert (report.kind, report.objects, report.fatal) == (kind, ("rw",), False)
    assert report.message == "flow 2 releases rw, which it does not hold so"
    assert [s.role for s in report.sites] == ["releases"]
    assert (touched(step), edges(step)) == ({"lock": "read"}, [])
    assert lock.state() == state
    assert (thread.preempt_count, thread.bh_off) == (0, 0)


@pytest.mark.parametrize("holder", ["read", "write"])
def test_who_is_waited_for(holder: str) -> None:
    bench = Bench()
    lock = RwLock(bench.sim, "rw")
    take = {"read": lock.read_lock, "write": lock.write_lock}[holder]
    holders = [bench.thread("1", take, lock.read_unlock)]
    if holder == "read":
        holders.append(bench.thread("2", take, lock.read_unlock))
    waiter = bench.thread("3", lock.write_lock)
    wanted = waiter.pending
    assert wanted is not None
    assert (wanted.blockers(bench.sim), wanted.waits_for(waiter)) == ((), "rw")

    for thread in holders:
        bench.step(thread.name)

    assert wanted.blockers(bench.sim) == tuple(holders)
    assert wanted.waits_for(waiter) == "rw, held by 1"
    assert wanted.label() == "rw"


def test_locks_are_given_back_in_any_order() -> None:
    bench = Bench()
    lock, other, third = (RwLock(bench.sim, name) for name in ("rw", "other", "third"))
    thread = bench.thread(
        "1",
        lock.read_lock,
        other.write_lock,
        third.read_lock,
        other.write_unlock,
        lock.read_unlock,
    )

    bench.steps("1111")
    assert [held for held, _ in thread.held] == [lock, third]
    bench.step("1")
    assert [held for held, _ in thread.held] == [third]
