"""A machine with ramoops and mtdoops, led through operations by hand."""

from __future__ import annotations

from netsim.core.sim import Sim
from netsim.core.thread import Context
from netsim.notation import parse
from netsim_models.drivers.neighbours import Neighbours
from netsim_models.dumpers import DumpersSystem
from netsim_models.kernel.oops import X86
from netsim_models.netoops_v1 import NETOOPS_V1_NEIGHBOURS
from tests.models.drive import Driven


class Led:
    """Runs operations one after the other, each alone; work waits until `settle`."""

    def __init__(self) -> None:
        self.system = DumpersSystem(Sim(), X86)
        self.machine = self.system.machine
        self.sim = self.machine.sim
        self.sim.recording = True
        self.neighbours: Neighbours = self.machine.neighbours

    def run(self, operations: str) -> Led:
        for call in parse(operations).flows[0].calls:
            operation = NETOOPS_V1_NEIGHBOURS.validate(call)

            async def one() -> None:
                await operation.run(self.system, *call.arguments)  # noqa: B023  run at once

            context = next(c for c in operation.contexts if c in (Context.PROCESS, Context.HARDIRQ))
            task = Driven(self.machine, one(), context)
            while task.thread.pending is not None and not self.sim.halted:
                task.step()
        return self

    def settle(self) -> Led:
        """Let every work that is queued run to its end."""
        while ready := [t for t in self.sim.threads if t.pending and self.sim.is_enabled(t)]:
            self.sim.step(ready[0])
        return self

    def dump(self, operations: str) -> Led:
        return self.run(operations).settle()
