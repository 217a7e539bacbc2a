"""
The explorer against brute force on random programs: outcomes, deadlocks, data races, classes.

Every class is executed exactly once, and no execution is blocked by sleep sets.

`NETSIM_ORACLE_PROGRAMS` sets how many programs are tried (seeds 0, 1, 2 ...).
"""

from __future__ import annotations

import os
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from netsim.checkers.datarace import DataRaces
from netsim.core import access
from netsim.core.access import READ, WRITE, Footprint
from netsim.core.step import Choice
from netsim.explorer import events
from netsim.explorer.loop import Observer, execute
from netsim.explorer.optimal import OptimalDpor
from netsim.sync import atomic
from tests.explorer.brute import Everything, TooLarge, every_interleaving
from tests.explorer.programs import INSTRUCTIONS, PRIMITIVES, Interpreter, Program, generate

PROGRAMS = int(os.environ.get("NETSIM_ORACLE_PROGRAMS", "160"))
#: A program with more interleavings is left out.
EXECUTIONS_MAX = 4000


def explore(program: Interpreter, *observers: Observer) -> tuple[Everything, int]:
    """Run the explorer; return what it found and how many executions were blocked."""
    strategy = OptimalDpor(program)
    observations: set[tuple[Any, ...]] = set()
    races: set[tuple[str, ...]] = set()
    executions = blocked = deadlocks = 0
    detector = DataRaces()
    while True:
        execution = execute(program, strategy, (detector, *observers))
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
        elif not execution.void:
            blocked += 1
        if not strategy.more():
            break
    found = Everything(frozenset(observations), frozenset(races), executions, executions, deadlocks)
    return found, blocked


def differs(program: Program, faults: int = 0) -> str:
    """Return how explorer and brute force differ on a program, or ""."""
    return compare(
        every_interleaving(Interpreter(program, faults), EXECUTIONS_MAX), program, faults
    )


def compare(everything: Everything, program: Program, faults: int) -> str:
    """Return how the explorer differs from what brute force found on a program, or ""."""
    found, blocked = explore(Interpreter(program, faults))
    missing = everything.observations - found.observations
    extra = found.observations - everything.observations
    if missing or extra:
        return f"{len(missing)} outcomes missing, {len(extra)} invented: {(missing or extra)}"
    if everything.races != found.races:
        return f"races {sorted(everything.races)}, found {sorted(found.races)}"
    if bool(everything.deadlocks) != bool(found.deadlocks):
        return f"{everything.deadlocks} deadlocks, found {found.deadlocks}"
    if (everything.classes, 0) != (found.classes, blocked):
        return f"{everything.classes} classes, {found.classes} executions, {blocked} blocked"
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
    deadlocked = seed = tried = 0
    while tried < PROGRAMS:
        program, faults = generate(seed), seed % 2
        seed += 1
        try:
            everything = every_interleaving(Interpreter(program, faults), EXECUTIONS_MAX)
        except TooLarge:
            continue
        tried += 1
        wrong = compare(everything, program, faults)
        if wrong:
            small = shrunk(program, lambda p, f=faults: bool(differs(p, f)))  # type: ignore[misc]
            pytest.fail(f"seed {seed - 1}, faults {faults}: {small}\n{differs(small, faults)}")
        classes.append(everything.classes)
        deadlocked += bool(everything.deadlocks)
        names = {name for thread in program for name, _ in thread}
        used.update(p for p, mine in PRIMITIVES.items() if names & set(mine))
    rare = min(used[name] for name in PRIMITIVES) / tried
    with capsys.disabled():
        sys.stdout.write(
            f"\noracle: {tried} programs (seeds 0 to {seed - 1}), "
            f"classes median {statistics.median(classes)} max {max(classes)}, "
            f"{deadlocked / tried:.0%} with a deadlock, rarest primitive in {rare:.0%}, "
            f"{sum(classes)} classes, each executed once, none blocked\n"
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
        monkeypatch.setattr(OptimalDpor, "finish", lambda *_: None)

        assert _turns_red()

    def test_forgotten_futures(self, monkeypatch: pytest.MonkeyPatch) -> None:
        original = events.History.notdep

        def short(self: events.History, event: events.Event, end: int) -> list[events.Event]:
            return original(self, event, end)[:1]

        monkeypatch.setattr(events.History, "notdep", short)

        assert _turns_red()

    def test_guessed_footprints(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a step touches after its race is reversed is not what it touched before."""

        def guess(self: OptimalDpor, choices: Sequence[Choice], last: Choice) -> Footprint:
            seen = [e for e in self.history.events if e.thread == last.thread]
            return seen[-1].footprint if seen else {}

        monkeypatch.setattr(OptimalDpor, "_probe", guess)

        assert _turns_red()

    def test_a_footprint_too_small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        original = atomic._AtomicOp.__init__

        def careless(self: Any, counter: Any, spelling: str, mode: int, *rest: Any) -> None:
            original(self, counter, spelling, access.INC if mode == WRITE else mode, *rest)

        monkeypatch.setattr(atomic._AtomicOp, "__init__", careless)

        assert _turns_red()
