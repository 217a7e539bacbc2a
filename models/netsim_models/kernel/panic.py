"""
How a kernel dies: oops (x86 die path), panic, and the soft dump (2.6.36, patches 01 to 04).

Left out: crash_kexec (no image is loaded, so it does nothing), panic_on_oops (off), panic
notifiers, and everything after smp_send_stop().
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from netsim.sync.halt import halt
from netsim_models.kernel.printk import KmsgDumpReason, kmsg_dump, printk
from netsim_models.x86 import registers

if TYPE_CHECKING:
    from netsim_models.machine import Machine
    from netsim_models.x86 import PtRegs

OOPS_TEXT = "BUG: unable to handle kernel NULL pointer dereference at (null)\n"
END_MARKER = "---[ end trace 0000000000000000 ]---\n"


async def die(m: Machine) -> None:
    """
    arch/x86/kernel/dumpstack.c:die(), oops_begin() to oops_end(), for a task in process context.

    An exception always has registers, which patch 01 passes on.

    Context: any.  Locks: die_lock with irqs off, unless whom it interrupted holds it; none during
    the dump.
    """
    await m.crashes.begins(m.sim)
    current = m.sim.current
    assert current is not None
    nested = m.die_lock.owner is not None and m.die_lock.owner is current.interrupts
    if not nested:  # a nested oops does not spin; the owner cannot move meanwhile
        await m.die_lock.spin_lock_irqsave()
    m.log.oops_in_progress += 1
    await printk(m, OOPS_TEXT)
    m.crashes.printed(m.sim, m.log.log_end)
    m.log.oops_in_progress -= 1
    if not nested:
        await m.die_lock.spin_unlock_irqrestore()
    await oops_exit(m, registers(m.arch))


async def oops_exit(m: Machine, regs: PtRegs | None) -> None:
    """kernel/panic.c:oops_exit(), which dumps.  Context: any.  Locks: as kmsg_dump()."""
    await printk(m, END_MARKER)
    if await m.policies.admits_oops():
        await kmsg_dump(m, KmsgDumpReason.OOPS, regs)
        m.policies.oops_dumped()


async def panic(m: Machine) -> NoReturn:
    """
    kernel/panic.c:panic(): dumps while the other CPUs still run, then stops them.

    Context: any.  Locks: as kmsg_dump().
    """
    await m.crashes.begins(m.sim)
    await printk(m, "Kernel panic - not syncing: netsim\n")
    m.crashes.printed(m.sim, m.log.log_end)
    await kmsg_dump(m, KmsgDumpReason.PANIC)
    await halt("smp_send_stop")
    raise AssertionError("nothing runs after a halt")


async def bug_on(m: Machine, condition: bool, text: str, objects: tuple[str, ...]) -> None:
    """
    BUG_ON(): the task dies here, its locks held, and oops_exit() dumps.

    Context: any.  Locks: those of the caller, and as kmsg_dump().
    """
    if condition:
        await die(m)
        m.sim.report("bug-on", f"BUG_ON({text})", objects=objects, role="asserts", fatal=True)


async def soft_dump(m: Machine) -> None:
    """
    drivers/char/sysrq.c:sysrq_handle_softdump(), patch 04.

    Context: any.  Locks: as kmsg_dump().
    """
    await kmsg_dump(m, KmsgDumpReason.SOFT)
