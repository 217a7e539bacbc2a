"""
A machine of several CPUs that are struck, which shares nothing with `netsim.sync.interrupt` and
`netsim.sync.inside`: the oracle for both.

Before each operation, and before each plain access amid a step, this file alone says who goes on:
between steps whoever runs on some CPU, amid a step only what strikes the CPU of that.  What strikes
amid a step must come to its end there.  All schedules are run, one after the other.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import attrs

from netsim.core.access import Key
from netsim.core.fault import Stop
from netsim.core.sim import Sim
from netsim.core.thread import Context, Life, SimThread
from netsim.sync.sleep import schedule_point
from tests.explorer.brute import TooLarge
from tests.explorer.programs import Interpreter, World
from tests.explorer.test_strikes import Striking, Struck

RANK = {Context.PROCESS: 0, Context.SOFTIRQ: 1, Context.HARDIRQ: 2, Context.NMI: 3}

Outcome = tuple[Any, ...]

#: What a strike will do first, here and there.
_BEGINNING = ("begin", "strike", "choose")


@attrs.define(eq=False)
class Attack:
    """A strike: whose CPU it takes (None: that of whoever runs), and whom it interrupted there."""

    context: Context
    kills: bool
    target: SimThread | None
    struck: SimThread | None = None
    thread: SimThread = attrs.field(init=False)

    async def run(self, world: World, body: tuple[tuple[str, int], ...], out: list[Any]) -> None:
        """Do what it does."""
        await schedule_point("begin")
        await world.run(body, self.thread.flow, out)
        struck = self.struck
        if self.kills and struck is not None and struck.life is Life.LIVE:
            for leave in struck.at_exit.values():
                leave()
            struck.life = Life.KILLED
        await schedule_point("return")


@attrs.define(eq=False)
class Processor:
    """A CPU: `stack` are the flow and the strikes there, of whom only the last may run."""

    stack: list[SimThread]

    def running(self) -> SimThread | None:
        """Return who runs; None if it was killed."""
        return self.stack[-1] if self.stack and self.stack[-1].life is not Life.KILLED else None

    def admits(self, context: Context) -> bool:
        """Tell whether a strike could begin here."""
        running = self.running()
        return running is None or interrupts(context, running)


def interrupts(context: Context, running: SimThread) -> bool:
    """Tell whether a strike could begin where a thread runs."""
    masked = {
        Context.HARDIRQ: running.irqs_off > 0,
        Context.SOFTIRQ: running.irqs_off + running.bh_off > 0,
    }.get(context, False)
    return not masked and RANK[context] > RANK[running.context]


class Machine(Sim):
    """Asks before each plain access."""

    run: Run

    def plain_read(self, key: Key) -> None:
        """Read, after what strikes before that."""
        self.run.amid()
        super().plain_read(key)

    def plain_write(self, key: Key, old: Any, new: Any) -> None:
        """Write, after what strikes before that."""
        self.run.amid()
        super().plain_write(key, old, new)


class Run:
    """
    One execution: `path` says how each decision falls, and gets a 0 for each that is new.

    No more than `strikes_max` strikes begin amid one step.
    """

    def __init__(self, program: Struck, path: list[int], strikes_max: int) -> None:
        self.path = path
        self.strikes_max = strikes_max
        #: How many ways there were at each decision.
        self.ways: list[int] = []
        self.amid_step = 0
        #: Those who were cut off amid a step, by themselves or with their CPU.
        self.cut_off: dict[SimThread, Life] = {}
        #: A strike amid a step would have to wait there: this is no execution.
        self.void = False
        #: The CPU on which a step is under way.
        self.busy: Processor | None = None
        self.interpreter = interpreter = Interpreter(program.flows)
        interpreter.sim = self.sim = sim = Machine()
        sim.run = self
        sim.recording = True
        self._set_up()
        world = World(sim)
        interpreter.state = world.state
        self.flows: list[SimThread] = []
        for n, body in enumerate(program.flows):
            out: list[Any] = interpreter.registers.setdefault(n, [])
            flow = Striking._masked(interpreter, world, body, n + 1, out)  # type: ignore[arg-type]
            self.flows.append(sim.spawn(str(n + 1), flow, flow=n + 1))
        self.cpus = self._processors()
        self.waiting: list[Attack] = []
        for n, (context, kills, target, body) in enumerate(program.strikes, len(program.flows)):
            out = interpreter.registers.setdefault(n, [])
            aim = self._aim(target)
            attack = Attack(context, kills and aim is not None, aim)
            attack.thread = sim.spawn(str(n + 1), attack.run(world, body, out), flow=n + 1)
            self.waiting.append(attack)
        self.strikes = [attack.thread for attack in self.waiting]

    def _set_up(self) -> None:
        """Prepare the machine, before there is anything on it."""

    def _processors(self) -> list[Processor]:
        """Return the CPUs."""
        return [Processor([flow]) for flow in self.flows]

    def _aim(self, target: int | None) -> SimThread | None:
        """Return whose CPU a strike takes."""
        return self.flows[self._decide(len(self.flows)) if target is None else target]

    def execute(self) -> Outcome | None:
        """Run to the end; return what one sees then, None if it is void."""
        sim = self.sim
        while not self.void:
            self.amid_step = 0
            runs: list[tuple[SimThread | None, Processor | None]] = [
                (cpu.running(), cpu) for cpu in self.cpus
            ]
            others = [*self.flows, *self.strikes]
            runs += [(thread, None) for thread in sim.threads if thread not in others]
            ways = [
                (thread, cpu, value)
                for thread, cpu in runs
                if thread is not None and self._can(thread) and thread.pending is not None
                for value in range(thread.pending.options(sim))
            ]
            begin = [(attack, cpu) for cpu in self.cpus for attack in self._beginning(cpu)]
            if not ways and not begin:
                return self._observe()
            which = self._decide(len(ways) + len(begin))
            if which < len(ways):
                self._step(*ways[which])
            else:
                self._begin(*begin[which - len(ways)])
        return None

    def _observe(self) -> Outcome:
        lost: list[str] = []
        for cpu in self.cpus:
            for level, thread in enumerate(cpu.stack):
                if thread.life in (Life.KILLED, Life.STOPPED):
                    lost += [other.name for other in cpu.stack[:level]]
        return normal(self.interpreter.observe(), lost)

    def amid(self) -> None:
        """Let strikes come, each to its end, where a thread is amid a step."""
        struck, cpu = self.sim.current, self.busy
        if cpu is None or struck is not cpu.stack[-1]:
            return
        self._strikes(cpu)
        if cpu.running() is not struck or self.void:
            self.cut_off[struck] = struck.life
            raise Stop

    def _strikes(self, cpu: Processor) -> None:
        """Let strikes come amid a step, as long as whom they strike is there."""
        struck = cpu.stack[-1]
        while self.amid_step < self.strikes_max and (begin := self._beginning(cpu)):
            which = self._decide(len(begin) + 1)
            if not which:
                return
            self.amid_step += 1
            attack = begin[which - 1]
            self._begin(attack, cpu)
            while self._runs(cpu, attack.thread) and not self.void:
                self._strikes(cpu)
                if self._runs(cpu, attack.thread):
                    if self._can(attack.thread):
                        self._step(attack.thread, cpu, 0)
                    else:
                        self.void = True
            if cpu.running() is not struck or self.void:
                return

    @staticmethod
    def _runs(cpu: Processor, thread: SimThread) -> bool:
        return cpu.running() is thread and thread.life is Life.LIVE

    def _decide(self, ways: int) -> int:
        if len(self.ways) == len(self.path):
            self.path.append(0)
        self.ways.append(ways)
        return self.path[len(self.ways) - 1]

    def _can(self, thread: SimThread) -> bool:
        pending = thread.pending
        return (
            pending is not None and thread.life is Life.LIVE and pending.enabled(self.sim, thread)
        )

    def _beginning(self, cpu: Processor) -> list[Attack]:
        flow = cpu.stack[0]
        return [a for a in self.waiting if a.target is flow and cpu.admits(a.context)]

    def _begin(self, attack: Attack, cpu: Processor) -> None:
        self.waiting.remove(attack)
        attack.struck = self._struck(attack, cpu)
        attack.thread.context = attack.context
        cpu.stack.append(attack.thread)
        self._step(attack.thread, cpu, 0)

    def _struck(self, attack: Attack, cpu: Processor) -> SimThread | None:
        return cpu.running()

    def _step(self, thread: SimThread, cpu: Processor | None, value: int) -> None:
        sim = self.sim
        outer = self.busy, sim.current, sim._step, sim.choice
        self.busy = cpu
        sim.step(thread, value)
        thread.life = self.cut_off.get(thread, thread.life)
        self.busy, sim.current, sim._step, sim.choice = outer
        if cpu is not None and thread in self.strikes and thread.life is Life.DONE:
            cpu.stack.remove(thread)


def normal(outcome: Outcome, lost: Collection[str] = ()) -> Outcome:
    """
    Leave out where a thread stands that is killed, or whose CPU is `lost`.

    Nor does it count how far a strike is from its beginning, and what its end is called.
    """
    state, registers, threads, *rest = outcome
    told: list[Any] = []
    for name, life, pending in threads:
        if life == "killed" or name in lost or (pending and pending[0] in _BEGINNING):
            pending = None
        elif pending and pending[0] == "iret":
            pending = ("return", "")
        told.append((name, life, pending))
    return (state, registers, tuple(told), *rest)


def every_outcome(
    program: Struck, executions_max: int, strikes_max: int = 1, machine: type[Run] = Run
) -> frozenset[Outcome]:
    """Run all schedules; raises TooLarge beyond `executions_max`."""
    outcomes: set[Outcome] = set()
    path: list[int] = []
    executions = 0
    while True:
        run = machine(program, path, strikes_max)
        outcome = run.execute()
        if outcome is not None:
            outcomes.add(outcome)
        executions += 1
        if executions > executions_max:
            raise TooLarge
        path = run.path[: len(run.ways)]
        while path and path[-1] + 1 == run.ways[len(path) - 1]:
            path.pop()
        if not path:
            return frozenset(outcomes)
        path[-1] += 1
