"""
Optimal DPOR: exactly one execution of every Mazurkiewicz class, by wakeup trees.

Algorithm 2 of Abdulla, Aronis, Jonsson, Sagonas, *Source Sets: A Foundation for Optimal Dynamic
Partial Order Reduction* (JACM 64:4, 2017); `sleep`, `wut`, WI(v), notdep and E are as there.
What differs:

* A step's footprint is known only after it ran (the plain accesses that follow its operation
  belong to it), and hangs on what it finds.  So sleeping steps carry the footprint that they had;
  and what the last step of a wakeup sequence touches, which never ran there, is found out by a
  *probe*, a run of just that sequence, where nothing else decides.
* Operations that are still blocked when the execution ends take part in races (see
  `netsim.explorer.events`), and so do those that a halt of the machine kept from running.
* An operation with values to choose is a different step with each of them; the one that was
  taken races with the others.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TypeAlias

from netsim.core.access import CONFLICT, READ, WRITE, Footprint, Key, Mode, dependent
from netsim.core.sim import Sim
from netsim.core.step import Choice, Step
from netsim.core.thread import Mark, SimThread
from netsim.explorer.events import Event, History, refusing
from netsim.explorer.footprints import Footprints, causes_of
from netsim.explorer.loop import Program
from netsim.explorer.wakeup import Ask, Known, Move, Unmakeable, insert, place
from netsim.results import CutBy

Sleep: TypeAlias = dict[tuple[str, int], Footprint]
"""Steps, by thread and value, that need not be taken here, with what they touch."""


class Node:
    """
    A state on the path of the current execution.

    `sleep` holds the steps that need not be taken from here, because that was or will be explored
    elsewhere; `taken` is the branch of the current execution, and `wut` are those still to be
    explored, in the order in which they were found.
    """

    __slots__ = ("asked", "enabled", "sleep", "taken", "wut")

    def __init__(
        self,
        enabled: Sequence[SimThread],
        sleep: Sleep,
        taken: Move,
        wut: list[Move],
    ) -> None:
        self.enabled = enabled
        self.sleep = sleep
        self.taken = taken
        self.wut = wut
        #: What probes from here have found out, by their sequence.
        self.asked: dict[tuple[Choice, ...], Footprint | Unmakeable] = {}


class Race:
    """
    `event` races with a later step of `thread`, or with another value for its own.

    It was found at the event with number `index`, and goes when that goes.  `known` is what the
    step touches after the events `base`, if that has been asked.  Unless `sure`, one has to try
    whether the step can be made there: other accesses to its `guard` may stand in its way, too.
    `also` is a later event that it must come before as well.  `widened` are older events that a
    strike inside the step turned out to need to come before; it then stands in for `also`.

    `lead` is notdep(event, E) up to the step of the race, None until that was looked at.  If it is
    `settled`, `lead` and the step are covered, and so is all that begins with them: whatever
    follows, as long as it is independent of the step, which after `lead` touches `alone`.  Up to
    the event with number `apart` it is known to be so.
    """

    __slots__ = (
        "alone",
        "also",
        "apart",
        "base",
        "event",
        "guard",
        "index",
        "known",
        "lead",
        "noted",
        "settled",
        "sure",
        "thread",
        "value",
        "widened",
    )

    def __init__(
        self,
        event: Event,
        thread: str,
        value: int,
        index: int,
        sure: bool,
        guard: tuple[Key, ...] = (),
    ) -> None:
        self.event = event
        self.thread = thread
        self.value = value
        self.index = index
        self.sure = sure
        self.guard = guard
        self.also: Event | None = None
        self.known: Footprint | None = None
        self.base: list[Event] = []
        self.lead: list[Event] | None = None
        self.settled = False
        #: Whether it is kept what the step touched where it ran.
        self.noted = False
        self.alone: Footprint | None = None
        self.apart = 0
        self.widened: list[Event] = []

    def touches(self, before: list[Event]) -> Footprint | None:
        """Return what the step touches after `before`, if what was asked before tells."""
        known = self.known
        if known is None:
            return None
        same = 0
        for mine, theirs in zip(self.base, before, strict=False):
            if mine is not theirs:
                break
            same += 1
        for events in (self.base, before):
            if any(dependent(known, event.footprint) for event in events[same:]):
                return None
        return known


class OptimalDpor:
    """The exhaustive strategy.  After each execution ask `more`; False means all is done."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.path: list[Node] = []
        self.history = History()
        #: How many steps were run again to find out what one touches.
        self.probes = 0
        self._depth = 0
        self._last: str | None = None
        self._sleep: Sleep = {}
        self._wut: list[Move] = []
        self._races: list[Race] = []
        self._halted = False
        #: How many events the execution shares with the one before.
        self._kept = 0
        self._footprints = Footprints()
        #: The threads that are there from the start: what others do hangs on who makes them.
        self._first: frozenset[str] = frozenset()
        #: The choices made along the path, and what `Sim.mark` said there.
        self._choices: list[Choice] = []
        self._marks: dict[int, list[Mark]] = {}

    # -- Strategy ----------------------------------------------------------------------------

    def begin(self, sim: Sim) -> Sequence[Choice]:
        """Start again from the initial state; the path up to the last node is re-run."""
        self._depth = max(len(self.path) - 1, 0)
        self._last = None
        self._sleep = {}
        self._wut = []
        if not self.path:
            # On one CPU what a step goes on to do hangs on who waits for the CPU, too.
            self._first = frozenset(sim.by_name if sim.cpu is None else ())
        sim.marks = self._marks
        return self._choices

    def forced(self, sim: Sim) -> tuple[SimThread, int] | None:
        """Take the branch that is new at the end of the path."""
        if self._depth >= len(self.path):
            return None
        taken = self.path[self._depth].taken
        return sim.by_name[taken.thread], taken.value

    def choose(self, sim: Sim, enabled: Sequence[SimThread]) -> tuple[SimThread, int] | None:
        """Beyond the path follow the wakeup tree, else stay with the thread if it is awake."""
        move, wut = None, self._wut
        while wut and move is None:
            move, *wut = wut
            if not self._awake(sim, move, enabled):
                move = None
        if move is None:
            move = self._any(sim, enabled)
            if move is None:
                self.finish(sim)
                return None
        self.path.append(Node(enabled, self._sleep, move, wut))
        return sim.by_name[move.thread], move.value

    def _awake(self, sim: Sim, move: Move, enabled: Sequence[SimThread]) -> bool:
        thread = sim.by_name.get(move.thread)
        return (
            thread in enabled
            and _offers(sim, thread, move.value)
            and (move.thread, move.value) not in self._sleep
        )

    def _any(self, sim: Sim, enabled: Sequence[SimThread]) -> Move | None:
        """Return the step that needs no switch, else the first that is awake."""
        sleep = self._sleep
        if not sleep:
            last = self._last
            return Move(next((t.name for t in enabled if t.name == last), enabled[0].name), 0)
        found: Move | None = None
        for thread in enabled:
            if found is not None and thread.name != self._last:
                continue
            for value in range(_options(sim, thread)):
                if (thread.name, value) not in sleep:
                    found = Move(thread.name, value)
                    break
        return found

    def stepped(self, sim: Sim, step: Step) -> None:
        """Account for the step just made: sleep set of the next state, and races."""
        node = self.path[self._depth]
        taken = node.taken
        footprint = taken.footprint = step.footprint
        self._choices.append(Choice(step.thread, step.choice))
        sleep = node.sleep
        if sleep:
            sleep = {
                key: theirs
                for key, theirs in sleep.items()
                if key[0] != step.thread and not dependent(theirs, footprint)
            }
        self._sleep = sleep
        self._wut = taken.children
        self._last = step.thread
        self._depth += 1
        assert step.inner is None or not step.inner.void, "such a step is tried before it is taken"
        event, races = self.history.append(step)
        certain = step.choice < step.options
        for earlier, sure in races.items():
            guard = () if sure else step.op.guard()
            self._races.append(
                Race(earlier, step.thread, step.choice, event.index, sure and certain, guard)
            )
        if step.options > 1 or step.inside or not certain:
            for value in (*range(step.options), *step.inside):
                if value != step.choice:
                    certain = value < step.options
                    self._races.append(Race(event, step.thread, value, event.index, certain))

    # -- between executions --------------------------------------------------------------------

    def finish(self, sim: Sim) -> None:
        """Take what is blocked at the end of an execution into account."""
        end = len(self.history.events)
        self._halted = halted = sim.halted
        sim.halted = False
        try:
            for thread in sim.threads:
                op = thread.pending
                if op is None:
                    continue
                if not op.enabled(sim, thread):
                    racing = self.history.blocked(thread.name, op)
                elif halted:
                    racing = {self.history.events[-1]: True}  # only this keeps it from running
                else:
                    continue  # asleep
                for value in range(op.options(sim)):
                    for earlier, sure in racing.items():
                        guard = () if sure else op.guard()
                        self._races.append(Race(earlier, thread.name, value, end, sure, guard))
                    for earlier, also in self.history.blocked_twice(thread.name, op):
                        race = Race(earlier, thread.name, value, end, False)
                        race.also = also
                        self._races.append(race)
        finally:
            sim.halted = halted

    def more(self) -> bool:
        """
        Move to the next unexplored branch, deepest first; False if there is none.

        Runs the program, if something about the execution that has ended has to be found out.
        """
        self._reverse()
        path, races = self.path, self._races
        self._halted = False
        while path and not path[-1].wut:
            path.pop()
        self._kept = length = max(len(path) - 1, 0)
        self.history.truncate(length)
        del self._choices[length:]
        while races and races[-1].index >= length:
            races.pop()
        if not path:
            return False
        node = path[-1]
        taken = node.taken
        assert taken.footprint is not None
        node.sleep = {**node.sleep, (taken.thread, taken.value): taken.footprint}
        node.taken = node.wut.pop(0)
        return True

    def left(self) -> Sequence[int]:
        """Count the branches in the wakeup trees along the path."""
        return [len(node.wut) for node in self.path]

    def cut_by(self) -> CutBy | None:
        """Nothing is left out."""
        return None

    def notes(self) -> Sequence[str]:
        """There is nothing to add: every class was run."""
        return ()

    def _reverse(self) -> None:
        """Have notdep(e, E).e' explored for every race of the execution, unless it is covered."""
        end = len(self.history.events) - self._halted  # nothing can follow a halt
        notdep: dict[int, list[Event]] = {}
        for race in self._races:  # which grows
            if race.settled and self._apart(race, end):
                continue
            event = race.event
            before = notdep.get(event.index)
            if before is None:
                before = notdep[event.index] = self.history.notdep(event, end)
            if race.also is not None:
                before = [step for step in before if not race.also.precedes(step.clock)]
            if race.lead is None and race.also is None:
                race.lead = [step for step in before if step.index < race.index]
                with suppress(Unmakeable):
                    race.settled = self._insert(race, race.lead)
                    if len(race.lead) == len(before) or (race.settled and self._apart(race, end)):
                        continue
            todo = [before]
            for before in todo:  # which grows
                try:
                    self._insert(race, before)
                    continue
                except Unmakeable as refused:
                    void = refused.void
                if void is None:
                    fewer = [_without(race.guard, before)]
                else:
                    fewer = _without_one(before, void)
                    self._go_further(race, void.inside)
                    self._widen(race, void)
                for some in fewer:
                    gone = [event for event in before if event not in some]
                    if gone and some not in todo and all(e.thread != race.thread for e in gone):
                        todo.append(some)
        self._races.sort(key=lambda race: race.index)

    def _go_further(self, race: Race, values: Sequence[int]) -> None:
        """Try the step of a race with one strike more in it than those that cannot be made."""
        event, tried = race.event, (race.event, race.thread)
        for value in values:
            if not any((r.event, r.thread) == tried and r.value == value for r in self._races):
                self._races.append(Race(event, race.thread, value, race.index, False))

    def _widen(self, race: Race, void: Step) -> None:
        """
        Have a step with a strike inside made before what refuses it, if that is older.

        The step is as one that is blocked where it stands: so its races are looked for.
        """
        instead = race.also or race.event
        if instead.thread != race.thread:
            return
        for earlier in self.history.hindering(instead, race.event, void):
            if not any(earlier is other for other in race.widened):
                race.widened.append(earlier)
                wider = Race(earlier, race.thread, race.value, race.index, False)
                wider.also = instead
                wider.widened = race.widened
                self._races.append(wider)

    def _ran(self, race: Race) -> None:
        """Keep what the step of a race touched where it ran: so it may without the event."""
        index, events = race.index, self.history.events
        if index < len(events) and events[index].value == race.value:
            move = Move(race.thread, race.value)
            self._note(index, move, events[index].footprint, ())

    def _apart(self, race: Race, end: int) -> bool:
        """Tell whether what follows a settled race before `end` is independent of its step."""
        start = max(min(race.apart, self._kept), race.index + 1)
        event, history = race.event, self.history
        if race.alone is None:
            if all(event.precedes(later.clock) for later in history.events[start:end]):
                race.apart = end
                return True
            assert race.lead is not None
            ask, move = self._asking(event.index, (), race), Move(race.thread, race.value)
            try:
                race.alone = race.touches(race.lead) or ask(move, race.lead)
            except Unmakeable:
                race.settled = False
                return False
        for key, mode in race.alone.items():
            conflicts = CONFLICT[mode]
            for later, theirs in reversed(history.accesses.get(key, ())):
                if later.index < start:
                    break
                if conflicts[theirs] and later.index < end and not event.precedes(later.clock):
                    return False
        race.apart = end
        return True

    def _insert(self, race: Race, before: list[Event]) -> bool:
        """
        Have `before`, then the step of the race, explored; raises Unmakeable.

        Returns whether that settles the race: the sequence is covered by steps of its own only.
        """
        index = race.event.index
        node = self.path[index]
        first = before[0].thread if before else race.thread
        if not any(thread.name == first for thread in node.enabled):
            raise Unmakeable  # what it waits for is not there without the event
        last = Move(race.thread, race.value, race.touches(before))
        ask = self._asking(index, (), race)
        covered = False
        try:
            for key, theirs in node.sleep.items():
                at = place(Move(*key, theirs), before, last, ask)
                if at is not None:
                    if at >= 0:
                        if before is race.lead and at < len(before):
                            race.alone = {}
                        return True
                    covered = True
            if covered or self._commutes(race, before, last, ask):
                return False
            steps: list[Known] = [*before]
            return insert(steps, last, node.wut, partial(self._asking, index), sure=race.sure)
        finally:
            if last.footprint is not None:
                race.known, race.base = last.footprint, before

    def _commutes(self, race: Race, before: list[Event], last: Move, ask: Ask) -> bool:
        """
        Tell whether the step turns out to be independent of the event that it raced with.

        A strike inside it may have done something else where it stood; what begins with the event
        is explored below it.
        """
        event = race.event
        if race.sure or race.thread == event.thread:
            return False
        return place(Move(event.thread, event.value, event.footprint), before, last, ask) == -1

    def _asking(self, index: int, path: Sequence[Choice], race: Race | None = None) -> Ask:
        """
        Return how to find out what a move touches after the first `index` events and `path`.

        In a `race` for which it is sure that it can be made, it need not be tried where one knows.
        """

        def ask(move: Move, before: Sequence[Known]) -> Footprint:
            last = Choice(move.thread, move.value)
            steps = (*path, *[Choice(step.thread, step.value) for step in before], last)
            asked = self.path[index].asked
            found: Footprint | Unmakeable | None = asked.get(steps)
            if found is not None:
                if isinstance(found, Unmakeable):
                    raise Unmakeable(found.void)
            else:
                sure = race if race is not None and race.sure else None
                found = self._follows(sure, index, move, before) if sure else None
                if found is None:
                    try:
                        found = self._probe([*self._choices[:index], *steps[:-1]], last)
                    except Unmakeable as refused:
                        asked[steps] = Unmakeable(refused.void)
                        raise
                    if sure:
                        self._note(index, move, found, before)
                asked[steps] = found
            move.footprint = found
            return found

        return ask

    def _follows(
        self, race: Race, index: int, move: Move, before: Sequence[Known]
    ) -> Footprint | None:
        """Return what a step touches after the first `index` events and some more, if known."""
        if move.thread not in self._first:
            return None
        if not race.noted:
            race.noted = True
            self._ran(race)
        step = (move.thread, move.value)
        return self._footprints.find(step, self.history, index, before)

    def _note(self, index: int, move: Move, found: Footprint, before: Sequence[Known]) -> None:
        """Keep what a step touches after the first `index` events and some more."""
        causes = causes_of(move.thread, found, self.history, index, before)
        self._footprints.note((move.thread, move.value), found, causes)

    def _probe(self, choices: Sequence[Choice], last: Choice) -> Footprint:
        """Run a sequence to see what its last step touches; raises Unmakeable."""
        self.probes += 1
        sim = self.program.start()
        sim.marks = {}
        sim.recording = False
        for choice in choices:
            sim.step(sim.by_name[choice.thread], choice.value)
        sim.recording = True
        thread = sim.by_name.get(last.thread)
        if thread is None or not sim.is_enabled(thread) or not _offers(sim, thread, last.value):
            raise Unmakeable
        step = sim.step(thread, last.value)
        if step.inner is not None and step.inner.void:
            raise Unmakeable(step if step.inner.nested else None)  # else the place is not there
        return step.footprint


def _offers(sim: Sim, thread: SimThread | None, value: int) -> bool:
    """Tell whether a step may have a value, as far as one can know before it is made."""
    assert thread is not None
    assert thread.pending is not None
    return value < thread.pending.options(sim) or thread.pending.open_ended()


def _without(guard: tuple[Key, ...], events: list[Event]) -> list[Event]:
    """Drop the events that change something of `guard`, and what happens after those."""
    dropped: list[Event] = []
    kept: list[Event] = []
    for event in events:
        if any(event.footprint.get(key, READ) != READ for key in guard) or any(
            other.precedes(event.clock) for other in dropped
        ):
            dropped.append(event)
        else:
            kept.append(event)
    return kept


def _without_one(events: list[Event], void: Step) -> list[list[Event]]:
    """
    Drop one of the events that may be why a step is void behind them, and what happens after it.

    The latest, of each location that the step has touched, or that would admit what refuses it.
    """
    footprint: dict[Key, Mode] = dict.fromkeys(refusing(void).guard(), WRITE)
    footprint.update(void.footprint)
    dropped: dict[int, Event] = {}
    for key, mode in footprint.items():
        for event in reversed(events):
            theirs = event.footprint.get(key)
            if theirs is not None and CONFLICT[mode][theirs]:
                dropped[event.index] = event
                break
    return [
        [other for other in events if not dropped[index].precedes(other.clock)]
        for index in sorted(dropped, reverse=True)
    ]


def _options(sim: Sim, thread: SimThread | None) -> int:
    assert thread is not None
    assert thread.pending is not None
    return thread.pending.options(sim) if thread.pending.chooses else 1
