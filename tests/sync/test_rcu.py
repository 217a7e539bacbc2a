"""Sections with irqs off hold up grace periods as readers do, without steps of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netsim.core.memory import KObject, bind, shared
from netsim.core.sim import ModelError, Sim
from netsim.core.thread import Context, SimThread
from netsim.sync.interrupt import Cpu, Interruptible, Strike, do_exit
from netsim.sync.marked import rcu_assign, rcu_dereference, write_once
from netsim.sync.rcu import Rcu
from netsim.sync.sleep import schedule_point
from netsim.sync.spinlock import SpinLock
from tests.explorer.brute import every_interleaving
from tests.explorer.test_oracle import explore


@shared
class Thing(KObject):
    """What a pointer leads to, and whether it is still there."""

    pointer: int = 1
    there: int = 1


class World:
    """A reader that has irqs off, and who takes away what it reads after a grace period."""

    def __init__(self, *bodies: str) -> None:
        self.bodies = bodies
        self.sim = Sim()

    def start(self) -> Sim:
        self.sim = sim = Sim()
        sim.recording = True
        self.rcu, self.locks = Rcu(sim, "rcu"), [SpinLock(sim, name) for name in ("a", "b")]
        self.thing = bind(sim, Thing(), "thing")
        self.seen: dict[str, tuple[Any, ...]] = {}
        for number, name in enumerate(self.bodies, 1):
            body: Callable[[int], Awaitable[None]] = getattr(self, name)
            sim.spawn(str(number), body(number), flow=number)  # type: ignore[arg-type]
        return sim

    def observe(self) -> tuple[Any, ...]:
        left = tuple(thread.pending is not None for thread in self.sim.threads)
        return (tuple(sorted(self.seen.items())), self.rcu.state(), left)

    async def _look(self, me: int) -> None:
        pointer = await rcu_dereference(self.thing, "pointer")
        await schedule_point("between")
        there = pointer and await rcu_dereference(self.thing, "there")
        self.seen[str(me)] = (pointer, there)

    async def masked(self, me: int) -> None:
        await self.locks[me % 2].spin_lock_irqsave()
        with self.rcu.masked():
            await self._look(me)
            await self.locks[me % 2].spin_unlock_irqrestore()

    async def reading(self, me: int) -> None:
        async with self.rcu.reading():
            await self._look(me)

    async def careless(self, me: int) -> None:
        await self._look(me)

    async def takes(self, me: int) -> None:
        await rcu_assign(self.thing, "pointer", 0)
        await self.rcu.synchronize()
        await write_once(self.thing, "there", 0)

    async def on(self, me: int) -> None:
        with self.rcu.masked():
            await schedule_point("inside")


def freed_under_a_reader(world: World) -> bool:
    found, _ = explore(world)  # type: ignore[arg-type]
    return any(seen == (1, 0) for one in found.observations for _, seen in one[0])


@pytest.mark.parametrize("reader", ["masked", "reading", "careless"])
def test_nothing_goes_while_irqs_are_off(reader: str) -> None:
    assert freed_under_a_reader(World(reader, "takes")) is (reader == "careless")


@pytest.mark.parametrize(
    "bodies",
    [
        ("masked", "takes"),
        ("masked", "masked", "takes"),
        ("masked", "takes", "takes"),
    ],
)
def test_the_explorer_finds_what_brute_force_finds(bodies: tuple[str, ...]) -> None:
    everything = every_interleaving(World(*bodies), 200_000)
    found, blocked = explore(World(*bodies))  # type: ignore[arg-type]

    assert found.observations == everything.observations
    assert (found.classes, blocked) == (everything.classes, 0)


def test_it_makes_no_step() -> None:
    world = World("masked")
    sim = world.start()
    names = []
    while sim.is_enabled(thread := sim.by_name["1"]):
        assert thread.pending is not None
        names.append(thread.pending.name)
        assert sim.step(thread).footprint.keys() >= {world.rcu.key} or "lock" not in names[-1]

    assert names == ["spin_lock", "marked", "between", "marked", "spin_unlock"]
    assert world.rcu.state() == ()


def test_it_is_refused_where_irqs_are_on() -> None:
    world = World("on")
    with pytest.raises(ModelError, match=r"rcu.masked\(\) begins with irqs on: expected"):
        world.start()


def test_a_killed_flow_holds_up_no_grace_period() -> None:
    """Its CPU schedules when the task dies: a quiescent state."""
    world = World("takes")
    sim = world.start()
    cpu = Cpu(0)

    async def kills() -> None:
        do_exit(sim)

    flow: SimThread = sim.spawn("2", Interruptible(world.masked(2), cpu), flow=2)
    cpu.flow = flow
    strike = sim.spawn("3", Strike(Context.NMI, [cpu]).run(kills), flow=3)
    sim.step(flow)
    assert world.rcu.state() == (("2", 1),)
    while sim.is_enabled(strike):
        sim.step(strike)

    assert world.rcu.state() == ()
    assert world.locks[0].owner is flow
