"""
Waiting in rounds: a loop that does something, sleeps, and does it again until a condition holds.

A round that changed nothing would only repeat itself; the waiter is then blocked until another
thread changes something that the round read.  If nobody ever does, the wait is hung.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from netsim.core.access import READ, Key
from netsim.core.op import Op
from netsim.core.sim import Round, Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform


class _Change(Op):
    __slots__ = ("reads", "what", "why")

    name = "wait_for_change"
    may_sleep = True
    exact = False

    def __init__(self, what: str, reads: dict[Key, int], why: Callable[[], str]) -> None:
        self.why = why
        self.what = what
        self.reads = reads

    def label(self) -> str:
        return self.what

    def canonical(self, sim: Sim) -> tuple[Any, ...]:
        """Return what is waited for, and whether it has changed: not how often."""
        versions = sim.versions
        reads = sorted(self.reads.items())
        changed = tuple((key, versions.get(key, 0) != seen) for key, seen in reads)
        return (self.what, self.why, changed)

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        versions = sim.versions
        return any(versions.get(key, 0) != seen for key, seen in self.reads.items())

    def guard(self) -> tuple[Key, ...]:
        return tuple(self.reads)

    def admits(self, key: Key, state: Any, thread: str) -> None:
        return None  # the history of a location keeps values, not versions

    def apply(self, sim: Sim, thread: SimThread) -> None:
        for key in self.reads:
            sim.touch(key, READ, None)

    def waits_for(self, thread: SimThread) -> str:
        return self.why()


def wait_for_change(what: str, seen: Round, why: Callable[[], str]) -> Awaitable[None]:
    """
    Block until something that `seen` read has changed since.

    `what` names the object waited for; `why` says, when asked, what keeps the wait from ending.

    Context:    process; may sleep
    """
    return perform(_Change(what, dict(seen.reads), why))
