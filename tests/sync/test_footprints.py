"""
Independent means commuting: what footprints claim, tried in both orders.

From states reached by every short interleaving of the instructions of one primitive, each two
enabled steps of different threads whose footprints do not conflict must give the same state and
the same results in both orders, and neither may enable or disable the other.
"""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import pytest

from netsim.core.access import dependent
from netsim.core.sim import Sim
from tests.explorer.programs import PRIMITIVES, Interpreter, Program, generate

#: States looked at for each program, nearest to the start first.
STATES_MAX = 24


def programs(names: tuple[str, ...]) -> list[Program]:
    """Every pair of instructions with both arguments, behind one that prepares."""
    calls = list(product(names, (0, 1)))
    return [
        ((first, one), (second, other))
        for first in calls
        for second in calls
        for one, other in [(calls[0], calls[-1])]
    ]


def replayed(program: Interpreter, prefix: list[str]) -> Sim:
    """Return the machine after a prefix; every choice takes its first value."""
    sim = program.start()
    for name in prefix:
        sim.step(sim.by_name[name])
    return sim


def outcome(program: Interpreter) -> tuple[Any, ...]:
    """Return what can be seen, reports in any order."""
    return program.observe()


def enabled_others(sim: Sim, names: tuple[str, str]) -> list[str]:
    """Return the enabled threads but these two."""
    return [t.name for t in sim.enabled() if t.name not in names]


@pytest.mark.parametrize("primitive", sorted(PRIMITIVES))
def test_independent_steps_commute(primitive: str) -> None:
    pairs = independent = 0
    for threads in programs(PRIMITIVES[primitive]):
        program = Interpreter(threads)
        todo: list[list[str]] = [[]]
        looked = 0
        while todo and looked < STATES_MAX:
            prefix = todo.pop(0)
            looked += 1
            names = [t.name for t in replayed(program, prefix).enabled()]
            todo += [[*prefix, name] for name in names]
            for i, one in enumerate(names):
                for other in names[i + 1 :]:
                    pairs += 1
                    independent += commutes(program, prefix, one, other)
    assert pairs > 0
    assert independent <= pairs


def commutes(program: Interpreter, prefix: list[str], one: str, other: str) -> bool:
    """Check one pair; return whether its footprints claim independence."""
    sim = replayed(program, prefix)
    first = sim.step(sim.by_name[one])
    if not sim.is_enabled(sim.by_name[other]):
        sim = replayed(program, prefix)
        second = sim.step(sim.by_name[other])
        assert dependent(first.footprint, second.footprint), f"{one} disables {other}: {prefix}"
        return False
    second = sim.step(sim.by_name[other])
    forward = outcome(program)
    sim = replayed(program, prefix)
    second_alone = sim.step(sim.by_name[other])
    claims = not dependent(first.footprint, second.footprint) and not dependent(
        first.footprint, second_alone.footprint
    )
    if not claims:
        return False
    assert sim.is_enabled(sim.by_name[one]), f"{other} disables {one} after {prefix}"
    sim.step(sim.by_name[one])
    assert outcome(program) == forward, f"{one} and {other} do not commute after {prefix}"
    return True


@pytest.mark.parametrize("part", range(4))
def test_a_guard_admits_what_is_enabled(part: int) -> None:
    """The state that a step finds at a location tells who could have run instead of it."""
    told = {True: 0, False: 0}
    for seed in range(part * 150, part * 150 + 150):
        dice = random.Random(seed)
        sim = Interpreter(generate(seed), seed % 2).start()
        while enabled := sim.enabled():
            waiting = [(t, t.pending) for t in sim.threads if t.pending is not None]
            could = {thread.name for thread in enabled}
            step = sim.step(dice.choice(enabled))
            for thread, op in waiting:
                guard = op.guard()
                for key in guard:
                    if key not in step.before:
                        continue
                    admitted = op.admits(key, step.before[key], thread.name)
                    if admitted is None:
                        continue
                    if admitted or len(guard) == 1:  # of several one is enough
                        assert admitted == (thread.name in could), (seed, thread, op.label())
                        told[admitted] += 1
    assert min(told.values()) > 10
