"""What a scenario comes to in numbers: the least and the most of each over all executions."""

from __future__ import annotations

import attrs

from netsim.explorer.loop import Execution
from netsim.results import Bounds, Count
from netsim.run.program import ScenarioProgram
from netsim.run.search import Search
from netsim.sync.timer import spent


@attrs.define(eq=False)
class Counting(Search):
    """
    A search that judges nothing, and counts what the design declares (`Design.tally`).

    Executions of one class come to the same numbers: what is counted follows from the order of
    conflicting steps.  A halt is tried before and after each place that counts (`sync.tally`), so
    that there are more classes, and schedules of their own, than where findings are looked for.
    """

    ranges: dict[str, tuple[int, int]] = attrs.Factory(dict)

    def _judge(self, execution: Execution) -> None:
        self.executions += 1
        run = self.program.run
        self.restless.update(dict.fromkeys(spent(run.sim)))
        self.orders.lockdep.finish(run.sim)
        assert self.program.design.tally is not None
        run.sim.recording = False
        for name, number in self.program.design.tally(run.system).items():
            least, most = self.ranges.get(name, (number, number))
            self.ranges[name] = min(least, number), max(most, number)


def count(program: ScenarioProgram, bounds: Bounds) -> tuple[tuple[Count, ...], Counting | None]:
    """
    Count what a scenario comes to, as far as the bounds allow: () if its design counts nothing.

    Returns also the search, which knows whether it was complete.
    """
    if program.design.tally is None:
        return (), None
    search = Counting(program.tallying(), bounds)
    search.explore(first=False, progress=None)
    found = tuple(Count(name, *search.ranges[name]) for name in search.ranges)
    return found, search
