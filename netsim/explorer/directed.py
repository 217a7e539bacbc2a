"""
Directed search: lead threads to where they would show what was predicted, and let them meet there.

After RaceFuzzer (Sen, *Race Directed Random Testing of Concurrent Programs*, PLDI 2008) and
DeadlockFuzzer (Joshi, Park, Sen, Naik, *A Randomized Dynamic Program Analysis Technique for
Detecting Real Deadlocks*, PLDI 2009): a thread that has come to its place of the goal is postponed
until all others stand at theirs.  Other than there, the first tries at a goal draw nothing: they
differ in who is led to its place first, and in whether threads that have no place go before.
"""

import random
from collections.abc import Callable, Iterator, Sequence

import attrs

from netsim.core.label import class_of
from netsim.core.sim import Sim
from netsim.core.step import Choice
from netsim.core.thread import SimThread
from netsim.explorer.walk import RandomWalk


@attrs.frozen
class Stand:
    """
    A place of a thread: it is about to perform an operation and holds a lock.

    `call` is the operation's name, "" for any that takes a lock, None for any at all; `label` is
    the class of its object, `holds` that of a lock ("": none is needed).  The thread stands there
    after it has gone by `passes` times.
    """

    thread: str
    call: str | None
    label: str
    holds: str = ""
    passes: int = 0

    def fits(self, thread: SimThread) -> bool:
        """Tell whether the thread is at such a place now, however often it has gone by."""
        op = thread.pending
        if op is None:
            return False
        if self.holds and all(class_of(lock.name) != self.holds for lock, _ in thread.held):
            return False
        if self.call is None:
            return True
        return self.call == ("" if op.takes else op.name) and self.label == class_of(op.label())


@attrs.frozen
class Goal:
    """Places of different threads, at which all of them are to stand at one time."""

    stands: tuple[Stand, ...]

    def orders(self) -> Iterator[tuple[str, ...]]:
        """Yield orders of the threads: of two or three all, of more each with each one first."""
        names = tuple(stand.thread for stand in self.stands)
        for some in dict.fromkeys((names, names[::-1])):
            for first in range(len(names)):
                yield some[first:] + some[:first]


class Directed(RandomWalk):
    """
    Tries at each of the goals in turn; `goals` tells before every execution which are left.

    The first and then each `walks`-th execution is a random walk (0: none is), and so are all if
    there is no goal.  Reaching a goal is no finding: what follows from it is for others to judge.
    """

    def __init__(
        self, rng: random.Random, goals: Callable[[], Sequence[Goal]], walks: int = 4
    ) -> None:
        super().__init__(rng)
        self.goals = goals
        self.walks = walks
        #: How often each goal was tried.
        self.tries: dict[Goal, int] = {}
        #: How often all threads of a goal stood at their places.
        self.met = 0
        self._begun = 0
        self._goal: Goal | None = None
        #: The threads of the goal, who is led first first; those that have yet to go on from there.
        self._order: tuple[str, ...] = ()
        self._leaving: list[str] = []
        self._passed: dict[str, int] = {}
        self._others_first = False
        #: True if everything that the goal leaves open is drawn.
        self._drawn = True
        self._last = ""

    def begin(self, sim: Sim) -> Sequence[Choice]:
        """Take the goal that was tried least, and the next way to try it."""
        self._goal = None
        self._drawn = True
        self._leaving = []
        self._passed = {}
        self._last = ""
        walk = self.walks and self._begun % self.walks == 0
        self._begun += 1
        goals = () if walk else self.goals()
        if goals:
            goal = min(goals, key=lambda goal: self.tries.get(goal, 0))
            number = self.tries[goal] = self.tries.get(goal, 0) + 1
            self._plan(goal, number - 1)
        return ()

    def _plan(self, goal: Goal, number: int) -> None:
        orders = list(dict.fromkeys(goal.orders()))
        ways = [(order, first) for first in (False, True) for order in orders]
        self._drawn = number >= len(ways)
        self._order, self._others_first = (
            (self.rng.choice(orders), False) if self._drawn else ways[number]
        )
        self._goal = goal

    def choose(self, sim: Sim, enabled: Sequence[SimThread]) -> tuple[SimThread, int] | None:
        """Draw the value chosen for a step, too, unless this try draws nothing."""
        if self._drawn:
            return super().choose(sim, enabled)
        return self.pick(sim, enabled), 0

    def pick(self, sim: Sim, enabled: Sequence[SimThread]) -> SimThread:
        """Return who goes on: nobody who stands at his place, as long as that is possible."""
        thread = self._led(sim, enabled) if self._goal is not None else self._any(enabled)
        self._last = thread.name
        return thread

    def _led(self, sim: Sim, enabled: Sequence[SimThread]) -> SimThread:
        assert self._goal is not None
        standing = [stand.thread for stand in self._goal.stands if self._at(sim, stand)]
        if len(standing) == len(self._goal.stands):
            self.met += 1
            self._goal = None
            self._leaving = list(self._order)
            return self._any(enabled)
        free = [thread for thread in enabled if thread.name not in standing]
        if not free:  # who stands keeps the others from their places
            thread = min(enabled, key=lambda thread: self._order.index(thread.name))
            self._passed[thread.name] = self._passed.get(thread.name, 0) + 1
            return thread
        led = self.rng.choice(free) if self._drawn else min(free, key=self._rank)
        for stand in self._goal.stands:
            if stand.thread == led.name and stand.fits(led):
                self._passed[led.name] = self._passed.get(led.name, 0) + 1
        return led

    def _at(self, sim: Sim, stand: Stand) -> bool:
        thread = sim.by_name.get(stand.thread)
        if thread is None or self._passed.get(stand.thread, 0) < stand.passes:
            return False
        return stand.fits(thread)

    def _rank(self, thread: SimThread) -> tuple[bool, int, bool]:
        """Sort who is free: threads of the goal in their order, and of others who ran last."""
        mine = thread.name in self._order
        place = self._order.index(thread.name) if mine else 0
        return (mine is self._others_first, place, thread.name != self._last)

    def _any(self, enabled: Sequence[SimThread]) -> SimThread:
        """Return who goes on where nobody is led: from the goal each by one step, then anybody."""
        while self._leaving:
            name = self._leaving.pop(0)
            for thread in enabled:
                if thread.name == name:
                    return thread
        if self._drawn:
            return self.rng.choice(enabled)
        return next((thread for thread in enabled if thread.name == self._last), enabled[0])

    def finish(self, sim: Sim) -> None:
        """Count, and see whether all stand at their places because none can go on."""
        super().finish(sim)
        if self._goal is not None and all(self._at(sim, stand) for stand in self._goal.stands):
            self.met += 1

    def notes(self) -> Sequence[str]:
        """Say what was tried, and that a sample proves nothing."""
        tries, goals = sum(self.tries.values()), len(self.tries)
        text = (
            f"directed search is a sample: {tries} executions were directed at {goals} places to "
            f"meet, {self.met} met there; what it did not find may be there all the same"
        )
        return (text,)
