"""
How a kernel dies: kernel/panic.c of 2.6.36 with patches 01 and 02.

What comes before oops_enter() and after oops_exit() is each architecture's own: see `oops`.  Left
out: panic notifiers and everything after smp_send_stop(), taint, and tracing_off().
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from netsim.core.memory import KObject, shared
from netsim.sync.halt import halt
from netsim.sync.marked import read_once, write_once
from netsim.sync.sleep import schedule_point
from netsim.sync.wait import until
from netsim_models.kernel.consoles import console_verbose
from netsim_models.kernel.kexec import crash_kexec
from netsim_models.kernel.levels import KERN_EMERG, KERN_WARNING
from netsim_models.kernel.printk import KmsgDumpReason, kmsg_dump, printk

if TYPE_CHECKING:
    from netsim_models.machine import Machine
    from netsim_models.x86 import PtRegs

END_MARKER = f"{KERN_WARNING}---[ end trace 0000000000000000 ]---\n"


@shared
class PanicPolicy(KObject):
    """What the administrator wants of an oops, and what pause_on_oops keeps count of."""

    #: sysctl kernel.panic_on_oops; sysrq c sets it, too.
    panic_on_oops: int = 0
    #: Seconds; boot parameter, /sys/module/kernel/parameters/pause_on_oops.
    pause_on_oops: int = 0
    pause_on_oops_flag: int = 0
    spin_counter: int = 0


async def oops_enter(m: Machine) -> None:
    """kernel/panic.c:oops_enter().  Context: any.  Locks: as do_oops_enter_exit()."""
    await m.crashes.begins(m.sim)
    await do_oops_enter_exit(m)


async def oops_exit(m: Machine, regs: PtRegs | None) -> None:
    """
    kernel/panic.c:oops_exit(), which dumps with the registers that patch 01 passes to it.

    Context: any.  Locks: as do_oops_enter_exit(), then as kmsg_dump().
    """
    await do_oops_enter_exit(m)
    await printk(m, END_MARKER)
    if await m.policies.admits_oops():
        await kmsg_dump(m, KmsgDumpReason.OOPS, regs)
        m.policies.oops_dumped()


async def do_oops_enter_exit(m: Machine) -> None:
    """
    kernel/panic.c:do_oops_enter_exit(): with pause_on_oops, all but the first CPU are stalled.

    The seconds that the counting CPU spins are one step: nothing else can tell them apart.  All
    this is with irqs off, the dump waits for it at oops_exit().

    Context: any; spins.  Locks: pause_on_oops_lock, irqsave, dropped while it spins.
    """
    policy, lock = m.policy, m.pause_on_oops_lock
    if not policy.pause_on_oops:
        return
    await lock.spin_lock_irqsave()
    if not policy.pause_on_oops_flag:
        policy.pause_on_oops_flag = 1
    elif not await read_once(policy, "spin_counter"):
        await write_once(policy, "spin_counter", policy.pause_on_oops)
        await lock.spin_unlock()
        await schedule_point("spin_msec")
        await lock.spin_lock()
        await write_once(policy, "spin_counter", 0)
        policy.pause_on_oops_flag = 0
    else:
        await lock.spin_unlock()
        await until(lambda: not policy.spin_counter, "spin_counter")
        await lock.spin_lock()
    await lock.spin_unlock_irqrestore()


async def panic(m: Machine, text: str = "netsim") -> NoReturn:
    """
    kernel/panic.c:panic(): dumps, without registers, while the other CPUs still run; stops them.

    With a crash kernel loaded it never comes to the dump: crash_kexec() makes its own.

    Context: any; disables preemption for good.  Locks: as crash_kexec() and kmsg_dump().
    """
    current = m.sim.current
    assert current is not None
    current.preempt_count += 1
    await m.crashes.begins(m.sim)
    console_verbose(m)
    message = f"{KERN_EMERG}Kernel panic - not syncing: {text}\n"
    await printk(m, message, m.crashes.printed)
    await crash_kexec(m, None)
    await kmsg_dump(m, KmsgDumpReason.PANIC, None)
    await halt("smp_send_stop")
    raise AssertionError("nothing runs after a halt")


async def soft_dump(m: Machine) -> None:
    """
    kmsg_dump() as drivers/char/sysrq.c:sysrq_handle_softdump() of patch 04 calls it.

    Context: any.  Locks: as kmsg_dump().
    """
    await kmsg_dump(m, KmsgDumpReason.SOFT, None)
