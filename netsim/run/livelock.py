"""
Executions that never end: noticed by a state that comes again, decided on the graph of all states.

A state that comes again proves that some execution goes on for ever, so that no search of
executions can be complete.  Whether a *fair* one does is a question to the state graph: see
`netsim.explorer.fairness`.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from netsim.checkers.ending import unfinished
from netsim.core.access import READ
from netsim.core.canonical import Unseen
from netsim.core.fault import Report, Site
from netsim.core.sim import TIME, Sim
from netsim.core.step import Choice, Step
from netsim.explorer.fairness import is_fair, starving
from netsim.explorer.graph import Along, StateGraph, TimeRead
from netsim.explorer.loop import execute
from netsim.run.judge import Judged
from netsim.run.subject import Subject
from netsim.run.trial import StepsMax

#: An execution of so many steps is looked at for a state that comes again; then at twice as many.
STEPS_FIRST = 100
#: The state graph of a program may not have more states.
STATES_MAX = 20_000


class Repeats(Exception):
    """A state came again."""


class Watch(StepsMax):
    """An observer that ends a walk when a long execution has come to a state twice."""

    def __init__(self, subject: Subject) -> None:
        self._subject = Subject(subject.build, subject.arguments)
        self._choices: list[Choice] = []
        self._limit = STEPS_FIRST

    def begin(self, sim: Sim, kept: int) -> None:
        """Keep the choices that are made again."""
        del self._choices[kept:]

    def stepped(self, sim: Sim, step: Step) -> None:
        """Look at the execution where it is long; raises Repeats, or Endless at the bound."""
        self._choices.append(Choice(step.thread, step.choice))
        if len(self._choices) >= self._limit:
            self._limit *= 2
            if self._repeats():
                raise Repeats
        super().stepped(sim, step)

    def _repeats(self) -> bool:
        try:
            along = Along(self._choices, self._subject.roots)
            execute(self._subject, along)
        except (Unseen, TimeRead):  # then nothing can be said
            return False
        finally:
            self._subject.close()
        return len(set(along.states)) < len(along.states)


@attrs.frozen
class Looping:
    """A fair loop as a finding, and the step (1-based) with which it begins."""

    judged: Judged
    step: int


def looping(subject: Subject, schedule: Sequence[Choice]) -> Looping | None:
    """Tell what is wrong if a schedule ends in a state that it met before, by a fair loop."""
    try:
        along = Along(schedule, subject.roots)
        execution = execute(subject, along)
    except (Unseen, TimeRead):
        return None
    at = along.repeated()
    if execution.complete or len(along.steps) != len(schedule) or at is None:
        return None
    loop = along.steps[at:]
    if not is_fair(along.wants[at:], [step.thread for step in loop]):
        return None
    return Looping(
        Judged(_report(execution.sim, along, at), "end", _follows(execution.sim)), at + 1
    )


def _report(sim: Sim, along: Along, at: int) -> Report:
    loop = along.steps[at:]
    threads = list(dict.fromkeys(step.thread for step in loop))
    sites: dict[Site, None] = {}
    for number, step in enumerate(loop, at):
        what = f"{step.op.call()} {step.op.label()}".rstrip()
        sites[Site(f"repeats {what}", step.thread, 0, along.places[number], "")] = None
    only_time = any(step.last for step in loop) and not any(
        mode != READ and key != TIME for step in loop for key, mode in step.footprint.items()
    )
    names = " and ".join(threads)
    steps = f"{len(loop)} steps lead" if len(loop) > 1 else "1 step leads"
    one = len(threads) == 1
    if only_time:
        kind = "hung"
        message = (
            f"{names} {'waits' if one else 'wait'} for what no step that is left can bring about: "
            f"time is up again and again, and {steps} back to where it was"
        )
    else:
        kind = "livelock"
        message = (
            f"{names} {'goes' if one else 'go'} round for ever: {steps} back to where "
            f"{'it' if one else 'they'} began, and whoever else can run has run"
        )
    objects = tuple(dict.fromkeys(step.op.label() for step in loop if step.op.label()))
    return Report(
        kind,
        message,
        tuple(sorted(objects)),
        tuple(sorted(sites, key=lambda site: threads.index(site.thread))),
        threads[0],
        "",
        sim.steps,
        False,
    )


def _follows(sim: Sim) -> tuple[str, ...]:
    """Say who waits for ever for what the loop does not bring about."""
    return tuple(
        f"{sim.title(thread)} then waits for ever for {thread.pending.waits_for(thread)}"
        for thread in unfinished(sim)
        if thread.pending is not None and not sim.is_enabled(thread)
    )


def verdict_of(strategy: StateGraph, fair: bool) -> tuple[str, tuple[str, ...]]:
    """
    Say what a complete state graph proves, and what it leaves open, in notes.

    Returns ("", notes) if something is left open, else (what was covered, notes).
    """
    states = len(strategy.graph.wants)
    notes = [
        f"some executions never end: instead of the classes, all {states} states were searched"
    ]
    open_ = False
    queued: dict[str, None] = {}
    for component, threads in starving(strategy.graph):
        # Who starves does not move: what it waits for is the same in every state.
        waits = strategy.queued[component[0]]
        queued.update((name, None) for name in threads if name in waits)
        if set(threads) <= set(waits):
            continue
        open_ = True
        names = " and ".join(name for name in threads if name not in waits)
        notes.append(
            f"{names} may starve: again and again, but not always, there is what is waited for"
        )
    if queued:
        names = " and ".join(sorted(queued))
        notes.append(
            f"taken for granted: locks are handed over in order, so that {names} cannot starve"
        )
    if late := strategy.kept_waiting():
        open_ = True
        names = " and ".join(late)
        notes.append(
            f"while others run no time passes for {names}: what a timeout would change amid a "
            "loop is not explored"
        )
    if strategy.plain:
        open_ = True
        notes.append("data races were judged in the executions that were run only")
    if open_:
        return "", tuple(notes)
    if not fair:
        notes.append("every execution that gives each thread its turn ends")
    return "every state that can be reached", tuple(notes)
