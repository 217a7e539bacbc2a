"""
What a search that was cut has predicted and not decided: each is tried once more, directed.

A try is an execution like any other, judged as all are; so what it shows is a finding with its
schedule.  What no try reached stays undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from operator import contains
from typing import TYPE_CHECKING, Final

from netsim.checkers.datarace import DataRaces
from netsim.checkers.lockdep import LockDep
from netsim.checkers.lockorder import Prediction
from netsim.checkers.lockset import Access, Suspect
from netsim.explorer.directed import Goal, Stand
from netsim.explorer.loop import Execution, execute
from netsim.explorer.normal import Recorder
from netsim.explorer.strategies import directed_at
from netsim.run.program import STEPS_MAX, ScenarioProgram

if TYPE_CHECKING:
    from netsim.run.search import Search

#: So many executions at most for each prediction.
TRIES: Final = 20
#: Of so many distinct outcomes the executions are looked at for data races that may be.
LOOKED_AT: Final = 50


def goal_of(prediction: Prediction) -> Goal:
    """
    Return where the threads of a lock order stand at once before it is a deadlock.

    Each has the first of its need and is about to ask for the second.
    """
    stands = [
        Stand(
            need.thread,
            need.then.call,
            need.then.label,
            "" if need.first.call else need.first.label,
        )
        for need in prediction.needs
    ]
    if prediction.uses:
        inside, outside = prediction.uses
        stands.insert(0, Stand(outside.thread, None, "", outside.node.label))
        if not prediction.needs:
            stands.append(Stand(inside.thread, "", inside.node.label))
    return Goal(tuple(stands))


def goal_of_race(suspect: Suspect) -> Goal:
    """Return where two threads stand at once before each makes its access."""

    def stand(access: Access) -> Stand:
        return Stand(access.thread, access.call, access.label, passes=access.passes)

    return Goal((stand(suspect.one), stand(suspect.other)))


def open_orders(lockdep: LockDep, strikers: Collection[str]) -> list[Prediction]:
    """Return the predictions of lock orders that no execution reached, but one still might."""
    return [
        prediction
        for prediction in lockdep.predictions()
        if not (prediction.uses and prediction.uses[0].thread not in strikers)
        and not any(lockdep.reaches(stuck, prediction) for stuck in lockdep.stuck)
    ]


def goals(search: Search) -> list[Goal]:
    """Return what is left to be reached, as far as it has been predicted."""
    orders = open_orders(search.orders.lockdep, search.program.striking)
    races = search.suspected.left(search.candidates).values()
    return list(
        dict.fromkeys([*map(goal_of, orders), *(goal_of_race(s) for some in races for s in some)])
    )


def confirm(search: Search, judge: Callable[[Execution], None], first: bool) -> None:
    """
    Try to reach what a search that a bound cut has left undecided, TRIES executions for each.

    Each execution goes to `judge`.  They do not count as executions of the search; a note tells
    how many they were.  Nothing is tried when the time is over or Ctrl-C has come, nor with
    `first` once something is found.
    """
    if search.complete or search.cut_by in (None, "interrupt") or search.reference is None:
        return
    counts = (search.executions, search.deadlocked, search.steps)
    tried: list[bool] = []
    try:
        if search.plan.strategy != "directed":
            _suspect(search)
            for reached, some in _undecided(search):
                if search.late() or (first and search.candidates):
                    break
                tried.append(_try(search, some, reached, judge))
    except KeyboardInterrupt:
        search.cut_by = "interrupt"
    made = search.executions - counts[0]
    search.executions, search.deadlocked, search.steps = counts
    if tried:
        further = "1 further execution" if made == 1 else f"{made} further executions"
        text = (
            f"predictions that the search left undecided: {len(tried)}; with {further} directed at "
            f"them (at most {TRIES} each), {sum(tried)} reached"
        )
        search.notes += (text,)


def _suspect(search: Search) -> None:
    """Look for data races that may be, in the executions of some of the outcomes."""
    mine = search.program
    again = ScenarioProgram(mine.design, mine.scenario, mine.options, sites=True, boots=mine.boots)
    for _, candidate in list(search.outcomes.values())[:LOOKED_AT]:
        if search.late():
            return
        execute(again, Recorder(candidate.schedule), (search.suspected.locksets,))


def _undecided(search: Search) -> Iterator[tuple[Callable[[], bool], list[Goal]]]:
    """Yield each prediction: whether it has been reached, and goals that may lead there."""
    lockdep, found = search.orders.lockdep, search.candidates

    def order_is(prediction: Prediction) -> bool:
        return any(lockdep.reaches(stuck, prediction) for stuck in lockdep.stuck)

    for prediction in open_orders(lockdep, search.program.striking):
        yield partial(order_is, prediction), [goal_of(prediction)]
    for identity, some in search.suspected.left(found).items():
        yield partial(contains, found, identity), [goal_of_race(suspect) for suspect in some]


def _try(
    search: Search,
    some: list[Goal],
    reached: Callable[[], bool],
    judge: Callable[[Execution], None],
) -> bool:
    """Try to reach one prediction; tell whether an execution did."""
    strategy = directed_at(some, search.plan.seed)
    for _ in range(TRIES):
        if reached():
            return True
        if search.late():
            return False
        observers = (DataRaces(), search.orders.lockdep)
        execution = execute(search.program, strategy, observers, STEPS_MAX)
        if execution.complete:
            strategy.finish(execution.sim)
            judge(execution)
    return reached()
