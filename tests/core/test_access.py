"""The table of conflicts against what the modes mean, on a counter."""

from __future__ import annotations

from itertools import product

import pytest

from netsim.core.access import DEC, INC, MODE_NAMES, READ, WRITE, Mode, dependent, merge

MODES = (READ, WRITE, INC, DEC)
PAIRS = list(product(MODES, MODES))


def run(state: int, modes: tuple[Mode, ...], order: tuple[int, ...]) -> object:
    """
    Return the state after two operations and what each learnt; None if a decrement reaches zero.

    Only writes and reads learn the value; a decrement that reaches zero is a write.
    """
    learnt: dict[int, int] = {}
    for number in order:
        if modes[number] in (READ, WRITE):
            learnt[number] = state
        state += {READ: 0, WRITE: 10 * (number + 1), INC: 1, DEC: -1}[modes[number]]
        if state == 0:
            return None
    return state, sorted(learnt.items())


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_what_conflicts_does_not_commute(one: Mode, other: Mode) -> None:
    both = [[run(n, (one, other), order) for order in ((0, 1), (1, 0))] for n in range(1, 9)]
    commute = all(forward == backward for forward, backward in both)

    assert dependent({("x", ""): one}, {("x", ""): other}) == (not commute), (
        f"{MODE_NAMES[one]} and {MODE_NAMES[other]}"
    )


def test_only_locations_in_common_count() -> None:
    x, y, z = ("x", ""), ("y", ""), ("z", "")
    assert not dependent({x: WRITE}, {y: WRITE})
    assert not dependent({}, {y: WRITE})
    assert not dependent({x: WRITE, y: READ, z: INC}, {y: READ})
    for small, large in [({y: WRITE}, {x: READ, y: READ}), ({y: READ}, {x: READ, y: WRITE})]:
        assert dependent(small, large)
        assert dependent(large, small)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_mixture_conflicts_with_all_that_its_parts_do(one: Mode, other: Mode) -> None:
    both = merge(one, other)
    for third in MODES:
        parts = [dependent({("x", ""): part}, {("x", ""): third}) for part in (one, other)]
        assert dependent({("x", ""): both}, {("x", ""): third}) or not any(parts)
    assert merge(one, one) == one


def test_the_modes_are_four() -> None:
    assert sorted(MODES) == list(range(len(MODE_NAMES)))
