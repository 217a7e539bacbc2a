"""
What the benchmarks explore with, and how they count.

`Exhaustive` is the one name by which they know the strategy under test.
"""

import time
from collections.abc import Sequence
from typing import Any

import attrs

from benchmarks.families import deadlocked
from netsim.checkers.datarace import DataRaces
from netsim.checkers.ending import judge_ending
from netsim.core.access import dependent
from netsim.core.fault import Halt, Stop
from netsim.core.sim import Sim
from netsim.core.step import Choice, Step
from netsim.core.thread import Life
from netsim.explorer.loop import Observer, Program, execute
from netsim.explorer.optimal import OptimalDpor as Exhaustive
from netsim.explorer.plain import PlainDfs

__all__ = ["Counts", "Exhaustive", "PlainDfs", "classes_of", "explore", "replay_bare", "schedules"]

Schedules = list[list[Choice]]


@attrs.define
class Counts:
    """What one search did; `stopped` if it was not allowed to end."""

    executions: int = 0
    blocked: int = 0
    deadlocked: int = 0
    steps: int = 0
    seconds: float = 0.0
    stopped: bool = False


def explore(
    program: Program,
    strategy: Exhaustive | PlainDfs,
    executions_max: int | None = None,
    *,
    checked: bool = False,
) -> Counts:
    """Explore a program; with `checked` data races and endings are judged as in a check."""
    counts = Counts()
    observers: Sequence[Observer] = (DataRaces(),) if checked else ()
    started = time.perf_counter()
    while True:
        execution = execute(program, strategy, observers)
        counts.steps += len(execution.schedule)
        if execution.complete:
            counts.executions += 1
            strategy.finish(execution.sim)
            counts.deadlocked += deadlocked(execution.sim)
            if checked:
                judge_ending(execution.sim)
        else:
            counts.blocked += 1
        if not strategy.more():
            break
        if counts.executions == executions_max:
            counts.stopped = True
            break
    counts.seconds = time.perf_counter() - started
    return counts


def schedules(program: Program, executions_max: int) -> Schedules:
    """Return the schedules of a search, those that were given up too; complete ones count."""
    strategy = Exhaustive(program)
    found: Schedules = []
    complete = 0
    while True:
        execution = execute(program, strategy)
        found.append(execution.schedule)
        if execution.complete:
            complete += 1
            strategy.finish(execution.sim)
        if not strategy.more() or complete >= executions_max:
            return found


def replay_bare(program: Program, recorded: Schedules) -> float:
    """
    Drive the threads of a program through schedules, and do nothing else; return the seconds.

    This is the least that any explorer that starts again must do: begin, apply, send.
    """
    started = time.perf_counter()
    for choices in recorded:
        sim = program.start()
        sim.recording = False
        by_name = sim.by_name
        for choice in choices:
            sim.current = thread = by_name[choice.thread]
            sim.choice = choice.value
            op = thread.pending
            assert op is not None
            try:
                thread.pending = thread.coroutine.send(op.apply(sim, thread))
            except StopIteration:
                thread.pending = None
                thread.life = Life.DONE
            except (Stop, Halt, AttributeError):  # a finding; NULL is one that Python raises
                thread.pending = None
                thread.life = Life.STOPPED
        sim.current = None
    return time.perf_counter() - started


class _Steps:
    """An observer that keeps the steps of the current execution."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def begin(self, sim: Sim, kept: int) -> None:
        del self.steps[kept:]

    def stepped(self, sim: Sim, step: Step) -> None:
        self.steps.append(step)


def classes_of(program: Program, executions_max: int) -> int | None:
    """Count the classes by running every interleaving; None if there are too many of those."""
    strategy = PlainDfs()
    seen = _Steps()
    classes: set[frozenset[Any]] = set()
    for _ in range(executions_max):
        execute(program, strategy, (seen,))
        classes.add(_class(seen.steps))
        if not strategy.more():
            return len(classes)
    return None


def _class(steps: Sequence[Step]) -> frozenset[Any]:
    """Return which dependent steps come in which order, and what was chosen."""
    counts: dict[str, int] = {}
    names: list[tuple[str, int, int]] = []
    for step in steps:
        counts[step.thread] = counts.get(step.thread, 0) + 1
        names.append((step.thread, counts[step.thread], step.choice))
    return frozenset(
        (names[i], names[j])
        for j in range(len(steps))
        for i in range(j)
        if steps[i].thread == steps[j].thread or dependent(steps[i].footprint, steps[j].footprint)
    ) | frozenset((name,) for name in names)
