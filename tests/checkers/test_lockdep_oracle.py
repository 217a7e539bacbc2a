"""Every deadlock over locks that brute force finds, the order of locks predicts, and decides."""

from __future__ import annotations

import os
import random
import sys
from typing import Any

import attrs
import pytest

from netsim.checkers import lockorder
from netsim.checkers.ending import judge_ending
from netsim.checkers.lockdep import LockDep
from netsim.checkers.lockorder import Node, Prediction
from netsim.core.sim import Sim
from netsim.explorer.loop import execute
from netsim.explorer.optimal import OptimalDpor
from netsim.sync.mutex import Mutex
from netsim.sync.rwlock import RwLock
from netsim.sync.workqueue import Work
from tests.explorer.brute import TooLarge, every_interleaving

PROGRAMS = int(os.environ.get("NETSIM_ORACLE_PROGRAMS", "160"))
EXECUTIONS_MAX = 300

Section = tuple[str, ...]
"""Locks taken one inside the other: "a", or "?a" if only tried; "r" reads r, "R" writes it."""


@attrs.frozen
class LockProgram:
    """Threads, each a sequence of sections, as the explorer and the oracle want it."""

    threads: tuple[tuple[Section, ...], ...]
    #: False if threads keep what they take; three of them are then few enough interleavings.
    releases: bool = True

    def start(self) -> Sim:
        """Return a fresh machine with every thread before its first operation."""
        sim = Sim()
        sim.recording = True
        world = _World(sim, self.releases)
        for number, sections in enumerate(self.threads, 1):
            sim.spawn(str(number), world.run(sections), flow=number)
        return sim

    def observe(self) -> tuple[Any, ...]:
        """Nothing: what counts are the waits at the end."""
        return ()


class _World:
    def __init__(self, sim: Sim, releases: bool) -> None:
        self.releases = releases
        self.mutexes = {name: Mutex(sim, name) for name in "abg"}
        self.rw = RwLock(sim, "r")
        self.work = Work(sim, "work", self._work)

    async def _work(self) -> None:
        async with self.mutexes["a"].held():
            pass

    async def run(self, sections: tuple[Section, ...]) -> None:
        """Run sections one after the other."""
        for section in sections:
            await self.nested(section)

    async def nested(self, section: Section) -> None:
        """Take the locks of a section, each inside the one before."""
        if not section:
            return
        word, *rest = section
        if word == "queue":
            await self.work.schedule_work()
            await self.nested(tuple(rest))
        elif word == "flush":
            await self.work.flush_work()
            await self.nested(tuple(rest))
        elif word.startswith("?"):
            lock = self.mutexes[word[1]]
            if await lock.mutex_trylock():
                await self.nested(tuple(rest))
                if self.releases:
                    await lock.mutex_unlock()
        elif word in self.mutexes:
            lock = self.mutexes[word]
            await lock.mutex_lock()
            await self.nested(tuple(rest))
            if self.releases:
                await lock.mutex_unlock()
        else:
            await (self.rw.read_lock() if word == "r" else self.rw.write_lock())
            await self.nested(tuple(rest))
            if self.releases:
                await (self.rw.read_unlock() if word == "r" else self.rw.write_unlock())


def generate(seed: int) -> LockProgram:
    """Make the program of a seed: 2 or 3 threads that take a few locks in any order."""
    rng = random.Random(seed)
    words = rng.choice(
        [
            ["a", "b", "a", "b", "g", "?a"],
            ["a", "b", "r", "R", "R"],
            ["a", "r", "R", "queue", "flush"],
            ["a", "b", "queue", "flush"],
        ]
    )
    threads = rng.choice((2, 2, 3))

    def section(depth: int) -> Section:
        made: list[str] = []
        while len(made) < depth:
            word = rng.choice(words)
            name = word[-1].lower()
            # A thread that takes a mutex twice stops there: that is another finding.
            if word in ("flush", "queue") or all(name != other[-1].lower() for other in made):
                made.append(word)
        return tuple(made)

    depths = (2, 3) if threads == 2 else (2,)
    made = tuple((section(rng.choice(depths)),) for _ in range(threads))
    return LockProgram(made, releases=threads == 2)


def wait_cycles(sim: Sim) -> set[tuple[str, ...]]:
    """Return the objects of each cycle of threads that wait for each other at the end."""
    return {
        tuple(sorted(report.objects))
        for report in judge_ending(sim).reports
        if report.kind == "deadlock"
    }


def brute(program: LockProgram) -> set[tuple[str, ...]]:
    """Return the wait cycles of all interleavings."""
    found: set[tuple[str, ...]] = set()

    def at_end(sim: Sim) -> None:
        found.update(wait_cycles(sim))

    every_interleaving(program, EXECUTIONS_MAX, at_end)
    return found


def predict(program: LockProgram) -> dict[Prediction, str]:
    """Return what the explorer predicts, decided."""
    strategy, lockdep = OptimalDpor(program), LockDep()
    while True:
        execution = execute(program, strategy, (lockdep,))
        if execution.complete:
            strategy.finish(execution.sim)
            lockdep.finish(execution.sim)
        if not strategy.more():
            return {p: lockdep.decide(p, complete=True) for p in lockdep.predictions()}


def wrong(cycles: set[tuple[str, ...]], decided: dict[Prediction, str]) -> str:
    """Tell how the predictions of a program differ from its wait cycles, or ""."""
    reached = [{n.label for n in p.nodes} for p, status in decided.items() if status == "reached"]
    for cycle in sorted(cycles):
        if not any(labels <= set(cycle) for labels in reached):
            return f"{cycle} was not predicted"
    for labels in reached:
        if not any(labels <= set(cycle) for cycle in cycles):
            return f"{sorted(labels)} was never reached"
    return ""


def test_every_deadlock_over_locks_was_predicted(capsys: pytest.CaptureFixture[str]) -> None:
    tried = seed = deadlocked = reached = refuted = waits = 0
    while tried < PROGRAMS:
        program = generate(seed)
        seed += 1
        try:
            cycles = brute(program)
        except TooLarge:
            continue
        tried += 1
        decided = predict(program)
        assert not wrong(cycles, decided), (seed - 1, program, decided)
        deadlocked += bool(cycles)
        reached += sum(status == "reached" for status in decided.values())
        refuted += sum(status == "unreachable" for status in decided.values())
        waits += sum(any(node.call for node in p.nodes) for p in decided)
    with capsys.disabled():
        sys.stdout.write(
            f"\nlock orders: {tried} programs (seeds 0 to {seed - 1}), {deadlocked} with a wait "
            f"cycle; {reached} predictions reached, {refuted} refuted, {waits} through a wait\n"
        )
    assert deadlocked >= tried / 10
    assert reached
    assert refuted
    assert waits


def _turns_red(first: int = 0) -> bool:
    for seed in range(first, first + 80):
        program = generate(seed)
        try:
            cycles = brute(program)
        except TooLarge:
            continue
        if wrong(cycles, predict(program)):
            return True
    return False


class TestPlantedFaults:
    """Each fault of the observer loses a deadlock, or invents one."""

    def test_held_locks_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(LockDep, "_wanted", lambda *_: None)

        assert _turns_red()

    def test_who_never_ends_a_wait_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(LockDep, "_held_up", lambda *_: None)

        assert _turns_red(first=150)  # rare: the work item ends in no execution

    def test_each_call_a_lock_of_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(LockDep, "_node", lambda _, op: Node(op.name, op.label()))

        assert _turns_red()

    def test_readers_hold_up_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            lockorder, "_holds_up", lambda one, other: not (one.needs_shared or other.had_shared)
        )

        assert _turns_red()

    def test_any_deadlock_confirms_any_order(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(LockDep, "reaches", lambda _, stuck, _prediction: bool(stuck))

        assert _turns_red()
