"""
Data races that another order of locks might show: predicted from executions that show none.

The hybrid of O'Callahan and Choi (*Hybrid Dynamic Data Race Detection*, PPoPP 2003): two plain
accesses are suspected if no lock excludes one from the other and nothing but the order in which
locks were taken orders them.  `datarace` is exact, and decides; this is only where to look.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from netsim.core.access import WRITE, Key
from netsim.core.label import class_of
from netsim.core.sim import Sim
from netsim.core.step import Step

#: So many pairs of accesses are remembered for one location.
PAIRS_MAX = 4


@attrs.frozen
class Access:
    """
    A plain access, and the step that it belongs to.

    The step performs `call` ("" for any operation that takes a lock) on an object of class
    `label`; its thread had done so `passes` times before.  `locks` are those held, and whether
    with others.
    """

    thread: str
    #: The thread as reports name it.
    title: str
    writes: bool
    function: str
    call: str
    label: str
    passes: int
    locks: tuple[tuple[str, bool], ...]

    def verb(self) -> str:
        """Say what it does."""
        return "writes" if self.writes else "reads"

    def excludes(self, other: Access) -> bool:
        """Tell whether a lock keeps the two from happening at one time."""
        theirs = dict(other.locks)
        return any(name in theirs and not (shared and theirs[name]) for name, shared in self.locks)


@attrs.frozen
class Suspect:
    """Two accesses to one location by different threads that may be a data race."""

    key: Key
    one: Access
    other: Access

    @property
    def field(self) -> str:
        """Name the location as a report of a data race does."""
        return f"{self.key[0]}.{self.key[1]}"

    def words(self) -> str:
        """Tell it in words."""
        one, other = self.one, self.other
        return (
            f"{self.field}: {one.title} {one.verb()} and {other.title} {other.verb()} it under no "
            "lock that both hold"
        )


class Locksets:
    """An observer of whole executions that collects suspects, over all that it sees."""

    def __init__(self) -> None:
        self.suspects: dict[Key, list[Suspect]] = {}
        self._clocks: dict[str, Mapping[str, int]] = {}
        self._released: dict[Key, Mapping[str, int]] = {}
        self._passed: dict[tuple[str, str, str], int] = {}
        #: For each location the accesses so far, with the clock of each in its thread.
        self._seen: dict[Key, dict[Access, int]] = {}

    def begin(self, sim: Sim, kept: int) -> None:
        """Start over; sees whole executions only."""
        assert not kept
        self._clocks, self._released, self._passed, self._seen = {}, {}, {}, {}

    def stepped(self, sim: Sim, step: Step) -> None:
        """Take in the synchronisation of a step that is not by locks, then its plain accesses."""
        if step.parts:
            return  # on one CPU no order of locks hides anything
        name, op = step.thread, step.op
        call = "" if op.takes else op.name
        label = op.label()
        place = (name, call, class_of(label))
        passes = self._passed.get(place, 0)
        self._passed[place] = passes + 1
        clock = dict(self._clocks.get(name) or {name: 1})
        for acquires, key in step.sync:
            other = self._released.get(key, {})
            if not acquires:
                self._released[key] = _join(clock, other)
                clock[name] += 1
            elif not (op.takes and key[0] == label):
                clock = _join(clock, other)
        self._clocks[name] = clock
        if not step.plain:
            return
        thread = sim.by_name[name]
        locks = tuple((lock.name, lock.is_shared(thread)) for lock, _ in thread.held)
        for key, mode, function in step.plain:
            access = Access(
                name,
                sim.title(thread),
                mode == WRITE,
                function,
                call,
                place[2],
                passes,
                locks,
            )
            seen = self._seen.setdefault(key, {})
            for earlier, time in seen.items():
                if clock.get(earlier.thread, 0) < time:
                    self._suspect(key, earlier, access)
            seen[access] = clock[name]

    def _suspect(self, key: Key, one: Access, other: Access) -> None:
        if one.thread == other.thread or not (one.writes or other.writes):
            return
        some = self.suspects.setdefault(key, [])
        suspect = Suspect(key, one, other)
        if len(some) < PAIRS_MAX and suspect not in some and not one.excludes(other):
            some.append(suspect)


def _join(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    joined = dict(one)
    for name, time in other.items():
        if joined.get(name, 0) < time:
            joined[name] = time
    return joined
