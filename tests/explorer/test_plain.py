"""Depth-first search with a bound: at each level every schedule within it, once, and no other."""

from __future__ import annotations

import pytest

from netsim.core.step import Choice
from netsim.explorer.loop import execute
from netsim.explorer.plain import PlainDfs
from tests.explorer.programs import Interpreter, Program

PROGRAMS: dict[str, tuple[Program, int]] = {
    "free": (((("atomic_inc", 1),) * 3, (("atomic_return", 1),) * 2), 0),
    "three": (((("marked", 1),) * 2, (("marked", 1),), (("marked", 0),)), 0),
    "locks": (((("mutex_nested", 0),), (("mutex_nested", 1),)), 0),
    "choices": (((("choose", 0), ("allocate", 0)), (("choose", 1), ("allocate", 1))), 1),
    "work": (((("queue_work", 0), ("marked", 1)), (("cancel_work", 1),)), 0),
    "alone": (((("marked", 1), ("choose", 0)),), 0),
}

Schedules = dict[tuple[Choice, ...], int]


def everything(program: Interpreter) -> Schedules:
    """Return every schedule with its preemptions: who goes on although the last one could have."""
    found: Schedules = {}
    todo: list[tuple[Choice, ...]] = [()]
    while todo:
        prefix = todo.pop()
        sim = program.start()
        preemptions, last = 0, ""
        for choice in prefix:
            could = last and sim.is_enabled(sim.by_name[last])
            preemptions += bool(could and last != choice.thread)
            last = choice.thread
            sim.step(sim.by_name[last], choice.value)
        ways = [
            Choice(thread.name, value)
            for thread in sim.enabled()
            if thread.pending is not None
            for value in range(thread.pending.options(sim))
        ]
        todo += [(*prefix, way) for way in ways]
        if not ways:
            found[prefix] = preemptions
    return found


def searched(program: Interpreter, strategy: PlainDfs) -> list[tuple[int | None, list[Choice]]]:
    """Return the level and schedule of each execution."""
    found = []
    while True:
        execution = execute(program, strategy)
        assert execution.complete
        strategy.finish(execution.sim)
        found.append((strategy.level, execution.schedule))
        if not strategy.more():
            return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_without_a_bound_every_schedule_once(name: str) -> None:
    program = Interpreter(*PROGRAMS[name])
    strategy = PlainDfs()

    found = [tuple(schedule) for _, schedule in searched(program, strategy)]

    assert sorted(found) == sorted(everything(program))
    assert strategy.everything
    assert strategy.cut_by() is None
    assert strategy.notes() == ()


@pytest.mark.parametrize("bound", [0, 1, 2, 9])
@pytest.mark.parametrize("name", PROGRAMS)
def test_each_level_has_every_schedule_within_it(name: str, bound: int) -> None:
    program = Interpreter(*PROGRAMS[name])
    wanted = everything(program)
    most = max(wanted.values())
    strategy = PlainDfs(bound)

    found = searched(program, strategy)

    levels = range(min(bound, most) + 1)
    assert list(dict.fromkeys(level for level, _ in found)) == list(levels)
    for level in levels:
        assert sorted(tuple(s) for of, s in found if of == level) == sorted(
            schedule for schedule, preemptions in wanted.items() if preemptions <= level
        )
    assert strategy.done == min(bound, most)
    assert strategy.everything == (bound >= most)
    assert strategy.cut_by() == (None if bound >= most else "preemptions")


@pytest.mark.parametrize(
    ("name", "bound", "words"),
    [
        ("alone", 3, "no execution has more than 0 preemptions: all were run"),
        ("locks", 0, "every execution with no preemption was run"),
        ("locks", 1, "no execution has more than 1 preemption: all were run"),
        ("free", 1, "every execution with at most 1 preemption was run"),
        ("free", 2, "every execution with at most 2 preemptions was run"),
    ],
)
def test_what_it_says(name: str, bound: int, words: str) -> None:
    strategy = PlainDfs(bound)
    searched(Interpreter(*PROGRAMS[name]), strategy)
    assert strategy.notes() == (words,)


def test_before_the_first_level_is_done_it_says_nothing() -> None:
    strategy = PlainDfs(2)
    execute(Interpreter(*PROGRAMS["free"]), strategy)
    assert strategy.notes() == ()
    assert strategy.cut_by() == "preemptions"
