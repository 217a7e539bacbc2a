"""explore() on values that do not compare, cannot be written down, or equal what they are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from netsim.errors import UsageError
from netsim.results import Verdict
from netsim.run.explore import explore
from netsim.world import World


class Odd:
    """Neither compares nor tells what it is."""

    __hash__ = object.__hash__

    def __repr__(self) -> NoReturn:
        raise ValueError("no repr")

    def __eq__(self, other: object) -> NoReturn:
        raise ValueError("no eq")


@pytest.mark.parametrize("before", [1, 1.0, float("nan"), Odd()])
def test_a_condition_is_tested_again_after_any_change(before: Any) -> None:
    def program(world: World) -> None:
        x = world.var("x", before)

        async def change() -> None:
            await x.swap(True)

        async def wait() -> None:
            await world.until(lambda: x.value is True)

        world.thread(change)
        world.thread(wait)

    def unchanged(world: World) -> None:
        y = world.var("y", before)

        async def wait() -> None:
            await world.until(lambda: y.value is True)

        world.thread(wait)

    if not isinstance(before, Odd):  # which cannot be replaced: that compares
        result = explore(program)
        # Tested before the change or only after it.
        assert (result.verdict, result.executions) == (Verdict.HOLDS, 2)
    assert [finding.kind for finding in explore(unchanged).findings] == ["hung"]


def test_an_exception_that_cannot_tell_what_it_is_is_a_finding() -> None:
    class Broken(Exception):
        def __str__(self) -> NoReturn:
            raise ValueError("no str")

    def program(world: World) -> None:
        async def fail() -> None:
            raise Broken

        world.thread(fail)

    (finding,) = explore(program).findings

    assert (finding.kind, "fail: Broken, in fail()" in finding.message) == ("bug-on", True)


def test_a_wait_for_a_value_that_has_no_repr_is_told() -> None:
    def program(world: World) -> None:
        x = world.var("x", Odd())

        async def wait() -> None:
            await x.until(lambda value: not value)

        world.thread(wait)

    (finding,) = explore(program).findings

    assert "x, which is an Odd whose repr() raises ValueError" in finding.message


def test_an_outcome_that_has_no_repr_is_refused() -> None:
    def program(world: World) -> Callable[[], object]:
        async def nothing() -> None:
            await world.pause()

        world.thread(nothing)
        return Odd

    with pytest.raises(UsageError, match=r"must be plain values .*; found an Odd"):
        explore(program)
