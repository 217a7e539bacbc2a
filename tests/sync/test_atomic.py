"""
Atomics: values, which of them commute, and which are barriers.

As Documentation/atomic_ops.txt has it: operations that return a value are full barriers, a failed
compare-and-swap and those without a result are none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netsim.core.access import Key
from netsim.sync.atomic import Atomic
from tests.sync.bench import Bench, edges, touched

FULL = ["acquire", "release"]


@pytest.mark.parametrize(
    ("call", "result", "value", "mode", "order"),
    [
        (Atomic.atomic_read, 5, 5, "read", []),
        (lambda a: a.atomic_set(7), None, 7, "write", []),
        (Atomic.atomic_inc, 6, 6, "inc", []),
        (Atomic.atomic_dec, 4, 4, "dec", []),
        (lambda a: a.atomic_add_return(3), 8, 8, "write", FULL),
        (Atomic.atomic_dec_and_test, False, 4, "write", FULL),
        (lambda a: a.atomic_cmpxchg(5, 9), 5, 9, "write", FULL),
        (lambda a: a.atomic_cmpxchg(4, 9), 5, 5, "read", []),
        (lambda a: a.atomic_cmpxchg(6, 9), 5, 5, "read", []),
    ],
)
def test_each(
    call: Callable[[Atomic], Awaitable[Any]], result: Any, value: int, mode: str, order: list[str]
) -> None:
    bench = Bench()
    atomic = Atomic(bench.sim, "count", 5)
    thread = bench.thread("1", lambda: call(atomic))
    assert thread.pending is not None
    assert thread.pending.label() == "count"

    changes: list[tuple[Key, Any, Any]] = []
    bench.sim.changes = changes
    step = bench.step("1")

    if mode not in ("inc", "dec"):  # what these return nobody may look at
        assert bench.results["1"] == [result]
    assert atomic.value == value
    assert (touched(step), edges(step)) == ({"atomic": mode}, order)
    assert step.before == {("count", "atomic"): 5}
    assert changes == ([(atomic.key, 5, value)] if value != 5 else [])


def test_the_last_is_told() -> None:
    bench = Bench()
    atomic = Atomic(bench.sim, "count", 2)
    bench.thread("1", atomic.atomic_dec_and_test, atomic.atomic_dec_and_test)

    bench.steps("11")

    assert bench.results["1"] == [False, True]


def test_who_waits_for_a_change_has_read_it() -> None:
    """A round depends on what it read: on a failed compare-and-swap, too."""
    calls: list[Callable[[Atomic], Awaitable[Any]]] = [
        Atomic.atomic_read,
        lambda a: a.atomic_add_return(1),
        lambda a: a.atomic_cmpxchg(1, 2),
    ]
    for call in calls:
        bench = Bench()
        atomic = Atomic(bench.sim, "count")
        assert atomic.value == 0
        thread = bench.thread("1", lambda a=atomic, c=call: c(a))  # type: ignore[misc]
        bench.sim.current = thread
        seen = bench.sim.begin_round()
        bench.step("1")
        assert atomic.key in seen.reads
