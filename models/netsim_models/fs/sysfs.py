"""
Files in /sys: fs/sysfs/file.c and dir.c of 2.6.36, for attributes of one kobject.

Removing a file waits until no show() or store() runs; later calls find no file.  Each call here
opens the file, and closes it.  Looking a file up and opening it is one step, so that -ENODEV comes
from the call alone.  Left out: permissions, poll(), and -EFAULT (user memory is always there).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netsim.core.access import INC, READ, WRITE, Key
from netsim.core.buffer import Buffer
from netsim.core.memory import KObject, constant, shared
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform
from netsim.sync.choose import fails
from netsim.sync.sleep import might_sleep
from netsim_models.errno import ENODEV, ENOENT, ENOMEM

PAGE_SIZE = 4096


@shared
class Kobject(KObject):
    """struct kobject of a directory that nothing but its maker refers to."""

    name: str = constant(default="")


class SysfsDirent:
    """struct sysfs_dirent of an attribute: whether it is there, and how many calls are active."""

    def __init__(self, sim: Sim, name: str) -> None:
        self.sim = sim
        self.name = name
        self.key: Key = (name, "sysfs_dirent")
        self.there = False
        self.active = 0

    def state(self) -> tuple[bool, int]:
        """Return (there, active calls)."""
        return (self.there, self.active)

    async def create(self) -> None:
        """fs/sysfs/dir.c:sysfs_add_one().  Context: process.  Locks: sysfs_mutex in the step."""
        await perform(_Link(self, True))

    async def remove(self) -> None:
        """
        fs/sysfs/dir.c:sysfs_remove_one(), sysfs_deactivate(): waits for calls that run.

        Context: process; may sleep.  Locks: sysfs_mutex in the first step.
        """
        await perform(_Link(self, False))
        await perform(_Deactivate(self))


class _DirentOp(Op):
    __slots__ = ("sd",)

    def __init__(self, sd: SysfsDirent) -> None:
        self.sd = sd

    def label(self) -> str:
        return self.sd.name


class _Link(_DirentOp):
    __slots__ = ("name", "on")

    def __init__(self, sd: SysfsDirent, on: bool) -> None:
        self.sd = sd
        self.on = on
        self.name = "sysfs_add_one" if on else "sysfs_remove_one"  # type: ignore[misc]

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.sd.key, WRITE, self.sd.state())
        if self.on:
            sim.release_edge(self.sd.key)
        self.sd.there = self.on


class _Deactivate(_DirentOp):
    __slots__ = ()
    name = "sysfs_deactivate"
    may_sleep = True

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return self.sd.active == 0

    def guard(self) -> tuple[Key, ...]:
        return (self.sd.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return bool(state[1] == 0)

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.sd.key, READ, self.sd.state())
        sim.acquire_edge(self.sd.key)

    def waits_for(self, thread: SimThread) -> str:
        return f"the users of {self.sd.name}"


class _Open(_DirentOp):
    __slots__ = ()
    name = "sysfs_open_file"

    def apply(self, sim: Sim, thread: SimThread) -> bool:
        sim.touch(self.sd.key, READ, self.sd.state())
        return self.sd.there


class _GetActive(_DirentOp):
    __slots__ = ()
    name = "sysfs_get_active"

    def apply(self, sim: Sim, thread: SimThread) -> bool:
        sd = self.sd
        sim.acquire_edge(sd.key)
        if not sd.there:
            sim.touch(sd.key, READ, sd.state())
            return False
        # Calls come and go in either order: only a wait for the last of them can tell.
        sim.touch(sd.key, INC, sd.state())
        sd.active += 1
        return True


class _PutActive(_DirentOp):
    __slots__ = ()
    name = "sysfs_put_active"

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.sd.key, INC, self.sd.state())
        sim.release_edge(self.sd.key)
        self.sd.active -= 1


async def _open(sd: SysfsDirent) -> int:
    """fs/sysfs/file.c:sysfs_open_file().  Context: process; may sleep.  Locks: none."""
    if not await perform(_Open(sd)):
        return -ENOENT
    return -ENOMEM if await fails("kzalloc", may_sleep=True) else 0


async def sysfs_write_file(
    sd: SysfsDirent, text: bytes, store: Callable[[Buffer, int], int]
) -> int:
    """
    fs/sysfs/file.c:sysfs_write_file(): fill_write_buffer(), flush_write_buffer().

    `store` gets the page and how many bytes were written to it; a NUL follows them.  Returns what
    it does, or a negative errno; nothing is stored of a write of 0 bytes.

    Context: process; may sleep.  Locks: none; an active reference around `store`.
    """
    error = await _open(sd)
    if error:
        return error
    if await fails("get_zeroed_page", may_sleep=True):
        return -ENOMEM
    page = _zeroed_page(sd.sim)
    count = min(len(text), PAGE_SIZE - 1)
    await might_sleep("copy_from_user")
    page.put(text[:count])
    page[count] = 0
    if not count:
        return 0
    if not await perform(_GetActive(sd)):
        return -ENODEV
    result = store(page, count)
    await perform(_PutActive(sd))
    return result


async def sysfs_read_file(sd: SysfsDirent, size: int, show: Callable[[Buffer], int]) -> int | str:
    """
    fs/sysfs/file.c:sysfs_read_file(): fill_read_buffer(), and what of it was asked for.

    `show` fills a zeroed page and returns how many bytes count.

    Context: process; may sleep.  Locks: none; an active reference around `show`.
    """
    error = await _open(sd)
    if error:
        return error
    if await fails("get_zeroed_page", may_sleep=True):
        return -ENOMEM
    page = _zeroed_page(sd.sim)
    if not await perform(_GetActive(sd)):
        return -ENODEV
    count = show(page)
    await perform(_PutActive(sd))
    if count < 0:
        return count
    await might_sleep("copy_to_user")
    count = min(count, PAGE_SIZE - 1, size)
    return page.get(count).decode("utf-8", "surrogateescape")


def _zeroed_page(sim: Sim) -> Buffer:
    page = Buffer(sim, "page", PAGE_SIZE)
    page.put(bytes(PAGE_SIZE))
    return page
