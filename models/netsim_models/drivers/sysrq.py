"""
Magic keys: drivers/char/sysrq.c of 2.6.36 with patch 04, for the keys that dump.

The handler runs under sysrq_key_table_lock with irqs off, the dump with it: two who ask for a soft
dump with y wait for each other, where two who call kmsg_dump() would lose one.  Read in 2.6.35.7,
whose handlers take a tty more.  Left out: all other keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.core.memory import KObject, shared
from netsim.sync.sleep import might_sleep
from netsim_models.kernel.consoles import set_loglevel
from netsim_models.kernel.levels import DEFAULT_CONSOLE_LOGLEVEL, KERN_INFO
from netsim_models.kernel.oops import die
from netsim_models.kernel.panic import soft_dump
from netsim_models.kernel.printk import printk

if TYPE_CHECKING:
    from netsim_models.machine import Machine

SYSRQ_ENABLE_DUMP = 0x0008
#: What may be pressed here; patch 04 adds y.
KEYS = {"c": "Trigger a crash", "y": "Trigger a soft dump"}


@shared
class SysrqSettings(KObject):
    """kernel.sysrq: 0 off, 1 all keys, else a mask of groups."""

    sysrq_enabled: int = 1


async def handle_sysrq(m: Machine, key: str) -> None:
    """
    drivers/char/sysrq.c:handle_sysrq(), for keyboards and serial breaks.

    Context: any.  Locks: as __handle_sysrq().
    """
    if m.sysrq.sysrq_enabled:
        await __handle_sysrq(m, key, check_mask=True)


async def __handle_sysrq(m: Machine, key: str, *, check_mask: bool) -> None:
    """
    drivers/char/sysrq.c:__handle_sysrq(); a key that is disabled leaves console_loglevel at 7.

    Context: any.  Locks: sysrq_key_table_lock, irqsave, around the handler, too.
    """
    async with m.sysrq_key_table_lock.irqsave():
        orig_log_level = set_loglevel(m, DEFAULT_CONSOLE_LOGLEVEL)
        await printk(m, f"{KERN_INFO}SysRq : ")
        enabled = m.sysrq.sysrq_enabled if check_mask else 1
        if enabled == 1 or enabled & SYSRQ_ENABLE_DUMP:
            await printk(m, f"{KEYS[key]}\n")
            set_loglevel(m, orig_log_level)
            await (soft_dump if key == "y" else sysrq_handle_crash)(m)
        else:
            await printk(m, "This sysrq operation is disabled.\n")


async def sysrq_handle_crash(m: Machine) -> None:
    """
    drivers/char/sysrq.c:sysrq_handle_crash(): has an oops panic, and oopses.

    Context: any.  Locks: as die().
    """
    m.policy.panic_on_oops = 1
    await die(m)


async def write_sysrq_trigger(m: Machine, key: str) -> int:
    """
    drivers/char/sysrq.c:write_sysrq_trigger(), of one byte: the mask is not asked.

    Context: process; may sleep.  Locks: as __handle_sysrq().
    """
    await might_sleep("get_user")
    await __handle_sysrq(m, key, check_mask=False)
    return 1
