"""Locks of a uniprocessor machine, what is one step there, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import attrs
import pytest

from netsim.checkers.datarace import DataRaces
from netsim.core.memory import KObject, bind, shared
from netsim.core.op import Op
from netsim.core.sim import ModelError, Sim
from netsim.core.step import Step
from netsim.core.thread import Context, Life
from netsim.sync.choose import choose
from netsim.sync.interrupt import local_bh_disable, local_bh_enable
from netsim.sync.mutex import Mutex
from netsim.sync.rwlock import RwLock
from netsim.sync.sleep import might_sleep, schedule_point
from netsim.sync.spinlock import SpinLock
from netsim.sync.uniprocessor import OneCpu, OneStrike, Seat, interrupt, uniprocessor
from netsim.sync.workqueue import Work

Body = Callable[[], Coroutine[Op, Any, Any]]


@shared
class Cell(KObject):
    """Plain shared data."""

    x: int = 0


@attrs.define
class Machine:
    """A uniprocessor machine and what threads on it share."""

    sim: Sim = attrs.Factory(Sim)
    one: OneCpu = attrs.field(init=False)
    races: DataRaces = attrs.Factory(DataRaces)

    def __attrs_post_init__(self) -> None:
        self.one = uniprocessor(self.sim)
        self.sim.recording = True
        self.races.begin(self.sim, 0)

    def step(self, name: str) -> Step:
        """Make one step of a thread."""
        step = self.sim.step(self.sim.by_name[name])
        self.races.stepped(self.sim, step)
        return step

    def calls(self, name: str) -> list[str]:
        """Make one step; return the calls that it consists of."""
        step = self.step(name)
        return [step.op.call(), *(one.op.call() for one in step.follows)]

    def reports(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return kind and objects of what was reported."""
        return [(report.kind, report.objects) for report in self.sim.reports]


@pytest.fixture
def machine() -> Machine:
    return Machine()


class TestLocks:
    """include/linux/spinlock_api_up.h, without CONFIG_DEBUG_SPINLOCK."""

    @pytest.mark.parametrize("irqsave", [False, True])
    def test_a_section_is_one_step(self, machine: Machine, irqsave: bool) -> None:
        lock = SpinLock(machine.sim, "lock")

        async def body() -> None:
            async with lock.irqsave() if irqsave else lock.held():
                await schedule_point("inside")
            await schedule_point("outside")

        machine.sim.spawn("1", body())

        assert machine.calls("1") == ["spin_lock", "inside", "spin_unlock"]
        assert machine.calls("1") == ["outside"]
        assert machine.sim.by_name["1"].life is Life.DONE
        assert machine.reports() == []

    def test_trylock_succeeds_and_nobody_sees_a_lock(self, machine: Machine) -> None:
        lock, told = SpinLock(machine.sim, "lock"), list[Any]()

        async def body() -> None:
            await lock.spin_lock()
            told.append(await lock.spin_trylock_irqsave())
            told.append(lock.is_locked())
            await lock.spin_unlock_irqrestore()
            await lock.spin_unlock()

        thread = machine.sim.spawn("1", body())
        step = machine.step("1")

        assert told == [True, False]
        assert step.footprint == {}
        assert (thread.preempt_count, thread.irqs_off, thread.held) == (0, 0, [])
        assert machine.reports() == []

    def test_who_takes_it_twice_goes_on(self, machine: Machine) -> None:
        lock = SpinLock(machine.sim, "lock", bh=True)

        async def body() -> None:
            async with lock.held(), lock.held():
                await schedule_point("inside")

        thread = machine.sim.spawn("1", body())

        assert machine.calls("1")[2] == "inside"
        assert (thread.bh_off, machine.reports()) == (0, [])

    def test_rwlocks_do_not_lock_either(self, machine: Machine) -> None:
        lock = RwLock(machine.sim, "lock", bh=True)

        async def body() -> None:
            async with lock.reading(), lock.writing():
                pass

        machine.sim.spawn("1", body())

        assert machine.calls("1") == ["read_lock", "write_lock", "write_unlock", "read_unlock"]
        assert machine.reports() == []

    def test_what_one_does_not_hold_is_not_released(self, machine: Machine) -> None:
        lock = SpinLock(machine.sim, "lock")
        thread = machine.sim.spawn("1", _unlock(lock))
        machine.step("1")

        assert machine.reports() == [("bad-unlock", ("lock",))]
        assert thread.preempt_count == 0

    def test_mutexes_lock(self, machine: Machine) -> None:
        mutex = Mutex(machine.sim, "mutex")

        async def body() -> None:
            async with mutex.held():
                await schedule_point("inside")

        machine.sim.spawn("1", body())
        machine.sim.spawn("2", body())

        assert machine.calls("1") == ["mutex_lock"]
        assert [thread.name for thread in machine.sim.enabled()] == ["1"]


async def _unlock(lock: SpinLock) -> None:
    await lock.spin_unlock()


class TestSections:
    """Where steps end."""

    def test_a_call_that_may_sleep_and_does_not_ends_none(self, machine: Machine) -> None:
        async def body() -> None:
            await local_bh_disable()
            await might_sleep("msleep")
            await local_bh_enable()

        machine.sim.spawn("1", body())

        assert machine.calls("1") == ["local_bh_disable", "msleep", "local_bh_enable"]
        assert machine.reports() == [("sleep-in-atomic", ())]

    def test_who_blocks_lets_others_run(self, machine: Machine) -> None:
        lock, mutex = SpinLock(machine.sim, "lock"), Mutex(machine.sim, "mutex")

        async def sleeps() -> None:
            async with lock.held(), mutex.held():
                pass

        async def holds() -> None:
            async with mutex.held():
                pass

        machine.sim.spawn("1", sleeps())
        machine.sim.spawn("2", holds())

        assert machine.calls("2") == ["mutex_lock"]
        assert machine.calls("1") == ["spin_lock"]
        assert [thread.name for thread in machine.sim.enabled()] == ["2"]
        assert machine.calls("2") == ["mutex_unlock"]
        assert machine.calls("1") == ["mutex_lock", "mutex_unlock", "spin_unlock"]
        assert machine.reports() == [("sleep-in-atomic", ("lock",))]

    def test_a_choice_leaves_the_section_open_and_keeps_others_out(self, machine: Machine) -> None:
        machine.one.gate()
        machine.sim.spawn("1", _chooses(SpinLock(machine.sim, "lock")))
        machine.sim.spawn("2", _unlock(SpinLock(machine.sim, "other")))

        assert machine.calls("1") == ["spin_lock"]
        assert [thread.name for thread in machine.sim.enabled()] == ["1"]
        assert machine.calls("1") == ["choose", "spin_unlock"]
        assert [thread.name for thread in machine.sim.enabled()] == ["2"]

    def test_a_choice_that_nobody_announced_is_refused(self, machine: Machine) -> None:
        machine.sim.spawn("1", _chooses(SpinLock(machine.sim, "lock")))

        with pytest.raises(ModelError, match="expected a choice before the section"):
            machine.step("1")

    def test_idle_workers_are_kept_out_too(self, machine: Machine) -> None:
        """They are older than the flows that make steps end inside sections."""
        work = Work(machine.sim, "work", _nothing)

        async def queues() -> None:
            await work.schedule_work()

        machine.sim.spawn("0", queues())
        machine.step("0")
        machine.step("work")
        machine.step("work")
        machine.one.gate()
        lock = SpinLock(machine.sim, "lock")

        async def body() -> None:
            async with lock.held():
                await work.schedule_work()
                await choose("coin", 2)

        machine.sim.spawn("1", body())

        assert machine.calls("1") == ["spin_lock", "queue_work"]
        assert [thread.name for thread in machine.sim.enabled()] == ["1"]


async def _chooses(lock: SpinLock) -> None:
    async with lock.held():
        await choose("coin", 2)


async def _nothing() -> None:
    pass


class TestInterrupts:
    """Who takes the CPU from whom."""

    def both(self, machine: Machine, context: Context, mask: bool) -> list[str]:
        """Interrupt a section; return the threads that can run after its first step."""
        machine.one.gate()
        machine.one.contexts = (context,)
        lock = SpinLock(machine.sim, "lock")

        async def flow() -> None:
            async with lock.irqsave() if mask else lock.held():
                await schedule_point("inside")

        machine.sim.spawn("1", flow())
        machine.sim.spawn("2", interrupt(machine.one, context, _nothing))
        machine.step("1")
        return [thread.name for thread in machine.sim.enabled()]

    def test_an_interrupt_comes_where_irqs_are_on(self, machine: Machine) -> None:
        assert self.both(machine, Context.HARDIRQ, mask=False) == ["1", "2"]
        assert machine.calls("2") == ["strike", "iret"]
        assert machine.calls("1") == ["inside", "spin_unlock"]

    def test_it_does_not_come_where_they_are_off(self, machine: Machine) -> None:
        assert self.both(machine, Context.HARDIRQ, mask=True) == ["2"]  # the section is over

    def test_a_strike_hits_its_flow_only(self, machine: Machine) -> None:
        machine.one.gate()
        lock = SpinLock(machine.sim, "lock")

        async def flow() -> None:
            async with lock.held():
                await schedule_point("inside")

        seats = [Seat(machine.one), Seat(machine.one)]
        for number, seat in enumerate(seats, 1):
            seat.flow = machine.sim.spawn(str(number), flow(), flow=number)
        machine.sim.spawn("3", OneStrike(Context.NMI, [seats[1]]).run(_nothing))

        assert machine.calls("1") == ["spin_lock", "inside", "spin_unlock"]
        assert machine.calls("2") == ["spin_lock"]
        assert machine.calls("3") == ["strike", "iret"]


class TestRaces:
    """Sections are ordered, if they touch the same; what strikes amid one is not."""

    def run(self, machine: Machine, first: Body, second: Body, *steps: str) -> list[Any]:
        machine.sim.spawn("1", first())
        machine.sim.spawn("2", second())
        for name in steps:
            machine.step(name)
        return machine.reports()

    @staticmethod
    def writes(cell: Cell, *locks: SpinLock) -> Body:
        """Return code that writes `cell` in the sections of `locks`."""

        async def body() -> None:
            for lock in locks:
                await lock.spin_lock()
            if not locks:
                await schedule_point("write")
            cell.x = cell.x + 1
            for lock in locks:
                await lock.spin_unlock()

        return body

    def test_two_sections_of_different_locks_do_not_race(self, machine: Machine) -> None:
        cell = bind(machine.sim, Cell(), "cell")
        one, other = SpinLock(machine.sim, "one"), SpinLock(machine.sim, "other")

        assert self.run(machine, self.writes(cell, one), self.writes(cell, other), "1", "2") == []

    def test_a_section_races_with_what_can_be_preempted(self, machine: Machine) -> None:
        cell = bind(machine.sim, Cell(), "cell")
        lock = SpinLock(machine.sim, "lock")

        assert self.run(machine, self.writes(cell, lock), self.writes(cell), "1", "2") == [
            ("data-race", ("cell.x",))
        ]

    def test_what_a_section_publishes_is_ordered(self, machine: Machine) -> None:
        """By whatever both touch, plain or not."""
        cell, flag = bind(machine.sim, Cell(), "cell"), bind(machine.sim, Cell(), "flag")
        lock = SpinLock(machine.sim, "lock")

        async def gives() -> None:
            await schedule_point("write")
            cell.x = 1
            async with lock.held():
                flag.x = 1

        async def takes() -> None:
            async with lock.held():
                seen = flag.x
            assert seen
            cell.x = 2

        assert self.run(machine, gives, takes, "1", "1", "2") == []

    def test_a_strike_amid_a_section_races(self, machine: Machine) -> None:
        machine.one.gate()
        cell = bind(machine.sim, Cell(), "cell")
        lock = SpinLock(machine.sim, "lock")
        seat = Seat(machine.one)
        seat.flow = machine.sim.spawn("1", self.writes(cell, lock)())
        machine.sim.spawn("2", OneStrike(Context.NMI, [seat]).run(self.writes(cell, lock)))
        machine.step("1")
        machine.step("2")

        assert machine.reports() == [("data-race", ("cell.x",))]
