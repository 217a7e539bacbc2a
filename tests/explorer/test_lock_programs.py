"""Programs of nested locks, some never given back: each class once, none blocked."""

from __future__ import annotations

from contextlib import suppress

import pytest

from netsim.explorer.loop import execute
from netsim.explorer.optimal import OptimalDpor
from tests.checkers.test_lockdep_oracle import LockProgram, generate
from tests.explorer.brute import TooLarge, every_interleaving

#: A writer that only gets the lock if neither reader comes first.
KEPT = LockProgram(((("a", "r"),), (("R", "a"),), (("r", "b"),)), releases=False)


def executions(program: LockProgram) -> tuple[int, int]:
    """Return (complete, blocked)."""
    strategy, complete, blocked = OptimalDpor(program), 0, 0
    while True:
        execution = execute(program, strategy)
        if execution.complete:
            complete += 1
            strategy.finish(execution.sim)
        else:
            blocked += 1
        if not strategy.more():
            return complete, blocked


@pytest.mark.parametrize("seed", [None, *range(60)])
def test_each_class_once(seed: int | None) -> None:
    program = KEPT if seed is None else generate(seed)
    with suppress(TooLarge):  # more interleavings than one wants to wait for
        everything = every_interleaving(program, 1500)
        assert executions(program) == (everything.classes, 0)
