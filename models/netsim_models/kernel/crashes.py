"""
A book of crashes, which no kernel keeps: what happened, to be compared with what arrived.

Simulated code never looks into it, so that it is no shared state.
"""

from __future__ import annotations

import attrs

from netsim.core.sim import Sim
from netsim.sync.tally import counted


@attrs.define(eq=False)
class Crash:
    """An oops or a panic; `printed` is where its text ends, counted in all bytes ever logged."""

    thread: str
    printed: int | None = None


class Crashes:
    """All crashes since boot, and which part of the log each dump was given."""

    def __init__(self) -> None:
        self.begun: list[Crash] = []
        #: By number of the dump: from where to where in all bytes ever logged.
        self.dumped: dict[int, tuple[int, int]] = {}
        #: What stood in the log, in the same count, when a crash came to be dumped.
        self.found: list[tuple[int, int]] = []
        #: Milliseconds that CPUs spun with irqs off to space packets out.
        self.spun = 0

    async def begins(self, sim: Sim) -> None:
        """Note that the running thread crashes.  Context: any."""
        await counted(sim, "crash")
        assert sim.current is not None
        self.begun.append(Crash(sim.current.name))

    def printed(self, sim: Sim, log_end: int) -> None:
        """Note that the crash of the running thread has just been printed."""
        assert sim.current is not None
        name = sim.current.name
        next(one for one in reversed(self.begun) if one.thread == name).printed = log_end

    async def finds(self, sim: Sim, start: int, end: int) -> None:
        """Note what is in the log as a crash comes to be dumped.  Context: any."""
        await counted(sim, "log")
        self.found.append((start, end))

    async def spins(self, sim: Sim, milliseconds: int) -> None:
        """Note that a CPU is going to spin with irqs off.  Context: any."""
        await counted(sim, "spin")
        self.spun += milliseconds
