"""
Records of dumps in flash: drivers/mtd/mtdoops.c of 2.6.36 with patch 02.

An oops is written by work, anything else at once by panic_write(), which the driver of the flash
has for a machine that is dying: so a soft dump of patch 03 uses it on one that goes on.  There is
one buffer, without a lock: a dump that comes before the work has run overwrites what that was to
write, and panic_write() leaves the buffer blank.  Read in 2.6.35.7; later kernels refuse reasons
that they do not know.

Left out: the parameter dump_oops (1), bad blocks, failing writes, what panic_write() does to a
flash that is busy, and loading and unloading: it is built in, on a flash that was erased.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from netsim.core.access import READ, WRITE, Key
from netsim.core.memory import KObject, bind, shared
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform
from netsim.sync.sleep import might_sleep
from netsim.sync.workqueue import Work
from netsim_models.drivers.records import Record, newest
from netsim_models.kernel.levels import KERN_DEBUG
from netsim_models.kernel.printk import KmsgDumper, KmsgDumpReason, Segment, printk

if TYPE_CHECKING:
    from netsim_models.machine import Machine
    from netsim_models.x86 import PtRegs

MTDOOPS_KERNMSG_MAGIC = 0x5D005D00
MTDOOPS_HEADER_SIZE = 8
RECORD_SIZE = 4096
ERASED = b"\xff" * RECORD_SIZE
#: mtd->erasesize / record_size, and the records of the smallest flash that it takes.
BLOCK_PAGES = 2
OOPS_PAGES = 2 * BLOCK_PAGES


@attrs.frozen
class OopsBuf:
    """What stands in the buffer; shown by how much of it is not blank."""

    text: bytes = ERASED

    def __repr__(self) -> str:
        return f"{len(self.text.rstrip(ERASED[:1]))} bytes"


@shared
class MtdoopsContext(KObject):
    """struct mtdoops_context."""

    nextpage: int = 0
    nextcount: int = 1
    oops_buf: OopsBuf = OopsBuf()


class Flash:
    """The flash: what stands in each page; programming a page that is not erased spoils it."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.key: Key = ("mtd0", "flash")
        self.pages: list[Record | None] = [None] * OOPS_PAGES
        #: For each page: how it was written.
        self.ways = [""] * OOPS_PAGES

    def program(self, page: int, reason: KmsgDumpReason, text: bytes, way: str) -> None:
        """Clear the bits of a page that are clear in `text`."""
        self.sim.touch(self.key, WRITE, None)
        old = self.pages[page]
        if old is not None:
            text = bytes(a & b for a, b in zip(old.text, text, strict=True))
            way = f"{way} over {old.reason.name}"
        self.pages[page] = Record(reason, text)
        self.ways[page] = way

    def erase(self, block: int) -> None:
        """Set all bits of a block."""
        self.sim.touch(self.key, WRITE, None)
        first = block * BLOCK_PAGES
        self.pages[first : first + BLOCK_PAGES] = [None] * BLOCK_PAGES
        self.ways[first : first + BLOCK_PAGES] = [""] * BLOCK_PAGES

    def told(self, page: int) -> str:
        """Say what stands in a page."""
        record = self.pages[page]
        if record is None:
            return "erased"
        blank = record.text[MTDOOPS_HEADER_SIZE:] == ERASED[MTDOOPS_HEADER_SIZE:]
        return f"{'nothing' if blank else record.reason.name} by {self.ways[page]}"


class Mtdoops:
    """The driver, with its two works."""

    def __init__(self, m: Machine) -> None:
        self.m = m
        sim = m.sim
        self.cxt = bind(sim, MtdoopsContext(), "mtdoops")
        self.mtd = Flash(sim)
        #: oops_page_used: bits that are set and tested as such.
        self.used = [False] * OOPS_PAGES
        self.work_erase = Work(sim, "mtdoops_workfunc_erase", self.mtdoops_workfunc_erase)
        self.work_write = Work(sim, "mtdoops_workfunc_write", self.mtdoops_workfunc_write)
        self.dumper = KmsgDumper("mtdoops", self.mtdoops_do_dump)
        #: Of the dump that stands in the buffer, which does not tell it.
        self.reason = KmsgDumpReason.OOPS

    async def mtdoops_do_dump(
        self, reason: KmsgDumpReason, pt_regs: PtRegs | None, s1: Segment, s2: Segment
    ) -> None:
        """
        drivers/mtd/mtdoops.c:mtdoops_do_dump(); patch 02 gives it registers, which it ignores.

        Context: any, irqs off.  Locks: dump_list_lock held; none for the buffer.
        """
        cxt = self.cxt
        text = newest(s1, s2, RECORD_SIZE - MTDOOPS_HEADER_SIZE)
        end = MTDOOPS_HEADER_SIZE + len(text)
        buf = cxt.oops_buf.text
        cxt.oops_buf = OopsBuf(buf[:MTDOOPS_HEADER_SIZE] + text + buf[end:])
        self.reason = reason
        if reason is not KmsgDumpReason.OOPS:  # "panics must be written immediately"
            await self.mtdoops_write(panic=True)
        else:
            await self.work_write.schedule_work()

    async def mtdoops_workfunc_write(self) -> None:
        """drivers/mtd/mtdoops.c:mtdoops_workfunc_write().  Context: process.  Locks: none."""
        await self.mtdoops_write(panic=False)

    async def mtdoops_write(self, *, panic: bool) -> None:
        """
        drivers/mtd/mtdoops.c:mtdoops_write().

        Context: any if `panic`, else process; may sleep.  Locks: those of the caller.
        """
        cxt = self.cxt
        header = cxt.nextcount.to_bytes(4, "little") + MTDOOPS_KERNMSG_MAGIC.to_bytes(4, "little")
        cxt.oops_buf = OopsBuf(header + cxt.oops_buf.text[MTDOOPS_HEADER_SIZE:])
        if not panic:
            await might_sleep("mtd_write")
        page = cxt.nextpage
        self.mtd.program(page, self.reason, cxt.oops_buf.text, "panic_write" if panic else "write")
        self.set_used(page, True)
        cxt.oops_buf = OopsBuf()
        await self.mtdoops_inc_counter()

    async def mtdoops_inc_counter(self) -> None:
        """
        drivers/mtd/mtdoops.c:mtdoops_inc_counter(): erases by work if the next page is used.

        Context: any.  Locks: those of the caller.
        """
        cxt = self.cxt
        cxt.nextpage = (cxt.nextpage + 1) % OOPS_PAGES
        cxt.nextcount = (cxt.nextcount + 1) % 0xFFFFFFFF
        if self.is_used(cxt.nextpage):
            await self.work_erase.schedule_work()
        else:
            ready = f"mtdoops: ready {cxt.nextpage}, {cxt.nextcount} (no erase)\n"
            await printk(self.m, KERN_DEBUG + ready)

    async def mtdoops_workfunc_erase(self) -> None:
        """
        drivers/mtd/mtdoops.c:mtdoops_workfunc_erase(): from the next block on, all of it.

        Context: process; may sleep.  Locks: none.
        """
        cxt = self.cxt
        if cxt.nextpage % BLOCK_PAGES:
            cxt.nextpage = (cxt.nextpage // BLOCK_PAGES + 1) * BLOCK_PAGES % OOPS_PAGES
        block = cxt.nextpage // BLOCK_PAGES
        await might_sleep("mtd_erase")
        self.mtd.erase(block)
        for page in range(block * BLOCK_PAGES, (block + 1) * BLOCK_PAGES):
            self.set_used(page, False)
        await printk(self.m, f"{KERN_DEBUG}mtdoops: ready {cxt.nextpage}, {cxt.nextcount}\n")

    def set_used(self, page: int, used: bool) -> None:
        """drivers/mtd/mtdoops.c:mark_page_used() and mark_page_unused()."""
        self.m.sim.touch(("mtdoops", f"oops_page_used[{page}]"), WRITE, self.used[page])
        self.used[page] = used

    def is_used(self, page: int) -> bool:
        """drivers/mtd/mtdoops.c:page_is_used()."""
        self.m.sim.touch(("mtdoops", f"oops_page_used[{page}]"), READ, self.used[page])
        return self.used[page]

    def lines(self) -> list[str]:
        """One line for each page of the flash that is written now."""
        told = [self.mtd.told(page) for page in range(OOPS_PAGES)]
        return [f"{text} in page {n} of mtdoops" for n, text in enumerate(told) if text != "erased"]

    async def read(self) -> str:
        """A read of the flash through /dev/mtd0: what each page holds.  Context: process."""
        return str(await perform(_Read(self.mtd)))


class _Read(Op):
    __slots__ = ("mtd",)
    name = "mtd_read"
    may_sleep = True

    def __init__(self, mtd: Flash) -> None:
        self.mtd = mtd

    def label(self) -> str:
        return "mtd0"

    def apply(self, sim: Sim, thread: SimThread) -> str:
        sim.touch(self.mtd.key, READ, None)
        return "; ".join(f"{page}: {self.mtd.told(page)}" for page in range(OOPS_PAGES))
