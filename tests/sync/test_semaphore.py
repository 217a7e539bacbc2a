"""A semaphore of one: down() sleeps, down_trylock() does not, and both inside another's step."""

from __future__ import annotations

from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import Context, SimThread
from netsim.core.traps import perform
from netsim.sync.semaphore import Semaphore
from tests.sync.bench import Bench, edges, touched


def test_one_at_a_time() -> None:
    bench = Bench()
    sem = Semaphore(bench.sim, "sem")
    bench.thread("1", sem.down, sem.up)
    waiter = bench.thread("2", sem.down_trylock, sem.down)

    first, tried = bench.steps("12")
    assert (touched(first), edges(first)) == ({"lock": "write"}, ["acquire"])
    assert (touched(tried), edges(tried)) == ({"lock": "read"}, [])
    assert bench.results["2"] == [False]
    assert not bench.sim.is_enabled(waiter)
    assert waiter.pending is not None
    assert waiter.pending.waits_for(waiter) == "sem, held by 1"
    assert edges(bench.step("1")) == ["release"]
    bench.step("2")
    assert sem.owner is waiter


def test_it_turns_nothing_off_and_down_sleeps() -> None:
    bench = Bench()
    sem = Semaphore(bench.sim, "sem")
    thread = bench.thread("1", sem.down, sem.up)
    bench.thread("2", sem.down, sem.up).context = Context.SOFTIRQ

    bench.step("1")
    assert (thread.preempt_count, thread.irqs_off) == (0, 0)
    bench.steps("12")
    assert bench.kinds() == ["sleep-in-atomic"]


def test_who_waits_for_himself() -> None:
    bench = Bench()
    sem = Semaphore(bench.sim, "sem")
    bench.thread("1", sem.down, sem.down)

    bench.steps("11")
    assert bench.kinds() == ["recursive-lock"]


class _Section(Op):
    """What one does under another lock, in one step."""

    def __init__(self, sem: Semaphore, gives: bool) -> None:
        self.sem = sem
        self.gives = gives

    def apply(self, sim: Sim, thread: SimThread) -> bool:
        if self.gives:
            self.sem.given(thread)
            return True
        return self.sem.tried(thread)


def test_inside_a_step_it_is_the_same() -> None:
    bench = Bench()
    sem = Semaphore(bench.sim, "sem")
    holder = bench.thread(
        "1", lambda: perform(_Section(sem, False)), lambda: perform(_Section(sem, True))
    )
    bench.thread("2", lambda: perform(_Section(sem, False)), lambda: perform(_Section(sem, True)))

    taken, refused = bench.steps("12")
    assert (touched(taken), edges(taken)) == ({"lock": "write"}, ["acquire"])
    assert (touched(refused), edges(refused)) == ({"lock": "read"}, [])
    assert [lock for lock, _ in holder.held] == [sem]
    bench.step("2")
    assert bench.kinds() == ["not-owner"]
    assert edges(bench.step("1")) == ["release"]
    assert (sem.owner, holder.held) == (None, [])
