"""Aligning the steps of a thread with its recorded ones: as alike as can be, by brute force."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from netsim.run import align as module
from netsim.run.align import MOVED, SAME, Place, align, first_like, likeness


def best(old: Sequence[Place], new: Sequence[Place]) -> int:
    """The greatest sum of likeness over all mappings in order, each of them tried."""
    if not old or not new:
        return 0
    like = likeness(old[0], new[0])
    both = like + best(old[1:], new[1:]) if like else 0
    return max(both, best(old[1:], new), best(old, new[1:]))


def some(rng: random.Random) -> list[Place]:
    return [
        Place(rng.choice("ab"), rng.choice("fg"), rng.choice(["lock x", "lock y", "put x"]))
        for _ in range(rng.randrange(6))
    ]


@pytest.mark.parametrize("late", [False, True])
def test_no_mapping_is_more_alike(late: bool) -> None:
    rng = random.Random(3)
    for _ in range(300):
        old, new = some(rng), some(rng)

        made = align(old, new, late=late)

        chosen = [(at, place) for at, place in zip(made, new, strict=True) if at is not None]
        order = [at for at, _ in chosen]
        assert order == sorted(set(order))
        assert all(likeness(old[at], place) for at, place in chosen)
        assert sum(likeness(old[at], place) for at, place in chosen) == best(old, new)


def test_of_mappings_as_good_the_earliest_or_latest_is_taken() -> None:
    a, b = (Place("o", "f", f"put {name}") for name in "ab")

    assert align([a, b], [a, b, a, b]) == [0, 1, None, None]
    assert align([a, b], [a, b, a, b], late=True) == [None, None, 0, 1]


def test_what_is_too_long_to_compare_is_followed_step_by_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CELLS_MAX", 0)
    a, b, c, d = (Place("o", "f", f"put {name}") for name in "abcd")

    assert align([a, b, c], [a, d, c]) == [0, 1, 2]
    assert align([a, b, c], [a, c]) == [0, 2]


def test_the_number_of_an_allocation_is_no_difference_but_who_made_it_is() -> None:
    old = Place("set", "kfree", "put neigh(10.0.0.1)/0.1")

    assert likeness(old, Place("set", "kfree", "put neigh(10.0.0.1)/0.2")) == SAME
    assert likeness(old, Place("set", "kfree", "put neigh(10.0.0.1)/2.1")) < MOVED
    assert likeness(old, Place("set", "kfree", "put neigh(10.0.0.2)/0.1")) < MOVED
    assert likeness(old, Place("off", "kfree", "put neigh(10.0.0.1)/0.1")) == 0


def test_the_same_step_further_on_is_preferred_to_one_that_is_only_alike() -> None:
    lock, unlock, other = (Place("o", "f", c) for c in ("lock x", "unlock x", "lock y"))

    assert first_like([lock, unlock, other], 0, other) == 2
    assert first_like([lock, unlock], 0, other) == 0
    assert first_like([lock, unlock], 2, other) is None
