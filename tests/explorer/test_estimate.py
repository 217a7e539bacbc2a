"""The estimate of a search: exact where the tree is regular, a band that holds what is known."""

import random
from operator import attrgetter

import pytest

from benchmarks.families import Family, increments, pairs, producers, trylocks, writers
from netsim.explorer.estimate import FIRST, Band, Estimate
from netsim.explorer.loop import Exploration, execute
from netsim.explorer.optimal import OptimalDpor
from netsim.explorer.plain import PlainDfs
from netsim.explorer.walk import RandomWalk


def bands(family: Family, strategy: Exploration) -> list[Band | None]:
    """Explore a family, and return the band after each run but the last."""
    estimate = Estimate()
    found: list[Band | None] = []
    while True:
        execution = execute(family, strategy)
        if execution.complete:
            strategy.finish(execution.sim)
        if not strategy.more():
            return found
        left = strategy.left()
        estimate.ran(left or ())
        found.append(None if left is None else estimate.band(left))


@pytest.mark.parametrize(
    "family", [writers(5), increments(5), trylocks(4), producers(4)], ids=attrgetter("name")
)
class TestKnown:
    """Numbers of classes that have a proof."""

    def test_from_a_third_on_the_truth_is_in_the_band(self, family: Family) -> None:
        made = bands(family, OptimalDpor(family))

        for band in made[max(family.classes // 3, FIRST) :]:
            assert band is not None
            assert band.low <= family.classes <= band.high

    def test_no_band_promises_fewer_than_were_run(self, family: Family) -> None:
        made = bands(family, OptimalDpor(family))

        assert made[: FIRST - 1] == [None] * (FIRST - 1)
        for runs, band in enumerate(made[FIRST - 1 :], FIRST):
            assert band is not None
            assert runs < band.low <= band.high


def test_a_tree_whose_nodes_are_alike_is_known_from_its_first_branches() -> None:
    # Unreduced, 6 threads of one step: 6! leaves, and all subtrees of a depth are equal.
    estimate = Estimate()
    family, strategy = pairs(3), PlainDfs()
    for _ in range(20):
        strategy.finish(execute(family, strategy).sim)
        assert strategy.more()
        estimate.ran(strategy.left() or ())

    assert estimate._totals(strategy.left() or ()) == pytest.approx((720, 720))


def test_each_bound_on_preemptions_is_a_search_of_its_own() -> None:
    family = trylocks(4)
    made = bands(family, PlainDfs(1))
    level = PlainDfs(0)
    first = len(bands(family, level)) + 1
    total = len(made) + 1

    # What the next bound adds is not known before it is there; then its own runs are counted.
    assert made[: first + FIRST - 1] == [None] * (first + FIRST - 1)
    last = made[-1]
    assert last is not None
    assert last.low <= total <= last.high


def test_samples_have_no_end_to_estimate() -> None:
    walk: Exploration = RandomWalk(random.Random(1))

    assert walk.left() is None
