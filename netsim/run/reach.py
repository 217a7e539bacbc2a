"""What strikes may touch: learned in one search, used by the next, until there is nothing new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netsim.core.access import READ, Footprint, Key, Mode, meets, merge
from netsim.core.sim import Sim
from netsim.core.step import Step
from netsim.core.thread import Life
from netsim.sync.inside import UNRETURNED


class Reach:
    """
    An observer that notes what each strike touches, and the plain accesses of everybody else.

    To a strike everybody else is the other strikes, too: one of a higher context strikes in them.
    `known` is what the search that it observes knows already, by strike.
    """

    def __init__(self, strikes: Sequence[str], known: Mapping[str, Footprint]) -> None:
        self.known = known
        self.touched: dict[str, dict[Key, Mode]] = {
            strike: dict(known.get(strike, {})) for strike in strikes
        }
        self.plain: dict[tuple[str, Key, Mode], None] = {}

    def begin(self, sim: Sim, kept: int) -> None:
        """Nothing is forgotten between executions."""

    def stepped(self, sim: Sim, step: Step) -> None:
        """Take in one step."""
        for key, mode, _function in step.plain:
            self.plain[step.thread, key, mode] = None
        if step.thread in self.touched:
            self._touches(sim, step.thread, step.footprint)
        if step.inner is not None:
            for strike, footprint in step.inner.touched.items():
                self._touches(sim, strike, footprint)
            for strike, key, mode in step.inner.plain:
                self.plain[strike, key, mode] = None

    def _touches(self, sim: Sim, strike: str, footprint: Footprint) -> None:
        touched = self.touched[strike]
        for key, mode in footprint.items():
            touched[key] = merge(touched.get(key, mode), mode)
        if sim.by_name[strike].life is Life.STOPPED:
            touched[UNRETURNED] = READ  # which conflicts with no other such strike

    def grew(self) -> bool:
        """Tell whether another search would be offered places that this one was not."""
        return any(
            strike != thread
            and (
                (meets(touched, key, mode) and not meets(known, key, mode))
                or (UNRETURNED in touched and UNRETURNED not in known)
            )
            for strike, touched in self.touched.items()
            for known in (self.known.get(strike, {}),)
            for thread, key, mode in self.plain
        )
