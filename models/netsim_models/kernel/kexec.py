"""
Crash kernels: kernel/kexec.c of 2.6.36 with patch 02, which dumps with registers.

Read in a tree between 2.6.35 and 3.0; what patch 02 shows of 2.6.36 is the same.  Left out: what
machine_kexec() starts, images to reboot into (kernel_kexec() dumps nothing), and the shrinking of
the reserved memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.core.access import READ
from netsim.core.memory import KObject, peek, shared
from netsim.sync.choose import fails
from netsim.sync.halt import halt
from netsim.sync.marked import test_and_change
from netsim.sync.sleep import might_sleep
from netsim_models.errno import EBUSY, ENOMEM
from netsim_models.kernel.printk import KmsgDumpReason, kmsg_dump
from netsim_models.x86 import PtRegs, registers

if TYPE_CHECKING:
    from netsim_models.machine import Machine

_FIELD = "kexec_crash_image"


@shared
class KexecImages(KObject):
    """The images that are loaded; changed by xchg() under kexec_mutex."""

    kexec_crash_image: bool = False


async def crash_kexec(m: Machine, regs: PtRegs | None) -> None:
    """
    kernel/kexec.c:crash_kexec(): dumps and never returns if a crash kernel is loaded.

    With patch 02 the dump comes after crash_setup_regs() and crash_save_vmcoreinfo(), and gets the
    registers that the former made: those of the caller if it has none.  While no image is loaded
    kexec_mutex is not taken: all that its holder could do then is to fail a kexec_load() on a
    machine that is about to panic.

    Context: any.  Locks: kexec_mutex by trylock, then as kmsg_dump().
    """
    if not _loaded(m) or not await m.kexec_mutex.mutex_trylock():
        return
    if _loaded(m):
        fixed_regs = registers(m.arch) if regs is None else regs
        await kmsg_dump(m, KmsgDumpReason.KEXEC, fixed_regs)
        await halt("machine_kexec")
    await m.kexec_mutex.mutex_unlock()


def _loaded(m: Machine) -> bool:
    """Read the pointer, as one reads a word that others xchg()."""
    key = (m.kexec._label, _FIELD)
    m.sim.touch(key, READ, m.sim.versions.get(key, 0))
    return bool(peek(m.kexec, _FIELD))


async def kexec_load(m: Machine, *, segments: bool) -> int:
    """
    kernel/kexec.c:sys_kexec_load() with KEXEC_ON_CRASH; without segments it only unloads.

    A load frees the old image first, so that none is loaded meanwhile, or after one that failed.
    Where there are no crash kernels it fails as that architecture does, whatever else it does.

    Context: process; may sleep.  Locks: kexec_mutex by trylock.
    """
    if segments and m.oops_path.no_crash_kernel:
        return -m.oops_path.no_crash_kernel
    if not await m.kexec_mutex.mutex_trylock():
        return -EBUSY
    result = 0
    await test_and_change(m.kexec, _FIELD, False)
    if segments:
        if await fails("kimage_crash_alloc", may_sleep=True):
            result = -ENOMEM
        else:
            await might_sleep("kimage_load_segment")
            await test_and_change(m.kexec, _FIELD, True)
    await m.kexec_mutex.mutex_unlock()
    return result
