"""
The printk ring and the kmsg dumpers: kernel/printk.c of 2.6.36 with patches 02 and 03.

A printk is one step: its section under logbuf_lock holds no place where the world could change,
and a strike comes before or after it.  Where a machine has consoles, who gets console_sem in that
step prints in further ones: see `consoles`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from netsim.core.access import INC, READ, WRITE, Key
from netsim.core.op import Op
from netsim.core.sim import ModelError, Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform
from netsim.sync.marked import SharedList
from netsim.sync.spinlock import SpinLock
from netsim_models.errno import EBUSY, EINVAL
from netsim_models.kernel.consoles import Consoles, enter, release_console_sem
from netsim_models.kernel.levels import KERN_ERR, Marking, tagged

if TYPE_CHECKING:
    from netsim_models.machine import Machine
    from netsim_models.x86 import PtRegs

LOG_BUF_LEN = 1 << 17
#: No operation prints more, but for the one that is told how much.
TEXT_MAX = 4096

Printed: TypeAlias = Callable[[Sim, int], None]


class KmsgDumpReason(IntEnum):
    """enum kmsg_dump_reason, with SOFT of patch 03."""

    OOPS = 0
    PANIC = 1
    KEXEC = 2
    SOFT = 3

    def __str__(self) -> str:
        """kernel/printk.c:kmsg_to_str(), whose table patch 03 leaves as it was: SOFT is unknown."""
        return "unknown" if self is KmsgDumpReason.SOFT else self.name.lower()


@attrs.frozen
class Segment:
    """A pointer into the live ring and a length, as dumpers get them."""

    log: LogBuf
    start: int
    length: int

    def bytes(self, offset: int, length: int) -> bytes:
        """Return what stands in the ring now: a read, if other text may come over it."""
        if self.log.may_wrap:
            self.log.sim.touch(self.log.key, READ, None)
        return self.log.peek(self.start + offset, length)


@attrs.frozen(eq=False)
class KmsgDumper:
    """struct kmsg_dumper; `dump` gets (reason, registers or None, s1, s2)."""

    name: str
    dump: Callable[[KmsgDumpReason, PtRegs | None, Segment, Segment], Awaitable[None]]


@attrs.frozen
class Asked:
    """
    One call of kmsg_dump(): in which operation of its thread, what for, and the log as it was then.

    `dump` is its number among those that had the list of dumpers, 0 if it was skipped, for `holder`
    had it.
    """

    begun: int
    operation: str
    reason: KmsgDumpReason
    registers: PtRegs | None
    text: bytes = attrs.field(repr=False)
    dump: int
    holder: str = ""


class LogBuf:
    """The ring: log_buf, log_end, logged_chars."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.key: Key = ("log_buf", "ring")
        self.ring = bytearray(LOG_BUF_LEN)
        self.log_end = 0
        self.logged_chars = 0
        self.dump_list_lock = SpinLock(sim, "dump_list_lock")
        self.dump_list = SharedList(sim, "dump_list")
        #: Reason of the dump under way, for what leaves the machine.
        self.reason: KmsgDumpReason | None = None
        #: How many dumps have begun; dump_list_lock orders them.
        self.dumps = 0
        self.oops_in_progress = 0
        #: Whether the next text begins a line, and so gets a tag.
        self.new_text_line = True
        #: Gives messages other levels; no kernel does.
        self.mark: Marking | None = None
        #: Where text is printed, too; None if this machine never has a console.
        self.consoles: Consoles | None = None
        #: Whether text that is printed from now on may come over other text.
        self.may_wrap = True
        #: The dumps that each thread asked for, in its order: for promises, nothing acts on it.
        self.asked: dict[str, tuple[Asked, ...]] = {}

    def ask(self, reason: KmsgDumpReason, registers: PtRegs | None, text: bytes, dump: int) -> None:
        """Note that the running thread has called kmsg_dump()."""
        thread = self.sim.current
        assert thread is not None
        owner = self.dump_list_lock.owner
        holder = self.sim.title(owner) if owner is not None and not dump else ""
        asked = Asked(thread.begun, thread.operation, reason, registers, text, dump, holder)
        self.asked[thread.name] = (*self.asked.get(thread.name, ()), asked)

    def foresee(self, size: int) -> None:
        """Take it that no more than `size` bytes will be printed from now on."""
        self.may_wrap = self.logged_chars + size > LOG_BUF_LEN

    def emit(self, text: bytes) -> None:
        """Append to the ring, as it is."""
        if text:
            self.new_text_line = text.endswith(b"\n")
        for start in range(0, len(text), LOG_BUF_LEN):
            chunk = text[start : start + LOG_BUF_LEN]
            at = self.log_end % LOG_BUF_LEN
            first = min(len(chunk), LOG_BUF_LEN - at)
            self.ring[at : at + first] = chunk[:first]
            self.ring[: len(chunk) - first] = chunk[first:]
            self.log_end += len(chunk)
            self.logged_chars = min(LOG_BUF_LEN, self.logged_chars + len(chunk))

    def peek(self, start: int, length: int) -> bytes:
        """Read the ring without recording it."""
        start %= LOG_BUF_LEN
        return bytes(self.ring[start : start + length])


class _Printk(Op):
    """The section of vprintk() under logbuf_lock; returns what printk() returns."""

    __slots__ = ("log", "printed", "raw", "text")
    name = "printk"

    def __init__(self, log: LogBuf, text: bytes, printed: Printed | None, raw: bool) -> None:
        self.log = log
        self.text = text
        self.printed = printed
        self.raw = raw

    def label(self) -> str:
        return "log_buf"

    def apply(self, sim: Sim, thread: SimThread) -> int:
        log, text = self.log, self.text
        begins, length = log.new_text_line, len(text)
        if not self.raw:
            text, length = tagged(text, begins, log.mark)
        if not log.may_wrap and log.logged_chars + len(text) > LOG_BUF_LEN:
            raise ModelError(
                f"printk() of {len(text)} bytes comes over text that was taken to be safe: "
                f"expected at most {TEXT_MAX} bytes of an operation; see LogBuf.foresee()"
            )
        log.emit(text)
        # The order of two texts is not observable, unless consoles print what does not end its
        # line.  In a dump it is at most a newline, more or less.
        whole = log.consoles is None or (begins and log.new_text_line)
        sim.touch(log.key, INC if whole else WRITE, None)
        if self.printed is not None:
            self.printed(sim, log.log_end)
        return length


class _PrintkOrLeave(_Printk):
    """The same, and acquire_console_semaphore_for_printk(): whether this thread is to print."""

    __slots__ = ("consoles",)
    takes = True

    def __init__(
        self, log: LogBuf, text: bytes, printed: Printed | None, raw: bool, consoles: Consoles
    ) -> None:
        super().__init__(log, text, printed, raw)
        self.consoles = consoles

    def label(self) -> str:
        return self.consoles.console_sem.name

    def apply(self, sim: Sim, thread: SimThread) -> tuple[int, bool]:  # type: ignore[override]
        length = super().apply(sim, thread)
        mine = self.consoles.console_sem.tried(thread)
        if mine:
            enter(thread)
        return length, mine


class _Snapshot(Op):
    __slots__ = ("log",)
    name = "logbuf_snapshot"

    def __init__(self, log: LogBuf) -> None:
        self.log = log

    def label(self) -> str:
        return "log_buf"

    def apply(self, sim: Sim, thread: SimThread) -> tuple[int, int]:
        sim.touch(self.log.key, READ, None)
        return self.log.log_end, self.log.logged_chars


def printk(m: Machine, text: str | bytes, printed: Printed | None = None) -> Awaitable[int]:
    """
    kernel/printk.c:printk(): text that may begin with its level, such as KERN_ERR.

    `printed` is told where the text ends, counted in all bytes ever logged.  Returns as vprintk():
    the bytes of the message with its tags.

    Context: any.  Locks: logbuf_lock inside the step; console_sem by trylock if there are consoles.
    """
    return _print(m, text.encode() if isinstance(text, str) else text, printed, False)


def log_raw(m: Machine, text: str | bytes) -> Awaitable[int]:
    """
    Print text that gets no tag, for who has to know how many bytes it takes; else as printk().

    Context: any.  Locks: as printk().
    """
    return _print(m, text.encode() if isinstance(text, str) else text, None, True)


def _print(m: Machine, text: bytes, printed: Printed | None, raw: bool) -> Awaitable[int]:
    log: LogBuf = m.log
    if log.consoles is None:
        return perform(_Printk(log, text, printed, raw))
    return vprintk(log, log.consoles, text, printed, raw)


async def vprintk(
    log: LogBuf, consoles: Consoles, text: bytes, printed: Printed | None, raw: bool
) -> int:
    """
    kernel/printk.c:vprintk() on a machine with consoles: who gets console_sem prints, too.

    Context: any; irqs off while it prints.  Locks: console_sem by trylock.
    """
    length, mine = await perform(_PrintkOrLeave(log, text, printed, raw, consoles))
    if mine:
        await release_console_sem(log, consoles)
    return int(length)


async def kmsg_dump(m: Machine, reason: KmsgDumpReason, pt_regs: PtRegs | None = None) -> None:
    """
    kernel/printk.c:kmsg_dump(), which passes registers on since patch 02.

    Context: any.  Locks: logbuf_lock inside one step; dump_list_lock by trylock, irqsave.
    """
    log: LogBuf = m.log
    logged, chars = await perform(_Snapshot(log))
    if reason is not KmsgDumpReason.SOFT:
        await m.crashes.finds(m.sim, logged - chars, logged)
    end = logged % LOG_BUF_LEN
    if chars > end:  # the ring has wrapped: older text at its tail
        s1 = Segment(log, LOG_BUF_LEN - (chars - end), chars - end)
        s2 = Segment(log, 0, end)
    else:
        s1 = Segment(log, 0, 0)
        s2 = Segment(log, end - chars, chars)
    text = log.peek(s1.start, s1.length) + log.peek(s2.start, s2.length)
    if not await log.dump_list_lock.spin_trylock_irqsave():
        log.ask(reason, pt_regs, text, 0)
        await printk(
            m, f"{KERN_ERR}dump_kmsg: dump list lock is held during {reason}, skipping dump\n"
        )
        return
    with m.rcu.masked():
        log.reason = reason
        log.dumps += 1
        m.crashes.dumped[log.dumps] = (logged - chars, logged)
        log.ask(reason, pt_regs, text, log.dumps)
        for dumper in log.dump_list.walk_locked():
            if await m.policies.admits_dump(dumper.name, reason):
                await dumper.dump(reason, pt_regs, s1, s2)
        log.reason = None
        await log.dump_list_lock.spin_unlock_irqrestore()


async def not_dumped(m: Machine) -> None:
    """Note, if somebody counts, what is in the log of a crash that is not dumped.  Context: any."""
    if m.sim.tallied:
        logged, chars = await perform(_Snapshot(m.log))
        await m.crashes.finds(m.sim, logged - chars, logged)


async def kmsg_dump_register(m: Machine, dumper: KmsgDumper) -> int:
    """kernel/printk.c:kmsg_dump_register().  Context: any.  Locks: dump_list_lock, irqsave."""
    return await _change(m, dumper, True, -EBUSY)


async def kmsg_dump_unregister(m: Machine, dumper: KmsgDumper) -> int:
    """kernel/printk.c:kmsg_dump_unregister().  Context: any.  Locks: dump_list_lock, irqsave."""
    return await _change(m, dumper, False, -EINVAL)


async def _change(m: Machine, dumper: KmsgDumper, add: bool, error: int) -> int:
    log: LogBuf = m.log
    result = error
    async with log.dump_list_lock.irqsave():
        items: tuple[Any, ...] = log.dump_list.walk_locked()
        if (dumper in items) is not add:
            await (log.dump_list.add(dumper) if add else log.dump_list.remove(dumper))
            result = 0
    return result
