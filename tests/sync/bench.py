"""A machine on which primitives are tried by hand, one operation at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from netsim.core.access import MODE_NAMES
from netsim.core.sim import Sim
from netsim.core.step import Step
from netsim.core.thread import SimThread


class Bench:
    """Threads are made of calls, and stand before the first; `results` has what they return."""

    def __init__(self, *, faults: int = 0) -> None:
        self.sim = Sim()
        self.sim.recording = True
        self.sim.faults = self.sim.fault_budget = faults
        self.results: dict[str, list[Any]] = {}

    def thread(self, name: str, *calls: Callable[[], Awaitable[Any]]) -> SimThread:
        """Add a thread."""
        out = self.results.setdefault(name, [])

        async def body() -> None:
            for call in calls:
                out.append(await call())

        return self.sim.spawn(name, body(), flow=int(name))

    def step(self, name: str, choice: int = 0) -> Step:
        """Make one step of a thread, which must be enabled."""
        thread = self.sim.by_name[name]
        assert self.sim.is_enabled(thread)
        return self.sim.step(thread, choice)

    def steps(self, names: str) -> list[Step]:
        """Make a step of each thread named."""
        return [self.step(name) for name in names]

    def kinds(self) -> list[str]:
        """Return the kinds of all findings."""
        return [report.kind for report in self.sim.reports]


def touched(step: Step) -> dict[str, str]:
    """Return what a step did to which field."""
    return {field: MODE_NAMES[mode] for (_, field), mode in step.footprint.items()}


def edges(step: Step) -> list[str]:
    """Return the synchronisation of a step, in order."""
    return ["acquire" if acquires else "release" for acquires, _ in step.sync]
