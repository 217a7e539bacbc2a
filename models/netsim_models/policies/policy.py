"""
What stands between the kernel and its dumpers: a policy, and those of one machine in order.

A policy cannot know what becomes of a dump: the callback of a dumper returns nothing.  What an
administrator sets is read by marked accesses, not under dump_list_lock: while he held that, a crash
would skip its dump.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from netsim_models.kernel.printk import KmsgDumpReason


class Policy:
    """One policy on one machine; what it does not override it lets pass."""

    async def admits_oops(self) -> bool:
        """Tell whether oops_exit() is to dump.  Context: any.  Locks: none."""
        return True

    def oops_dumped(self) -> None:
        """Note that oops_exit() has dumped.  Context: any.  Locks: none."""

    async def admits_dump(self, dumper: str, reason: KmsgDumpReason) -> bool:
        """Tell whether a dumper is to be called.  Context: any.  Locks: dump_list_lock held."""
        return True


_P = TypeVar("_P", bound=Policy)


class Policies:
    """The policies of a machine, asked in the order in which they were added."""

    def __init__(self) -> None:
        self._all: tuple[Policy, ...] = ()

    def add(self, policy: Policy) -> None:
        """Add a policy, which is asked after all others."""
        self._all = (*self._all, policy)

    def of(self, kind: type[_P]) -> _P:
        """Return the policy of a kind, which must have been added."""
        return next(policy for policy in self._all if isinstance(policy, kind))

    async def admits_oops(self) -> bool:
        """Tell whether all let the dump of an oops pass; who is asked after a refusal is not."""
        for policy in self._all:
            if not await policy.admits_oops():
                return False
        return True

    def oops_dumped(self) -> None:
        """Tell all that an oops was dumped."""
        for policy in self._all:
            policy.oops_dumped()

    async def admits_dump(self, dumper: str, reason: KmsgDumpReason) -> bool:
        """Tell whether all let this dumper be called; who is asked after a refusal is not."""
        for policy in self._all:
            if not await policy.admits_dump(dumper, reason):
                return False
        return True
