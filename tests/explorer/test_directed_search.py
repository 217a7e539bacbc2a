"""Directed search: who waits at his place for whom, what a try draws, in which order tries go."""

from __future__ import annotations

import random
from typing import Any

import attrs
import pytest

from netsim.explorer.directed import Directed, Goal, Stand
from netsim.explorer.loop import Execution, execute
from netsim.explorer.strategies import directed_at
from tests.explorer.programs import Interpreter, Program

#: Each takes one mutex inside the other, in opposite orders, amid other work.
INVERSION: Program = (
    (("atomic_inc", 0), ("mutex_nested", 0), ("atomic_inc", 0)),
    (("atomic_inc", 0), ("mutex_nested", 1), ("atomic_inc", 0)),
)
MEET = Goal((Stand("1", "", "mutex1", "mutex0"), Stand("2", "", "mutex0", "mutex1")))


class NoDice(random.Random):
    """Nothing may be drawn from it."""

    def random(self) -> float:
        raise AssertionError("drawn")

    def getrandbits(self, _k: int, /) -> int:
        raise AssertionError("drawn")


def run(program: Program, strategy: Directed) -> Execution:
    execution = execute(Interpreter(program), strategy)
    assert execution.complete
    strategy.finish(execution.sim)
    return execution


def standing(thread: str, instruction: tuple[str, int]) -> Stand:
    """Return the place of a thread before the first operation of an instruction."""
    op = Interpreter(((instruction,),)).start().threads[0].pending
    assert op is not None
    return Stand(thread, op.name, op.label())


def blocked(execution: Execution) -> list[str]:
    return [t.name for t in execution.sim.threads if t.pending is not None]


@pytest.mark.parametrize("program", [INVERSION, (*INVERSION, (("marked", 1), ("marked", 0)))])
def test_the_first_tries_draw_nothing_and_each_leads_there(program: Program) -> None:
    strategy = Directed(NoDice(), lambda: [MEET], walks=0)
    for number in range(1, 5):
        assert blocked(run(program, strategy)) == ["1", "2"]
        assert strategy.met == number
    with pytest.raises(AssertionError, match="drawn"):
        run(program, strategy)


def test_what_is_drawn_afterwards_leads_there_too() -> None:
    strategy = directed_at([MEET], seed=7)
    assert all(blocked(run(INVERSION, strategy)) == ["1", "2"] for _ in range(60))


def test_no_reading_of_the_two_is_a_place_of_its_own() -> None:
    """Who does not hold the lock, or wants another, does not stand there."""
    interpreter = Interpreter(INVERSION)
    sim = interpreter.start()
    first = sim.by_name["1"]
    stand = MEET.stands[0]
    seen = []
    while first.pending is not None:
        seen.append(stand.fits(first))
        sim.step(first)
    # atomic_inc, lock mutex0, (here) lock mutex1, unlock, unlock, atomic_inc
    assert seen == [False, False, True, False, False, False]
    assert not stand.fits(first)


def test_who_stands_goes_on_if_the_others_need_him() -> None:
    # Thread 1 stands with mutex0 held; thread 2 comes to its place only through mutex0.
    program: Program = (
        (("mutex_nested", 0),),
        (("mutex_section", 0), ("marked", 1)),
    )
    goal = Goal((Stand("1", "", "mutex1", "mutex0"), standing("2", ("marked", 1))))
    strategy = Directed(NoDice(), lambda: [goal], walks=0)
    met = []
    for _ in range(4):
        before = strategy.met
        assert blocked(run(program, strategy)) == []
        met.append(strategy.met - before)
    # Led first, 1 stands in the way of 2 and is let go; led second, it finds 2 at its place.
    assert sorted(set(met)) == [0, 1]


def test_a_place_that_is_gone_by_first() -> None:
    program: Program = ((("marked", 1), ("marked", 1), ("marked", 1)), (("plain_write", 0),))
    for passes in range(3):
        first = attrs.evolve(standing("1", ("marked", 1)), passes=passes)
        stands = (first, standing("2", ("plain_write", 0)))
        strategy = Directed(NoDice(), lambda s=stands: [Goal(s)], walks=0)  # type: ignore[misc]
        execution = run(program, strategy)
        # 1 goes by so often, then they meet, and both go on by one step.
        names = [choice.thread for choice in execution.schedule]
        assert names[: passes + 2] == [*["1"] * passes, "1", "2"]
        assert strategy.met == 1


def test_every_fourth_is_a_walk_and_goals_take_turns() -> None:
    other = Goal((Stand("1", "atomic_dec", "atomic"), Stand("2", "atomic_dec", "atomic")))
    asked: list[int] = []

    def goals() -> list[Goal]:
        asked.append(strategy._begun)
        return [MEET, other]

    strategy = Directed(random.Random(0), goals)
    for _ in range(9):
        run(INVERSION, strategy)
    assert asked == [2, 3, 4, 6, 7, 8]  # not the first, the fifth, the ninth
    assert strategy.tries == {MEET: 3, other: 3}
    assert "6 executions were directed at 2 places" in strategy.notes()[0]


def test_without_a_goal_it_walks() -> None:
    one: Any = [tuple(run(INVERSION, directed_at([], 3)).schedule) for _ in range(2)]
    assert one[0] == one[1]
    strategy = directed_at([], 3)
    assert len({tuple(run(INVERSION, strategy).schedule) for _ in range(10)}) > 1


def test_orders() -> None:
    def orders(*names: str) -> list[str]:
        goal = Goal(tuple(Stand(name, None, "") for name in names))
        return ["".join(order) for order in dict.fromkeys(goal.orders())]

    assert sorted(orders("1", "2")) == ["12", "21"]
    assert len(orders("1", "2", "3")) == 6
    assert {order[0] for order in orders("1", "2", "3", "4")} == {"1", "2", "3", "4"}
