"""
fs/proc/proc_sysctl.c of 2.6.36: system calls on files in /proc/sys.

Each call here is one of its own on a file that was just opened, so that *ppos is 0.  Left out:
permissions (it is root who calls) and -EFAULT (user memory is always there).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any

from netsim_models.errno import ENOENT
from netsim_models.kernel.sysctl import CtlTableHeader


class Task(Enum):
    """What became of a task other than that it returned."""

    #: It went through do_exit(): whatever it held or counted stays so.
    DEAD = "dead"


async def proc_sys_call_handler(
    header: CtlTableHeader, handler: Callable[[], Awaitable[Any]]
) -> Any:
    """
    fs/proc/proc_sysctl.c:proc_sys_call_handler(): no file, no call; None if the task died in it.

    Context: process; may sleep.  Locks: none of its own; the use count of the table.
    """
    if not await header.grab():
        return -ENOENT
    result = await handler()
    if result is Task.DEAD:
        return None
    await header.finish()
    return result
