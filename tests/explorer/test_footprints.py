"""When what a step touched elsewhere tells what it touches here."""

from __future__ import annotations

import pytest

from netsim.core.access import INC, READ, WRITE, Footprint
from netsim.core.op import Op
from netsim.core.sim import MACHINE, TIME
from netsim.core.step import Step
from netsim.explorer.events import Event, History
from netsim.explorer.footprints import KEPT, Footprints, causes_of

X, Y = ("x", ""), ("y", "")


def ran(history: History, thread: str, footprint: Footprint) -> Event:
    """Let a thread make a step."""
    step = Step(thread, Op(), 0, 1)
    step.footprint.update(footprint)
    return history.append(step)[0]


@pytest.fixture
def history() -> History:
    """Four threads that write x, read it, count y, and write x again."""
    made = History()
    ran(made, "1", {X: WRITE})
    ran(made, "2", {X: READ})
    ran(made, "3", {Y: INC})
    ran(made, "4", {X: WRITE})
    return made


def told(history: History, footprint: Footprint, index: int, before: list[int]) -> bool:
    """Tell whether it is known what thread 5 does, that touched something at the end of all."""
    known, step = Footprints(), ("5", 0)
    known.note(step, footprint, causes_of("5", footprint, history, 4, ()))
    events = [history.events[number] for number in before]
    return known.find(step, history, index, events) == footprint


@pytest.mark.parametrize(
    ("footprint", "index", "before", "expected"),
    [
        ({X: READ}, 4, [], True),
        ({X: READ}, 0, [0, 1, 2, 3], True),
        ({X: READ}, 0, [0, 3], True),  # readers and others decide nothing
        ({X: READ}, 3, [], False),  # the last write is missing
        ({X: READ}, 1, [1, 2], False),
        ({X: READ}, 0, [3], True),  # what is older than a write shows through nothing but it
        ({Y: READ}, 3, [], True),
        ({Y: READ}, 2, [], False),
        ({Y: INC}, 2, [], True),  # increments commute
        ({Y: WRITE}, 2, [], False),
        ({X: READ, Y: READ}, 2, [3], False),
        ({X: READ, Y: READ}, 2, [2, 3], True),
    ],
)  # fmt: skip
def test_what_decides_is_there_or_not(
    history: History, footprint: Footprint, index: int, before: list[int], expected: bool
) -> None:
    assert told(history, footprint, index, before) is expected


def test_a_thread_that_stands_elsewhere_does_something_else(history: History) -> None:
    known, step = Footprints(), ("2", 0)
    known.note(step, {Y: READ}, causes_of("2", {Y: READ}, history, 4, ()))

    assert known.find(step, history, 4, ()) == {Y: READ}
    assert known.find(step, history, 1, history.events[2:]) is None  # without its first step
    assert known.find(("2", 1), history, 4, ()) is None  # another value


def test_equal_events_of_another_execution_are_others(history: History) -> None:
    known, step = Footprints(), ("5", 0)
    known.note(step, {X: READ}, causes_of("5", {X: READ}, history, 4, ()))
    history.truncate(3)
    ran(history, "4", {X: WRITE})

    assert known.find(step, history, 4, ()) is None


@pytest.mark.parametrize("key", [TIME, MACHINE])
def test_what_hangs_on_all_others_is_not_kept(history: History, key: tuple[str, str]) -> None:
    known, step = Footprints(), ("5", 0)
    known.note(step, {key: WRITE}, causes_of("5", {key: WRITE}, history, 4, ()))

    assert known.find(step, history, 4, ()) is None


def test_only_so_many_are_kept(history: History) -> None:
    known, step = Footprints(), ("5", 0)
    known.note(step, {X: READ}, causes_of("5", {X: READ}, history, 4, ()))
    assert known.find(step, history, 4, ()) == {X: READ}
    for _ in range(KEPT):
        known.note(step, {X: READ}, [None])

    assert known.find(step, history, 4, ()) is None
