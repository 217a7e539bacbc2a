"""That a halt waits for the others hides nothing: what left the machine, and what was reported."""

from __future__ import annotations

import random
from typing import Any

import pytest

from netsim.checkers.datarace import DataRaces
from netsim.explorer.loop import execute
from netsim.explorer.optimal import OptimalDpor
from tests.explorer.brute import TooLarge, every_interleaving
from tests.explorer.programs import INSTRUCTIONS, Interpreter, Program

Seen = tuple[set[tuple[int, ...]], set[tuple[str, tuple[str, ...], str]]]


class Halted(Interpreter):
    """Sees of a halted machine only what left it, and what was reported before."""

    def __init__(self, program: Program, *, halts_last: bool) -> None:
        super().__init__(program, halts_last=halts_last)
        self.seen: Seen = (set(), set())

    def observe(self) -> tuple[Any, ...]:
        sent, reported = self.seen
        if self.sim.halted:
            sent.add(tuple(self.sent))
        reported |= {(report.kind, report.objects, report.thread) for report in self.sim.reports}
        return super().observe()


def generate(seed: int) -> Program:
    """Two or three threads, one of which halts the machine; all transmit."""
    rng = random.Random(seed)
    names = rng.sample(sorted(INSTRUCTIONS), 3)
    threads = [
        [
            ("transmit", 0) if rng.random() < 0.4 else (rng.choice(names), rng.randint(0, 1))
            for _ in range(rng.randint(1, 3))
        ]
        for _ in range(rng.randint(2, 3))
    ]
    threads[0].append(("halt", 0))
    return tuple(map(tuple, threads))


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_random_programs(first: int) -> None:
    tried = 0
    for seed in range(first, first + 20):
        whenever = Halted(generate(seed), halts_last=False)
        try:
            every_interleaving(whenever, 3000)
        except TooLarge:
            continue
        tried += 1
        last = Halted(generate(seed), halts_last=True)
        strategy, races = OptimalDpor(last), DataRaces()
        while True:
            execution = execute(last, strategy, (races,))
            assert execution.complete
            strategy.finish(execution.sim)
            last.observe()
            if not strategy.more():
                break
        want = {one for one in whenever.seen[1] if one[0] != "data-race"}  # not looked for there
        found = {one for one in last.seen[1] if one[0] != "data-race"}
        assert (last.seen[0], found) == (whenever.seen[0], want), seed
    assert tried >= 10
