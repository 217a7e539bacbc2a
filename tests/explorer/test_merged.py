"""MergedDfs against every interleaving: nothing is lost, and nothing takes more preemptions."""

from __future__ import annotations

import random
from typing import Any

import pytest

from netsim.checkers.datarace import DataRaces
from netsim.core.sim import Sim
from netsim.core.step import Choice
from netsim.explorer.loop import execute
from netsim.explorer.merged import MergedDfs
from tests.explorer.programs import INSTRUCTIONS, Interpreter, Program

INTERLEAVINGS_MAX = 600

Sizes = dict[Any, tuple[int, int]]
"""What can be seen: the fewest preemptions with which it is, and with them the fewest steps."""


class TooLarge(Exception):
    """The program has more interleavings than one wants to wait for."""


def generate(seed: int) -> Program:
    """Two or three threads of a few instructions, some of which halt the machine."""
    rng = random.Random(seed)
    names = [*rng.sample(sorted(INSTRUCTIONS), 4), "halt" if seed % 5 == 0 else "transmit"]
    return tuple(
        tuple((rng.choice(names), rng.randint(0, 1)) for _ in range(rng.randint(1, 3)))
        for _ in range(rng.randint(2, 3))
    )


def keep(sizes: Sizes, subject: Interpreter, sim: Sim, size: tuple[int, int]) -> None:
    """Note what is seen at an end: each report, and everything that the oracle compares."""
    seen: list[Any] = [(r.kind, r.objects) for r in sim.reports]
    sim.reports[:] = [r for r in sim.reports if r.kind != "data-race"]
    for one in [*seen, subject.observe()]:
        sizes[one] = min(sizes.get(one, size), size)


def by_brute_force(subject: Interpreter) -> Sizes:
    sizes: Sizes = {}
    todo: list[list[Choice]] = [[]]
    executions = 0
    while todo:
        prefix = todo.pop()
        sim, races = subject.start(), DataRaces()
        races.begin(sim, 0)
        last, preemptions, depth = "", 0, 0
        path: list[Choice] = []
        while enabled := sim.enabled():
            ways = [
                Choice(t.name, v)
                for t in enabled
                if t.pending is not None
                for v in range(t.pending.options(sim))
            ]
            way = prefix[depth] if depth < len(prefix) else ways[0]
            if depth >= len(prefix):
                todo += [[*path, other] for other in ways[1:]]
            preemptions += way.thread != last and last in [t.name for t in enabled]
            races.stepped(sim, sim.step(sim.by_name[way.thread], way.value))
            path.append(way)
            last, depth = way.thread, depth + 1
        keep(sizes, subject, sim, (preemptions, depth))
        executions += 1
        if executions > INTERLEAVINGS_MAX:
            raise TooLarge
    return sizes


def by_level(subject: Interpreter) -> Sizes:
    """Raise the bound until it leaves nothing out."""
    sizes: Sizes = {}
    strategy, races = MergedDfs(100), DataRaces()
    while True:
        execution = execute(subject, strategy, (races,))
        if execution.complete:
            preemptions = strategy.path[-1].preemptions() if strategy.path else 0
            keep(sizes, subject, execution.sim, (preemptions, len(execution.schedule)))
        if not strategy.more():
            break
    assert strategy.everything
    return sizes


@pytest.mark.parametrize("first", range(0, 90, 30))
def test_random_programs(first: int) -> None:
    tried = 0
    for seed in range(first, first + 30):
        subject = Interpreter(generate(seed), faults=seed % 2, halts_last=False)
        try:
            want = by_brute_force(subject)
        except TooLarge:
            continue
        tried += 1
        assert by_level(subject) == want, seed
    assert tried >= 15


def test_what_commutes_is_run_once() -> None:
    """Two threads with a lock each never meet: one way through the grid of their states."""
    thread = ("spin_lock", 0), ("spin_unlock", 0)
    other = ("spin_lock", 1), ("spin_unlock", 1)
    subject = Interpreter((thread, other))
    strategy = MergedDfs()
    lengths = []
    while True:
        execution = execute(subject, strategy)
        if execution.complete:
            lengths.append(len(execution.schedule))
        if not strategy.more():
            break

    assert lengths  # 6 interleavings of 2 and 2 steps; the last step is taken from two sides
    assert len(lengths) == 2
    assert set(lengths) == {4}
