"""Calls that may sleep and do nothing else that one can see: each is a scheduling point."""

from collections.abc import Awaitable

from netsim.core.op import Op
from netsim.core.traps import perform


class _Sleep(Op):
    __slots__ = ("may_sleep", "name")

    def __init__(self, name: str, may_sleep: bool = True) -> None:
        self.name = name  # type: ignore[misc]
        self.may_sleep = may_sleep  # type: ignore[misc]


def might_sleep(call: str) -> Awaitable[None]:
    """
    Pass a call that may sleep, by its kernel name: msleep, synchronize_rcu, copy_from_user ...

    Context:    process; a `sleep-in-atomic` finding elsewhere
    """
    return perform(_Sleep(call))


def schedule_point(name: str) -> Awaitable[None]:
    """Pass a place where the world may change although nothing sleeps, under a name."""
    return perform(_Sleep(name, may_sleep=False))
