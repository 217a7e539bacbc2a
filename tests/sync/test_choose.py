"""What the environment chooses, and the budget of failures."""

from __future__ import annotations

from netsim.sync.choose import choose, fails
from tests.sync.bench import Bench, touched


def options(bench: Bench, name: str) -> int:
    pending = bench.sim.by_name[name].pending
    assert pending is not None
    return pending.options(bench.sim)


def test_each_value_may_be_chosen() -> None:
    bench = Bench()
    thread = bench.thread("1", lambda: choose("coin", 3), lambda: choose("coin", 3))
    assert thread.pending is not None
    assert (options(bench, "1"), thread.pending.label()) == (3, "coin")

    first, second = bench.step("1", 0), bench.step("1", 2)

    assert bench.results["1"] == [0, 2]
    assert touched(first) == touched(second) == {}


def test_choices_are_noted_by_thread_and_number() -> None:
    """Those of the first value are counted and left out."""
    bench = Bench(faults=1)
    bench.thread("1", lambda: choose("a", 2), lambda: choose("b", 3), lambda: fails("kmalloc"))
    bench.thread("2", lambda: choose("c", 2))

    bench.step("1", 0)
    bench.step("2", 1)
    bench.step("1", 2)
    bench.step("1", 1)

    assert bench.sim.chosen == [("2", 1, 1), ("1", 2, 2), ("1", 3, 1)]


def test_a_failure_costs_one_of_the_budget() -> None:
    bench = Bench(faults=2)
    bench.thread("1", *[lambda: fails("kmalloc")] * 4)

    seen = [
        (options(bench, "1"), touched(bench.step("1", value)), bench.sim.faults)
        for value in (1, 0, 1, 0)
    ]

    assert bench.results["1"] == [True, False, True, False]
    # Only one that fails changes how many may; the others look whether one may.
    assert seen == [
        (2, {"faults": "write"}, 1),
        (2, {"faults": "read"}, 1),
        (2, {"faults": "write"}, 0),
        (1, {"faults": "read"}, 0),
    ]


def test_without_a_budget_nothing_fails_or_depends_on_it() -> None:
    bench = Bench()
    thread = bench.thread("1", lambda: fails("kmalloc"), lambda: fails("kzalloc", may_sleep=True))
    assert thread.pending is not None
    assert (options(bench, "1"), thread.pending.may_sleep) == (1, False)

    step = bench.step("1")

    assert (bench.results["1"], touched(step)) == ([False], {})
    assert (thread.pending.may_sleep, thread.pending.label()) == (True, "kzalloc")
