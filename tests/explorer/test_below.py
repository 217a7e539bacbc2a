"""Searches below a prefix see what every execution with that prefix shows, and nothing else."""

from __future__ import annotations

import random
from typing import Any

import pytest

from netsim.checkers.datarace import DataRaces
from netsim.core.sim import Sim
from netsim.core.step import Choice
from netsim.explorer.below import ClassesBelow, EverythingBelow
from netsim.explorer.loop import execute
from tests.explorer.brute import class_of
from tests.explorer.programs import INSTRUCTIONS, Interpreter, Program

EXECUTIONS_MAX = 600


class TooLarge(Exception):
    """The program has more interleavings than one wants to wait for."""


def generate(seed: int, *extra: str) -> Program:
    rng = random.Random(seed)
    plain = sorted(name for name in INSTRUCTIONS if name != "halt")
    names = [*rng.sample(plain, 4), *extra]
    return tuple(
        tuple((rng.choice(names), rng.randint(0, 1)) for _ in range(rng.randint(1, 3)))
        for _ in range(rng.randint(2, 3))
    )


def look(subject: Interpreter, sim: Sim) -> list[Any]:
    """Return what is seen at an end: each report, and everything that the oracle compares."""
    seen: list[Any] = [(r.kind, r.objects) for r in sim.reports]
    sim.reports[:] = [r for r in sim.reports if r.kind != "data-race"]
    return [*seen, subject.observe()]


def some_prefix(subject: Interpreter, rng: random.Random) -> list[Choice]:
    """Return the beginning of some execution, perhaps all of it or nothing."""
    sim = subject.start()
    path: list[Choice] = []
    while enabled := sim.enabled():
        thread = rng.choice(enabled)
        assert thread.pending is not None
        path.append(Choice(thread.name, rng.randrange(thread.pending.options(sim))))
        sim.step(thread, path[-1].value)
    return path[: rng.randint(0, len(path))]


def by_brute_force(subject: Interpreter, prefix: list[Choice]) -> tuple[set[Any], int]:
    """Run every interleaving that begins so; return what is seen, and the number of classes."""
    seen: set[Any] = set()
    classes = set()
    todo = [prefix]
    executions = 0
    while todo:
        begin = todo.pop()
        sim, races = subject.start(), DataRaces()
        races.begin(sim, 0)
        path: list[Choice] = []
        steps = []
        while enabled := sim.enabled():
            ways = [
                Choice(t.name, v)
                for t in enabled
                if t.pending is not None
                for v in range(t.pending.options(sim))
            ]
            way = begin[len(path)] if len(path) < len(begin) else ways[0]
            if len(path) >= len(begin):
                todo += [[*path, other] for other in ways[1:]]
            steps.append(sim.step(sim.by_name[way.thread], way.value))
            races.stepped(sim, steps[-1])
            path.append(way)
        classes.add(class_of(steps))
        seen.update(look(subject, sim))
        executions += 1
        if executions > EXECUTIONS_MAX:
            raise TooLarge
    return seen, len(classes)


def by_search(
    subject: Interpreter, strategy: ClassesBelow | EverythingBelow, prefix: list[Choice]
) -> tuple[set[Any], int]:
    seen: set[Any] = set()
    races, complete = DataRaces(), 0
    while True:
        execution = execute(subject, strategy, (races,))
        assert execution.schedule[: len(prefix)] == prefix
        if execution.complete:
            complete += 1
            strategy.finish(execution.sim)
            seen.update(look(subject, execution.sim))
        if not strategy.more():
            return seen, complete


@pytest.mark.parametrize("first", range(0, 80, 20))
def test_classes(first: int) -> None:
    tried = 0
    for seed in range(first, first + 20):
        subject = Interpreter(generate(seed), faults=seed % 2)
        prefix = some_prefix(subject, random.Random(seed))
        try:
            want = by_brute_force(subject, prefix)
        except TooLarge:
            continue
        tried += 1
        assert by_search(subject, ClassesBelow(subject, prefix), prefix) == want, seed
    assert tried >= 10


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_everything_with_halts(first: int) -> None:
    tried = 0
    for seed in range(first, first + 20):
        subject = Interpreter(generate(seed, "halt", "transmit"), halts_last=False)
        prefix = some_prefix(subject, random.Random(seed))
        try:
            want, _ = by_brute_force(subject, prefix)
        except TooLarge:
            continue
        tried += 1
        assert by_search(subject, EverythingBelow(prefix), prefix)[0] == want, seed
    assert tried >= 10
