"""
The events of the current execution with their happens-before clocks, and what each one races with.

Names are those of Abdulla, Aronis, Jonsson, Sagonas, *Source Sets* (JACM 2017): E is the current
execution, ``notdep(e, E)`` the events after e that do not happen after it, I(v) the initials of a
sequence v.  Clocks are kept per thread name; an event's own entry is its number in its thread.

Two dependent events of different threads race if neither is ordered before the other through a
third.  A race is *reversible* if the second could run where the first did.  An operation that
blocks is enabled by some events and disabled by others, so its races are looked for in the whole
history of its guard: the event that enabled it cannot be swapped with it, the one that had
disabled it can.  This makes two acquires of one lock race although a release stands between
them, and an acquire that is still blocked at the end race with the one that holds the lock.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from netsim.core.access import CONFLICT, READ, UNTOLD, WRITE, Footprint, Key, Mode
from netsim.core.op import Op
from netsim.core.step import Step

Clock: TypeAlias = dict[str, int]

Races: TypeAlias = "dict[Event, bool]"
"""Events in a race; False where it is not certain that the other can run before them."""


class Event:
    """One step of the current execution."""

    __slots__ = ("before", "clock", "footprint", "index", "local", "thread", "value")

    def __init__(
        self,
        index: int,
        thread: str,
        local: int,
        footprint: Footprint,
        before: dict[Key, Any],
        clock: Clock,
        value: int,
    ) -> None:
        self.index = index
        self.thread = thread
        self.local = local
        self.footprint = footprint
        self.before = before
        self.clock = clock
        self.value = value

    def precedes(self, clock: Clock) -> bool:
        """Tell whether this event happens before whatever has `clock`."""
        return clock.get(self.thread, 0) >= self.local

    def __repr__(self) -> str:
        return f"Event({self.index}, {self.thread}#{self.local})"


def _index(event: Event) -> int:
    return event.index


def join(clock: Clock, other: Clock) -> None:
    """Make `clock` the least upper bound of both."""
    for thread, local in other.items():
        if clock.get(thread, 0) < local:
            clock[thread] = local


def refusing(void: Step) -> Op:
    """Return the operation that a strike inside a void step could not perform."""
    assert void.inner is not None
    return void.inner.nested[-1].op


class History:
    """
    The events of the current execution, with an index of the accesses to each location.

    Invariants (`validate`): events stand at their index; each thread's events are numbered from
    1; every clock includes the clock of the thread's previous event.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.accesses: dict[Key, list[tuple[Event, Mode]]] = {}
        self.last: dict[str, list[Event]] = {}

    def append(self, step: Step) -> tuple[Event, Races]:
        """Add the event of a step; return it and those that are in a reversible race with it."""
        thread, op, footprint = step.thread, step.op, step.footprint
        mine = self.last.setdefault(thread, [])
        clock: Clock = dict(mine[-1].clock) if mine else {}
        guard, gate = op.guard() if op.blocks else (), op.gate
        blocks = bool(guard) or gate is not None
        races: Races = {}
        if blocks:
            races = self._guard_races(thread, op, guard, gate, clock, footprint)
        for event in self._conflicts(thread, footprint, clock):
            if event.precedes(clock):
                continue
            if event not in races:
                open_: bool | None = True
                if blocks:
                    open_ = self._open(thread, op, guard, gate, event, step.before)
                if open_ is not False:
                    races[event] = open_ is True
            join(clock, event.clock)
        if step.last:
            for latest in self.last.values():
                if latest:
                    join(clock, latest[-1].clock)
        event = Event(
            len(self.events), thread, len(mine) + 1, footprint, step.before, clock, step.choice
        )
        clock[thread] = event.local
        self.events.append(event)
        mine.append(event)
        for key, mode in footprint.items():
            self.accesses.setdefault(key, []).append((event, mode))
        return event, races

    def blocked(self, thread: str, op: Op) -> Races:
        """Return the events that a pending, blocked operation is in a reversible race with."""
        clock = self.clock_of(thread)
        return self._guard_races(thread, op, op.guard(), op.gate, clock, {}, blocked=True)

    def blocked_twice(self, thread: str, op: Op) -> list[tuple[Event, Event]]:
        """
        Return pairs of events of which a blocked operation could only have run before both.

        One took its CPU, the other closed its guard, and neither happens before the other.
        """
        guard, gate, clock = op.guard(), op.gate, self.clock_of(thread)
        if gate is None or not guard:
            return []
        takers = self._closers(thread, op, (gate,), clock)
        return [
            (min(one, other, key=_index), max(one, other, key=_index))
            for one in takers
            for other in self._closers(thread, op, guard, clock)
            if not (one.precedes(other.clock) or other.precedes(one.clock))
        ]

    def _closers(self, thread: str, op: Op, keys: tuple[Key, ...], clock: Clock) -> Iterator[Event]:
        """Yield the events without which one of `keys` would admit the operation."""
        for key in keys:
            seen = dict(clock)
            for event, mode in reversed(self.accesses.get(key, ())):
                if mode == READ or event.thread == thread or event.precedes(seen):
                    continue
                admitted = self._admitted(thread, op, key, event, {})
                if admitted is not False:
                    yield event
                if admitted:
                    join(seen, event.clock)

    def hindering(self, event: Event, before: Event, void: Step) -> list[Event]:
        """
        Return the events without which a step in place of `event` might be made, which is void.

        They are older than `before`, and do not happen before the thread of `event` comes there.
        Without some of them what refuses it might be enabled; without others the strike inside
        might do something else, for they conflict with what it touched before.
        """
        past = self.last[event.thread][: event.local - 1]
        clock = past[-1].clock if past else {}
        found: dict[int, Event] = {}
        refused = refusing(void)
        assert void.inner is not None
        thread = void.inner.nested[-1].thread
        for key in refused.guard():
            seen = dict(clock)
            for other, mode in reversed(self.accesses.get(key, ())):
                if other.index >= before.index or mode == READ or other.precedes(seen):
                    continue
                admitted = self._admitted(thread, refused, key, other, {})
                if admitted is not False:
                    found[other.index] = other
                if admitted:
                    join(seen, other.clock)
        for key, mode in void.footprint.items():
            for other, theirs in reversed(self.accesses.get(key, ())):
                if other.index < before.index:
                    if CONFLICT[mode][theirs] and not other.precedes(clock):
                        found[other.index] = other
                    if theirs == WRITE:
                        break
        return [found[index] for index in sorted(found, reverse=True)]

    def clock_of(self, thread: str) -> Clock:
        """Return a copy of the clock of the thread's last event."""
        mine = self.last.get(thread)
        return dict(mine[-1].clock) if mine else {}

    def truncate(self, length: int) -> None:
        """Forget all events from index `length` on."""
        while len(self.events) > length:
            event = self.events.pop()
            self.last[event.thread].pop()
            for key in event.footprint:
                self.accesses[key].pop()

    def notdep(self, event: Event, end: int) -> list[Event]:
        """Return the events after `event` and before index `end` that do not happen after it."""
        thread, local = event.thread, event.local
        return [
            later
            for later in self.events[event.index + 1 : end]
            if later.clock.get(thread, 0) < local
        ]

    def leads_to_end(self, step: int) -> bool:
        """Tell whether the event of a step (1-based) happens before the last one, or is it."""
        return self.events[step - 1].precedes(self.events[-1].clock)

    def _conflicts(self, thread: str, footprint: Footprint, clock: Clock) -> list[Event]:
        """Events of others that conflict with `footprint`, latest first, not before `clock`."""
        found: dict[int, Event] = {}
        accesses = self.accesses
        for key, mode in footprint.items():
            history = accesses.get(key)
            if not history:
                continue
            conflicts = CONFLICT[mode]
            for event, theirs in reversed(history):
                if (
                    conflicts[theirs]
                    and event.thread != thread
                    and clock.get(event.thread, 0) < event.local
                ):
                    found[event.index] = event
                if theirs == WRITE:
                    break  # whatever is older happens before that write
        if len(found) < 2:
            return list(found.values())
        return [found[index] for index in sorted(found, reverse=True)]

    def _guard_races(
        self,
        thread: str,
        op: Op,
        guard: tuple[Key, ...],
        gate: Key | None,
        clock: Clock,
        footprint: Footprint,
        *,
        blocked: bool = False,
    ) -> Races:
        """Events on the guard and the gate before which the operation could have run instead."""
        races: Races = {}
        for key in guard if gate is None else (*guard, gate):
            seen = dict(clock)
            conflicts = CONFLICT[footprint.get(key, WRITE)]
            for event, mode in reversed(self.accesses.get(key, ())):
                if mode == READ or not conflicts[mode]:
                    continue
                if event.thread == thread or event.precedes(seen):
                    continue
                admitted = self._admitted(thread, op, key, event, {})
                if admitted is not False and gate is not None:
                    admitted = self._open(thread, op, guard, gate, event, {})
                    if admitted and blocked and guard:
                        admitted = None  # the other of the two may be what blocks it
                if admitted is not False:
                    races.setdefault(event, admitted is True)
                if admitted:  # if it is not sure, older ones may be those that count
                    join(seen, event.clock)
        return races

    def _open(
        self,
        thread: str,
        op: Op,
        guard: tuple[Key, ...],
        gate: Key | None,
        event: Event,
        now: Mapping[Key, Any],
    ) -> bool | None:
        gated = True if gate is None else self._admitted(thread, op, gate, event, now)
        if gated is False or not guard:
            return gated
        found: bool | None = False
        for key in guard:
            admitted = self._admitted(thread, op, key, event, now)
            if admitted:
                return gated
            if admitted is None:
                found = None
        return found

    def _admitted(
        self, thread: str, op: Op, key: Key, event: Event, now: Mapping[Key, Any]
    ) -> bool | None:
        """
        Tell whether `op` would be enabled without `event` and all that happens after it.

        `now` has states of the guard as the operation found it.  None where accesses to the guard
        commute, so that no state was seen that would tell.
        """
        removed: Event | None = None
        for other, _mode in self._from(key, event.index):
            if other is event or event.precedes(other.clock):
                if removed is None:
                    removed = other
            elif removed is not None:
                return None
        if removed is not None:
            before = removed.before[key]
            return None if before is UNTOLD else op.admits(key, before, thread)
        # This location is as it was: one of several may not be the one that admitted.
        return op.admits(key, now[key], thread) if key in now else True

    def _from(self, key: Key, index: int) -> Iterator[tuple[Event, Mode]]:
        history = self.accesses.get(key, [])
        start = len(history)
        while start and history[start - 1][0].index >= index:
            start -= 1
        return iter(history[start:])

    def validate(self) -> None:
        """Check the data invariants; raises AssertionError naming the one that is broken."""
        counts: dict[str, int] = {}
        for index, event in enumerate(self.events):
            assert event.index == index, f"{event} stands at {index}"
            counts[event.thread] = counts.get(event.thread, 0) + 1
            assert event.local == counts[event.thread], f"{event} is misnumbered"
            assert event.clock[event.thread] == event.local, f"{event} has a foreign clock"
        for earlier in self.events:
            for later in self.events[earlier.index + 1 :]:
                ordered = earlier.precedes(later.clock)
                assert ordered or earlier.thread != later.thread, f"{earlier}, {later} unordered"
