"""What steps are known to touch where they never ran: as much as follows from where they did."""

from collections import deque
from collections.abc import Sequence
from operator import is_
from typing import TypeAlias

from netsim.core.access import CONFLICT, WRITE, Footprint
from netsim.core.sim import MACHINE, TIME
from netsim.explorer.events import History
from netsim.explorer.wakeup import Known

Causes: TypeAlias = Sequence[Known | None]

#: So many footprints of one step are kept.
KEPT = 16


class Footprints:
    """
    The footprints of steps, each with the events that decided it.

    A step does the same wherever its thread stands where it stood, and each location that it
    touches has the same changes behind it: reads change nothing, and a change that commutes with
    its own is none to it.  Events are compared by identity, so that nothing need be forgotten when
    an execution is.  What moves the time or ends the machine hangs on all others, and is left out.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], deque[tuple[Footprint, Causes]]] = {}

    def note(self, step: tuple[str, int], footprint: Footprint, causes: Causes) -> None:
        """Keep what a step touched after some events."""
        if TIME not in footprint and MACHINE not in footprint:
            self._known.setdefault(step, deque(maxlen=KEPT)).append((footprint, causes))

    def find(
        self, step: tuple[str, int], history: History, index: int, before: Sequence[Known]
    ) -> Footprint | None:
        """Return what a step touches after the first `index` events and `before`, if it follows."""
        for footprint, causes in self._known.get(step, ()):
            found = causes_of(step[0], footprint, history, index, before)
            if len(found) == len(causes) and all(map(is_, found, causes)):
                return footprint
        return None


def causes_of(
    thread: str,
    footprint: Footprint,
    history: History,
    index: int,
    before: Sequence[Known],
) -> Causes:
    """
    Return the events that decide what a step does, after the first `index` ones and `before`.

    First the one before it of its own thread (None: none), then what changed what it touches.
    """
    mine = (event for event in reversed(before) if event.thread == thread)
    earlier = (e for e in reversed(history.last.get(thread, ())) if e.index < index)
    causes: list[Known | None] = [next(mine, None) or next(earlier, None)]
    for key, mode in footprint.items():
        conflicts = CONFLICT[mode]
        for event in reversed(before):
            theirs = event.footprint.get(key)
            if theirs and conflicts[theirs]:
                causes.append(event)
                if theirs == WRITE:
                    break
        else:
            for event, theirs in reversed(history.accesses.get(key, ())):
                if event.index < index and theirs and conflicts[theirs]:
                    causes.append(event)
                    if theirs == WRITE:
                        break
    return causes
