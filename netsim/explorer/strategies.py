"""
The strategies by name: what each covers, and how to make one.

Only those of COMPLETE may end a search with a verdict of HOLDS.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from netsim.errors import UsageError
from netsim.explorer.directed import Directed, Goal
from netsim.explorer.loop import Exploration, Program
from netsim.explorer.optimal import OptimalDpor
from netsim.explorer.pct import Pct
from netsim.explorer.plain import PlainDfs
from netsim.explorer.pos import Pos
from netsim.explorer.states import States
from netsim.explorer.walk import RandomWalk
from netsim.results import Bounds, Plan

#: A sampling strategy stops after so many executions if no bound says when.
SAMPLES: Final = 1000


@attrs.frozen
class Request:
    """What a strategy is made from."""

    plan: Plan
    preemptions: int | None
    program: Program
    #: Where the state of the program begins, beside the machine itself.
    roots: Callable[[], Iterable[Any]]
    #: What has been predicted and not been decided, so far.
    goals: Callable[[], Sequence[Goal]] = tuple

    def random(self) -> random.Random:
        """Return the one source of all that is drawn."""
        return random.Random(self.plan.seed)


@attrs.frozen
class Kind:
    """
    A strategy that one can ask for.

    `covered` is what a complete search has run, "" if the strategy only samples.  `bounded`
    tells whether it takes a bound on preemptions.
    """

    summary: str
    make: Callable[[Request], Exploration]
    covered: str = ""
    bounded: bool = False


STRATEGIES: Final[Mapping[str, Kind]] = {
    "classes": Kind(
        "every class of executions (the default)",
        lambda request: OptimalDpor(request.program),
        "one of every class",
    ),
    "interleavings": Kind(
        "every interleaving, without any reduction",
        lambda _: PlainDfs(),
        "every interleaving",
    ),
    "preemptions": Kind(
        "every interleaving with at most --max-preemptions, fewest first",
        lambda request: PlainDfs(request.preemptions),
        "every interleaving",
        bounded=True,
    ),
    "states": Kind(
        "every state, each once: complete for outcomes and deadlocks, not for data races",
        lambda request: States(request.roots, request.preemptions),
        "every state that can be reached",
        bounded=True,
    ),
    "random": Kind(
        "a random walk",
        lambda request: RandomWalk(request.random()),
    ),
    "pct": Kind(
        "random priorities, with a bound on what was missed (--depth)",
        lambda request: Pct(request.random(), request.plan.depth),
    ),
    "pos": Kind(
        "random priorities for each operation",
        lambda request: Pos(request.random()),
    ),
    "directed": Kind(
        "lead threads to where they would show what other executions predicted",
        lambda request: Directed(request.random(), request.goals),
    ),
}


def planned(plan: Plan | str | None, bounds: Bounds) -> tuple[Plan, Bounds]:
    """
    Return the plan and the bounds that a request means.

    A bound on preemptions alone asks for `preemptions`; a strategy that samples ends after
    SAMPLES executions if no bound says otherwise.  Raises UsageError if they do not fit.
    """
    if plan is None:
        plan = "classes" if bounds.preemptions is None else "preemptions"
    if isinstance(plan, str):
        plan = Plan(plan)
    kind = STRATEGIES.get(plan.strategy)
    if kind is None:
        lines = [f"unknown strategy '{plan.strategy}': expected one of"]
        lines += [f"  {name:<14} {other.summary}" for name, other in STRATEGIES.items()]
        raise UsageError("\n".join(lines))
    if plan.depth < 1:
        raise UsageError(f"the depth of a bug is 1 or more, found {plan.depth}")
    if bounds.preemptions is not None and not kind.bounded:
        names = " or ".join(name for name, other in STRATEGIES.items() if other.bounded)
        raise UsageError(
            f"strategy '{plan.strategy}' takes no bound on preemptions: expected strategy {names}"
        )
    if bounds.preemptions is None and plan.strategy == "preemptions":
        raise UsageError("strategy 'preemptions' needs a bound on preemptions (--max-preemptions)")
    if not kind.covered and bounds == Bounds():
        bounds = attrs.evolve(bounds, executions=SAMPLES)
    return plan, bounds


def make(
    plan: Plan,
    bounds: Bounds,
    program: Program,
    roots: Callable[[], Iterable[Any]],
    goals: Callable[[], Sequence[Goal]] = tuple,
) -> Exploration:
    """
    Return a fresh strategy for a plan that `planned` has accepted.

    `roots` returns what of the running program is state, beside the machine; `goals` what is left
    to be reached.
    """
    return STRATEGIES[plan.strategy].make(Request(plan, bounds.preemptions, program, roots, goals))


def directed_at(goals: Sequence[Goal], seed: int) -> Directed:
    """Return a strategy that does nothing but try to reach `goals`."""
    return Directed(random.Random(seed), lambda: goals, walks=0)
