"""
Another schedule of the same class, with fewer switches: the order in which people read.

Only independent steps are swapped, so the execution is equal up to Mazurkiewicz equivalence.
Runs of one thread are kept as long as the happens-before relation allows.
"""

from collections.abc import Iterator, Sequence
from itertools import permutations

from netsim.core.sim import Sim
from netsim.core.step import Choice, Step
from netsim.core.thread import SimThread
from netsim.explorer.events import History
from netsim.explorer.loop import Program, execute

#: More threads than this are tried in one order only, not in all.
PERMUTED_MAX = 4


class Recorder:
    """A strategy that follows a schedule and keeps the history of events."""

    def __init__(self, schedule: Sequence[Choice]) -> None:
        self.schedule = schedule
        self.history = History()
        self._next = 0

    def begin(self, sim: Sim) -> Sequence[Choice]:
        """Start over."""
        self._next = 0
        self.history = History()
        return ()

    def forced(self, sim: Sim) -> tuple[SimThread, int] | None:
        """Nothing is known without looking at what is enabled."""
        return None

    def choose(self, sim: Sim, enabled: Sequence[SimThread]) -> tuple[SimThread, int] | None:
        """Follow the schedule; give up at its end, or where it cannot be followed."""
        if self._next >= len(self.schedule):
            return None
        choice = self.schedule[self._next]
        self._next += 1
        thread = sim.by_name.get(choice.thread)
        return (thread, choice.value) if thread in enabled and thread is not None else None

    def stepped(self, sim: Sim, step: Step) -> None:
        """Keep the event."""
        self.history.append(step)


def equivalents(program: Program, schedule: Sequence[Choice]) -> Iterator[list[Choice]]:
    """
    Yield schedules of the same class as `schedule`, each running threads as long as possible.

    They differ in which thread goes first where there is a choice.  If the machine halts at the
    end, those that leave out what need not come before that are first: prefixes of the class.
    The caller must run them to know their preemptions, and what they show.
    """
    recorder = Recorder(schedule)
    execution = execute(program, recorder)
    events = recorder.history.events
    if len(events) != len(schedule):
        return
    if execution.sim.halted:
        clock = events[-1].clock
        needed = [c for c, e in zip(schedule, events, strict=True) if e.precedes(clock)]
        if len(needed) < len(schedule):
            yield needed
            yield from equivalents(program, needed)
    values = [choice.value for choice in schedule]
    threads = list(dict.fromkeys(event.thread for event in events))
    orders: Iterator[tuple[str, ...]] = (
        permutations(threads) if len(threads) <= PERMUTED_MAX else iter([tuple(threads)])
    )
    seen: set[tuple[int, ...]] = set()
    for order in orders:
        placed = tuple(_greedy(recorder.history, order))
        if placed not in seen:
            seen.add(placed)
            yield [Choice(events[index].thread, values[index]) for index in placed]


def upside_down(history: History) -> list[Choice]:
    """Return a schedule of the class of an execution where the last thread goes on when it can."""
    events = history.events
    order = list(dict.fromkeys(event.thread for event in reversed(events)))
    chosen = _greedy(history, order, stays=False) if order else ()
    return [Choice(events[at].thread, events[at].value) for at in chosen]


def _greedy(history: History, order: Sequence[str], *, stays: bool = True) -> Iterator[int]:
    """Linearise the partial order; if it `stays`, with a thread while its next event is there."""
    queues = {thread: [e for e in history.events if e.thread == thread] for thread in order}
    placed: dict[str, int] = dict.fromkeys(order, 0)
    current = order[0]
    for _ in history.events:
        for thread in (current, *order) if stays else order:
            at = placed[thread]
            if at == len(queues[thread]):
                continue
            event = queues[thread][at]
            if all(
                placed[other] >= local for other, local in event.clock.items() if other != thread
            ):
                current = thread
                placed[thread] += 1
                yield event.index
                break
