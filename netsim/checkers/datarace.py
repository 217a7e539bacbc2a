"""
Exact happens-before data-race detection within one execution.

A data race is two plain accesses to one location by different threads, at least one a write,
unordered by real synchronisation: locks, work, completions, RCU, barriers; never by the mere
order in which this execution happened to run.  On one CPU, sections in which no other thread can
take it (`Step.parts`) synchronise by whatever they touch in conflict, where they end: what strikes
amid one is not ordered.

The clocks are those of Djit+ (Pozniansky, Schuster, PPoPP 2003), kept per location as the last
access of each thread.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from netsim.core.access import CONFLICT, MODE_NAMES, WRITE, Footprint, Key, Mode
from netsim.core.fault import Report, Site
from netsim.core.sim import Sim
from netsim.core.step import Step

Clock: TypeAlias = Mapping[str, int]
Last: TypeAlias = dict[str, tuple[int, int, str]]
"""The last access of each thread to one location: (its clock, the step, the function)."""

Plain: TypeAlias = tuple[Key, Mode, str]

_NOTHING: Any = object()


class DataRaces:
    """
    An observer that files a `data-race` report once for each location.

    Every change is logged, so that what a new execution shares with the last need not be seen
    again: it is what is left when the rest has been undone.
    """

    def __init__(self) -> None:
        self.clocks: dict[str, Clock] = {}
        self.released: dict[Key, Clock] = {}
        self.reads: dict[Key, Last] = {}
        self.writes: dict[Key, Last] = {}
        self.reported: dict[Key, Report] = {}
        #: What each thread has touched in its section, on one CPU.
        self.sections: dict[str, Footprint] = {}
        self._log: list[tuple[dict[Any, Any], Any, Any]] = []
        #: Length of the log before each step.
        self._steps: list[int] = []

    def begin(self, sim: Sim, kept: int) -> None:
        """A new execution starts: forget all but the first `kept` steps."""
        if kept < len(self._steps):
            length = self._steps[kept]
            while len(self._log) > length:
                table, key, old = self._log.pop()
                if old is _NOTHING:
                    del table[key]
                else:
                    table[key] = old
            del self._steps[kept:]
        sim.reports += self.reported.values()

    def _set(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        self._log.append((table, key, table.get(key, _NOTHING)))
        table[key] = value

    def stepped(self, sim: Sim, step: Step) -> None:
        """Take in the synchronisation of a step, then judge its plain accesses."""
        self._steps.append(len(self._log))
        if not step.parts:
            if step.sync or step.plain:
                self._judge(sim, step, step.sync, step.plain)
            return
        syncs = plains = 0
        for part in step.parts:
            sync, plain = step.sync[syncs : part.syncs], step.plain[plains : part.plains]
            sync += self._section(step.thread, part.section)
            if sync or plain:
                self._judge(sim, step, sync, plain)
            syncs, plains = part.syncs, part.plains
        if syncs < len(step.sync) or plains < len(step.plain):
            self._judge(sim, step, step.sync[syncs:], step.plain[plains:])

    def _section(self, thread: str, touched: Footprint | None) -> list[tuple[bool, Key]]:
        """Return what orders what a section has `touched`; None: it has ended."""
        seen = self.sections.get(thread, {})
        if touched is None:
            if seen:
                self._set(self.sections, thread, {})
            return [(False, _sections(key, mode)) for key, mode in seen.items()]
        new = {key: mode for key, mode in touched.items() if seen.get(key) != mode}
        if new:
            self._set(self.sections, thread, {**seen, **new})
        return [
            (True, _sections(key, theirs))
            for key, mode in new.items()
            for theirs, conflicts in enumerate(CONFLICT[mode])
            if conflicts
        ]

    def _judge(
        self, sim: Sim, step: Step, sync: Sequence[tuple[bool, Key]], plain: Sequence[Plain]
    ) -> None:
        thread = step.thread
        clock = self.clocks.get(thread) or {thread: 1}
        if sync:
            clock = self._synchronise(thread, clock, sync)
        now = clock[thread]
        for key, mode, function in plain:
            self._against(sim, step, key, mode, function, clock, self.writes)
            if mode == WRITE:
                self._against(sim, step, key, mode, function, clock, self.reads)
            table = self.writes if mode == WRITE else self.reads
            self._set(table.setdefault(key, {}), thread, (now, sim.steps, function))

    def _synchronise(self, thread: str, old: Clock, sync: Sequence[tuple[bool, Key]]) -> Clock:
        clock = dict(old)
        for acquires, key in sync:
            other = self.released.get(key)
            if not acquires:
                self._set(self.released, key, _join(clock, other) if other else dict(clock))
                clock[thread] += 1
            elif other is not None:
                clock = _join(clock, other)
        self._set(self.clocks, thread, clock)
        return clock

    def _against(
        self,
        sim: Sim,
        step: Step,
        key: Key,
        mode: int,
        function: str,
        clock: Clock,
        table: dict[Key, Last],
    ) -> None:
        others = table.get(key)
        if others is None or key in self.reported:
            return
        for name, (time, at, where) in others.items():
            if name == step.thread or clock.get(name, 0) >= time:
                continue
            theirs = "writes" if table is self.writes else "reads"
            mine = "writes" if mode == WRITE else "reads"
            field = f"{key[0]}.{key[1]}"
            thread = sim.by_name[step.thread]
            report = Report(
                "data-race",
                f"{field}: {sim.title(sim.by_name[name])} {theirs} and {sim.title(thread)} "
                f"{mine} it with no synchronisation between them",
                (field,),
                (
                    Site(theirs, name, at, where, ""),
                    Site(mine, step.thread, sim.steps, function, ""),
                ),
                step.thread,
                thread.operation,
                sim.steps,
                False,
            )
            self._set(self.reported, key, report)
            sim.reports.append(report)
            return


def _sections(key: Key, mode: Mode) -> Key:
    """Name what sections publish that touch a location so."""
    return (key[0], f"{key[1]}, {MODE_NAMES[mode]} in a section")


def _join(one: Clock, other: Clock) -> dict[str, int]:
    joined = dict(one)
    for name, time in other.items():
        if joined.get(name, 0) < time:
            joined[name] = time
    return joined
