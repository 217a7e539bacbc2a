"""Weak initials and wakeup trees, on hand-made steps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from netsim.core.access import READ, WRITE, Footprint
from netsim.core.step import Choice
from netsim.explorer.wakeup import Known, Move, Unmakeable, insert, place


def step(name: str, footprint: str, value: int = 0) -> Move:
    """Make a move of thread `name`; `footprint` lists locations, written in capitals."""
    modes: Footprint = {
        (letter.lower(), ""): WRITE if letter.isupper() else READ for letter in footprint
    }
    return Move(name, value, modes)


def never(_path: Sequence[Choice], move: Move, before: Sequence[Known]) -> Footprint:
    raise AssertionError(f"nobody need ask for {move.thread} after {len(before)} steps")


def where(first: Move, *v: Move) -> int | None:
    return place(first, v[:-1], v[-1], partial(never, ()))  # type: ignore[arg-type]


def tree(wut: list[Move]) -> str:
    return " ".join(m.thread + (f"({tree(m.children)})" if m.children else "") for m in wut)


def covers(wut: list[Move], *v: Move) -> bool:
    return insert(list(v[:-1]), v[-1], wut, lambda path: partial(never, path))  # type: ignore[arg-type]


def grow(wut: list[Move], *v: Move) -> bool:
    before = tree(wut)
    covers(wut, *v)
    return tree(wut) != before


class TestPlace:
    def test_the_first_step_comes_first(self) -> None:
        assert where(step("p", "X"), step("p", "X"), step("q", "X")) == 0

    def test_what_depends_on_nothing_before_it_can_come_first(self) -> None:
        assert where(step("q", "Y"), step("p", "X"), step("q", "Y"), step("r", "Y")) == 1

    def test_what_depends_on_something_before_it_cannot(self) -> None:
        assert where(step("q", "X"), step("p", "X"), step("q", "X"), step("r", "Z")) is None

    def test_a_stranger_must_be_independent_of_all(self) -> None:
        assert where(step("s", "x"), step("p", "x"), step("q", "x")) == -1
        assert where(step("s", "x"), step("p", "x"), step("q", "X")) is None
        assert where(step("s", "X"), step("p", "x"), step("q", "Y")) is None

    def test_another_value_for_the_same_step_is_in_conflict(self) -> None:
        assert where(step("p", "X", 1), step("p", "X", 0), step("q", "Y")) is None
        assert where(step("p", "X", 1), step("q", "Y"), step("p", "X", 0)) is None

    def test_a_sequence_of_one_step_begins_with_it(self) -> None:
        assert where(step("p", "X"), step("p", "X")) == 0
        assert where(step("p", "X", 1), step("p", "X", 0)) is None

    def test_what_it_touches_where_it_stands_decides(self) -> None:
        """What it touches later in the sequence only if nobody has asked."""
        before, after = step("p", "X"), step("r", "Z")
        assert where(step("q", "X"), before, step("q", "Y"), after) is None
        assert where(step("q", "Y"), before, step("q", "X"), after) == 1
        assert where(Move("q", 0), before, step("q", "X"), after) is None
        assert where(Move("q", 0), before, step("q", "Y"), after) == 1

    def test_the_last_step_is_asked_for_only_where_it_decides(self) -> None:
        asked: list[int] = []

        def ask(move: Move, before: Sequence[Known]) -> Footprint:
            asked.append(len(before))
            move.footprint = {("y", ""): WRITE}
            return move.footprint

        before: list[Known] = [step("p", "x")]  # type: ignore[list-item]
        assert place(step("s", "X"), before, Move("q", 0), ask) is None
        assert not asked
        assert place(step("s", "Y"), before, Move("q", 0), ask) is None
        assert place(step("s", "z"), before, Move("q", 0), ask) == -1
        assert asked == [1, 1]

    def test_a_branch_that_cannot_be_made_covers_nothing(self) -> None:
        def ask(move: Move, before: Sequence[Known]) -> Footprint:
            raise Unmakeable

        before: list[Known] = [step("p", "x")]  # type: ignore[list-item]
        assert place(Move("s", 0), before, step("q", "x"), ask) is None


class TestInsert:
    def test_a_new_sequence_becomes_the_rightmost_branch(self) -> None:
        wut: list[Move] = []
        assert grow(wut, step("p", "X"), step("q", "X"))
        assert grow(wut, step("q", "X"), step("p", "X"))
        assert tree(wut) == "p(q) q(p)"

    def test_a_leaf_covers_what_it_can_come_first_in(self) -> None:
        wut = [step("p", "X")]
        assert not grow(wut, step("q", "Y"), step("p", "X"), step("r", "X"))
        assert not grow(wut, step("q", "Y"), step("r", "Z"))
        assert tree(wut) == "p"

    def test_a_shared_beginning_is_shared(self) -> None:
        wut: list[Move] = []
        grow(wut, step("p", "X"), step("q", "X"), step("r", "X"))
        assert grow(wut, step("s", "Y"), step("p", "X"), step("r", "X"), step("q", "X"))
        assert tree(wut) == "p(q(r) s(r(q)))"

    def test_what_is_left_of_the_last_step_goes_on_below(self) -> None:
        """The last step comes first in the tree; what precedes it is not covered by that."""
        wut: list[Move] = []
        grow(wut, step("p", "X"), step("q", "Y"), step("r", "Y"))
        assert grow(wut, step("r", "Y"), step("q", "Y"), step("p", "X"))
        assert tree(wut) == "p(q(r) r(q))"

    def test_the_beginning_of_what_is_there_is_covered(self) -> None:
        wut: list[Move] = []
        grow(wut, step("p", "X"), step("q", "X"), step("r", "X"))
        assert not grow(wut, step("p", "X"))
        assert not grow(wut, step("p", "X"), step("q", "X"))
        assert tree(wut) == "p(q(r))"


class TestCovers:
    """A leaf that is a beginning of a sequence covers all that begins with that sequence."""

    def test_what_is_new_does(self) -> None:
        assert covers([], step("p", "X"), step("q", "X"))

    def test_a_leaf_that_is_a_beginning_does(self) -> None:
        assert covers([step("q", "Y")], step("p", "X"), step("q", "Y"))

    def test_a_leaf_that_goes_further_does_not(self) -> None:
        wut: list[Move] = []
        grow(wut, step("p", "X"), step("q", "X"))
        assert not covers(wut, step("p", "X"))

    def test_a_stranger_on_the_way_could_meet_what_follows(self) -> None:
        assert not covers([step("s", "Z")], step("p", "X"))
        wut: list[Move] = []
        grow(wut, step("s", "Z"), step("p", "X"))
        assert not covers(wut, step("q", "Y"), step("r", "Y"))
        assert tree(wut) == "s(p)"
