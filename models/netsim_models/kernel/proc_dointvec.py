"""
kernel/sysctl.c:proc_dointvec() of 2.6.36, for a file that holds one int.

A write takes the first number and leaves the rest to the next write(2): it returns how far it
came.  Left out: -EFAULT (user memory is always there).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from netsim.core.buffer import Buffer
from netsim.sync.choose import fails
from netsim.sync.sleep import might_sleep
from netsim_models.errno import EINVAL, ENOMEM
from netsim_models.lib.ctype import isdigit
from netsim_models.lib.string import skip_spaces
from netsim_models.lib.vsprintf import simple_strtoul, to_int

if TYPE_CHECKING:
    from netsim_models.machine import Machine

PAGE_SIZE = 4096
TMPBUFLEN = 22
#: proc_wspace_sep: what may follow a number.
SEPARATORS = b" \t\n"


async def proc_dointvec_write(m: Machine, text: bytes, store: Callable[[int], None]) -> int:
    """
    kernel/sysctl.c:__do_proc_dointvec(), a write; `store` is called with the int, if there is one.

    Returns the bytes taken, or a negative errno.

    Context: process; may sleep.  Locks: none.
    """
    if not text:
        return 0
    left = min(len(text), PAGE_SIZE - 1)
    if await fails("__get_free_page", may_sleep=True):
        return -ENOMEM
    kbuf = Buffer(m.sim, "kbuf", PAGE_SIZE)
    await might_sleep("copy_from_user")
    kbuf.put(text[:left])
    kbuf[left] = 0
    at = skip_spaces(kbuf, 0)
    left -= at
    if not left:
        return -EINVAL
    found = proc_get_long(m, kbuf, at, left)
    if found is None:
        return -EINVAL
    value, length = found
    store(to_int(value))
    left -= length
    if left:
        left -= skip_spaces(kbuf, at + length) - (at + length)
    return len(text) - left


def proc_get_long(m: Machine, buf: Buffer, at: int, size: int) -> tuple[int, int] | None:
    """
    kernel/sysctl.c:proc_get_long(): (an unsigned long, its length), None for -EINVAL.

    Context: any.
    """
    tmp = Buffer(m.sim, "tmp", TMPBUFLEN)
    length = min(size, TMPBUFLEN - 1)
    tmp.put(buf.get(length, at))
    tmp[length] = 0
    negative = tmp[0] == ord("-") and size > 1
    if not isdigit(tmp[int(negative)]):
        return None
    value, length = simple_strtoul(m.arch, tmp, int(negative), 0)
    if length == TMPBUFLEN - 1:
        return None
    if length < size and tmp[length] not in SEPARATORS:
        return None
    return (-value if negative else value), length


def proc_dointvec_read(m: Machine, value: int, size: int) -> str:
    """
    kernel/sysctl.c:__do_proc_dointvec(), a read of `size` bytes: the number and a newline, cut off.

    The smallest int has no positive counterpart: it is widened as it is.

    Context: process.
    """
    if value < 0:
        return f"-{to_int(-value) & m.arch.long_max}\n"[:size]
    return f"{value}\n"[:size]
