"""Nondeterminism of the environment: every value is explored."""

from collections.abc import Awaitable

from netsim.core.access import READ, WRITE, Key
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform
from netsim.errors import UsageError

#: The budget of failures is shared by all threads.
FAULTS: Key = ("environment", "faults")


#: More values than this are no choice to be searched one by one.
VALUES_MAX = 1000


class Choose(Op):
    """The environment chooses one of `count` values."""

    __slots__ = ("count", "what")

    name = "choose"

    def __init__(self, what: str, count: int) -> None:
        self.what = what
        self.count = count

    def label(self) -> str:
        """Return what is chosen."""
        return self.what

    def options(self, sim: Sim) -> int:
        """Return the number of values."""
        return self.count

    def apply(self, sim: Sim, thread: SimThread) -> int:
        """Note and return the value chosen."""
        note(sim, thread)
        return sim.choice


class _Fail(Op):
    __slots__ = ("may_sleep", "what")

    name = "choose"

    def __init__(self, what: str, may_sleep: bool) -> None:
        self.what = what
        self.may_sleep = may_sleep  # type: ignore[misc]

    def label(self) -> str:
        return self.what

    def options(self, sim: Sim) -> int:
        return 2 if sim.faults > 0 else 1

    def apply(self, sim: Sim, thread: SimThread) -> bool:
        note(sim, thread)
        if sim.choice:
            sim.touch(FAULTS, WRITE, sim.faults)
            sim.faults -= 1
            return True
        if sim.fault_budget:
            sim.touch(FAULTS, READ, sim.faults)
        return False


def note(sim: Sim, thread: SimThread) -> None:
    """Keep what was chosen, by thread, so that two executions can be given the same choices."""
    number = thread.allocations["choose"] = thread.allocations.get("choose", 0) + 1
    if sim.choice:
        sim.chosen.append((thread.name, number, sim.choice))


def _is_number(value: object) -> bool:
    return isinstance(value, int)


def _told(value: object) -> str:
    huge = isinstance(value, int) and abs(value) > 10**9  # Python refuses to print some
    return "a huge number" if huge else repr(value)


def choose(what: str, count: int) -> Awaitable[int]:
    """
    Return one of 0 ... `count` - 1; each is explored.

    Raises UsageError unless `count` is a number from 1 to VALUES_MAX.
    """
    if not _is_number(count) or not 1 <= count <= VALUES_MAX:
        raise UsageError(
            f"choose({what!r}) needs how many values there are: expected an integer from 1 to "
            f"{VALUES_MAX}; found {_told(count)}"
        )
    return perform(Choose(what, count))


def fails(what: str, *, may_sleep: bool = False) -> Awaitable[bool]:
    """
    Tell whether the call named `what` fails here; costs one of the budget ``--faults N``.

    It is a scheduling point in any case, and a call that may sleep if `may_sleep`.
    """
    return perform(_Fail(what, may_sleep))
