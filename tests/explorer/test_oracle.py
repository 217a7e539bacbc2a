"""
The explorer against brute force on random programs: outcomes, deadlocks, data races.

`NETSIM_ORACLE_PROGRAMS` sets how many programs are tried (seeds 0, 1, 2 ...).
"""

from __future__ import annotations

import os
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from netsim.checkers.datarace import DataRaces
from netsim.core import access
from netsim.core.access import READ, WRITE
from netsim.explorer import events
from netsim.explorer.dpor import SourceDpor
from netsim.explorer.loop import execute
from netsim.sync import atomic
from tests.explorer.brute import Everything, TooLarge, every_interleaving
from tests.explorer.programs import INSTRUCTIONS, PRIMITIVES, Interpreter, Program, generate

PROGRAMS = int(os.environ.get("NETSIM_ORACLE_PROGRAMS", "160"))
#: A program with more interleavings is left out.
EXECUTIONS_MAX = 3000


def explore(program: Interpreter) -> tuple[Everything, int]:
    """Run the explorer; return what it found and how many executions were blocked."""
    strategy = SourceDpor()
    observations: set[tuple[Any, ...]] = set()
    races: set[tuple[str, ...]] = set()
    executions = blocked = deadlocks = 0
    detector = DataRaces()
    while True:
        execution = execute(program, strategy, (detector,))
        strategy.history.validate()
        sim = execution.sim
        if execution.complete:
            executions += 1
            strategy.finish(sim)
            if not sim.halted and any(t.pending is not None and not t.daemon for t in sim.threads):
                deadlocks += 1
            races |= {r.objects for r in sim.reports if r.kind == "data-race"}
            sim.reports[:] = [r for r in sim.reports if r.kind != "data-race"]
            observations.add(program.observe())
        else:
            blocked += 1
        if not strategy.more():
            break
    found = Everything(frozenset(observations), frozenset(races), executions, executions, deadlocks)
    return found, blocked


def differs(program: Program, faults: int = 0) -> str:
    """Return how explorer and brute force differ on a program, or ""."""
    everything = every_interleaving(Interpreter(program, faults), EXECUTIONS_MAX)
    found, _ = explore(Interpreter(program, faults))
    missing = everything.observations - found.observations
    extra = found.observations - everything.observations
    if missing or extra:
        return f"{len(missing)} outcomes missing, {len(extra)} invented: {(missing or extra)}"
    if everything.races != found.races:
        return f"races {sorted(everything.races)}, found {sorted(found.races)}"
    if bool(everything.deadlocks) != bool(found.deadlocks):
        return f"{everything.deadlocks} deadlocks, found {found.deadlocks}"
    return ""


def programs(count: int, first: int = 0) -> Iterator[tuple[int, Program, int]]:
    """Yield (seed, program, faults) of programs that brute force can finish."""
    seed = first
    while count:
        program = generate(seed)
        try:
            every_interleaving(Interpreter(program, seed % 2), EXECUTIONS_MAX)
        except TooLarge:
            pass
        else:
            yield seed, program, seed % 2
            count -= 1
        seed += 1


def shrunk(program: Program, fails: Callable[[Program], bool]) -> Program:
    """Drop instructions as long as the program still fails."""
    for t, thread in enumerate(program):
        for i in range(len(thread)):
            smaller = (*program[:t], (*thread[:i], *thread[i + 1 :]), *program[t + 1 :])
            if fails(smaller):
                return shrunk(smaller, fails)
    return program


def test_explorer_finds_what_brute_force_finds(capsys: pytest.CaptureFixture[str]) -> None:
    classes: list[int] = []
    used: Counter[str] = Counter()
    deadlocked = executions = blocked = seed = tried = 0
    while tried < PROGRAMS:
        program, faults = generate(seed), seed % 2
        seed += 1
        try:
            everything = every_interleaving(Interpreter(program, faults), EXECUTIONS_MAX)
        except TooLarge:
            continue
        tried += 1
        found, cut = explore(Interpreter(program, faults))
        if (everything.observations, everything.races) != (found.observations, found.races):
            small = shrunk(program, lambda p, f=faults: bool(differs(p, f)))  # type: ignore[misc]
            pytest.fail(f"seed {seed - 1}, faults {faults}: {small}\n{differs(small, faults)}")
        assert bool(everything.deadlocks) == bool(found.deadlocks), (seed - 1, program)
        classes.append(everything.classes)
        deadlocked += bool(everything.deadlocks)
        executions += found.executions
        blocked += cut
        names = {name for thread in program for name, _ in thread}
        used.update(p for p, mine in PRIMITIVES.items() if names & set(mine))
    rare = min(used[name] for name in PRIMITIVES) / tried
    with capsys.disabled():
        sys.stdout.write(
            f"\noracle: {tried} programs (seeds 0 to {seed - 1}), "
            f"classes median {statistics.median(classes)} max {max(classes)}, "
            f"{deadlocked / tried:.0%} with a deadlock, rarest primitive in {rare:.0%}, "
            f"{executions} executions for {sum(classes)} classes, {blocked} blocked\n"
        )
    assert statistics.median(classes) >= 10
    assert deadlocked / tried >= 0.2
    assert rare >= 0.05


def _turns_red(first: int = 0, count: int = 120) -> bool:
    for seed in range(first, first + count):
        program = generate(seed)
        try:
            if differs(program, seed % 2):
                return True
        except TooLarge:
            continue
    return False


def test_every_instruction_belongs_to_a_primitive() -> None:
    assert sorted(name for mine in PRIMITIVES.values() for name in mine) == sorted(INSTRUCTIONS)


class TestPlantedFaults:
    """Each fault of the explorer or of a primitive turns the comparison red."""

    def test_a_dropped_dependency(self, monkeypatch: pytest.MonkeyPatch) -> None:
        table = [list(row) for row in access.CONFLICT]
        table[READ][WRITE] = table[WRITE][READ] = False
        monkeypatch.setattr(access, "CONFLICT", table)
        monkeypatch.setattr(events, "CONFLICT", table)

        assert _turns_red()

    def test_forgotten_blocked_operations(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(SourceDpor, "_race_blocked", lambda *_: None)

        assert _turns_red()

    def test_a_footprint_too_small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        original = atomic._AtomicOp.__init__

        def careless(self: Any, counter: Any, spelling: str, mode: int, *rest: Any) -> None:
            original(self, counter, spelling, access.INC if mode == WRITE else mode, *rest)

        monkeypatch.setattr(atomic._AtomicOp, "__init__", careless)

        assert _turns_red()
