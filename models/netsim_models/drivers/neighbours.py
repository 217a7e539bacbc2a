"""ramoops and mtdoops on one machine, on the list of dumpers since boot, and reads of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.design import Operation
from netsim_models.drivers.mtdoops import Mtdoops
from netsim_models.drivers.ramoops import Ramoops

if TYPE_CHECKING:
    from netsim_models.machine import Machine


class Neighbours:
    """The other dumpers of a machine, in the order in which they are linked."""

    def __init__(self, m: Machine) -> None:
        self.ramoops = Ramoops(m.sim)
        self.mtdoops = Mtdoops(m)
        dumpers = (self.ramoops.dumper, self.mtdoops.dumper)
        m.log.dump_list.items = (*dumpers, *m.log.dump_list.items)

    def lines(self) -> list[str]:
        """One line for each record that outlives the machine."""
        return [*self.ramoops.lines(), *self.mtdoops.lines()]


async def _read_ramoops(m: Machine) -> str:
    """drivers/char/mem.c:read_mem().  Context: process.  Locks: none."""
    return str(await m.neighbours.ramoops.read())


async def _read_mtdoops(m: Machine) -> str:
    """drivers/mtd/mtdchar.c:mtd_read().  Context: process; may sleep.  Locks: the flash's."""
    return str(await m.neighbours.mtdoops.read())


def operations() -> list[Operation]:
    """Return the reads of what they keep; `run` takes the machine."""
    return [
        Operation(
            "ramoops-read",
            "what the records of ramoops hold, the oldest written over first",
            _read_ramoops,
            source="drivers/char/ramoops.c, patch 02",
        ),
        Operation(
            "mtdoops-read",
            "what the pages of mtdoops' flash hold, and how they were written",
            _read_mtdoops,
            source="drivers/mtd/mtdoops.c, patch 02",
        ),
    ]
