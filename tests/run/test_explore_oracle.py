"""What programs are written with, against brute force: variables, waits, threads of threads."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

import pytest

from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.sync import variable, wait
from netsim.world import World
from tests.explorer.brute import Everything, TooLarge, every_interleaving
from tests.explorer.test_oracle import explore

PROGRAMS = int(os.environ.get("NETSIM_ORACLE_PROGRAMS", "80"))
EXECUTIONS_MAX = 400

Thread = tuple[tuple[str, int], ...]
INSTRUCTIONS = (
    "load", "store", "store", "swap", "cas", "add", "plain",
    "until", "until_both", "until_either", "fork",
)  # fmt: skip


def generate(seed: int) -> tuple[Thread, ...]:
    """Make two or three threads of two to four instructions."""
    rng = random.Random(seed)
    threads = rng.choice((2, 2, 3))
    least, most = (2, 4) if threads == 2 else (1, 3)

    def draw() -> tuple[str, int]:
        return rng.choice(INSTRUCTIONS), rng.randint(0, 3)

    return tuple(tuple(draw() for _ in range(rng.randint(least, most))) for _ in range(threads))


class Small:
    """Runs such a program: `start` is what the explorer wants, `observe` what is compared."""

    def __init__(self, program: tuple[Thread, ...]) -> None:
        self.program = program
        self.sim: Sim
        self.learnt: dict[str, list[Any]] = {}
        self.x: tuple[variable.Variable[int], ...] = ()

    def start(self) -> Sim:
        self.sim = sim = Sim()
        self.world = world = World(sim)
        self.learnt = {}
        self.x = world.array("x", [0, 0, 0])
        for number, thread in enumerate(self.program, 1):
            world.thread(self.run, thread, number, name=f"t{number}")
        sim.recording = True
        return sim

    async def run(self, thread: Thread, me: int) -> None:
        out = self.learnt.setdefault(str(me), [])
        for name, argument in thread:
            out.append(await self.do(name, argument, me))

    async def do(self, name: str, argument: int, me: int) -> Any:
        a, b = self.x[argument & 1], self.x[1 - (argument & 1)]
        bit = argument >> 1
        match name:
            case "load":
                return await a.load()
            case "store":
                return await a.store(me + bit)
            case "swap":
                return await a.swap(me)
            case "cas":
                return await a.compare_and_swap(bit, me + 1)
            case "add":
                return await a.add(1)
            case "plain":
                await self.world.pause()
                self.x[2].value += bit
                return self.x[2].value
            case "until":
                return await a.until(lambda value: value == 1 + bit)
            case "until_both":
                return await self.world.until(lambda: a.value and b.value == 1 + bit)
            case "until_either":
                return await self.world.until(lambda: a.value == 2 or b.value == 1 + bit)
            case _:
                child = await self.world.spawn(self.child, me, bit)
                await a.load()
                return await child.join()

    async def child(self, me: int, bit: int) -> int:
        return await self.x[bit].swap(me + 10)

    def observe(self) -> tuple[Any, ...]:
        sim = self.sim
        sim.recording = False
        return (
            tuple(v.value for v in self.x),
            tuple(sorted((name, tuple(map(repr, out))) for name, out in self.learnt.items())),
            tuple(
                (t.name, t.life.value, t.pending and t.pending.name)
                for t in sorted(sim.threads, key=lambda t: t.name)
            ),
            tuple(sorted((r.kind, r.objects, r.thread) for r in sim.reports)),
        )


def differs(program: tuple[Thread, ...], everything: Everything) -> str:
    """Return how explorer and brute force differ on a program, or ""."""
    found, blocked = explore(Small(program))  # type: ignore[arg-type]
    missing = everything.observations - found.observations
    extra = found.observations - everything.observations
    if missing or extra:
        return f"{len(missing)} outcomes missing, {len(extra)} invented: {missing or extra}"
    if everything.races != found.races:
        return f"races {sorted(everything.races)}, found {sorted(found.races)}"
    if (everything.classes, 0) != (found.executions, blocked):
        return f"{everything.classes} classes, {found.executions} executions, {blocked} blocked"
    if bool(everything.deadlocks) != bool(found.deadlocks):
        return f"{everything.deadlocks} deadlocks, found {found.deadlocks}"
    return ""


def try_all(count: int) -> tuple[Counter[str], int, int]:
    """Try programs that brute force can finish; return what they used, and what happened."""
    used: Counter[str] = Counter()
    seed = tried = deadlocked = 0
    while tried < count:
        program = generate(seed)
        seed += 1
        try:
            everything = every_interleaving(Small(program), EXECUTIONS_MAX)
        except TooLarge:
            continue
        tried += 1
        problem = differs(program, everything)
        assert not problem, f"seed {seed - 1}: {program}: {problem}"
        used.update(name for thread in program for name, _ in thread)
        deadlocked += bool(everything.deadlocks)
    return used, deadlocked, tried


def test_explorer_finds_what_brute_force_finds() -> None:
    used, deadlocked, tried = try_all(PROGRAMS)

    assert set(used) == set(INSTRUCTIONS)
    assert tried // 10 < deadlocked < tried


def test_a_location_that_did_not_change_does_not_admit() -> None:
    # A condition has read two locations; without the thread that changes one of them, the other
    # is as it was when the condition failed.  (Seed 323.)
    program = (
        (("store", 1), ("until_either", 2), ("load", 3)),
        (("add", 3), ("plain", 2)),
        (("until", 0),),
    )

    assert not differs(program, every_interleaving(Small(program), EXECUTIONS_MAX))


def test_a_wrong_guard_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variable._Until, "admits", lambda *_: False)

    with pytest.raises(AssertionError, match=r"missing|classes"):
        try_all(PROGRAMS)


def test_a_condition_that_forgets_what_it_reads_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    apply = wait._Test.apply

    def blind(self: wait._Test, sim: Sim, thread: SimThread) -> Any:
        recording, sim.recording = sim.recording, False
        try:
            return apply(self, sim, thread)
        finally:
            sim.recording = recording

    monkeypatch.setattr(wait._Test, "apply", blind)

    with pytest.raises(AssertionError, match=r"missing|classes"):
        try_all(PROGRAMS)
