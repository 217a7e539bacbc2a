"""
How large a depth-first search is going to be, judged by the part of its tree that is done.

Two estimates are made of the path alone, each time anew, so that branches found later count:

* weighted leaves (Kilby, Slaney, Thiébaux, Walsh, *Estimating Search Tree Size*, AAAI 2006):
  the branches of a node are equal parts of it, and runs / part done is the total;
* averages: a branch that is still to come is as large as those before it were on average, times
  what such a branch has been, in this search, in terms of those before it.  Later branches of a
  reduced search are smaller, for more sleeps there.

The band reaches from half the lowest to (2 + 40 / runs) times the highest that either gave since
half of the present number of runs.  A tree whose first runs saw few of the races looks small, so
early on the band is wider upwards.  It is a rule of thumb, fitted to the measurement below, and no
bound on anything.

Measured over the 130 pairs of operations of netoops-v1 and netoops-v1+unlocked with 60 to 1802
executions (many alike, from several starts), the average by total / truth:

  done    lowest  10th  median  90th  highest   truth within the band   width, median
  10 %     0.14   0.20    0.27  0.48     0.74   121 of 130              13 times
  30 %     0.31   0.48    0.71  1.50     2.81   130                     12
  60 %     0.62   0.67    1.08  1.47     4.39   130                      7
  90 %     0.90   0.91    1.00  1.34     2.33   130                      5

Of ten families of benchmarks/families.py it held 7 at 10 %, 9 later; `lost_wakeups(3)` stays at
ten times too many to the end, for nearly all of its size is in the first branches.
"""

import math
from collections.abc import Sequence

import attrs

#: No estimate is made before so many runs.
FIRST = 10
_BELOW, _ABOVE, _EARLY = 2.0, 2.0, 40.0


@attrs.frozen
class Band:
    """Between how many runs a search is estimated to have in all, those made included."""

    low: int
    high: int


@attrs.define(eq=False)
class _Fork:
    """A node of the path: how many runs its branches had that are done, and when the next began."""

    began: int
    branches: int = 0
    runs: int = 0


class Estimate:
    """The estimate of one search; hears of every run of it, complete or not."""

    def __init__(self) -> None:
        self.runs = 0
        self._before = 0
        self._path: list[_Fork] = []
        #: Sizes of branches that were not the first, and those expected by the ones before.
        self._sizes = self._expected = 1.0
        #: Runs, lowest and highest estimate there.
        self._recent: list[tuple[int, float, float]] = []
        self._next = FIRST

    def ran(self, left: Sequence[int]) -> None:
        """
        Take in a run, once the next one is planned.

        `left` tells for each node of the path, from the root, how many branches are known there
        beside those done and the one under way; empty if the search begins again.
        """
        began, self.runs = self.runs, self.runs + 1
        if not left:
            self._before = self.runs
            self._next = self.runs + FIRST
            self._path.clear()
            self._recent.clear()
            return
        path = self._path
        while len(path) > len(left):
            self._branch(path.pop())
        while len(path) < len(left):
            path.append(_Fork(began))
        self._branch(path[-1])
        if self.runs >= self._next:
            self._next = self.runs + max(1, self.runs // 16)
            weighted, average = self._totals(left)
            low, high = min(weighted, average), max(weighted, average)
            self._recent = [one for one in self._recent if one[0] >= self.runs / 2]
            self._recent.append((self.runs, low, high))

    def band(self, left: Sequence[int]) -> Band | None:
        """Return the band; None while there is too little to tell.  `left` as in `ran`."""
        if not self._recent:
            return None
        runs = self.runs - self._before
        low = min(one[1] for one in self._recent) / _BELOW
        high = max(one[2] for one in self._recent) * (_ABOVE + _EARLY / runs)
        least = runs + 1 + sum(left)  # every known branch has a run
        low = max(math.floor(low), least)
        return Band(self._before + low, self._before + max(math.ceil(high), low))

    def _branch(self, fork: _Fork) -> None:
        size = self.runs - fork.began
        if fork.branches:
            self._sizes += size
            self._expected += fork.runs / fork.branches
        fork.began = self.runs
        fork.branches += 1
        fork.runs += size

    def _totals(self, left: Sequence[int]) -> tuple[float, float]:
        """Return both estimates, from the end of the path to the root."""
        ratio = self._sizes / self._expected
        part = 0.0
        total = 0.0
        for fork, more in zip(reversed(self._path), reversed(left), strict=True):
            known = fork.branches + 1 + more
            part = (fork.branches + part) / known
            if not total:  # the branch under way has not begun
                total = fork.runs + (1 + more) * ratio * fork.runs / fork.branches
            else:
                total += fork.runs
                total += more * ratio * total / (fork.branches + 1)
        return (self.runs - self._before) / part, total
