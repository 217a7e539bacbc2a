"""
Lock order over all executions of a search: an observer that predicts, and then decides.

It knows no primitive: that an operation takes a lock, or can block, is what `Op` says; which
locks a thread holds, the thread.  A wait is ended by a step of another thread that changed the
guard so that it admits the waiter; what that thread had to go through before is what the waiter,
with the locks it holds, depends on.  Lockdep has no such edge for completions, reference counts,
grace periods and wait queues (for work items and timers it has: their `lockdep_map`).

Every prediction is then *reached* if the threads of some explored execution wait for each other
so, *unreachable* if none do in a complete search, else *undecided*.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import attrs

from netsim.checkers import ending
from netsim.checkers.lockorder import (
    Edge,
    Need,
    Node,
    Prediction,
    Use,
    predict_cycles,
    predict_irqs,
)
from netsim.checkers.waitfor import Stuck, Waiting, reaches
from netsim.core.access import READ, UNTOLD
from netsim.core.fault import Site
from netsim.core.label import class_of
from netsim.core.op import Op
from netsim.core.sim import Sim, cite
from netsim.core.step import Step
from netsim.core.thread import Context, Life, Mark, SimThread

Decision: TypeAlias = Literal["reached", "unreachable", "undecided"]


_PROCESS = Context.PROCESS

#: Contexts that may strike a thread in each context, if nothing is disabled.
_STRIKES = {
    Context.HARDIRQ: (Context.PROCESS, Context.SOFTIRQ),
    Context.SOFTIRQ: (Context.PROCESS,),
}


class LockDep:
    """
    The class graph of one search; call `finish` at the end of each complete execution.

    `contexts` are the interrupt contexts that are judged.  A program in which bottom halves are
    disabled without saying so (as the models do: `write_lock_bh()` is a `write_lock()` there)
    must not have softirqs judged.
    """

    def __init__(self, contexts: Collection[Context] = (Context.HARDIRQ,)) -> None:
        self.contexts = tuple(context for context in _STRIKES if context in contexts)
        self.needs: dict[Edge, list[Need]] = {}
        self.uses: dict[tuple[Any, ...], Use] = {}
        #: Distinct endings with blocked threads, in the order in which they were first seen.
        self.stuck: dict[Stuck, None] = {}
        #: Threads that ended a wait, by wait.
        self.enders: dict[Node, dict[str, None]] = {}
        #: Who was blocked when the machine was halted: nobody knows who would have ended a wait.
        self.cut_short: dict[Stuck, None] = {}
        self._seen: set[tuple[Any, ...]] = set()
        #: Waits on which something depends, which lead on to what those depend on who end them.
        self._waits: dict[Node, None] = {}
        self._steps: list[Step] = []
        self._classes: dict[str, str] = {}

    # -- Observer ----------------------------------------------------------------------------

    def begin(self, sim: Sim, kept: int) -> None:
        """A new execution starts: what it shares with the last has been seen."""
        del self._steps[kept:]

    def stepped(self, sim: Sim, step: Step) -> None:
        """Look at what the thread holds, has just taken, and wants next."""
        self._steps.append(step)
        thread = sim.by_name[step.thread]
        held = thread.held
        if not held:
            return
        if thread.context is not _PROCESS:
            op = step.op
            if op.takes and op.blocks and held[-1][1][1] == sim.steps:
                self._taken_inside(sim, thread)
        if not thread.irqs_off:
            self._held_outside(sim, thread)
        wanted = thread.pending
        if wanted is not None and wanted.blocks:
            self._wanted(sim, thread, wanted)

    def finish(self, sim: Sim) -> Stuck | None:
        """Take in the end of a complete execution; return who waits for whom if anybody does."""
        if self._waits:
            self._follow_waits(sim)
        if sim.halted:
            blocked = _blocked(sim, [t for t in sim.threads if not t.daemon or t.operation])
            self.cut_short[tuple(self._waiting(sim, thread) for thread in blocked)] = None
        left = _blocked(sim, ending.stuck(sim))
        if not left:
            return None
        for thread in left:
            self._held_up(sim, thread)
        stuck = tuple(self._waiting(sim, thread) for thread in left)
        self.stuck[stuck] = None
        return stuck

    # -- answers -----------------------------------------------------------------------------

    def predictions(self) -> tuple[Prediction, ...]:
        """Return all that could deadlock as far as the order of locks goes, shortest first."""
        return (*predict_cycles(self.needs), *predict_irqs(self.needs, tuple(self.uses.values())))

    def decide(
        self, prediction: Prediction, *, complete: bool, strikers: Collection[str] = ()
    ) -> Decision:
        """
        Tell whether some execution reached what was predicted.

        `complete` says that every class was explored; `strikers` names the threads that were
        explored as interrupts at every place of the threads they strike: without that no search
        decides an irq order.

        A halt may come before a wait is ended; but some execution has it last, when all others have
        ended or are blocked.  If they wait for each other as predicted in none of those, they never
        do; if they do, the halt may have stopped who would have ended it.
        """
        if any(self.reaches(stuck, prediction) for stuck in self.stuck):
            return "reached"
        if prediction.uses and prediction.uses[0].thread not in strikers:
            return "undecided"
        if any(self.reaches(stuck, prediction) for stuck in self.cut_short):
            return "undecided"
        return "unreachable" if complete else "undecided"

    def reaches(self, stuck: Stuck, prediction: Prediction) -> bool:
        """Tell whether the threads of an ending wait for each other as predicted."""
        return reaches(stuck, prediction, self.enders)

    # -- orders ------------------------------------------------------------------------------

    def _class(self, label: str) -> str:
        found = self._classes.get(label)
        if found is None:
            found = self._classes[label] = class_of(label)
        return found

    def _node(self, op: Op) -> Node:
        return Node("" if op.takes else op.name, self._class(op.label()))

    def _add(self, need: Need) -> None:
        self.needs.setdefault(need.edge, []).append(need)
        if need.then.call:
            self._waits[need.then] = None

    def _taken_inside(self, sim: Sim, thread: SimThread) -> None:
        """Note that an interrupt waited for the lock that now stands last in `held`."""
        lock, mark = thread.held[-1]
        key = (lock.name, thread.name, thread.operation, lock.is_shared(thread))
        if key not in self._seen:
            self._seen.add(key)
            for context in self.contexts:
                if thread.context is context:
                    self._use(sim, thread, lock, mark, context, inside=True)

    def _held_outside(self, sim: Sim, thread: SimThread) -> None:
        """Note which interrupts may strike while the thread holds its locks."""
        for lock, mark in thread.held:
            if lock.sleeps:  # no interrupt takes it
                continue
            where = thread.context is _PROCESS or thread.operation
            key = (where, lock.name, thread.name, "outside", lock.is_shared(thread))
            if key not in self._seen:
                self._seen.add(key)
                for context in self.contexts:
                    if thread.context in _STRIKES[context]:
                        self._use(sim, thread, lock, mark, context, inside=False)

    def _use(
        self, sim: Sim, thread: SimThread, lock: Any, mark: Mark, context: Context, *, inside: bool
    ) -> None:
        node = Node("", self._class(lock.name))
        shared = lock.is_shared(thread)
        irq = context.value
        role = f"takes {node} in {irq}" if inside else f"holds {node} with {irq}s enabled since"
        site = _place(sim, mark, role)
        self.uses.setdefault(
            (node, context, inside, shared, thread.name),
            Use(node, context, inside, shared, thread.name, sim.title(thread), site),
        )

    def _wanted(self, sim: Sim, thread: SimThread, op: Op) -> None:
        """Add an edge from each lock that the thread holds to what it is about to wait for."""
        held = thread.held
        label = op.label()
        key: tuple[Any, ...] = (thread.name, type(op), label)
        for lock, _ in held:
            key += (lock.name, lock.is_shared(thread))
        if key in self._seen:
            return
        self._seen.add(key)
        if op.takes and any(lock.name == label for lock, _ in held):
            return  # recursion: legal for readers, else reported as such when it happens
        then = self._node(op)
        site = sim.site_of(thread, f"{_verb(then)} {then}")
        gates: tuple[str, ...] = ()
        for lock, mark in held:
            together = lock.is_shared(thread)
            first = Node("", self._class(lock.name))
            self._add(
                Need(
                    first,
                    then,
                    thread.name,
                    sim.title(thread),
                    together,
                    op.shares,
                    gates,
                    (_place(sim, mark, f"holds {first} since"), site),
                )
            )
            if not together:
                gates = (*gates, lock.name)

    # -- waits -------------------------------------------------------------------------------

    def _follow_waits(self, sim: Sim) -> None:
        """Find who ended, or would have ended, the waits that matter, and what that took."""
        waits: dict[Node, list[tuple[int, str, Op]]] = {}
        for index, step in enumerate(self._steps):
            if step.op.blocks and not step.op.takes:
                waits.setdefault(self._node(step.op), []).append((index, step.thread, step.op))
        for thread in sim.threads:
            op = thread.pending
            if op is not None and op.blocks and not op.takes:
                waits.setdefault(self._node(op), []).append((len(self._steps), thread.name, op))
        done: set[Node] = set()
        while todo := [node for node in self._waits if node not in done]:
            for node in todo:
                done.add(node)
                for at, waiter, op in waits.get(node, ()):
                    for start, end in self._ends(op, waiter, at):
                        self._ended(sim, node, start, end)

    def _ends(self, op: Op, waiter: str, at: int) -> Iterator[tuple[int, int]]:
        """
        Yield the steps that ended the wait `op` of a thread, performed as step `at`.

        Each comes with the step at which its thread had begun what the wait is for: the one that
        made the guard refuse the waiter, if the same thread did, else 0.
        """
        if not op.exact:
            keys = op.guard()
            since = max((i for i in range(at) if self._steps[i].thread == waiter), default=0)
            for index in range(since, min(at, len(self._steps))):
                step = self._steps[index]
                if any(step.footprint.get(key, READ) != READ for key in keys):
                    yield 0, index
            return
        for key in op.guard():
            touching = [
                i
                for i, step in enumerate(self._steps)
                if step.before.get(key, UNTOLD) is not UNTOLD
            ]
            refused = -1
            for index, after in pairwise(touching):
                before = op.admits(key, self._steps[index].before[key], waiter)
                then = op.admits(key, self._steps[after].before[key], waiter)
                thread = self._steps[index].thread
                if before and not then:
                    refused = index
                elif then and not before and thread != waiter:
                    mine = refused >= 0 and self._steps[refused].thread == thread
                    yield refused if mine else 0, index

    def _ended(self, sim: Sim, node: Node, start: int, end: int) -> None:
        """The thread of step `end` ended a wait: it needed what it waited for since `start`."""
        name = self._steps[end].thread
        thread = sim.by_name[name]
        self.enders.setdefault(node, {})[name] = None
        ending = self._steps[end].op
        for index in range(start, end):
            step = self._steps[index]
            op = step.op
            if step.thread != name or not op.blocks or op.idles:
                continue
            then = self._node(op)
            key = (node, then, name, op.shares)
            if key in self._seen or then == node:
                continue
            self._seen.add(key)
            marks = sim.marks.get(index + 1)
            function, source = cite(marks[-1][2]) if marks else ("", "")
            sites = (
                Site(f"ends {node} by {ending.call()}", name, 0, "", ""),
                Site(f"{_verb(then)} {then}", name, 0, function, source),
            )
            self._add(_need_of_ender(sim, node, then, thread, op, sites))

    def _held_up(self, sim: Sim, waiter: SimThread) -> None:
        """Add what those need who would end the wait of a thread and, blocked too, never do."""
        op = waiter.pending
        assert op is not None
        if op.takes:
            return
        node = self._node(op)
        for thread in op.blockers(sim):
            wanted = thread.pending
            if wanted is None or not wanted.blocks or wanted.idles:
                continue
            then = self._node(wanted)
            key = (node, then, thread.name, wanted.shares)
            if key in self._seen or then == node:
                continue
            self._seen.add(key)
            site = sim.site_of(thread, f"{_verb(then)} {then}")
            self._add(_need_of_ender(sim, node, then, thread, wanted, (site,)))

    # -- endings -----------------------------------------------------------------------------

    def _waiting(self, sim: Sim, thread: SimThread) -> Waiting:
        op = thread.pending
        assert op is not None
        return Waiting(
            thread.name,
            thread.cpu,
            thread.context,
            self._node(op),
            tuple(sorted((blocker.name, blocker.cpu) for blocker in op.blockers(sim))),
        )


def _blocked(sim: Sim, threads: Sequence[SimThread]) -> list[SimThread]:
    return [
        thread
        for thread in threads
        if thread.life is Life.LIVE
        and thread.pending is not None
        and not thread.pending.enabled(sim, thread)
    ]


def _need_of_ender(
    sim: Sim, node: Node, then: Node, thread: SimThread, op: Op, sites: tuple[Site, ...]
) -> Need:
    title = sim.title(thread) if thread.flow else thread.name
    return Need(node, then, thread.name, title, False, op.shares, (), sites)


def _verb(node: Node) -> str:
    return "waits in" if node.call else "acquires"


def _place(sim: Sim, mark: Mark, role: str) -> Site:
    """Cite a place without its step: those of a prediction are of several executions."""
    return attrs.evolve(sim.site_at(mark, role), step=0)
