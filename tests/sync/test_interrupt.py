"""Who may strike whom, what masks it, what a killed flow leaves, and who can never go on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from netsim.checkers.ending import aftermath, judge_ending
from netsim.checkers.leaks import leaked_memory
from netsim.core.memory import KObject, kmalloc, shared
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import Context, Life, SimThread
from netsim.sync.halt import halt
from netsim.sync.interrupt import (
    Cpu,
    Interruptible,
    Strike,
    do_exit,
    in_interrupt,
    local_bh_disable,
    local_bh_enable,
    local_irq_disable,
    local_irq_enable,
    local_irq_restore,
    local_irq_save,
)
from netsim.sync.rcu import Rcu
from netsim.sync.sleep import might_sleep, schedule_point
from netsim.sync.spinlock import SpinLock

Body = Callable[[], Coroutine[Op, Any, Any]]


@shared
class Thing(KObject):
    """Something allocated."""

    x: int = 0


class Board:
    """A machine with one struck flow and strikes on it."""

    def __init__(self, flow: Body, *strikes: tuple[Context, Body]) -> None:
        self.sim = Sim()
        self.sim.recording = True
        self.cpu = Cpu(0)
        self.flow = self.cpu.flow = self.sim.spawn("1", Interruptible(flow(), self.cpu), flow=1)
        self.strikes: list[SimThread] = []
        for number, (context, body) in enumerate(strikes, 2):
            coroutine = Strike(context, [self.cpu]).run(body)
            self.strikes.append(self.sim.spawn(str(number), coroutine, flow=number))

    def places(self) -> list[bool]:
        """Run the flow alone; tell before each step, and at its end, if the strike may begin."""
        places = []
        while True:
            places.append(self.sim.is_enabled(self.strikes[0]))
            if not self.sim.is_enabled(self.flow):
                return places
            self.sim.step(self.flow)

    def run(self, thread: SimThread) -> None:
        """Let a thread go on as long as it can."""
        while self.sim.is_enabled(thread):
            self.sim.step(thread)


async def nothing() -> None:
    pass


def section(enter: Callable[[], Awaitable[Any]], leave: Callable[[], Awaitable[Any]]) -> Body:
    async def flow() -> None:
        await enter()
        await schedule_point("inside")
        await leave()

    return flow


class TestMasking:
    """Irqs off hold up hardirqs and softirqs, bottom halves off only softirqs, nothing an NMI."""

    @pytest.mark.parametrize(
        ("context", "irqs", "bottom_halves"),
        [
            (Context.SOFTIRQ, [True, False, False, True], [True, False, False, True]),
            (Context.HARDIRQ, [True, False, False, True], [True] * 4),
            (Context.NMI, [True] * 4, [True] * 4),
        ],
    )
    def test_sections(self, context: Context, irqs: list[bool], bottom_halves: list[bool]) -> None:
        irq = section(local_irq_disable, local_irq_enable)
        bh = section(local_bh_disable, local_bh_enable)

        assert Board(irq, (context, nothing)).places() == irqs
        assert Board(bh, (context, nothing)).places() == bottom_halves

    def test_saved_flags_nest(self) -> None:
        async def flow() -> None:
            outer = await local_irq_save()
            inner = await local_irq_save()
            await local_irq_restore(inner)
            await local_irq_restore(outer)

        places = Board(flow, (Context.HARDIRQ, nothing)).places()

        assert places == [True, False, False, False, True]

    def test_bottom_halves_nest(self) -> None:
        async def flow() -> None:
            await local_bh_disable()
            await local_bh_disable()
            await local_bh_enable()
            await local_bh_enable()
            await local_bh_disable()
            await local_bh_enable()

        places = Board(flow, (Context.SOFTIRQ, nothing)).places()

        assert places == [True, False, False, False, True, False, True]

    @pytest.mark.parametrize(
        ("context", "irqsave", "bh", "inside"),
        [
            (Context.HARDIRQ, True, False, False),
            (Context.HARDIRQ, False, True, True),
            (Context.SOFTIRQ, False, True, False),
            (Context.SOFTIRQ, False, False, True),
            (Context.NMI, True, True, True),
        ],
    )
    def test_locks_mask_as_they_are_taken(
        self, context: Context, irqsave: bool, bh: bool, inside: bool
    ) -> None:
        async def flow() -> None:
            await schedule_point("before")
            lock = SpinLock(board.sim, "lock", bh=bh)
            async with lock.irqsave() if irqsave else lock.held():
                pass

        board = Board(flow, (context, nothing))

        assert board.places() == [True, True, inside, True]


class TestExclusion:
    """A strike runs to its end before whom it interrupted moves."""

    def test_the_flow_waits(self) -> None:
        board = Board(section(nothing_at_all, nothing_at_all), (Context.NMI, nothing))
        board.sim.step(board.strikes[0])

        assert not board.sim.is_enabled(board.flow)
        board.run(board.strikes[0])
        assert board.strikes[0].life is Life.DONE
        assert board.sim.is_enabled(board.flow)

    @pytest.mark.parametrize(
        ("first", "second", "admitted"),
        [
            (Context.SOFTIRQ, Context.SOFTIRQ, False),
            (Context.SOFTIRQ, Context.HARDIRQ, True),
            (Context.HARDIRQ, Context.SOFTIRQ, False),
            (Context.HARDIRQ, Context.NMI, True),
            (Context.NMI, Context.NMI, False),
        ],
    )
    def test_only_a_higher_context_interrupts_a_strike(
        self, first: Context, second: Context, admitted: bool
    ) -> None:
        flow = section(nothing_at_all, nothing_at_all)
        board = Board(flow, (first, nothing), (second, nothing))
        board.sim.step(board.strikes[0])

        assert board.sim.is_enabled(board.strikes[1]) is admitted

    def test_a_call_that_may_sleep_is_reported(self) -> None:
        async def sleeps() -> None:
            await might_sleep("msleep")

        board = Board(section(nothing_at_all, nothing_at_all), (Context.HARDIRQ, sleeps))
        board.run(board.strikes[0])

        (report,) = board.sim.reports
        assert report.kind == "sleep-in-atomic"
        assert "context: hardirq" in report.message


class TestKilling:
    """A killed flow keeps what it has, and that is no finding."""

    def killed_inside(self) -> Board:
        async def flow() -> None:
            await schedule_point("before")
            lock, rcu = SpinLock(board.sim, "lock"), Rcu(board.sim, "rcu")
            async with lock.held(), rcu.reading():
                mine = kmalloc(board.sim, Thing(), "thing")
                await schedule_point("inside")
                mine.x = 1

        async def kills() -> None:
            do_exit(board.sim)

        board = Board(flow, (Context.NMI, kills))
        for _ in range(3):
            board.sim.step(board.flow)
        board.run(board.strikes[0])
        self.lock = next(v for v in board.flow.variables() if isinstance(v, SpinLock))
        return board

    def test_its_locks_stay_held(self) -> None:
        board = self.killed_inside()

        assert board.flow.life is Life.KILLED
        assert self.lock.owner is board.flow
        assert not board.sim.enabled()
        assert board.sim.reports == []
        assert judge_ending(board.sim).reports == ()
        assert aftermath(board.sim) == ["flow 1 is killed while it holds lock, which stays held"]

    def test_what_it_allocated_is_no_leak(self) -> None:
        board = self.killed_inside()

        assert list(board.sim.heap) == ["thing/1.1"]
        assert leaked_memory(board.sim, []) == []

    def test_who_waits_for_its_lock_is_information(self) -> None:
        board = self.killed_inside()

        async def other() -> None:
            await self.lock.spin_lock()

        board.sim.spawn("3", other(), flow=3)

        assert judge_ending(board.sim).reports == ()
        assert aftermath(board.sim)[1:] == ["flow 3 then waits for ever for lock, held by 1"]

    def test_grace_periods_end(self) -> None:
        """The CPU schedules when its task dies: a quiescent state."""
        board = self.killed_inside()
        rcu = next(v for v in board.flow.variables() if isinstance(v, Rcu))

        assert rcu.state() == ()

    def test_a_flow_that_has_ended_cannot_be_killed(self) -> None:
        async def kills() -> None:
            do_exit(board.sim)

        board = Board(section(nothing_at_all, nothing_at_all), (Context.NMI, kills))
        board.run(board.flow)
        board.run(board.strikes[0])

        assert board.flow.life is Life.DONE

    def test_a_killed_strike_runs_no_more(self) -> None:
        async def kills() -> None:
            do_exit(board.sim)

        async def strikes() -> None:
            await schedule_point("inside")
            ran.append("on")

        ran: list[str] = []
        flow = section(nothing_at_all, nothing_at_all)
        board = Board(flow, (Context.SOFTIRQ, strikes), (Context.NMI, kills))
        softirq, nmi = board.strikes
        board.sim.step(softirq)
        board.run(nmi)
        board.run(softirq)

        assert ran == []
        assert softirq.life is Life.KILLED
        assert not board.sim.enabled()
        assert judge_ending(board.sim).reports == ()
        assert aftermath(board.sim) == [
            "flow 1 then waits for ever for cpu0, which flow 2 does not give back"
        ]

    @pytest.mark.parametrize(
        ("enter", "leave", "expected"),
        [
            (local_bh_disable, local_bh_enable, True),
            (local_irq_disable, local_irq_enable, False),
        ],
    )
    def test_in_interrupt_counts_bottom_halves_but_not_irqs(
        self,
        enter: Callable[[], Awaitable[Any]],
        leave: Callable[[], Awaitable[Any]],
        expected: bool,
    ) -> None:
        async def asks() -> None:
            seen.append(in_interrupt(board.sim))

        seen: list[bool] = []
        board = Board(section(enter, leave), (Context.NMI, asks))
        board.sim.step(board.flow)
        board.run(board.strikes[0])

        assert seen == [expected]


def test_a_strike_that_spins_for_a_lock_of_whom_it_interrupted_is_a_deadlock() -> None:
    async def flow() -> None:
        await schedule_point("before")
        async with lock.held():
            await schedule_point("inside")

    async def dump() -> None:
        await lock.spin_lock()

    lock = SpinLock(Sim(), "netoops_lock")
    board = Board(flow, (Context.HARDIRQ, dump))
    lock.sim = board.sim
    board.flow.operation = "off"
    for _ in range(2):
        board.sim.step(board.flow)
    board.run(board.strikes[0])

    assert not board.sim.enabled()
    (report,) = judge_ending(board.sim).reports
    assert report.kind == "deadlock"
    assert report.message == (
        "flow 2 spins for netoops_lock, which flow 1 (off) holds, the flow that it interrupted"
    )
    assert [site.role for site in report.sites] == [
        "holds netoops_lock since",
        "acquires netoops_lock",
    ]


def locked_up(then: Body) -> tuple[Board, SimThread]:
    """Return a struck flow and another that wait for each other's lock, when a strike has run."""
    locks = [SpinLock(Sim(), "a"), SpinLock(Sim(), "b")]

    def takes(first: SpinLock, second: SpinLock) -> Body:
        async def flow() -> None:
            await first.spin_lock()
            await second.spin_lock()

        return flow

    board = Board(takes(locks[0], locks[1]), (Context.NMI, then))
    for lock in locks:
        lock.sim = board.sim
    other = board.sim.spawn("3", takes(locks[1], locks[0])(), flow=3)
    board.sim.step(board.flow)
    board.sim.step(other)
    board.run(board.strikes[0])
    return board, other


async def panics() -> None:
    await halt("panic")


def test_behind_a_halt_those_who_wait_for_each_other_are_still_a_deadlock() -> None:
    board, _ = locked_up(panics)

    assert board.sim.halted
    (report,) = judge_ending(board.sim).reports
    assert report.kind == "deadlock"
    assert report.objects == ("b", "a")


def test_behind_a_halt_whoever_could_go_on_is_in_no_deadlock() -> None:
    board = Board(section(nothing_at_all, nothing_at_all), (Context.NMI, panics))
    board.sim.step(board.flow)
    board.run(board.strikes[0])

    assert board.sim.halted
    assert judge_ending(board.sim).reports == ()


def test_a_strike_that_is_not_admitted_for_ever_waits_for_who_has_the_cpu() -> None:
    async def flow() -> None:
        async with lock.held():
            await schedule_point("inside")

    async def spins() -> None:
        await lock.spin_lock()

    lock = SpinLock(Sim(), "lock")
    board = Board(flow, (Context.HARDIRQ, spins), (Context.SOFTIRQ, nothing))
    lock.sim = board.sim
    board.sim.step(board.flow)
    board.run(board.strikes[0])
    ending = judge_ending(board.sim)

    assert [report.kind for report in ending.reports] == ["deadlock"]
    assert ending.consequences == ("flow 3 then waits for ever for cpu0 to admit softirq",)


def nothing_at_all() -> Awaitable[Any]:
    return schedule_point("nothing")
