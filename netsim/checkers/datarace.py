"""
Exact happens-before data-race detection within one execution.

A data race is two plain accesses to one location by different threads, at least one a write,
unordered by real synchronisation: locks, work, completions, RCU, barriers; never by the mere
order in which this execution happened to run.  The clocks are those of Djit+ (Pozniansky,
Schuster, PPoPP 2003), kept per location as the last access of each thread.
"""

from typing import TypeAlias

from netsim.core.access import WRITE, Key
from netsim.core.fault import Report, Site
from netsim.core.sim import Sim, Step

Clock: TypeAlias = dict[str, int]


class DataRaces:
    """An observer that files a `data-race` report once for each location."""

    def __init__(self) -> None:
        self.clocks: dict[str, Clock] = {}
        self.released: dict[Key, Clock] = {}
        self.reads: dict[Key, dict[str, tuple[int, int, str]]] = {}
        self.writes: dict[Key, dict[str, tuple[int, int, str]]] = {}
        self.reported: set[Key] = set()

    def begin(self, sim: Sim) -> None:
        """A new execution starts: forget everything."""
        self.clocks.clear()
        self.released.clear()
        self.reads.clear()
        self.writes.clear()
        self.reported.clear()

    def stepped(self, sim: Sim, step: Step) -> None:
        """Take in the synchronisation of a step, then judge its plain accesses."""
        if not step.sync and not step.plain:
            return
        thread = step.thread
        clock = self.clocks.get(thread)
        if clock is None:
            clock = self.clocks[thread] = {thread: 1}
        for acquires, key in step.sync:
            if acquires:
                other = self.released.get(key)
                if other is not None:
                    for name, time in other.items():
                        if clock.get(name, 0) < time:
                            clock[name] = time
            else:
                merged = self.released.setdefault(key, {})
                for name, time in clock.items():
                    if merged.get(name, 0) < time:
                        merged[name] = time
                clock[thread] += 1
        now = clock[thread]
        for key, mode, function in step.plain:
            self._against(sim, step, key, mode, function, clock, self.writes)
            if mode == WRITE:
                self._against(sim, step, key, mode, function, clock, self.reads)
            table = self.writes if mode == WRITE else self.reads
            table.setdefault(key, {})[thread] = (now, sim.steps, function)

    def _against(
        self,
        sim: Sim,
        step: Step,
        key: Key,
        mode: int,
        function: str,
        clock: Clock,
        table: dict[Key, dict[str, tuple[int, int, str]]],
    ) -> None:
        others = table.get(key)
        if others is None or key in self.reported:
            return
        for name, (time, at, where) in others.items():
            if name == step.thread or clock.get(name, 0) >= time:
                continue
            self.reported.add(key)
            theirs = "writes" if table is self.writes else "reads"
            mine = "writes" if mode == WRITE else "reads"
            field = f"{key[0]}.{key[1]}"
            thread = sim.by_name[step.thread]
            sim.reports.append(
                Report(
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
            )
            return
