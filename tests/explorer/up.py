"""
A uniprocessor machine that shares nothing with `netsim.sync.uniprocessor`: the oracle for it.

Every operation is a step of its own, and this file alone says who may make the next one: whoever
runs goes on where it cannot be preempted, unless it blocks; a strike or an interrupt takes the CPU
wherever nothing masks it, and keeps it to its end.  All schedules are run, one after the other.
"""

from __future__ import annotations

from collections.abc import Coroutine
from functools import partial
from typing import Any

import attrs

from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import Context, Life, SimThread
from netsim.sync.inside import Inside
from netsim.sync.sleep import schedule_point
from netsim.sync.uniprocessor import OneStrike, Seat, interrupt, uniprocessor
from tests.explorer.brute import TooLarge
from tests.explorer.programs import Interpreter, World
from tests.explorer.test_strikes import Striking, Struck

RANK = {Context.PROCESS: 0, Context.SOFTIRQ: 1, Context.HARDIRQ: 2, Context.NMI: 3}

#: A strike that is none: an interrupt of whoever runs.
ANYBODY = -1


class OnOneCpu(Striking):
    """Runs a program with strikes on one CPU; a target of ANYBODY makes an interrupt of it."""

    places = True

    def start(self) -> Sim:
        """Return a fresh machine with every thread before its first operation."""
        self.sim = sim = Sim()
        one = uniprocessor(sim)
        one.gated = True
        one.contexts = tuple(s[0] for s in self.struck.strikes if s[2] == ANYBODY)
        sim.recording = True
        self.registers = {}
        world = World(sim)
        self.state = world.state
        seats = [Seat(one) for _ in self.program]
        for n, instructions in enumerate(self.program):
            out: list[Any] = self.registers.setdefault(n, [])
            body = self._masked(world, instructions, n + 1, out)
            seats[n].flow = sim.spawn(str(n + 1), body, flow=n + 1)
        strikes, killers = [], []
        for n, (context, kills, target, body_) in enumerate(self.struck.strikes, len(self.program)):
            out = self.registers.setdefault(n, [])
            run = partial(self._strike, world, body_, n + 1, out, kills and target != ANYBODY)
            coroutine: Coroutine[Op, Any, Any]
            if target == ANYBODY:
                coroutine = interrupt(one, context, run)
            else:
                strike = OneStrike(context, seats if target is None else [seats[target]])
                coroutine = strike.run(run)
            thread = sim.spawn(str(n + 1), coroutine, flow=n + 1)
            if target != ANYBODY:
                strikes.append(thread)
                killers += [thread.name] * kills
        if self.places and strikes:
            Inside(sim, strikes, self.reach, killers)
        return sim


class BetweenSteps(OnOneCpu):
    """Strikes come only before operations, as in the oracle."""

    places = False
    observe = Interpreter.observe


class Plain:
    """Carries threads as they are: only what locks do is that of one CPU."""

    def carry(
        self, thread: SimThread, coroutine: Coroutine[Op, Any, Any]
    ) -> Coroutine[Op, Any, Any]:
        """Return the coroutine."""
        return coroutine


@attrs.define(eq=False)
class Attack:
    """A strike or interrupt: whom it may hit (None: whoever runs), and how far it is."""

    context: Context
    kills: bool
    targets: tuple[SimThread | None, ...]
    struck: SimThread | None = None
    thread: SimThread = attrs.field(init=False)

    async def run(self, body: Coroutine[Op, Any, Any]) -> None:
        """Do what it does; an NMI may still come before it returns."""
        await body
        struck = self.struck
        if self.kills and struck is not None and struck.life is Life.LIVE:
            for leave in struck.at_exit.values():
                leave()
            struck.life = Life.KILLED
        await schedule_point("iret")


class Micro(Interpreter):
    """One execution at a time of the oracle's machine."""

    def __init__(self, program: Struck) -> None:
        super().__init__(program.flows)
        self.struck = program
        self.attacks: list[Attack]

    def start(self) -> Sim:
        """Return a fresh machine; strikes stand before their first operation, and wait."""
        self.sim = sim = Sim()
        sim.cpu = Plain()
        sim.recording = True
        self.registers = {}
        world = World(sim)
        self.state = world.state
        flows = []
        masked = Striking._masked
        for n, instructions in enumerate(self.program):
            out: list[Any] = self.registers.setdefault(n, [])
            flow = masked(self, world, instructions, n + 1, out)  # type: ignore[arg-type]
            flows.append(sim.spawn(str(n + 1), flow, flow=n + 1))
        self.attacks = []
        for n, (context, kills, target, body_) in enumerate(self.struck.strikes, len(self.program)):
            out = self.registers.setdefault(n, [])
            targets: tuple[SimThread | None, ...] = tuple(flows)
            if target is not None:
                targets = (None,) if target == ANYBODY else (flows[target],)
            attack = Attack(context, kills and target != ANYBODY, targets)
            body = attack.run(world.run(body_, n + 1, out))
            attack.thread = sim.spawn(str(n + 1), body, flow=n + 1)
            self.attacks.append(attack)
        return sim


def every_outcome(program: Struck, executions_max: int) -> frozenset[tuple[Any, ...]]:
    """Run all schedules; raises TooLarge beyond `executions_max`."""
    micro = Micro(program)
    outcomes: set[tuple[Any, ...]] = set()
    todo: list[list[int]] = [[]]
    executions = 0
    while todo:
        path = todo.pop()
        run = _Run(micro)
        depth = 0
        while ways := run.ways():
            if depth == len(path):
                todo += [[*path, other] for other in range(1, len(ways))]
                path = [*path, 0]
            run.take(*ways[path[depth]])
            depth += 1
        outcomes.add(micro.observe())
        executions += 1
        if executions > executions_max:
            raise TooLarge
    return frozenset(outcomes)


Way = tuple[Attack | None, SimThread | None, int]
"""(attack that begins, or None for a step), (whom it hits, or who steps), the value chosen."""


class _Run:
    """An execution: `holder` stands where it cannot be preempted, `stack` are attacks under way."""

    def __init__(self, micro: Micro) -> None:
        self.micro = micro
        self.sim = micro.start()
        self.holder: SimThread | None = None
        self.stack: list[Attack] = []
        self.waiting = list(micro.attacks)
        self.attackers = [attack.thread for attack in micro.attacks]

    def ways(self) -> list[Way]:
        """List what may happen next."""
        running = self.stack[-1].thread if self.stack else self.holder
        if running is not None:
            candidates = [running]
        else:
            candidates = [t for t in self.sim.threads if t not in self.attackers]
        found: list[Way] = []
        for thread in candidates:
            if self._can(thread):
                assert thread.pending is not None
                found += [(None, thread, v) for v in range(thread.pending.options(self.sim))]
        for attack in self.waiting:
            if self._admitted(attack, running):
                for target in attack.targets:
                    free = self.stack or self.holder is None or target is None
                    if free or target is self.holder:
                        found.append((attack, target, 0))
        return found

    def take(self, attack: Attack | None, thread: SimThread | None, value: int) -> None:
        """Let it happen."""
        if attack is not None:
            self.waiting.remove(attack)
            attack.struck = self.stack[-1].thread if self.stack else thread
            attack.thread.context = attack.context
            self.stack.append(attack)
            return
        assert thread is not None
        self.sim.step(thread, value)
        if self.stack:
            self._left()
        else:
            self.holder = thread
        if self.holder is not None and not self.stack:
            stays = self._section(self.holder) and self._can(self.holder)
            self.holder = self.holder if stays else None

    def _left(self) -> None:
        """Take attacks that have ended off the CPU."""
        while self.stack and self.stack[-1].thread.pending is None:
            self.stack.pop()

    def _can(self, thread: SimThread) -> bool:
        pending = thread.pending
        return (
            pending is not None and thread.life is Life.LIVE and pending.enabled(self.sim, thread)
        )

    @staticmethod
    def _section(thread: SimThread) -> bool:
        return thread.preempt_count + thread.irqs_off + thread.bh_off > 0

    def _admitted(self, attack: Attack, running: SimThread | None) -> bool:
        if running is None:
            return True
        rank = RANK[self.stack[-1].context] if self.stack else 0
        masked = {
            Context.HARDIRQ: running.irqs_off > 0,
            Context.SOFTIRQ: running.irqs_off + running.bh_off > 0,
            Context.NMI: False,
        }[attack.context]
        return RANK[attack.context] > rank and not masked
