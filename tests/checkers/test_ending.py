"""Who is a root of a bad ending, who follows from it, and who is no matter at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netsim.checkers.ending import (
    Ending,
    aftermath,
    held_by_killed,
    judge_ending,
    stranded,
    unfinished,
)
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import Context, Life, SimThread
from netsim.core.traps import perform
from netsim.sync.completion import Completion
from netsim.sync.interrupt import Cpu, Interruptible, Strike
from netsim.sync.mutex import Mutex
from netsim.sync.rwlock import RwLock
from netsim.sync.spinlock import SpinLock

Call = Callable[[], Awaitable[Any]]


class Board:
    """Three mutexes a, b, c and a completion; threads take what their letters say."""

    def __init__(self, order: str, **threads: str) -> None:
        self.sim = Sim()
        self.sim.recording = True
        self.locks = {name: Mutex(self.sim, name) for name in "abc"}
        self.done = Completion(self.sim, "done")

        async def body(letters: str) -> None:
            for letter in letters:
                if letter == ".":
                    await self.done.wait_for_completion()
                elif letter.isupper():
                    await self.locks[letter.lower()].mutex_unlock()
                else:
                    await self.locks[letter].mutex_lock()

        for number, (name, letters) in enumerate(threads.items(), 1):
            self.sim.spawn(name, body(letters), flow=number)
        for name in order.split():
            thread = self.sim.by_name[name]
            assert self.sim.is_enabled(thread)
            self.sim.step(thread)
        assert not self.sim.enabled()

    def judge(self) -> Ending:
        return judge_ending(self.sim)


def test_all_is_well() -> None:
    board = Board("x x y y", x="aA", y="aA")
    assert board.judge() == Ending((), (), False)
    assert unfinished(board.sim) == []


def test_a_cycle_is_one_deadlock() -> None:
    ending = Board("x y", x="ab", y="ba").judge()

    (report,) = ending.reports
    assert (report.kind, report.objects, report.fatal) == ("deadlock", ("b", "a"), True)
    assert report.message == "flow 1 holds a and waits for b; flow 2 holds b and waits for a"
    assert [(s.role, s.thread, s.step) for s in report.sites] == [
        ("acquires b", "x", 0),
        ("holds a since", "x", 1),
        ("acquires a", "y", 0),
        ("holds b since", "y", 2),
    ]
    assert (report.thread, report.step) == ("x", 2)
    assert ending.consequences == ()
    assert ending.stuck


def test_a_cycle_is_told_from_its_first_name_whoever_came_first() -> None:
    (report,) = Board("z y x", z="ab", y="bc", x="ca").judge().reports

    assert report.thread == "x"
    assert report.message == (
        "flow 3 holds c and waits for a; flow 1 holds a and waits for b; "
        "flow 2 holds b and waits for c"
    )


def test_who_waits_for_a_cycle_follows_from_it() -> None:
    """Directly, or through another; neither is part of it."""
    ending = Board("v x y", v="ca", w="c", x="ab", y="ba").judge()

    assert [report.objects for report in ending.reports] == [("b", "a")]
    assert ending.consequences == (
        "flow 1 then waits for ever for a, held by x",
        "flow 2 then waits for ever for c, held by v",
    )


def test_a_wait_that_nobody_ends_hangs() -> None:
    board = Board("x", x="a.", y="a")

    ending = board.judge()

    (report,) = ending.reports
    assert (report.kind, report.objects, report.fatal) == ("hung", ("done",), True)
    assert report.message == ("flow 1 waits for completion done; no step that is left can end this")
    assert [(s.role, s.thread) for s in report.sites] == [("waits", "x")]
    assert (report.thread, report.step) == ("x", 1)
    assert ending.consequences == ("flow 2 then waits for ever for a, held by x",)


def test_two_that_hang_are_two() -> None:
    assert [r.thread for r in Board("", x=".", y=".").judge().reports] == ["x", "y"]


def test_who_waits_for_a_stopped_thread_follows_from_what_stopped_it() -> None:
    board = Board("x x", x="aa", y="a")
    assert board.sim.by_name["x"].life is Life.STOPPED

    ending = board.judge()

    assert ending == Ending((), ("flow 2 then waits for ever for a, held by x",), True)
    assert stranded(board.sim) == []


def test_who_waits_for_one_that_ended_with_the_lock_follows_from_that() -> None:
    board = Board("x", x="a", y="a")
    assert board.sim.by_name["x"].life is Life.DONE

    assert board.judge() == Ending((), ("flow 2 then waits for ever for a, held by x",), True)


def test_what_a_killed_flow_holds_is_information() -> None:
    board = Board("x", x="a.", y="a", z=".")
    thread = board.sim.by_name["x"]
    thread.life = Life.KILLED

    assert held_by_killed(board.sim) == {("a", "lock"): "a"}
    assert [t.name for t in unfinished(board.sim)] == ["y", "z"]
    assert [t.name for t in stranded(board.sim)] == ["y"]
    assert aftermath(board.sim) == [
        "flow 1 is killed while it holds a, which stays held",
        "flow 2 then waits for ever for a, held by x",
    ]
    assert [report.thread for report in board.judge().reports] == ["z"]
    assert board.judge().consequences == ()


@pytest.mark.parametrize(("operation", "counts"), [("", False), ("work", True)])
def test_a_daemon_counts_only_amid_its_work(operation: str, counts: bool) -> None:
    board = Board("", x=".")
    thread = board.sim.by_name["x"]
    thread.daemon = True
    thread.operation = operation

    assert bool(unfinished(board.sim)) == counts
    assert board.judge().stuck == counts


def test_after_a_halt_nobody_is_unfinished() -> None:
    board = Board("", x=".")
    board.sim.halted = True

    assert unfinished(board.sim) == []


class _Own(Op):
    """Waits for the thread that performs it, as work does that flushes itself."""

    __slots__ = ("sim",)
    name = "flush_work"

    def __init__(self, sim: Sim) -> None:
        self.sim = sim

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return False

    def blockers(self, sim: Sim) -> tuple[SimThread, ...]:
        return (sim.by_name["x"],)

    def label(self) -> str:
        return "work"


def test_who_waits_for_himself_is_a_cycle_of_one() -> None:
    sim = Sim()

    async def body() -> None:
        await perform(_Own(sim))

    sim.spawn("x", body(), flow=1)

    (report,) = judge_ending(sim).reports
    assert (report.kind, report.objects) == ("deadlock", ("work",))
    assert report.message == "flow 1 holds no lock and waits for work"


class Readers:
    """Readers of one lock, each of whom then waits for something else, and a writer that waits."""

    def __init__(self, order: str, *, holds: str = "a", **wants: str) -> None:
        self.sim = sim = Sim()
        self.lock = RwLock(sim, "rw")
        self.locks = {name: Mutex(sim, name) for name in "ab"}
        self.done = Completion(sim, "done")

        async def reader(wanted: str) -> None:
            await self.lock.read_lock()
            await (self.locks[wanted].mutex_lock() if wanted else self.done.wait_for_completion())

        async def writer() -> None:
            for name in holds:
                await self.locks[name].mutex_lock()
            await self.lock.write_lock()

        for number, (name, wanted) in enumerate(wants.items(), 1):
            sim.spawn(name, reader(wanted), flow=number)
        sim.spawn("w", writer(), flow=len(wants) + 1)
        for _ in holds:
            sim.step(sim.by_name["w"])
        for name in order.split():
            sim.step(sim.by_name[name])
        assert not sim.enabled()

    def kinds(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(report.kind, report.objects) for report in judge_ending(self.sim).reports]


@pytest.mark.parametrize("order", ["x y", "y x"])
def test_a_cycle_through_any_of_several_holders(order: str) -> None:
    """The writer needs both readers to leave: one hangs, the other waits for the writer itself."""
    board = Readers(order, x="", y="a")

    assert board.kinds() == [("hung", ("done",)), ("deadlock", ("rw", "a"))]
    assert judge_ending(board.sim).consequences == ()


@pytest.mark.parametrize("order", ["x y z", "z y x"])
def test_each_holder_that_closes_a_cycle_is_a_deadlock(order: str) -> None:
    board = Readers(order, holds="ab", x="a", y="b", z="a")

    assert board.kinds() == [
        ("deadlock", ("rw", "a")),
        ("deadlock", ("rw", "b")),
        ("deadlock", ("rw", "a")),
    ]


def test_who_waits_for_a_killed_and_a_hanging_holder_is_stranded_and_follows() -> None:
    """Either is enough: that the one was killed is no fault, that the other hangs is one."""
    board = Readers("x y", x="", y="")
    board.sim.by_name["y"].life = Life.KILLED

    assert [thread.name for thread in stranded(board.sim)] == ["w"]
    assert board.kinds() == [("hung", ("done",))]
    assert judge_ending(board.sim).consequences == ("flow 3 then waits for ever for rw, held by x",)


def test_after_a_halt_who_could_go_on_closes_no_cycle() -> None:
    """A reader that waits for a mutex; its owner wants to read, too, and need not wait."""
    sim = Sim()
    rw, lock = RwLock(sim, "rw"), Mutex(sim, "a")

    async def reads() -> None:
        await rw.read_lock()
        await lock.mutex_lock()

    async def owns() -> None:
        await lock.mutex_lock()
        await rw.read_lock()

    for number, body in enumerate((reads(), owns()), 1):
        sim.step(sim.spawn(str(number), body, flow=number))
    sim.halted = True

    assert judge_ending(sim) == Ending((), (), False)


def test_of_a_struck_flow_and_its_strike_the_strike_is_told() -> None:
    """Whatever their names: the flow, which waits for nothing but its CPU, may come first."""
    for flow, strike in ("12", "21"):
        sim = Sim()
        lock, cpu = SpinLock(sim, "lock"), Cpu(0)

        async def holds(lock: SpinLock = lock) -> None:
            await lock.spin_lock()
            await lock.spin_unlock()

        async def dump(lock: SpinLock = lock) -> None:
            await lock.spin_lock()

        cpu.flow = sim.spawn(flow, Interruptible(holds(), cpu), flow=int(flow))
        striking = Strike(Context.HARDIRQ, [cpu])
        sim.spawn(strike, striking.run(dump), flow=int(strike), context=Context.HARDIRQ)
        sim.step(sim.by_name[flow])
        while sim.is_enabled(sim.by_name[strike]):
            sim.step(sim.by_name[strike])

        (report,) = judge_ending(sim).reports
        assert report.message == (
            f"flow {strike} spins for lock, which flow {flow} holds, the flow that it interrupted"
        )
