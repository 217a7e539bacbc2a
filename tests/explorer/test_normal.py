"""Schedules of one class: each equal to the first, run by run, and prefixes before a halt."""

from __future__ import annotations

import random

import pytest

from netsim.core.access import dependent
from netsim.core.step import Choice, Step
from netsim.explorer.loop import execute
from netsim.explorer.normal import PERMUTED_MAX, Recorder, equivalents
from tests.explorer.brute import class_of
from tests.explorer.programs import Interpreter, generate


def run(program: Interpreter, schedule: list[Choice]) -> list[Step]:
    sim = program.start()
    return [sim.step(sim.by_name[choice.thread], choice.value) for choice in schedule]


def at_random(program: Interpreter, dice: random.Random) -> list[Choice]:
    sim = program.start()
    schedule = []
    while enabled := sim.enabled():
        thread = dice.choice(enabled)
        assert thread.pending is not None
        schedule.append(Choice(thread.name, dice.randrange(thread.pending.options(sim))))
        sim.step(thread, schedule[-1].value)
    return schedule


def stays(program: Interpreter, schedule: list[Choice]) -> bool:
    """Tell whether each thread runs until its next step depends on one that is yet to come."""
    steps = run(program, schedule)
    for i, step in enumerate(steps[:-1]):
        mine = [j for j in range(i + 1, len(steps)) if steps[j].thread == step.thread]
        if not mine or mine[0] == i + 1:
            continue
        # What stands between, as far as the thread's next step happens after it.
        after = {mine[0]}
        for j in range(mine[0] - 1, i, -1):
            if any(
                steps[j].thread == steps[k].thread
                or dependent(steps[j].footprint, steps[k].footprint)
                for k in after
            ):
                after.add(j)
        if after == {mine[0]}:
            return False
    return True


@pytest.mark.parametrize("part", range(2))
def test_each_is_of_the_class_and_switches_only_where_it_must(part: int) -> None:
    several = 0
    for seed in range(part * 150, part * 150 + 150):
        program = Interpreter(generate(seed), seed % 2)
        schedule = at_random(program, random.Random(seed))
        steps = run(program, schedule)
        if program.sim.halted or not schedule:
            continue
        same = list(equivalents(program, schedule))
        assert same
        assert len({tuple(s) for s in same}) == len(same)
        threads = {choice.thread for choice in schedule}
        if len(threads) > PERMUTED_MAX:
            assert len(same) == 1
        for other in same:
            assert sorted(other) == sorted(schedule)
            assert class_of(run(program, other)) == class_of(steps)
            assert stays(program, other)
        several += len(same) > 1
    assert several > 20


def test_independent_threads_may_go_in_every_order() -> None:
    three = Interpreter(tuple((("atomic_inc", 1),) * 2 for _ in range(3)))
    mixed = [Choice(name) for name in "123123"]

    found = {"".join(choice.thread for choice in s) for s in equivalents(three, mixed)}

    assert found == {"112233", "113322", "221133", "223311", "331122", "332211"}


def test_many_threads_are_tried_in_the_order_of_the_schedule() -> None:
    five = Interpreter(tuple((("atomic_inc", 1),) * 2 for _ in range(5)))
    mixed = [Choice(name) for name in "2143512345"]

    (found,) = equivalents(five, mixed)

    assert "".join(choice.thread for choice in found) == "2211443355"
    four = Interpreter(tuple((("atomic_inc", 1),) for _ in range(4)))
    assert len(list(equivalents(four, [Choice(name) for name in "1234"]))) == 24


def test_before_a_halt_only_what_leads_to_it_is_kept_first() -> None:
    program = Interpreter(
        ((("atomic_return", 1), ("marked", 1)), (("atomic_return", 1), ("halt", 0))),
        halts_last=False,
    )
    schedule = [Choice(name) for name in "1122"]

    found = ["".join(choice.thread for choice in s) for s in equivalents(program, schedule)]

    assert list(dict.fromkeys(found)) == ["122", "1122"]


def test_a_schedule_that_cannot_be_followed_has_none() -> None:
    program = Interpreter(((("spin_lock", 0),), (("spin_lock", 0),)))

    assert list(equivalents(program, [Choice("1"), Choice("2")])) == []
    assert list(equivalents(program, [Choice("3")])) == []


def test_a_recorder_starts_over() -> None:
    program = Interpreter(((("choose", 0), ("marked", 1)), (("choose", 0),)))
    schedule = [Choice("2", 1), Choice("1", 1)]
    recorder = Recorder(schedule)

    for _ in range(2):
        execution = execute(program, recorder)
        assert execution.schedule == schedule
        assert not execution.complete
        assert [(e.thread, e.value) for e in recorder.history.events] == schedule
