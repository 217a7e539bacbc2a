"""
Waiting in rounds: a loop that does something, sleeps, and does it again until a condition holds.

A round that changed nothing would only repeat itself; the waiter is then blocked until another
thread changes something that the round read.  If nobody ever does, the wait is hung.  `until` is
such a loop whose rounds only look.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from netsim.core.access import READ, Key
from netsim.core.op import Op
from netsim.core.raised import written
from netsim.core.sim import ModelError, Sim
from netsim.core.step import Round
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


_Seen = tuple[tuple[Key, Callable[[], Any] | None, Any], ...]
"""What a test that failed has read: location, who tells its state (None: its version), state."""


def _same(one: Any, other: Any) -> bool:
    """Tell whether no condition can tell two values apart: True is not 1, and NaN is itself."""
    if one is other:
        return True
    try:
        return type(one) is type(other) and bool(one == other)
    except Exception:  # what cannot be compared is tested again
        return False


class _Test(Op):
    """
    Evaluate a condition in one step; after one that failed, enabled once something it read differs.

    A failed test is a step, so that a condition over several locations needs no more of the
    explorer than an ordinary read does.
    """

    __slots__ = ("condition", "seen", "what")

    name = "until"

    def __init__(self, condition: Callable[[], Any], what: str, seen: _Seen) -> None:
        self.condition = condition
        self.what = what
        self.seen = seen

    def label(self) -> str:
        return self.what

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        seen = self.seen
        return not seen or any(
            not _same(sim.versions.get(key, 0) if state is None else state(), was)
            for key, state, was in seen
        )

    def canonical(self, sim: Sim) -> tuple[Any, ...]:
        """Return what is waited for, and whether it has changed: not how often."""
        versions = sim.versions
        seen = [
            (key, state, was if state is not None else versions.get(key, 0) != was)
            for key, state, was in self.seen
        ]
        return (self.condition, self.what, *seen)

    def guard(self) -> tuple[Key, ...]:
        return tuple(key for key, _, _ in self.seen)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return any(key == read and not _same(state, was) for read, _, was in self.seen)

    def apply(self, sim: Sim, thread: SimThread) -> _Seen:
        for key, tell, _ in self.seen:
            sim.touch(key, READ, sim.versions.get(key, 0) if tell is None else tell())
        looked = sim.begin_round()
        with sim.marked():
            holds = self.condition()
        sim.end_round()
        if looked.first:
            raise ModelError(
                f"the condition of until() changes {next(iter(looked.first))[0]}: expected one "
                "that only reads"
            )
        if holds:
            return ()
        if not looked.reads:
            raise ModelError(
                "the condition of until() does not hold and reads nothing shared, so it never "
                "will; expected one that reads fields of shared objects or values of variables"
            )
        return tuple(
            (key, *looked.states.get(key, (None, version))) for key, version in looked.reads.items()
        )

    def waits_for(self, thread: SimThread) -> str:
        reads = ", ".join(
            f"{key[0]} = {written(was)}" if tell is not None else ".".join(key)
            for key, tell, was in self.seen
        )
        return f"{self.what or 'its condition'} to hold (it read {reads})"


async def until(condition: Callable[[], Any], what: str = "") -> None:
    """
    Block until `condition` holds; `what` names it in reports.

    The condition may read fields of shared objects and values of variables, which are marked
    accesses here, and must change nothing.  It is tested in one step, and again only after
    something that it read has changed: waiting does not spin.

    Context:    any: it spins, it does not sleep
    Footprint:  reads what the condition read
    """
    test = _Test(condition, what, ())
    while seen := await perform(test):
        test = _Test(condition, what, seen)
        del seen  # what it read is the operation's
