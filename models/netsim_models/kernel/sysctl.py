"""
Files in /proc/sys: kernel/sysctl.c of 2.6.36, its counting of users in particular.

Unregistering waits until no handler runs; later users find no file.  Taking and dropping the
use count is one step each (sysctl_lock is held around nothing else).
"""

from __future__ import annotations

from typing import Any

from netsim.core.access import INC, READ, WRITE, Key
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform


class CtlTableHeader:
    """struct ctl_table_header."""

    def __init__(self, sim: Sim, name: str) -> None:
        self.sim = sim
        self.name = name
        self.key: Key = (name, "ctl_table")
        self.registered = False
        self.used = 0

    def state(self) -> tuple[bool, int]:
        """Return (registered, users)."""
        return (self.registered, self.used)

    async def register(self) -> None:
        """kernel/sysctl.c:register_sysctl_table().  Context: process.  Locks: sysctl_lock."""
        await perform(_Register(self, True))

    async def unregister(self) -> None:
        """
        kernel/sysctl.c:unregister_sysctl_table(): waits for handlers that run.

        Context: process; may sleep.  Locks: sysctl_lock.
        """
        await perform(_Register(self, False))
        await perform(_WaitUnused(self))

    async def grab(self) -> bool:
        """fs/proc/proc_sysctl.c:grab_header(): False if there is no file.  Context: process."""
        return bool(await perform(_Grab(self)))

    async def finish(self) -> None:
        """kernel/sysctl.c:sysctl_head_finish().  Context: process.  Locks: sysctl_lock."""
        await perform(_Finish(self))


class _HeaderOp(Op):
    __slots__ = ("header",)

    def __init__(self, header: CtlTableHeader) -> None:
        self.header = header

    def label(self) -> str:
        return self.header.name


class _Register(_HeaderOp):
    __slots__ = ("on",)
    name = "register_sysctl_table"

    def __init__(self, header: CtlTableHeader, on: bool) -> None:
        self.header = header
        self.on = on

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.header.key, WRITE, self.header.state())
        if self.on:
            sim.release_edge(self.header.key)
        self.header.registered = self.on


class _WaitUnused(_HeaderOp):
    __slots__ = ()
    name = "unregister_sysctl_table"
    may_sleep = True

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return self.header.used == 0

    def guard(self) -> tuple[Key, ...]:
        return (self.header.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return bool(state[1] == 0)

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.header.key, READ, self.header.state())
        sim.acquire_edge(self.header.key)

    def waits_for(self, thread: SimThread) -> str:
        return f"the users of {self.header.name}"


class _Grab(_HeaderOp):
    __slots__ = ()
    name = "sysctl_head_grab"

    def apply(self, sim: Sim, thread: SimThread) -> bool:
        header = self.header
        sim.acquire_edge(header.key)
        if not header.registered:
            sim.touch(header.key, READ, header.state())
            return False
        # Users come and go in either order: only a wait for the last of them can tell.
        sim.touch(header.key, INC, header.state())
        header.used += 1
        return True


class _Finish(_HeaderOp):
    __slots__ = ()
    name = "sysctl_head_finish"

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.header.key, INC, self.header.state())
        sim.release_edge(self.header.key)
        self.header.used -= 1
