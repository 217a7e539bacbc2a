"""
Consoles come and go: kernel/printk.c of 2.6.36.

Left out: setup(), console= and boot consoles, so that a console is enabled if it says so.  A new
console stands at the end of the list, not behind the first one: each writes to a place of its own,
so that nobody can tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim_models.kernel.consoles import Console, Consoles, release_acquired
from netsim_models.kernel.levels import KERN_INFO
from netsim_models.kernel.printk import printk

if TYPE_CHECKING:
    from netsim_models.machine import Machine


async def register_console(m: Machine, console: Console) -> None:
    """
    kernel/printk.c:register_console() of a console without CON_PRINTBUFFER.

    It gets nothing that was printed before.

    Context: process; may sleep.  Locks: console_sem.
    """
    consoles = _consoles(m)
    await consoles.console_sem.down()
    await consoles.console_drivers.add(console)
    await release_acquired(m.log, consoles)
    await printk(m, f"{KERN_INFO}console [{console.name}0] enabled\n")


async def unregister_console(m: Machine, console: Console) -> int:
    """
    kernel/printk.c:unregister_console(): 1 if there is none such.  Nothing is written after it.

    Context: process; may sleep.  Locks: console_sem.
    """
    consoles = _consoles(m)
    await consoles.console_sem.down()
    present = console in consoles.console_drivers.walk_locked()
    if present:
        await consoles.console_drivers.remove(console)
    await release_acquired(m.log, consoles)
    return int(not present)


def _consoles(m: Machine) -> Consoles:
    consoles: Consoles | None = m.log.consoles
    assert consoles is not None, "a machine that has consoles"
    return consoles
