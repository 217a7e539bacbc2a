"""
Strikes against brute force: every place of a CPU is found, once each, and no other.

Programs are random: a flow that is struck, another flow, and a strike in one of three contexts
that may kill; all meet on a few objects, and the struck flow masks interrupts now and then.
`NETSIM_ORACLE_STRIKES` sets how many are tried.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs
import pytest

from netsim.core.access import WRITE, Footprint
from netsim.core.sim import Sim
from netsim.core.thread import Context, Life, SimThread
from netsim.explorer.events import History
from netsim.run.reach import Reach
from netsim.sync import interrupt
from netsim.sync.inside import Inside
from netsim.sync.interrupt import (
    Cpu,
    Interruptible,
    Strike,
    do_exit,
    local_bh_disable,
    local_bh_enable,
    local_irq_disable,
    local_irq_enable,
    local_irq_restore,
    local_irq_save,
)
from netsim.sync.sleep import schedule_point
from tests.explorer.brute import Everything, TooLarge, every_interleaving
from tests.explorer.programs import INSTRUCTIONS, Interpreter, Program, World
from tests.explorer.test_oracle import explore

kill = do_exit
PROGRAMS = int(os.environ.get("NETSIM_ORACLE_STRIKES", "40"))
EXECUTIONS_MAX = 2500

#: What a flow and a strike may do; the sections of `World.spin` do not mask interrupts.
COMMON = (
    "spin_trylock", "plain_read", "plain_write", "atomic_inc", "atomic_return", "marked",
    "queue_work", "complete", "rcu_read", "ref_get", "ref_put",
)  # fmt: skip
FLOW = (*COMMON, "spin_lock", "spin_unlock", "mutex_section", "wait_for_completion", "rcu_sync")
#: Strikes that might touch every field.
ANYTHING: Footprint = {("cell", name): WRITE for name in ("x", "y", "flag", "child")}
EVERYWHERE: Mapping[str, Footprint] = {str(number): ANYTHING for number in range(1, 6)}
MASKS = ("irq", "save", "bh")


@attrs.frozen
class Struck:
    """A program with strikes: `flows` are struck by `strikes` of (context, kills, target)."""

    flows: Program
    strikes: tuple[tuple[Context, bool, int | None, tuple[tuple[str, int], ...]], ...]


def generate(seed: int) -> Struck:
    """Return a random program."""
    dice = random.Random(seed)

    def some(names: tuple[str, ...], count: int) -> tuple[tuple[str, int], ...]:
        return tuple((dice.choice(names), dice.randrange(2)) for _ in range(count))

    other = dice.choice((0, 0, 1, 1, 2))
    first = list(some(FLOW, dice.randint(1, 3) if other else dice.randint(2, 5)))
    if dice.random() < 0.6:
        mask = dice.choice(MASKS)
        at = dice.randint(0, len(first))
        first.insert(at, (f"{mask}_off", 0))
        first.insert(dice.randint(at + 1, len(first)), (f"{mask}_on", 0))
    flows: Program = (tuple(first), some(FLOW, other))
    strikes = tuple(
        (
            dice.choice((Context.SOFTIRQ, Context.HARDIRQ, Context.NMI)),
            dice.random() < 0.4,
            dice.choice((0, 0, 1, None)),
            some((*COMMON, "spin_lock"), dice.randint(1, 2)),
        )
        for _ in range(1 if dice.random() < 0.75 else 2)
    )
    return Struck(flows, strikes)


class Striking(Interpreter):
    """Runs a program with strikes."""

    def __init__(self, program: Struck, reach: Mapping[str, Footprint] | None = None) -> None:
        super().__init__(program.flows)
        self.struck = program
        self.reach = reach or {}
        first = len(program.flows) + 1
        self.striking = [str(first + n) for n in range(len(program.strikes))]

    def start(self) -> Sim:
        """Return a fresh machine with every thread before its first operation."""
        self.sim = sim = Sim()
        sim.recording = True
        self.registers = {}
        world = World(sim)
        self.state = world.state
        cpus = [Cpu(n) for n in range(len(self.program))]
        for n, instructions in enumerate(self.program):
            out: list[Any] = self.registers.setdefault(n, [])
            body = self._masked(world, instructions, n + 1, out)
            cpus[n].flow = sim.spawn(str(n + 1), Interruptible(body, cpus[n]), flow=n + 1)
        for n, (context, kills, target, body_) in enumerate(self.struck.strikes, len(self.program)):
            out = self.registers.setdefault(n, [])
            strike = Strike(context, cpus if target is None else [cpus[target]])
            run = partial(self._strike, world, body_, n + 1, out, kills)
            sim.spawn(str(n + 1), strike.run(run), flow=n + 1)
        killers = [
            n for n, strike in zip(self.striking, self.struck.strikes, strict=True) if strike[1]
        ]
        Inside(sim, [sim.by_name[name] for name in self.striking], self.reach, killers)
        return sim

    def observe(self) -> tuple[Any, ...]:
        """Leave out where a thread stands whose CPU is lost to a strike that never returns."""
        state, registers, threads, *rest = super().observe()
        told = [
            (name, life, None if self._lost(self.sim.by_name[name]) else pending)
            for name, life, pending in threads
        ]
        return (state, registers, tuple(told), *rest)

    @staticmethod
    def _lost(thread: SimThread) -> bool:
        cpu = getattr(thread.pending, "cpu", None)
        if cpu is None:
            return False
        above = cpu.active[cpu.active.index(thread) + 1 :] if thread in cpu.active else cpu.active
        return any(strike.life in (Life.KILLED, Life.STOPPED) for strike in above)

    async def _strike(
        self, world: World, body: tuple[tuple[str, int], ...], me: int, out: list[Any], kills: bool
    ) -> None:
        for name, argument in body:
            locks = {
                "lock_unless_written": lambda: not world.cell.y,
                "lock_if_written": lambda: bool(world.cell.y),
                "lock_if_both": lambda: world.cell.x == 1 and bool(world.cell.y),
            }.get(name)
            if locks is None:
                await world.run(((name, argument),), me, out)
            elif locks():
                await world.spin_lock(argument, me)
        if kills:
            kill(self.sim)

    async def _masked(
        self, world: World, body: tuple[tuple[str, int], ...], me: int, out: list[Any]
    ) -> None:
        flags = 0
        for name, argument in body:
            match name:
                case "irq_off":
                    await local_irq_disable()
                case "irq_on":
                    await local_irq_enable()
                case "save_off":
                    flags = await local_irq_save()
                case "save_on":
                    await local_irq_restore(flags)
                case "bh_off":
                    await local_bh_disable()
                case "bh_on":
                    await local_bh_enable()
                case "write_twice":
                    await schedule_point("write")
                    world.cell.x = 1
                    world.cell.x = 2
                case _:
                    out.append(await INSTRUCTIONS[name](world, argument, me))


def learned(
    program: Struck, machine: type[Striking] = Striking
) -> tuple[Striking, Everything, int]:
    """Explore again and again, as long as the strikes turn out to touch more than was known."""
    striking = machine(program)
    while True:
        reach = Reach(striking.striking, striking.reach)
        found, blocked = explore(striking, reach)
        if not reach.grew():
            return striking, found, blocked
        striking = machine(program, reach.touched)


def differs(program: Struck) -> str:
    """Return how explorer and brute force differ on a program, or ""."""
    return compare(every_interleaving(Striking(program, EVERYWHERE), EXECUTIONS_MAX), program)


def compare(everything: Everything, program: Struck, machine: type[Striking] = Striking) -> str:
    """
    Return how the explorer differs from what brute force has found, or "".

    `everything` has strikes before each and every plain access; the explorer must find all that
    it shows with strikes before those that conflict, and run each class of that once.
    """
    striking, found, blocked = learned(program, machine)
    missing = everything.observations - found.observations
    extra = found.observations - everything.observations
    if missing or extra:
        return f"{len(missing)} outcomes missing, {len(extra)} invented: {(missing or extra)}"
    if everything.races != found.races:
        return f"races {sorted(everything.races)}, found {sorted(found.races)}"
    classes = every_interleaving(machine(program, striking.reach), EXECUTIONS_MAX).classes
    if (found.executions, blocked) != (classes, 0):
        return f"{found.executions} executions, {blocked} blocked, {classes} classes"
    return ""


def test_every_place_is_found_once(capsys: pytest.CaptureFixture[str]) -> None:
    sizes: list[int] = []
    seed = killed = masked = nested = 0
    while len(sizes) < PROGRAMS:
        program = generate(seed)
        seed += 1
        try:
            everything = every_interleaving(Striking(program, EVERYWHERE), EXECUTIONS_MAX)
        except TooLarge:
            continue
        wrong = compare(everything, program)
        assert not wrong, f"seed {seed - 1}: {program}\n{wrong}"
        sizes.append(everything.classes)
        killed += any(strike[1] for strike in program.strikes)
        masked += any(name.endswith("_off") for name, _ in program.flows[0])
        nested += len(program.strikes) > 1
    with capsys.disabled():
        sys.stdout.write(
            f"\nstrikes: {len(sizes)} programs (seeds 0 to {seed - 1}), classes mean "
            f"{statistics.mean(sizes):.0f} max {max(sizes)}; {killed} kill, {masked} mask, "
            f"{nested} have two strikes; each class executed once, none blocked\n"
        )
    assert statistics.mean(sizes) >= 6
    assert min(killed, masked) > PROGRAMS // 4
    assert nested > PROGRAMS // 20


def _turns_red(count: int = 120) -> bool:
    for seed in range(count):
        try:
            if differs(generate(seed)):
                return True
        except TooLarge:
            continue
    return False


class TestPlantedFaults:
    """Each fault turns the comparison red."""

    def test_a_killed_flow_is_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a killed flow would have done next decides where else it can be struck."""

        def gone(sim: Sim) -> None:
            thread = sim.current
            struck = thread.interrupts if thread is not None else None
            do_exit(sim)
            if struck is not None and struck.life is Life.KILLED:
                struck.pending = None

        assert not differs(TWO)
        monkeypatch.setattr("tests.explorer.test_strikes.kill", gone)

        assert differs(TWO)

    def test_the_gate_is_no_guard(self, monkeypatch: pytest.MonkeyPatch) -> None:
        original = interrupt._OnCpu.__init__

        def ungated(self: Any, *arguments: Any) -> None:
            original(self, *arguments)
            self.gate = None

        monkeypatch.setattr(interrupt._OnCpu, "__init__", ungated)

        assert _turns_red()

    def test_no_places_inside_steps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Reach, "grew", lambda _self: False)

        assert _turns_red()

    def test_a_kill_undoes_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Half of what a killed step would have written is a state of its own."""
        original = Inside._may_forestall

        def never(self: Inside, strike: SimThread, able: list[tuple[int, SimThread]]) -> bool:
            return self.reach == EVERYWHERE and original(self, strike, able)

        monkeypatch.setattr(Inside, "_may_forestall", never)

        assert _turns_red()

    def test_pairs_that_block_are_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(History, "blocked_twice", lambda *_: [])

        assert differs(PAIR)


#: Only before both the strike that kills flow 2 and the wait of flow 1 can flow 2 go on.
PAIR = Struck(
    (
        (("complete", 1), ("bh_off", 0), ("wait_for_completion", 0), ("bh_on", 0)),
        (("plain_write", 0), ("wait_for_completion", 1)),
    ),
    ((Context.NMI, True, 1, (("plain_read", 0), ("ref_put", 0))),),
)


#: The second strike may begin where the first, which kills flow 1, has not yet been.
TWO = Struck(
    (
        (("spin_unlock", 1), ("irq_off", 0), ("irq_on", 0), ("atomic_inc", 0)),
        (("atomic_inc", 1),),
    ),
    (
        (Context.NMI, True, 0, (("spin_lock", 0),)),
        (Context.SOFTIRQ, True, 0, (("complete", 1), ("atomic_inc", 0))),
    ),
)


def test_a_flow_blocked_twice() -> None:
    assert not differs(PAIR)


#: A strike that takes a lock only where the write of a step has not been made, hence not after the
#: step; and another flow, which takes that lock for ever, with nothing that orders it and the step.
#: Only inside the step does the strike get the lock first, wherever the other flow is then held up.
CONDITIONAL = {
    "the lock is taken later": Struck(
        ((("plain_write", 0),), (("spin_lock", 0),)),
        ((Context.HARDIRQ, False, 0, (("lock_unless_written", 0),)),),
    ),
    "the lock was taken before": Struck(
        ((("atomic_inc", 1), ("plain_write", 0)), (("atomic_return", 1), ("spin_lock", 0))),
        ((Context.HARDIRQ, False, 0, (("lock_unless_written", 0),)),),
    ),
    "two locks": Struck(
        ((("plain_write", 0),), (("spin_lock", 0),), (("spin_lock", 1),)),
        (
            (
                Context.NMI,
                False,
                0,
                (("lock_unless_written", 0), ("lock_unless_written", 1)),
            ),
        ),
    ),
    "two locks that another takes before": Struck(
        (
            (("atomic_inc", 1), ("plain_write", 0)),
            (("spin_lock", 1), ("atomic_return", 1), ("spin_lock", 0)),
        ),
        (
            (
                Context.NMI,
                False,
                0,
                (("lock_unless_written", 1), ("lock_unless_written", 0)),
            ),
        ),
    ),
    "two locks that others took before": Struck(
        ((("spin_lock", 1),), (("spin_lock", 0),), (("plain_write", 0),)),
        (
            (
                Context.NMI,
                False,
                2,
                (("lock_unless_written", 0), ("lock_unless_written", 1)),
            ),
        ),
    ),
    "only after the step that frees it does it want the lock": Struck(
        ((("spin_lock", 0), ("spin_unlock", 0), ("wake_up", 0)), (("plain_write", 0),)),
        ((Context.HARDIRQ, False, 1, (("lock_if_written", 0),)),),
    ),
    "it wants the lock because of what another has written after taking it": Struck(
        (
            (("spin_trylock", 0), ("spin_lock", 1), ("spin_unlock", 0), ("wake_up", 0)),
            (("plain_write", 1),),
        ),
        ((Context.HARDIRQ, False, 1, (("lock_if_both", 1),)),),
    ),
    "and has written it before, too": Struck(
        (
            (("plain_write", 0), ("spin_unlock", 0), ("wake_up", 0)),
            (("spin_lock", 0), ("plain_write", 1)),
            (("write_twice", 0),),
        ),
        ((Context.NMI, False, 2, (("lock_if_both", 0),)),),
    ),
    "and two others write it": Struck(
        (
            (("spin_unlock", 0), ("wake_up", 0), ("spin_lock", 0), ("wake_up", 0)),
            (("spin_lock", 0), ("plain_write", 0)),
            (("write_twice", 0),),
        ),
        ((Context.NMI, False, 2, (("spin_trylock", 0), ("lock_if_both", 0))),),
    ),
    "only after a step behind the one that frees it": Struck(
        ((("spin_lock", 0), ("spin_unlock", 0), ("plain_write", 0)), (("plain_write", 0),)),
        ((Context.HARDIRQ, False, 1, (("lock_if_written", 0),)),),
    ),
    "the lock is given back": Struck(
        (
            (("atomic_inc", 1), ("plain_write", 0)),
            (("spin_lock", 0), ("spin_unlock", 0), ("atomic_return", 1), ("spin_lock", 0)),
        ),
        ((Context.HARDIRQ, True, 0, (("lock_unless_written", 0),)),),
    ),
}

#: The program of seed 29: a value cannot be taken, and races found after it must not be forgotten.
REFUSED = Struck(
    (
        (("spin_lock", 1), ("save_off", 0), ("save_on", 0)),
        (("spin_trylock", 0), ("atomic_inc", 1)),
    ),
    ((Context.HARDIRQ, True, None, (("ref_get", 1), ("spin_lock", 0))),),
)


@pytest.mark.parametrize("name", CONDITIONAL)
def test_a_lock_that_only_a_strike_inside_a_step_takes(name: str) -> None:
    assert not differs(CONDITIONAL[name])


#: What only a strike does is struck, too.
STRUCK_STRIKES = {
    "killed amid a step it never went on, killed between steps it did": Struck(
        ((), ()),
        (
            (Context.NMI, True, 0, ()),
            (Context.SOFTIRQ, False, 0, (("plain_read", 0), ("atomic_inc", 1))),
        ),
    ),
    "an update is lost that no flow makes": Struck(
        ((("atomic_inc", 0),), ()),
        (
            (Context.SOFTIRQ, False, 0, (("plain_write", 0),)),
            (Context.HARDIRQ, False, 0, (("plain_write", 0),)),
        ),
    ),
    "nobody knows at first what the later of two touches": Struck(
        ((("spin_unlock", 0),), (("wait_for_completion", 1),)),
        (
            (Context.SOFTIRQ, True, None, (("spin_trylock", 1),)),
            (Context.NMI, False, 0, (("ref_put", 0), ("spin_trylock", 0))),
        ),
    ),
}

#: What a strike keeps from being made where it does not return, or is itself killed.
FORESTALLED = {
    "a lock taken twice stops a strike amid the step": Struck(
        ((("plain_write", 1), ("wake_up", 0)), ()),  # two writes in one step
        ((Context.SOFTIRQ, False, 0, (("spin_lock", 1), ("spin_lock", 1))),),
    ),
    "a strike is killed before it kills": Struck(
        ((("atomic_inc", 0),), ()),
        (
            (Context.SOFTIRQ, True, 0, (("atomic_return", 1), ("lock_if_written", 1))),
            (Context.NMI, True, 0, ()),
        ),
    ),
}


@pytest.mark.parametrize("name", FORESTALLED)
def test_what_a_strike_forestalls(name: str) -> None:
    assert not differs(FORESTALLED[name])


@pytest.mark.parametrize("name", STRUCK_STRIKES)
def test_a_strike_that_is_struck(name: str) -> None:
    assert not differs(STRUCK_STRIKES[name])


def test_a_value_that_cannot_be_taken_ends_nothing() -> None:
    assert not differs(REFUSED)
