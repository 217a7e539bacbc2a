"""
How an oops ends: die() of each architecture that patch 01 touches, as a table.

The order of the stages decides what leaves the machine: where the panics come before oops_exit(),
an oops that panics is never dumped as an oops.  Read in: x86 and arm of 2.6.35.7; parisc, powerpc,
s390 and sh of a tree between 2.6.35 and 3.0.  The lines around oops_exit() that patch 01 shows are
those of 2.6.36, and agree with each.

Left out: debuggers and notifiers that stop an oops, powerpc's secondary crash CPUs, s390's debug
areas, and on powerpc an oops inside the printing of another one on the same CPU (it is taken to
nest as on x86; there it would release the lock of the outer one).
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import attrs

from netsim.sync.interrupt import in_interrupt
from netsim.sync.sleep import schedule_point
from netsim_models.errno import EINVAL, ENOSYS
from netsim_models.kernel.consoles import console_unblank, console_verbose
from netsim_models.kernel.kexec import crash_kexec
from netsim_models.kernel.levels import KERN_ALERT, KERN_EMERG
from netsim_models.kernel.panic import oops_enter, oops_exit, panic
from netsim_models.kernel.printk import printk
from netsim_models.x86 import registers

if TYPE_CHECKING:
    from netsim_models.machine import Machine

OOPS_TEXT = f"{KERN_ALERT}BUG: unable to handle kernel NULL pointer dereference at (null)\n"


class Stage(Enum):
    """One thing that die() does; the words are those of the table in the documentation."""

    ENTER = "oops_enter"
    LOCK = "die_lock"
    PRINT = "print"
    KEXEC = "crash_kexec"
    UNLOCK = "unlock"
    DUMP = "oops_exit: dump"
    IN_INTERRUPT = "panic in interrupt"
    PANIC_ON_OOPS = "panic_on_oops"
    EXIT = "do_exit"


@attrs.frozen
class OopsPath:
    """
    The die() of one architecture; `function` says where it is.

    `nests`: an oops inside an oops on the same CPU passes its lock; elsewhere it waits for ever.
    With `irq` the lock is taken by spin_lock_irq(), so that irqs come on where it is released,
    whatever they were; only the table tells, since a dump turns them off again.
    """

    name: str
    function: str
    stages: tuple[Stage, ...]
    nests: bool = False
    irq: bool = False
    #: What kexec_load() of a crash kernel fails with, if the architecture has none.
    no_crash_kernel: int = 0


_HEAD = (Stage.ENTER, Stage.LOCK, Stage.PRINT)
_PANICS = (Stage.IN_INTERRUPT, Stage.PANIC_ON_OOPS)

X86 = OopsPath(
    "x86",
    "arch/x86/kernel/dumpstack.c:oops_end()",
    (*_HEAD, Stage.KEXEC, Stage.UNLOCK, Stage.DUMP, *_PANICS, Stage.EXIT),
    nests=True,
)
ARM = OopsPath(
    "arm",
    "arch/arm/kernel/traps.c:die()",
    (*_HEAD, Stage.KEXEC, Stage.UNLOCK, Stage.DUMP, *_PANICS, Stage.EXIT),
    irq=True,
)
PARISC = OopsPath(
    "parisc",
    "arch/parisc/kernel/traps.c:die_if_kernel()",
    (Stage.ENTER, Stage.PRINT, *_PANICS, Stage.DUMP, Stage.EXIT),
    no_crash_kernel=ENOSYS,  # sys_ni_syscall()
)
POWERPC = OopsPath(
    "powerpc",
    "arch/powerpc/kernel/traps.c:die()",
    (*_HEAD, Stage.UNLOCK, Stage.KEXEC, *_PANICS, Stage.DUMP, Stage.EXIT),
    nests=True,
)
S390 = OopsPath(
    "s390",
    "arch/s390/kernel/traps.c:die()",
    (*_HEAD, Stage.UNLOCK, *_PANICS, Stage.DUMP, Stage.EXIT),
    irq=True,
    no_crash_kernel=EINVAL,  # machine_kexec_prepare(): only the default type of image
)
SH = OopsPath(
    "sh",
    "arch/sh/kernel/traps_32.c:die()",
    (*_HEAD, Stage.UNLOCK, Stage.DUMP, Stage.KEXEC, *_PANICS, Stage.EXIT),
    irq=True,
)

#: In the order of patch 01.
OOPS_PATHS = (ARM, PARISC, POWERPC, S390, SH, X86)


async def die(m: Machine) -> None:
    """
    die() of this machine's architecture, see `OopsPath`; returns where the task is to exit.

    An exception always has registers, which patch 01 takes to oops_exit().  It does not return if
    the oops panics.

    Context: any.  Locks: die_lock with irqs off, unless whom it interrupted holds it; then as
    kmsg_dump(), crash_kexec() and panic().
    """
    path, current, regs = m.oops_path, m.sim.current, registers(m.arch)
    assert current is not None
    nested = path.nests and m.die_lock.owner is not None and m.die_lock.owner is current.interrupts
    for stage in path.stages:
        match stage:
            case Stage.ENTER:
                await oops_enter(m)
            case Stage.LOCK:
                if not nested:  # the owner cannot move meanwhile
                    await m.die_lock.spin_lock_irqsave()
            case Stage.PRINT:
                console_verbose(m)
                m.log.oops_in_progress += 1
                await printk(m, OOPS_TEXT, m.crashes.printed)
            case Stage.KEXEC:
                if _kexec_should_crash(m):
                    await crash_kexec(m, regs)
            case Stage.UNLOCK:
                await console_unblank(m)
                m.log.oops_in_progress -= 1
                if not nested:
                    await m.die_lock.spin_unlock_irqrestore()
            case Stage.DUMP:
                await oops_exit(m, regs)
            case Stage.IN_INTERRUPT:
                if in_interrupt(m.sim):
                    await panic(m, "Fatal exception in interrupt")
            case Stage.PANIC_ON_OOPS:
                if m.policy.panic_on_oops:
                    if path is PARISC:
                        await printk(m, f"{KERN_EMERG}Fatal exception: panic in 5 seconds\n")
                        await schedule_point("ssleep")
                    await panic(m, "Fatal exception")
            case Stage.EXIT:
                pass


def _kexec_should_crash(m: Machine) -> bool:
    """kernel/kexec.c:kexec_should_crash(); the idle task and init do not oops here."""
    return in_interrupt(m.sim) or bool(m.policy.panic_on_oops)


async def bug_on(m: Machine, condition: bool, text: str, objects: tuple[str, ...]) -> None:
    """
    BUG_ON(): the task dies here, its locks held, and oops_exit() dumps.

    Context: any.  Locks: those of the caller, and as die().
    """
    if not condition:
        return
    finding = f"BUG_ON({text})"
    if m.policy.panic_on_oops:  # nothing can be said after the machine has stopped
        m.sim.report("bug-on", finding, objects=objects, role="asserts")
    await die(m)
    m.sim.report("bug-on", finding, objects=objects, role="asserts", fatal=True)
