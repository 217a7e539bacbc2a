"""
A uniprocessor machine that shares nothing with `netsim.sync.uniprocessor`: the oracle for it.

Every operation is a step of its own, and `OneRun` alone says who may make the next one: whoever
runs goes on where it cannot be preempted, unless it blocks; a strike or an interrupt takes the CPU
wherever nothing masks it, and keeps it to its end.  All schedules are run, one after the other.
"""

from __future__ import annotations

from collections.abc import Coroutine
from functools import partial
from typing import Any

from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import Life, SimThread
from netsim.sync.inside import Inside
from netsim.sync.uniprocessor import OneStrike, Seat, interrupt, uniprocessor
from tests.explorer.programs import World
from tests.explorer.smp import Attack, Outcome, Processor, Run, interrupts, normal
from tests.explorer.test_strikes import Striking

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


class Plain:
    """Carries threads as they are: only what locks do is that of one CPU."""

    def carry(
        self, thread: SimThread, coroutine: Coroutine[Op, Any, Any]
    ) -> Coroutine[Op, Any, Any]:
        """Return the coroutine."""
        return coroutine


class OneRun(Run):
    """
    One execution on one CPU: its `stack` begins with who stands where it cannot be preempted.

    If nobody does, anybody may go on.  Interrupts come only between operations.
    """

    def _set_up(self) -> None:
        self.sim.cpu = Plain()

    def _processors(self) -> list[Processor]:
        return [Processor([])]

    def _aim(self, target: int | None) -> SimThread | None:
        return None if target == ANYBODY else super()._aim(target)

    def execute(self) -> Outcome | None:
        """Run to the end; return what one sees then, None if it is void."""
        sim, (cpu,) = self.sim, self.cpus
        while not self.void:
            self.amid_step = 0
            threads = [t for t in sim.threads if t not in self.strikes]
            ways = [
                (thread, value)
                for thread in (cpu.stack[-1:] or threads)
                if self._can(thread) and thread.pending is not None
                for value in range(thread.pending.options(sim))
            ]
            begin = self._beginning(cpu)
            if not ways and not begin:
                return self._observe()
            which = self._decide(len(ways) + len(begin))
            if which < len(ways):
                thread, value = ways[which]
                cpu.stack[:] = cpu.stack or [thread]
                self._step(thread, cpu, value)
            else:
                self._begin(begin[which - len(ways)], cpu)
            if len(cpu.stack) == 1 and cpu.stack[0] not in self.strikes:
                (holder,) = cpu.stack
                if not (_in_section(holder) and self._can(holder)):
                    cpu.stack.clear()
        return None

    def _beginning(self, cpu: Processor) -> list[Attack]:
        if not cpu.stack:
            return list(self.waiting)
        holder, running = cpu.stack[0], cpu.stack[-1]
        return [
            attack
            for attack in self.waiting
            if interrupts(attack.context, running)
            and not (self.busy is not None and attack.target is None)
            and (attack.target in (None, holder) or running in self.strikes)
        ]

    def _struck(self, attack: Attack, cpu: Processor) -> SimThread | None:
        return cpu.running() if cpu.stack else attack.target

    def _observe(self) -> Outcome:
        stack = self.cpus[0].stack
        gone = [t for t in stack if t in self.strikes and t.life in (Life.KILLED, Life.STOPPED)]
        lost = [t.name for t in self.sim.threads if t not in stack] if gone else []
        for thread in gone:
            lost += [below.name for below in stack[: stack.index(thread)]]
        return normal(self.interpreter.observe(), lost)


def _in_section(thread: SimThread) -> bool:
    return thread.preempt_count + thread.irqs_off + thread.bh_off > 0
