"""What strikes may touch: learned in one search, used by the next, until there is nothing new."""

from __future__ import annotations

from collections.abc import Sequence

from netsim.core.access import CONFLICT, Footprint, Key, Mode, merge
from netsim.core.sim import Sim
from netsim.core.step import Step


class Reach:
    """
    An observer that notes what strikes touch, and the plain accesses of everybody else.

    `known` is what the search that it observes knows already.
    """

    def __init__(self, strikes: Sequence[str], known: Footprint) -> None:
        self.strikes = strikes
        self.known = known
        self.touched: dict[Key, Mode] = dict(known)
        self.plain: dict[tuple[Key, Mode], None] = {}

    def begin(self, sim: Sim, kept: int) -> None:
        """Nothing is forgotten between executions."""

    def stepped(self, sim: Sim, step: Step) -> None:
        """Take in one step."""
        strikes = step.thread in self.strikes
        if not strikes:
            for key, mode, _function in step.plain:
                self.plain[key, mode] = None
        touched: Footprint = step.footprint if strikes else {}
        if step.inner is not None:
            touched = step.inner.touched
        for key, mode in touched.items():
            self.touched[key] = merge(self.touched.get(key, mode), mode)

    def grew(self) -> bool:
        """Tell whether another search would be offered places that this one was not."""
        return any(
            key in self.touched
            and CONFLICT[mode][self.touched[key]]
            and not (key in self.known and CONFLICT[mode][self.known[key]])
            for key, mode in self.plain
        )
