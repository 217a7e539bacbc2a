"""
How a cell of the matrix is searched: by classes, and where these explode, with few preemptions.

The second search is `netsim.explorer.merged`: every execution with at most PREEMPTIONS_MAX
preemptions, as far as they differ in anything, data races and lock orders too.  It grows with a
power of the number of steps, where classes grow exponentially.  States are not merged: see
ARCHITECTURE.md for what that costs on such cells.
"""

from __future__ import annotations

import attrs

from netsim.explorer.loop import Exploration
from netsim.explorer.merged import MergedDfs
from netsim.results import Bounds, CutBy, Decided
from netsim.run.program import ScenarioProgram
from netsim.run.search import Search

#: Classes of a cell of three or more operations at most, unless a bound says otherwise.
CLASSES_MAX = 3000

#: What the second search leaves out is what needs more preemptions.
PREEMPTIONS_MAX = 2

#: Executions with few preemptions of such a cell at most, unless a bound says otherwise.
FEW_MAX = 20_000

#: So many runs of the second search for each execution that is allowed: most end where one meets
#: a beginning that is known.
RUNS_EACH = 5


@attrs.frozen
class Searched:
    """
    How a cell was searched.

    `search` has all that was found, and is the one that counts; `executions` and `steps` are of
    all searches.  `decided` is None if a bound cut the last one, too.
    """

    search: Search
    decided: Decided | None
    executions: int
    steps: int
    interrupted: bool = False


@attrs.define(eq=False)
class _FewPreemptions(Search):
    """A search of the executions with at most PREEMPTIONS_MAX preemptions."""

    def _strategy(self) -> Exploration:
        return MergedDfs(PREEMPTIONS_MAX)

    def spent(self) -> CutBy | None:
        """Name the bound that allows no further execution, or run that ends before its end."""
        limit = self.bounds.executions
        if limit is not None and self.executions + self.blocked >= RUNS_EACH * limit:
            return "executions"
        return super().spent()


def search(program: ScenarioProgram, bounds: Bounds, *, orders_always: bool = True) -> Searched:
    """
    Search a scenario whose start is reached.

    The bound on executions holds for each search (of more than two flows there is one for each
    kind if none is given), the others for all together: only a search of classes that has come to
    the first is followed by another.  For `orders_always` see `Search`.
    """
    few_bounds = bounds
    if bounds.executions is None and len(program.scenario.flows) > 2:
        few_bounds = attrs.evolve(bounds, executions=FEW_MAX)
        bounds = attrs.evolve(bounds, executions=CLASSES_MAX)
    classes = Search(program, bounds, orders_always=orders_always)
    classes.explore(first=False, progress=None)
    if classes.complete or classes.cut_by != "executions" or program.striking:
        decided: Decided | None = "classes" if _decides(classes, classes.complete) else None
        interrupted = classes.cut_by == "interrupt"
        return Searched(classes, decided, classes.executions, classes.steps, interrupted)
    few = _FewPreemptions(
        # A halt that waits for others may need a preemption that it does not need at once.
        program.with_flows_of(program.scenario),
        few_bounds,
        reference=classes.reference,
        orders_always=orders_always,
        candidates=classes.candidates,
        orders=classes.orders,
        spent_steps=classes.steps,
        deadline=classes.deadline,
    )
    few.explore(first=False, progress=None)
    decided = None
    if _decides(few, few.complete or few.cut_by == "preemptions"):
        # If no execution has more preemptions all are seen: one of every class, at least.
        decided = "classes" if few.complete else "preemptions"
    executions, steps = classes.executions + few.executions, classes.steps + few.steps
    return Searched(few, decided, executions, steps, few.cut_by == "interrupt")


def _decides(done: Search, covered: bool) -> bool:
    """Tell whether a search that covered what it should has decided all that it met."""
    return covered and (done.reference is None or done.reference.complete)
