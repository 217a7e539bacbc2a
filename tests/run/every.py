"""
A small design, and every execution of a scenario on it, one after the other, without a strategy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from netsim.checkers.datarace import DataRaces
from netsim.core.memory import KObject, bind, kfree, shared
from netsim.core.sim import Sim
from netsim.core.step import Choice
from netsim.design import Design, Operation, StartingPoint
from netsim.explorer.events import History
from netsim.explorer.loop import Program
from netsim.notation import parse
from netsim.results import Options
from netsim.run.judge import Judged, judge, judge_run
from netsim.run.outcome import observe
from netsim.run.program import ScenarioProgram
from netsim.run.serial import ORDERS_MAX, STEPS_MAX, SerialReference, faults_of
from netsim.sync.alloc import kzalloc
from netsim.sync.halt import halt
from netsim.sync.marked import read_once, write_once
from netsim.sync.mutex import Mutex


@shared
class Cell(KObject):
    """Shared data."""

    x: int = 0


class System:
    """Two locks and a cell."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.a, self.b = Mutex(sim, "a"), Mutex(sim, "b")
        self.cell = bind(sim, Cell(), "cell")

    def dumps(self) -> Sequence[str]:
        return ()

    def roots(self) -> Sequence[Any]:
        return (self.cell,)

    def counts(self) -> Sequence[Any]:
        return ()


async def add(s: System) -> None:
    x = await read_once(s.cell, "x")
    await write_once(s.cell, "x", x + 1)


async def read(s: System) -> int:
    x: int = await read_once(s.cell, "x")
    return x


async def pulse(s: System) -> None:
    await write_once(s.cell, "x", 1)
    await write_once(s.cell, "x", 0)


async def look(s: System) -> None:
    """Fails only if it reads between the two writes, and again after both."""
    first = await read_once(s.cell, "x")
    second = await read_once(s.cell, "x")
    assert (first, second) != (1, 0)


async def forth(s: System) -> None:
    async with s.a.held(), s.b.held():
        pass


async def back(s: System) -> None:
    async with s.b.held(), s.a.held():
        pass


async def again(s: System) -> None:
    async with s.a.held(), s.a.held():
        pass


async def tick(s: System) -> None:
    s.cell.x += 1


async def make(s: System) -> None:
    await read_once(s.cell, "x")
    made: Any = await kzalloc(s.sim, Cell(), "made")
    made.x = 1
    kfree(made)


async def die(s: System) -> None:
    await halt("die")


RUN = {f.__name__: f for f in (add, read, pulse, look, forth, back, again, tick, make, die)}

TOY = Design(
    name="toy",
    summary="goes wrong",
    boot=System,
    operations={n: Operation(n, n, run, halts=run is die) for n, run in RUN.items()},
    starts=(StartingPoint("empty", ""),),
    probes=("read",),
)


@attrs.frozen
class Ran:
    """One execution: its schedule, where it switched although it need not, what it shows."""

    schedule: list[Choice]
    preemptions: int
    ids: frozenset[str]


def every_execution(scenario: str, faults: int = 0) -> list[Ran]:
    """Run all interleavings of a scenario of TOY."""
    program = ScenarioProgram(TOY, parse(scenario, TOY.operations), Options(faults))
    program.start()
    reference = SerialReference(program, ORDERS_MAX, STEPS_MAX)

    def shown(history: History) -> list[Judged]:
        at_end, taken = judge_run(program.run), faults_of(program.run.sim)
        seen = observe(program)
        return judge(seen, at_end, reference, taken, program, history.leads_to_end)

    return every_run(program, shown)


def every_run(program: Program, shown: Callable[[History], list[Judged]]) -> list[Ran]:
    """Run all interleavings of a program; `shown` judges the one that has just ended."""
    done: list[Ran] = []
    todo: list[list[Choice]] = [[]]
    while todo:
        prefix = todo.pop()
        sim, races, history = program.start(), DataRaces(), History()
        races.begin(sim, 0)
        schedule: list[Choice] = []
        preemptions = 0
        while enabled := sim.enabled():
            ways = [
                Choice(t.name, v)
                for t in enabled
                if t.pending is not None
                for v in range(t.pending.options(sim))
            ]
            if len(schedule) < len(prefix):
                way = prefix[len(schedule)]
            else:
                way = ways[0]
                todo += [[*schedule, other] for other in ways[1:]]
            if schedule and schedule[-1].thread != way.thread:
                preemptions += schedule[-1].thread in [t.name for t in enabled]
            step = sim.step(sim.by_name[way.thread], way.value)
            races.stepped(sim, step)
            history.append(step)
            schedule.append(way)
        done.append(Ran(schedule, preemptions, frozenset(one.id for one in shown(history))))
    return done
