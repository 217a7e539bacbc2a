"""
Records of dumps in memory that survives a reboot: drivers/char/ramoops.c of 2.6.36 with patch 02.

It asks for the reason only to tell oopses from all else, so that a soft dump of patch 03 makes a
record as a panic does, over the oldest one.  Read in 2.6.35.7 and in a vendor's tree of 2.6.36;
later kernels refuse reasons that they do not know.  Left out: the parameter dump_oops (1), and
loading and unloading: it is built in, with a platform device of `RECORDS` records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.core.access import READ, WRITE, Key
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform
from netsim_models.drivers.records import Record, newest
from netsim_models.kernel.printk import KmsgDumper, KmsgDumpReason, Segment

if TYPE_CHECKING:
    from netsim_models.x86 import PtRegs

RAMOOPS_KERNMSG_HDR = b"===="
RECORD_SIZE = 4096
#: mem_size / RECORD_SIZE: few, so that few dumps go round.
RECORDS = 2
HZ = 1000


class Ramoops:
    """struct ramoops_context: `count` is the record that the next dump is written to."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.key: Key = ("ramoops", "memory")
        self.records: list[Record | None] = [None] * RECORDS
        self.count = 0
        self.dumper = KmsgDumper("ramoops", self.ramoops_do_dump)

    async def ramoops_do_dump(
        self, reason: KmsgDumpReason, pt_regs: PtRegs | None, s1: Segment, s2: Segment
    ) -> None:
        """
        drivers/char/ramoops.c:ramoops_do_dump(); patch 02 gives it registers, which it ignores.

        Context: any, irqs off.  Locks: dump_list_lock held.
        """
        sim = self.sim
        seconds, ticks = divmod(sim.jiffies, HZ)
        head = b"%s%d.%d\n" % (RAMOOPS_KERNMSG_HDR, seconds, ticks * (1_000_000 // HZ))
        text = head + newest(s1, s2, RECORD_SIZE - len(head))
        sim.touch(self.key, WRITE, None)
        self.records[self.count] = Record(reason, text.ljust(RECORD_SIZE, b"\0"))
        self.count = (self.count + 1) % RECORDS

    def lines(self) -> list[str]:
        """One line for each record that is there now."""
        made = enumerate(self.records)
        return [f"{record.reason.name} in record {n} of ramoops" for n, record in made if record]

    async def read(self) -> str:
        """A read of its memory through /dev/mem: what each record holds.  Context: process."""
        return str(await perform(_Read(self)))


class _Read(Op):
    __slots__ = ("ramoops",)
    name = "read_mem"

    def __init__(self, ramoops: Ramoops) -> None:
        self.ramoops = ramoops

    def label(self) -> str:
        return "ramoops"

    def apply(self, sim: Sim, thread: SimThread) -> str:
        sim.touch(self.ramoops.key, READ, None)
        return "; ".join(
            f"{n}: {record.reason.name if record else 'empty'}"
            for n, record in enumerate(self.ramoops.records)
        )
