"""Reference counts: who holds them, which updates commute, and who is one too many."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from netsim.core.access import Key
from netsim.sync.refcount import RefCount
from tests.sync.bench import Bench, edges, touched


def count_mode(bench: Bench, refs: RefCount, *calls: tuple[str, str]) -> list[str]:
    """Get or put by holders, one after the other; return how each touches the count."""
    for number, (call, by) in enumerate(calls, 1):
        bench.thread(str(number), partial(getattr(refs, call), by))
    return [touched(bench.step(str(number)))["refcnt"] for number in range(1, len(calls) + 1)]


class TestModes:
    def test_gets_commute_unless_they_cross_zero(self) -> None:
        bench = Bench()
        assert count_mode(bench, RefCount(bench.sim, "n"), *[("get", "a")] * 3) == [
            "write",
            "inc",
            "inc",
        ]

    def test_puts_of_a_count_without_anchor_commute_with_nothing(self) -> None:
        bench = Bench()
        refs = RefCount(bench.sim, "n", ("a", "b", "c", "d"))
        puts = [("put", by) for by in "abcd"]
        assert count_mode(bench, refs, *puts) == ["write"] * 4

    def test_while_the_anchor_holds_on_all_others_commute(self) -> None:
        bench = Bench()
        refs = RefCount(bench.sim, "n", ("table", "a", "b"), anchor="table")
        calls = [("put", "a"), ("get", "c"), ("put", "b"), ("put", "c"), ("put", "table")]
        assert count_mode(bench, refs, *calls) == ["inc", "inc", "inc", "inc", "write"]

    def test_without_the_anchor_they_do_not(self) -> None:
        bench = Bench()
        refs = RefCount(bench.sim, "n", ("table", "a", "b"), anchor="table")
        calls = [("put", "table"), ("put", "a"), ("get", "table"), ("put", "b")]
        assert count_mode(bench, refs, *calls) == ["write", "write", "write", "inc"]

    def test_a_put_too_many_commutes_with_nothing(self) -> None:
        bench = Bench()
        refs = RefCount(bench.sim, "n", ("table", "a", "b"), anchor="table")
        assert count_mode(bench, refs, ("put", "c"), ("put", "a")) == ["write", "write"]

    def test_a_get_below_zero(self) -> None:
        """Raising a count from -1 makes it zero, which somebody may look at."""
        bench = Bench()
        refs = RefCount(bench.sim, "n")
        assert count_mode(bench, refs, ("put", "a"), ("put", "a"), *[("get", "a")] * 3) == [
            "write"
        ] * 2 + ["inc", "write", "write"]


def test_steps_of_one_named_holder_never_commute() -> None:
    bench = Bench()
    refs = RefCount(bench.sim, "n", ("a", "1:", "x", "y"))
    bench.thread("1", lambda: refs.put("a"), refs.put, lambda: refs.get("b"), refs.get)

    steps = bench.steps("1111")

    assert [[field for field in touched(s) if field.startswith("held")] for s in steps] == [
        ["held by a"],
        [],
        ["held by b"],
        [],
    ]
    assert refs.holders == ["x", "y", "b", "1:"]
    assert not bench.sim.reports


@pytest.mark.parametrize(
    ("holders", "calls", "zero"),
    [
        (("a",), ("put",), [True]),
        (("a", "a"), ("put", "put"), [False, True]),
        (("a",), ("put", "put"), [True, True]),
        (("a",), ("put", "get", "get"), [True, True, False]),
        (("a",), ("put", "put", "get"), [True, True, True]),
        (("a",), ("get",), [False]),
    ],
)
def test_who_waits_for_zero_depends_only_on_what_crosses_it(
    holders: tuple[str, ...], calls: tuple[str, ...], zero: list[bool]
) -> None:
    bench = Bench()
    refs = RefCount(bench.sim, "n", holders)
    bench.thread("1", *[partial(getattr(refs, call), "a") for call in calls])

    changes: list[tuple[Key, Any, Any]] = []
    bench.sim.changes = changes
    steps = [bench.step("1") for _ in calls]

    counts = [old for key, old, _ in changes if key == refs.key] + [refs.count]
    assert counts[0] == len(holders)
    assert [new for key, _, new in changes if key == refs.key] == counts[1:]
    crossings = [(a == 0, b == 0) for a, b in pairwise(counts) if 0 in (a, b)]
    assert [(old, new) for key, old, new in changes if key == refs.zero_key] == crossings
    assert ["refcnt is zero" in touched(s) for s in steps] == zero
    assert bench.sim.versions.get(refs.zero_key, 0) == sum(zero)
    assert bench.sim.versions[refs.key] == len(calls)


def test_the_last_put_acquires_what_the_others_released() -> None:
    bench = Bench()
    refs = RefCount(bench.sim, "n", ("a", "b"))
    bench.thread("1", lambda: refs.put("a"), lambda: refs.put("b"), lambda: refs.put("b"))

    steps = bench.steps("111")

    assert bench.results["1"] == [False, True, False]
    assert [edges(s) for s in steps] == [["release"], ["release", "acquire"], ["release"]]
    (report,) = bench.sim.reports
    assert (report.kind, report.objects, report.fatal) == ("refcount", ("n",), False)
    assert report.message == (
        "flow 1 drops a reference to n that b does not hold; the count is now -1, held by nobody"
    )


def test_who_else_holds_it_is_named() -> None:
    bench = Bench()
    refs = RefCount(bench.sim, "n", ("a", "b"))
    bench.thread("1", refs.put)
    bench.step("1")
    assert bench.sim.reports[0].message.endswith(
        "that 1: does not hold; the count is now 1, held by a, b"
    )


@pytest.mark.parametrize("count", [0, 1, 2])
def test_looking(count: int) -> None:
    bench = Bench()
    refs = RefCount(bench.sim, "n", ("a",) * count)
    bench.thread("1", refs.read, refs.is_zero)

    read, is_zero = bench.steps("11")

    assert bench.results["1"] == [count, count == 0]
    assert (touched(read), edges(read)) == ({"refcnt": "read"}, ["acquire"])
    assert touched(is_zero) == {"refcnt is zero": "read"}
    assert edges(is_zero) == (["acquire"] if count == 0 else [])


@pytest.mark.parametrize(
    ("old", "new", "holders", "fields"),
    [
        ("a", "b", ["table", "b"], {"held by a", "held by b"}),
        ("a", "table", ["table", "table"], {"held by a", "held by table", "refcnt"}),
        ("table", "a", ["a", "a"], {"held by a", "held by table", "refcnt"}),
        ("a", "", ["table", "1:"], {"held by a"}),
        ("", "b", ["table", "a"], {"held by b"}),
        ("c", "b", ["table", "a"], {"held by c", "held by b"}),
    ],
)
def test_handing_over(old: str, new: str, holders: list[str], fields: set[str]) -> None:
    bench = Bench()
    refs = RefCount(bench.sim, "n", ("table", "a"), anchor="table")

    async def body() -> None:
        await refs.read()
        refs.hand_over(old, new)

    bench.sim.spawn("1", body(), flow=1)
    step = bench.step("1")

    assert (refs.holders, refs.count) == (holders, 2)
    assert set(touched(step)) == fields | {"refcnt"}
    assert (touched(step)["refcnt"] == "write") == ("refcnt" in fields)
