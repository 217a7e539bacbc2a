"""The formulas of the families against brute force, and the explorer against the formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.exploring import Exhaustive, classes_of, explore, replay_bare
from benchmarks.families import (
    Family,
    deadlocked,
    increments,
    last_zero,
    lost_wakeups,
    pairs,
    philosophers,
    philosophers_reversed,
    producers,
    readers,
    trylocks,
    writers,
)
from netsim.core.sim import Sim
from netsim.core.step import Choice
from netsim.explorer.loop import execute
from netsim.explorer.normal import Recorder
from netsim.explorer.plain import PlainDfs
from tests.explorer.brute import every_interleaving

#: Sizes whose interleavings can all be run.
SMALL: list[tuple[Callable[[int], Family], tuple[int, ...]]] = [
    (writers, (1, 2, 3, 4)),
    (readers, (1, 2, 3, 4)),
    (increments, (1, 2, 3, 4)),
    (pairs, (1, 2, 3)),
    (philosophers, (2, 3)),
    (philosophers_reversed, (2, 3)),
    (last_zero, (2, 3)),
    (trylocks, (1, 2, 3, 4)),
    (producers, (1, 2, 3)),
    (lost_wakeups, (1, 2)),
]


class Oracle:
    """A family as the oracle of the explorer's tests wants it."""

    def __init__(self, family: Family) -> None:
        self.family = family

    def start(self) -> Sim:
        self.sim = self.family.start()
        return self.sim

    def observe(self) -> tuple[Any, ...]:
        return (deadlocked(self.sim),)


@pytest.mark.parametrize(
    "family",
    [make(n) for make, sizes in SMALL for n in sizes],
    ids=lambda family: f"{family.name} {family.size}",
)
def test_formula(family: Family) -> None:
    everything = every_interleaving(Oracle(family), 2_000)

    assert everything.classes == family.classes
    assert bool(everything.deadlocks) == bool(family.deadlocks)
    assert classes_of(family, 2_000) == family.classes
    plain = explore(family, PlainDfs())
    assert (plain.executions, plain.deadlocked) == (everything.executions, everything.deadlocks)
    mine = explore(family, Exhaustive(family))
    assert (mine.executions, mine.blocked) == (family.classes, 0)
    assert mine.deadlocked == family.deadlocks


@pytest.mark.parametrize("n", range(2, 8))
def test_philosophers_up_to_seven(n: int) -> None:
    counts = explore(philosophers(n), Exhaustive(philosophers(n)))
    assert (counts.executions, counts.deadlocked, counts.blocked) == (2**n - 1, 1, 0)
    counts = explore(philosophers_reversed(n), Exhaustive(philosophers_reversed(n)))
    assert (counts.executions, counts.deadlocked, counts.blocked) == (2**n - 2, 0, 0)


def test_last_zero_has_the_classes_of_the_paper() -> None:
    # Source Sets (JACM 2017), table of lastzero: 5, 10, 15.
    assert [last_zero(n).classes for n in (5, 10, 15)] == [64, 3328, 147456]


def test_a_count_of_classes_that_takes_too_long_is_none() -> None:
    assert classes_of(writers(4), 10) is None


class _Last:
    """A program that remembers its latest machine."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.machines: list[Sim] = []

    def start(self) -> Sim:
        self.machines.append(self.family.start())
        return self.machines[-1]


def test_the_bare_replay_does_what_was_recorded() -> None:
    program = _Last(lost_wakeups(1))
    lost = [Choice(name) for name in ("1", "2", "2", "1")]
    woken = [Choice(name) for name in ("1", "1", "2", "2", "1", "1")]

    replay_bare(program, [lost, woken])
    execute(program, Recorder(woken))

    alive = [[t.pending is not None for t in sim.threads] for sim in program.machines]
    assert alive == [[True, False], [False, False], [False, False]]
