"""
Following a trace by the names of its steps: the strategy, and how a thread is run ahead.

Each thread is led to its next recorded step, known by operation, function, call and object.  Steps
that are new in between are made when they stand in the way, those that are gone are left out, and
what has to wait lets others go first: whom it waits for, else who was recorded next.  What comes
after the recording runs as it comes.

A strike inside a step is made at the place of the same number, counted over the accesses of that
step; whether an edit has moved other accesses there, a trace does not tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import attrs

from netsim.core.sim import Sim
from netsim.core.step import Choice, Step
from netsim.core.thread import Life, SimThread
from netsim.results import Departure
from netsim.run.align import AHEAD_MAX, MOVED, SAME, Place, align, first_like, likeness
from netsim.run.replay import Follower, place_of, who
from netsim.trace.documents import TraceStep

#: How many calls a departure names.
NAMED_MAX = 3


@attrs.frozen
class Plan:
    """What a thread would do from its step `start` on, and which recorded step each of that is."""

    start: int
    places: Sequence[Place]
    recorded: Sequence[int | None]


class Ahead(Follower):
    """Makes the steps so far again, then those of one thread and of others only if it waits."""

    def __init__(self, choices: Sequence[Choice], name: str) -> None:
        super().__init__((), None)
        self.choices = choices
        self.name = name
        self.places: list[Place] = []

    def choose(self, sim: Sim, enabled: Sequence[SimThread]) -> tuple[SimThread, int] | None:
        """Return who goes on."""
        at = len(self.events)
        if at < len(self.choices):
            choice = self.choices[at]
            return sim.by_name[choice.thread], choice.value
        if at >= len(self.choices) + AHEAD_MAX:
            return None
        able = {thread.name: thread for thread in enabled}
        if self.name in able:
            self.places.append(place_of(able[self.name]))
            return able[self.name], 0
        return _blocker(sim, sim.by_name[self.name], able) or enabled[0], 0


@attrs.define(eq=False)
class Track:
    """One thread's recorded steps (numbers in the trace), and how far it has come."""

    steps: list[int] = attrs.Factory(list)
    #: How many of `steps` have been made or left out.
    passed: int = 0
    places: list[Place] = attrs.Factory(list)
    plan: Plan | None = None

    @property
    def head(self) -> int | None:
        """The number of its next recorded step."""
        return self.steps[self.passed] if self.passed < len(self.steps) else None


@attrs.define(eq=False)
class _Departure:
    at: int
    thread: str
    what: Literal["new", "gone", "moved", "replaced", "waits", "never", "value"]
    expected: str
    found: list[str]


class Adapter(Follower):
    """
    A strategy that follows a trace by the names of its steps.

    `plans` are by thread and step; where it needs one that is not there it gives up, and `wants`
    names the thread; but not if `hurried`.  `refused` are numbers of steps whose recorded value
    cannot be chosen any more.
    """

    def __init__(
        self,
        steps: Sequence[TraceStep],
        plans: Mapping[tuple[str, int], Plan],
        refused: frozenset[int],
        hurried: bool,
    ) -> None:
        super().__init__((), None)
        self.steps = steps
        self.plans = plans
        self.refused = refused
        self.hurried = hurried
        self.wants: str | None = None
        #: The number of the recorded step whose strike inside could not be made.
        self.void: int | None = None
        self.followed: list[int] = []
        #: The flows of which a step within an operation has been recognised.
        self.fits: dict[str, None] = {}
        self.tracks: dict[str, Track] = {}
        self._departures: list[_Departure] = []
        self._moved: dict[tuple[str, str], None] = {}
        self._waits: dict[int, _Departure] = {}
        self._at: int | None = None
        self._last: SimThread | None = None

    def begin(self, sim: Sim) -> Sequence[Choice]:
        """Start over."""
        super().begin(sim)
        self.tracks = {}
        for number, step in enumerate(self.steps):
            self.tracks.setdefault(step.thread, Track()).steps.append(number)
        return ()

    def choose(self, sim: Sim, enabled: Sequence[SimThread]) -> tuple[SimThread, int] | None:
        """Return whose step comes next; None if it takes a plan to tell."""
        while True:
            thread = self._whose(sim, enabled)
            track = self.tracks.setdefault(thread.name, Track())
            place = place_of(thread)
            if not self._planned(track, thread, place):
                self.wants = thread.name
                return None
            if self._pass(track, thread, place):
                continue  # what was next for this thread is gone: ask again who is first
            names = tuple(t.name for t in enabled)
            value = self._value(sim, thread)
            self._last = thread
            self._take(sim, place, names)
            return thread, value

    def stepped(self, sim: Sim, step: Step) -> None:
        """Add the step to the story; notice a strike that could not be made inside it."""
        if step.inner is not None and step.inner.void:
            self.void = self._at
        super().stepped(sim, step)

    def finish(self, sim: Sim) -> tuple[Departure, ...]:
        """Tell what was never made; return all departures in the order of the recording."""
        for name, track in self.tracks.items():
            if track.head is not None:
                self._waits.pop(track.head, None)
                left = track.steps[track.passed :]
                expected = named(name, [self.steps[number] for number in left])
                thread = sim.by_name.get(name)
                if thread is not None and thread.life is Life.DONE:
                    self._depart(left[0], name, "gone", expected, "ends")
                else:
                    self._depart(left[0], name, "never", expected, _why_not(sim, name))
        departures = [*self._departures, *self._waits.values()]
        departures.sort(key=lambda one: one.at)
        return tuple(
            Departure(one.at + 1, one.thread, one.what, one.expected, shortened(one.found))
            for one in departures
        )

    # -- who ---------------------------------------------------------------------------------

    def _whose(self, sim: Sim, enabled: Sequence[SimThread]) -> SimThread:
        """Return whom the recording wants next, or who stands in its way."""
        able = {thread.name: thread for thread in enabled}
        heads = [(t.head, name) for name, t in self.tracks.items() if t.head is not None]
        for head, name in sorted(heads):
            if name in able:
                return able[name]
            thread = sim.by_name.get(name)
            if thread is None or thread.life is not Life.LIVE or thread.pending is None:
                continue
            if head not in self._waits:
                expected = named(name, [self.steps[head]])
                self._waits[head] = _Departure(
                    head, name, "waits", expected, [_why_not(sim, name) + ", so others go first"]
                )
            blocker = _blocker(sim, thread, able)
            if blocker is not None:
                return blocker
        if self._last is not None and self._last.name in able:
            return self._last
        return enabled[0]

    # -- what --------------------------------------------------------------------------------

    def _pass(self, track: Track, thread: SimThread, place: Place) -> bool:
        """
        Decide which recorded step the thread is about to make, None if it is a new one.

        Returns True, with nothing decided, if its next ones are gone: another thread may be first
        now, and what is new is made only in the way of a recorded step.
        """
        at, then = self._recorded(track, place)
        if at is not None and at > track.passed:
            gone = track.steps[track.passed : at]
            expected = named(thread.name, [self.steps[number] for number in gone])
            self._depart(gone[0], thread.name, "gone", expected, f"goes on with {_told(then)}")
            for number in gone:
                self._waits.pop(number, None)
            track.passed = at
            return True
        if then is not place:
            at = None
        head = track.head
        track.places.append(place)
        self._at = head if at is not None else None
        if head is None or at is None:
            self._new(thread, place, len(self.steps) if head is None else head)
            return False
        track.passed += 1
        self.followed.append(head)
        recorded = self.steps[head]
        like = likeness(recorded, place)
        if like >= MOVED and recorded.function:
            self.fits[thread.name] = None
        if like == MOVED:
            names = (recorded.function, place.function)
            if names not in self._moved:
                self._moved[names] = None
                found = f"does that in {place.function}() now" if place.function else "does that"
                self._depart(head, thread.name, "moved", named(thread.name, [recorded]), found)
        elif like != SAME:
            found = f"does {place.call} there"
            self._depart(head, thread.name, "replaced", named(thread.name, [recorded]), found)
        return False

    def _planned(self, track: Track, thread: SimThread, place: Place) -> bool:
        """Tell whether it is known what the thread will do; always so if it is past its end."""
        key = (thread.name, len(self.events))
        if key in self.plans:
            track.plan = self.plans[key]
        elif track.head is not None and not self.hurried:
            return thread is self._last and _foretold(track, place)
        return True

    def _recorded(self, track: Track, place: Place) -> tuple[int | None, Place]:
        """
        Return the next of the recorded steps of its thread that it makes, and as what.

        That is `place`, unless it is new.  None if it makes none of them any more.
        """
        plan = track.plan
        if plan is not None and _foretold(track, place):
            start = len(track.places) - plan.start
            for index in range(start, len(plan.places)):
                at = plan.recorded[index]
                if at is not None:
                    return at, place if index == start else plan.places[index]
            return None, place
        ahead = [self.steps[n] for n in track.steps[track.passed : track.passed + AHEAD_MAX]]
        found = first_like(ahead, 0, place)
        return None if found is None else found + track.passed, place

    def _new(self, thread: SimThread, place: Place, at: int) -> None:
        last = self._departures[-1] if self._departures else None
        found = _told(place)
        if last is not None and (last.what, last.thread, last.at) == ("new", thread.name, at):
            last.found.append(found)
            return
        track = self.tracks[thread.name]
        head = track.head
        expected = (
            named(thread.name, [self.steps[head]])
            if head is not None
            else f"nothing more of {who(thread.name)}"
        )
        self._depart(at, thread.name, "new", expected, found)

    def _value(self, sim: Sim, thread: SimThread) -> int:
        pending, at = thread.pending, self._at
        assert pending is not None
        value = self.steps[at].value if at is not None else 0
        if at is None or not value:
            return 0
        if at not in self.refused and (value < pending.options(sim) or pending.open_ended()):
            return value
        inside = pending.open_ended() and value >= pending.options(sim)
        expected = "a strike inside the step" if inside else f"a choice of value {value}"
        self._depart(at, thread.name, "value", expected, "there is no such place or choice")
        return 0

    def _depart(
        self,
        at: int,
        thread: str,
        what: Literal["new", "gone", "moved", "replaced", "never", "value"],
        expected: str,
        found: str,
    ) -> None:
        self._departures.append(_Departure(at, thread, what, expected, [found]))


def _foretold(track: Track, place: Place) -> bool:
    plan = track.plan
    at = len(track.places) - (plan.start if plan is not None else 0)
    return plan is not None and at < len(plan.places) and plan.places[at] == place


def _told(place: Place) -> str:
    return f"{place.call} in {place.function}()" if place.function else place.call


def named(name: str, steps: Sequence[TraceStep]) -> str:
    """Say what a thread was recorded to do, and how many steps more."""
    where = f" in {steps[0].function}()" if steps[0].function else ""
    calls = shortened([step.call for step in steps])
    return f"{who(name)}{where} to perform {calls}"


def shortened(calls: Sequence[str]) -> str:
    """Name the first of some calls, and how many more there are."""
    more = len(calls) - NAMED_MAX
    return ", then ".join(calls[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def _why_not(sim: Sim, name: str) -> str:
    thread = sim.by_name.get(name)
    if thread is None:
        return "there is no such thread"
    if thread.life is not Life.LIVE or thread.pending is None:
        return f"it is {thread.life.value}"
    return f"it has to wait for {thread.pending.waits_for(thread)}"


def _blocker(sim: Sim, thread: SimThread, able: Mapping[str, SimThread]) -> SimThread | None:
    """Return who can move and keeps `thread` waiting, perhaps through others."""
    seen = {thread.name: None}
    queue = [thread]
    for waiting in queue:
        pending = waiting.pending
        for other in pending.blockers(sim) if pending is not None else ():
            if other.name in able:
                return other
            if other.name not in seen:
                seen[other.name] = None
                queue.append(other)
    return None


def plan_of(steps: Sequence[TraceStep], track: Track, places: Sequence[Place], late: bool) -> Plan:
    """Return the plan of a thread that would do `places` next; see `align` for `late`."""
    rest = [steps[number] for number in track.steps[track.passed :]]
    matched = align(rest, places, late=late)
    at = [None if index is None else index + track.passed for index in matched]
    return Plan(len(track.places), places, at)
