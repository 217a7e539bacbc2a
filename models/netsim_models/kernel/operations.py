"""The operations of a kernel that dies, or is told how to: crashes, crash kernels, magic keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.core.thread import Context
from netsim.design import Operation, Parameter
from netsim.sync.interrupt import do_exit
from netsim.sync.sleep import might_sleep
from netsim_models.drivers import sysrq
from netsim_models.kernel.kexec import kexec_load
from netsim_models.kernel.oops import die
from netsim_models.kernel.panic import panic

if TYPE_CHECKING:
    from netsim_models.machine import Machine

CRASH = (Context.NMI, Context.PROCESS)
#: Pressed on a keyboard, or received as a break by a serial port.
KEYBOARD = (Context.HARDIRQ, Context.SOFTIRQ)


async def _oops(m: Machine) -> None:
    """
    A task oopses and dies: die() of this architecture.

    Context: NMI-like.  Locks: as die().
    """
    await die(m)
    do_exit(m.sim)


async def _panic(m: Machine) -> None:
    """kernel/panic.c:panic().  Context: NMI-like.  Locks: as panic()."""
    await panic(m)


async def _panic_on_oops(m: Machine, flag: str) -> int:
    """
    kernel/sysctl.c:proc_dointvec() on panic_on_oops.

    Context: process; may sleep.  Locks: none.
    """
    await might_sleep("copy_from_user")
    m.policy.panic_on_oops = int(flag)
    return len(flag)


async def _pause_on_oops(m: Machine, seconds: str) -> int:
    """
    kernel/params.c:param_set_int() on pause_on_oops.

    Context: process; may sleep.  Locks: none.
    """
    await might_sleep("copy_from_user")
    m.policy.pause_on_oops = int(seconds)
    return len(seconds)


async def _kexec_load(m: Machine) -> int:
    """kernel/kexec.c:sys_kexec_load().  Context: process; may sleep.  Locks: kexec_mutex."""
    return await kexec_load(m, segments=True)


async def _kexec_unload(m: Machine) -> int:
    """kernel/kexec.c:sys_kexec_load().  Context: process; may sleep.  Locks: kexec_mutex."""
    return await kexec_load(m, segments=False)


async def _kexec(m: Machine) -> int:
    """
    drivers/char/sysrq.c:write_sysrq_trigger() of c.

    Context: process; may sleep.  Locks: as __handle_sysrq().
    """
    return await sysrq.write_sysrq_trigger(m, "c")


async def _sysrq(m: Machine, key: str) -> None:
    """drivers/char/sysrq.c:handle_sysrq().  Context: irq.  Locks: as __handle_sysrq()."""
    await sysrq.handle_sysrq(m, key)


async def _sysrq_mask(m: Machine, mask: str) -> int:
    """
    kernel/sysctl.c:sysrq_sysctl_handler().

    Context: process; may sleep.  Locks: none.
    """
    await might_sleep("copy_from_user")
    m.sysrq.sysrq_enabled = int(mask)
    return len(mask)


def _is_flag(text: str) -> str | None:
    return None if text in ("0", "1") else "0 or 1"


def _is_number(text: str) -> str | None:
    return None if text.isascii() and text.isdigit() and len(text) <= 4 else "a number below 10000"


def _is_key(text: str) -> str | None:
    return None if text in sysrq.KEYS else f"one of {', '.join(sysrq.KEYS)}"


FLAG = Parameter("FLAG", "0 or 1", _is_flag)
KEY = Parameter("KEY", "c (crash) or y (soft dump)", _is_key)


def crashes() -> list[Operation]:
    """Return the ways to die; `run` takes the machine."""
    return [
        Operation(
            "oops",
            "a task of this flow oopses and dies; the flow goes on (as a strike: the struck dies)",
            _oops,
            contexts=CRASH,
            dies=True,
            source="arch/x86/kernel/dumpstack.c, patch 01",
        ),
        Operation(
            "panic",
            "the kernel panics: it dumps, then every CPU stops",
            _panic,
            contexts=CRASH,
            halts=True,
            source="kernel/panic.c, patch 02",
        ),
    ]


def policies() -> list[Operation]:
    """
    Return what decides how the kernel dies, and the keys; `run` takes the machine.

    Pairs of a matrix begin where none of it is set; on its own it changes nothing that one sees
    there, so it has no samples.
    """
    return [
        Operation(
            "panic-on-oops",
            "write kernel.panic_on_oops: whether an oops panics",
            _panic_on_oops,
            (FLAG,),
            samples=(),
            alone=(("1",),),
            source="kernel/panic.c",
        ),
        Operation(
            "pause-on-oops",
            "stall all CPUs that oops, but the first, for so many seconds (0: off)",
            _pause_on_oops,
            (Parameter("SECONDS", "how long", _is_number),),
            samples=(),
            source="kernel/panic.c",
        ),
        Operation(
            "kexec-load",
            "load a crash kernel",
            _kexec_load,
            samples=(),
            alone=((),),
            source="kernel/kexec.c, patch 02",
        ),
        Operation(
            "kexec-unload",
            "unload the crash kernel",
            _kexec_unload,
            samples=(),
            source="kernel/kexec.c",
        ),
        Operation(
            "kexec",
            "write c to /proc/sysrq-trigger: a crash kernel takes over if one is loaded, else it "
            "panics",
            _kexec,
            halts=True,
            samples=(),
            source="drivers/char/sysrq.c, kernel/kexec.c, patch 02",
        ),
        Operation(
            "sysrq",
            "press KEY with SysRq, if kernel.sysrq allows it",
            _sysrq,
            (KEY,),
            KEYBOARD,
            samples=(),
            source="drivers/char/sysrq.c, patch 04",
        ),
        Operation(
            "sysrq-trigger",
            "write KEY to /proc/sysrq-trigger, whatever kernel.sysrq allows",
            sysrq.write_sysrq_trigger,
            (KEY,),
            samples=(),
            source="drivers/char/sysrq.c, patch 04",
        ),
        Operation(
            "sysrq-mask",
            "write kernel.sysrq: 0 off, 1 all keys, else a mask (8: those that dump)",
            _sysrq_mask,
            (Parameter("MASK", "0, 1, or a mask of groups", _is_number),),
            samples=(),
            source="drivers/char/sysrq.c",
        ),
    ]
