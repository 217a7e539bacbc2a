"""Parts of the search by hand: whom it goes on with, and what it need not ask again."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.families import Family, pairs
from netsim.core.access import INC, READ, WRITE, Footprint
from netsim.core.memory import KObject, bind, shared
from netsim.core.sim import Sim
from netsim.core.step import Choice
from netsim.explorer.events import Event
from netsim.explorer.loop import execute
from netsim.explorer.optimal import OptimalDpor, Race, _without
from netsim.sync.marked import read_once, write_once
from tests.explorer.programs import Interpreter


def event(name: str, footprint: str, index: int = 0, **clock: int) -> Event:
    """Make an event; `footprint` lists locations, written in capitals, counted with a +."""
    modes: Footprint = {
        (letter.lower(), ""): WRITE if letter.isupper() else READ
        for letter in footprint
        if letter != "+"
    }
    if "+" in footprint:
        modes = dict.fromkeys(modes, INC)
    return Event(index, name, clock.get(name, 1), modes, {}, clock or {name: 1}, 0)


A, B, C, D = event("1", "a"), event("2", "b"), event("3", "c"), event("4", "d")


class TestTouches:
    """A footprint found after some events holds after others unless one that differs meets it."""

    @pytest.mark.parametrize(
        ("base", "before", "touched", "holds"),
        [
            ([A, B], [A, B], "ABC", True),
            ([A, B], [A, C], "A", True),
            ([A, B], [A, C], "B", False),
            ([A, B], [A, C], "C", False),
            ([A, B], [A, C], "b", True),
            ([A, B, C], [A, D, C], "C", False),
            ([A, B, C], [A, D, C], "B", False),
            ([A, B, C], [A, D, C], "D", False),
            ([A], [A, B], "B", False),
            ([A, B], [A], "B", False),
            ([A, B], [], "A", False),
            ([], [A], "D", True),
        ],
    )
    def test_what_was_asked(
        self, base: list[Event], before: list[Event], touched: str, holds: bool
    ) -> None:
        race = Race(A, "5", 0, 0, True)
        assert race.touches(before) is None
        race.known, race.base = event("5", touched).footprint, base

        assert race.touches(before) == (race.known if holds else None)


def test_what_changes_a_guard_is_left_out_with_all_after_it() -> None:
    first = event("1", "x", 0)
    changes = event("2", "G", 1)
    follows = event("3", "y", 2, **{"3": 1, "2": 1})
    reads = event("4", "g", 3)
    counts = event("5", "g+", 4)
    last = event("3", "z", 5, **{"3": 2, "2": 1})
    events = [first, changes, follows, reads, counts, last]

    assert _without((("g", ""),), events) == [first, reads]
    assert _without((("h", ""),), events) == events
    assert _without((("h", ""), ("g", "")), events) == [first, reads]


def test_a_race_is_reversed_once_while_what_follows_does_not_meet_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 7 pairs of writers each execution repeats races of all others: they are covered."""
    inserted: list[Race] = []
    insert = OptimalDpor._insert

    def count(self: OptimalDpor, race: Race, before: list[Event]) -> bool:
        inserted.append(race)
        return insert(self, race, before)

    monkeypatch.setattr(OptimalDpor, "_insert", count)
    family = pairs(7)

    assert _executions(family) == family.classes
    assert len(set(map(id, inserted))) == len(inserted) == 2 * (2**7 - 1)  # two for each inner node


@shared
class _Shared(KObject):
    """A flag, and what is written only as long as it is not set."""

    flag: int = 0
    x: int = 0


def _what_it_touches_hangs_on_the_race(sim: Sim) -> list[Any]:
    cell = bind(sim, _Shared(), "cell")

    async def q() -> None:
        if not await read_once(cell, "flag"):
            cell.x = 1

    return [write_once(cell, "flag", 1), q(), write_once(cell, "x", 2)]


def _executions(program: Family) -> int:
    strategy, executions = OptimalDpor(program), 0
    while True:
        executions += execute(program, strategy).complete
        if not strategy.more():
            return executions


def test_a_race_is_looked_at_again_if_its_step_meets_what_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Before the flag is set the second thread writes x, too: before or after the third: 1 + 2.

    In the first execution, after the flag is set, it has nothing to do with the third.
    """
    family = Family("flag", 3, _what_it_touches_hangs_on_the_race, 3)
    assert _executions(family) == family.classes

    monkeypatch.setattr(OptimalDpor, "_apart", lambda *_: True)
    assert _executions(family) < family.classes


class TestAwake:
    """Beyond the tree the search goes on with its thread if that is awake, else with the first."""

    def chosen(self, last: str, asleep: list[Choice]) -> Choice | None:
        program = Interpreter(((("choose", 0),),) * 3)
        strategy, sim = OptimalDpor(program), program.start()
        strategy._last = last
        strategy._sleep = {(c.thread, c.value): {} for c in asleep}
        move = strategy._any(sim, sim.enabled())
        return None if move is None else Choice(move.thread, move.value)

    @pytest.mark.parametrize(
        ("last", "asleep", "chosen"),
        [
            ("", [], ("1", 0)),
            ("2", [], ("2", 0)),
            ("9", [], ("1", 0)),
            ("2", [("1", 0)], ("2", 0)),
            ("2", [("2", 0)], ("2", 1)),
            ("2", [("2", 0), ("2", 1)], ("1", 0)),
            ("2", [("2", 0), ("2", 1), ("1", 0)], ("1", 1)),
            ("1", [("1", 0), ("1", 1), ("2", 0), ("2", 1)], ("3", 0)),
            ("3", [("1", 0)], ("3", 0)),
        ],
    )
    def test_who_goes_on(
        self, last: str, asleep: list[tuple[str, int]], chosen: tuple[str, int]
    ) -> None:
        assert self.chosen(last, [Choice(*key) for key in asleep]) == Choice(*chosen)

    def test_nobody_is_awake(self) -> None:
        assert self.chosen("1", [Choice(n, v) for n in "123" for v in (0, 1)]) is None
