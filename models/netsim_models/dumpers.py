"""
The other dumpers of 2.6.36 with patches 01 to 04, on architectures where netoops does not build.

Patch 05 says #error "unsupported architecture" but for x86.  What patch 01 changes elsewhere
concerns ramoops and mtdoops: whether they get an oops, and what comes before it, is decided by the
order of stages in that architecture's die().  x86 is in netoops-v1+neighbours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any

import attrs

from netsim.core.sim import Sim
from netsim.design import Design, Operation, StartingPoint
from netsim_models import errno, world
from netsim_models.drivers import neighbours
from netsim_models.kernel import oops
from netsim_models.kernel.oops import OopsPath
from netsim_models.kernel.operations import crashes, policies

FROM_WORLD = ("log", "soft-dump")


class DumpersSystem:
    """A machine with ramoops and mtdoops, and no netoops."""

    def __init__(self, sim: Sim, path: OopsPath) -> None:
        self.sim = sim
        self.machine = world.boot(sim, "2.6.36", oops_path=path)
        self.machine.neighbours = neighbours.Neighbours(self.machine)

    def dumps(self) -> Sequence[str]:
        """One line for each record: nothing else leaves the machine."""
        lines: list[str] = self.machine.neighbours.lines()
        return lines

    def roots(self) -> Sequence[Any]:
        """Everything that the network of this machine refers to."""
        m = self.machine
        return [*m.dev_base.items, m.core, *m.arp_tbl.entries.items, *m.routes.live()]

    def counts(self) -> Sequence[Any]:
        """Every reference count ever made."""
        return self.machine.refcounts


def _design(path: OopsPath) -> Design:
    def boot(sim: Sim) -> DumpersSystem:
        return DumpersSystem(sim, path)

    made = [
        *crashes(),
        *(world.operations()[name] for name in FROM_WORLD),
        *policies(),
        *neighbours.operations(),
    ]
    return Design(
        name=f"dumpers@{path.name}",
        summary=f"ramoops and mtdoops on {path.name}: how it dumps an oops, without netoops",
        boot=boot,
        operations={operation.name: _on_machine(operation, path) for operation in made},
        starts=(StartingPoint("empty", ""), StartingPoint("dumped", "oops; soft-dump")),
        probes=(),
        sources=(
            f"{path.function} with patch 01 (docs/kernel.md says which tree was read)",
            "drivers/char/ramoops.c of 2.6.36 and drivers/mtd/mtdoops.c of 2.6.35.7",
            "kernel/{printk,panic,kexec}.c, drivers/char/sysrq.c of 2.6.36",
        ),
        left_out=(
            "netoops: it does not compile here (patch 05)",
            "registers: nobody here reads them",
            "the network, which none of the operations uses",
        ),
        errors=errno.NAMES,
    )


def _on_machine(operation: Operation, path: OopsPath) -> Operation:
    run = operation.run

    def on_machine(s: DumpersSystem, *arguments: str) -> Awaitable[Any]:
        return run(s.machine, *arguments)

    source = operation.source.replace(oops.X86.function.partition(":")[0], path.function)
    return attrs.evolve(operation, run=on_machine, source=source)


ARM = _design(oops.ARM)
PARISC = _design(oops.PARISC)
POWERPC = _design(oops.POWERPC)
S390 = _design(oops.S390)
SH = _design(oops.SH)
