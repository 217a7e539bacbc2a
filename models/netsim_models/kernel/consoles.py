"""
Consoles: kernel/printk.c of 2.6.36, as far as they print what others have put into the ring.

console_sem is held by who prints.  printk() only tries it: text that finds it taken is left to who
has it, who looks again before he gives it back.  Both happen under logbuf_lock, so that each is one
step.  A machine whose `LogBuf.consoles` is None never has a console, and nobody can tell that
printk() tries a semaphore.

Left out: consoles of VTs, boot consoles, console=, console_suspended, and zap_locks(): it asks
whether this very CPU is inside the section under logbuf_lock, which has no place inside.  A round
reads its text when it takes it, not line by line: that differs only if the whole ring is
overwritten meanwhile.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import attrs

from netsim.core.access import READ
from netsim.core.memory import KObject, bind, shared
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform
from netsim.sync.marked import SharedList
from netsim.sync.semaphore import Semaphore
from netsim_models.kernel.levels import DEFAULT_CONSOLE_LOGLEVEL, Piece, pieces

if TYPE_CHECKING:
    from netsim_models.kernel.printk import LogBuf
    from netsim_models.machine import Machine

#: console_verbose(): above every level.
VERBOSE = 15


@attrs.frozen
class Message:
    """A line, or a part of one: without its tag, and where it stands in all bytes ever logged."""

    text: bytes
    start: int
    level: int


@attrs.define(eq=False)
class Console:
    """
    struct console, which is enabled; `write` runs with irqs off and console_sem held.

    One that `filters` gets messages of all levels, and chooses by itself (no such in 2.6.36); that
    is settled before anything runs.
    """

    name: str
    write: Callable[[Message], Awaitable[None]]
    filters: bool = False


@shared
class PrintkData(KObject):
    """What sysctl kernel.printk and console_verbose() write; no lock protects it."""

    console_loglevel: int = DEFAULT_CONSOLE_LOGLEVEL


class Consoles:
    """
    console_sem, and what it protects: the list of consoles and where they are in the ring.

    `con_start` is counted in all bytes ever logged; nothing before it will be printed any more.
    """

    def __init__(self, sim: Sim, log_end: int) -> None:
        self.console_sem = Semaphore(sim, "console_sem")
        self.console_drivers = SharedList(sim, "console_drivers")
        self.data = bind(sim, PrintkData(), "printk")
        self.con_start = log_end
        #: Level of the line that was not finished, -1 if there is none.
        self.msg_level = -1


class _Release(Op):
    """One turn of the loop: takes what is to be printed, or finds nothing and gives it back."""

    __slots__ = ("consoles", "log")
    name = "release_console_sem"

    def __init__(self, log: LogBuf, consoles: Consoles) -> None:
        self.log = log
        self.consoles = consoles

    def label(self) -> str:
        return self.consoles.console_sem.name

    def apply(self, sim: Sim, thread: SimThread) -> list[Message] | None:
        log, consoles = self.log, self.consoles
        sim.touch(log.key, READ, None)
        if consoles.con_start == log.log_end:
            consoles.console_sem.given(thread)
            leave(thread)
            return None
        start = max(consoles.con_start, log.log_end - log.logged_chars)
        consoles.con_start = end = log.log_end
        seam = start + len(log.ring) - start % len(log.ring)
        text = log.peek(start, min(end, seam) - start) + log.peek(seam, max(0, end - seam))
        found, consoles.msg_level = pieces(text, consoles.msg_level)
        return [
            Message(text[begin:end], start + begin, one.level)
            for one in found
            for begin, end in _unwrapped(one, seam - start)
        ]


def _unwrapped(one: Piece, seam: int) -> list[tuple[int, int]]:
    """_call_console_drivers(): what wraps is written in two parts."""
    if one.start < seam < one.end:
        return [(one.start, seam), (seam, one.end)]
    return [(one.start, one.end)]


def enter(thread: SimThread) -> None:
    """vprintk(): preempt_disable(), raw_local_irq_save()."""
    thread.preempt_count += 1
    thread.irqs_off += 1


def leave(thread: SimThread) -> None:
    """Undo `enter`."""
    thread.preempt_count -= 1
    thread.irqs_off -= 1


class _Acquired(Op):
    """From here on irqs are off, as they are where release_console_sem() has consoles write."""

    __slots__ = ()
    name = "local_irq_save"

    def apply(self, sim: Sim, thread: SimThread) -> None:
        enter(thread)


async def release_console_sem(log: LogBuf, consoles: Consoles) -> None:
    """
    kernel/printk.c:release_console_sem(), for who has called `enter`, which it undoes.

    Irqs are off from the first round to the last; those who did not come with irqs off see them on
    for a moment between two rounds in the kernel.

    Context: any.  Locks: console_sem held, and given back; logbuf_lock inside the steps.
    """
    while (messages := await perform(_Release(log, consoles))) is not None:
        for message in messages:
            await _call_console_drivers(consoles, message)


async def _call_console_drivers(consoles: Consoles, message: Message) -> None:
    """
    kernel/printk.c:_call_console_drivers(), which reads console_loglevel only now.

    Context: irqs off.  Locks: console_sem held.
    """
    shown = message.level < consoles.data.console_loglevel
    for console in consoles.console_drivers.walk_locked():
        if shown or console.filters:
            await console.write(message)


async def console_unblank(m: Machine) -> None:
    """
    kernel/printk.c:console_unblank(), called by bust_spinlocks(0) with oops_in_progress set.

    No console here has anything to unblank; but who gets console_sem prints what others leave.

    Context: any.  Locks: console_sem, by trylock.
    """
    consoles = m.log.consoles
    if consoles is not None and await consoles.console_sem.down_trylock():
        await release_acquired(m.log, consoles)


def console_verbose(m: Machine) -> None:
    """include/linux/kernel.h:console_verbose().  Context: any.  Locks: none."""
    consoles = m.log.consoles
    if consoles is not None and consoles.data.console_loglevel:
        consoles.data.console_loglevel = VERBOSE


def set_loglevel(m: Machine, level: int) -> int:
    """Assign to console_loglevel, as its users do; returns the old.  Context: any.  Locks: none."""
    consoles = m.log.consoles
    if consoles is None:
        return DEFAULT_CONSOLE_LOGLEVEL
    old, consoles.data.console_loglevel = consoles.data.console_loglevel, level
    return int(old)


async def release_acquired(log: LogBuf, consoles: Consoles) -> None:
    """release_console_sem() for who has console_sem and irqs as they were."""
    await perform(_Acquired())
    await release_console_sem(log, consoles)
