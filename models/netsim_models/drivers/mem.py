"""/dev/kmsg: drivers/char/mem.c of 2.6.36, read in copies of 2.6.35 and before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.sync.choose import fails
from netsim.sync.sleep import might_sleep
from netsim_models.errno import ENOMEM
from netsim_models.kernel.printk import printk

if TYPE_CHECKING:
    from netsim_models.machine import Machine


async def kmsg_write(m: Machine, text: str) -> int:
    """
    drivers/char/mem.c:kmsg_write(): a message of the user, with the level that it begins with.

    Returns what printk() returns, which counts its tags, but not more than was written.

    Context: process; may sleep.  Locks: as printk().
    """
    data = text.encode("utf-8", "surrogateescape")
    if await fails("kmalloc", may_sleep=True):
        return -ENOMEM
    await might_sleep("copy_from_user")
    return min(await printk(m, data), len(data))
