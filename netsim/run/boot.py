"""
Booted machines to start from: boot and run `{ }` once, then come back to that state each time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import attrs

from netsim.core.fault import Report
from netsim.core.sim import Sim
from netsim.core.snapshot import NotAtRest, Snapshot
from netsim.design import System
from netsim.notation import Call


@attrs.define(eq=False)
class Boot:
    """
    A machine on which a design has booted and `{ }` has come to rest, or could not.

    `initial` are the reports of `{ }`; `unreached` says why its end was not reached, or "".
    """

    sim: Sim
    system: System
    initial: tuple[Report, ...] = ()
    unreached: str = ""
    #: Results of the operations of `{ }`, if all were reached.
    results: tuple[Any, ...] = ()
    #: None if the machine cannot be brought back here: it is booted anew each time.
    snapshot: Snapshot | None = None


@attrs.define(eq=False)
class Boots:
    """
    The starts of one design, each made once; whoever takes one has its machine for itself.

    Two programs may share this as long as their executions do not overlap.
    """

    _made: dict[tuple[tuple[Call, ...], bool], Boot] = attrs.Factory(dict)

    def reached(self, initial: Sequence[Call], sites: bool) -> bool:
        """Tell whether somebody has been at the end of `initial` already."""
        boot = self._made.get((tuple(initial), sites))
        return boot is not None and not boot.unreached

    def take(self, initial: Sequence[Call], sites: bool, make: Callable[[], Boot]) -> Boot:
        """Return the machine after `initial`, as it was then; `make` boots it the first time."""
        key = (tuple(initial), sites)
        boot = self._made.get(key)
        if boot is None or boot.snapshot is None:
            boot = self._made[key] = make()
            if not boot.unreached:
                with suppress(NotAtRest):
                    boot.snapshot = Snapshot(boot.sim, [boot.system])
        else:
            for thread in boot.sim.threads:
                thread.discard()
            boot.snapshot.restore()
        return boot
