"""What one execution shows to the outside: results, what left the machine, probes, who hangs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import attrs

from netsim.checkers.ending import stranded, unfinished
from netsim.core.raised import kind, written
from netsim.core.thread import Life
from netsim.errors import UsageError
from netsim.run.program import Run, ScenarioProgram, Unfinished, Untold
from netsim.run.shown import shown


@attrs.frozen
class Observed:
    """
    An outcome, comparable.

    `results` has an entry for each operation of each flow, in order: its result, or None with the
    flow in `hung` if it never ended.  After a halt only `dumps` count.

    `killed` are the numbers of the operations that a strike killed amid their work, `untold` the
    probes that met a lock which a killed flow holds; `stranded` tells that a flow waits for ever
    for one, and `undone` that work does.
    """

    results: tuple[tuple[int, str, str | None], ...]
    hung: tuple[int, ...]
    dumps: tuple[str, ...]
    probes: tuple[tuple[str, str], ...]
    halted: bool
    failed: tuple[int, ...]
    killed: tuple[int, ...] = ()
    untold: tuple[str, ...] = ()
    stranded: bool = False
    undone: bool = False

    def agrees(self, order: Observed) -> bool:
        """
        Tell whether a sequential outcome shows the same, where this one shows anything.

        Nobody gets the result of a killed operation: it may have taken effect or not.
        """
        if not (self.killed or self.untold):
            return self == order
        return (
            self.hung == order.hung
            and self.dumps == order.dumps
            and self.same_results(order.results, ())
            and self.same_probes(order)
        )

    def same_probes(self, order: Observed) -> bool:
        """Tell whether the probes give the same, where they give anything."""
        theirs = dict(order.probes)
        return all(name in self.untold or theirs.get(name) == v for name, v in self.probes)

    def unended(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the operations that flows which never end are in, and those after these."""
        left = [i for i, (_, _, value) in enumerate(self.results) if value is None]
        first = {self.results[i][0]: i for i in reversed(left)}
        under_way = tuple(i for i in left if i in first.values())
        return under_way, tuple(i for i in left if i not in under_way)

    def same_results(
        self,
        theirs: Sequence[tuple[int, str, str | None]],
        left_out: Collection[int],
        untold: Collection[int] = (),
    ) -> bool:
        """
        Tell whether all operations but those `left_out` ended alike.

        Killed ones may differ, and those that are `untold`.
        """
        mine = [(i, r) for i, r in enumerate(self.results) if i not in left_out]
        return len(mine) == len(theirs) and all(
            one[1:] == other[1:]
            or ((index in self.killed or index in untold) and one[1] == other[1])
            for (index, one), other in zip(mine, theirs, strict=True)
        )

    def silent(self) -> set[str]:
        """Return the lines that say nothing about the design: what became of the killed."""
        gone = set(self.killed)
        names = set(self.untold)
        if self.stranded:
            gone.update(*self.unended())
            names.update(name for name, _ in self.probes)
        return {f"flow {self.results[i][0]}: {self.results[i][1]}" for i in gone} | {
            f"then {name}" for name in names
        }

    def lines(self) -> tuple[tuple[str, str], ...]:
        """Return the outcome as (what, value) pairs, in words."""
        if self.halted:
            return (("dumps", "; ".join(self.dumps) or "none"), ("machine", "stopped"))
        rows = [
            (f"flow {flow}: {text}", "never ends" if value is None else value)
            for flow, text, value in self.results
        ]
        rows.append(("dumps", "; ".join(self.dumps) or "none"))
        rows += [(f"then {name}", value) for name, value in self.probes]
        return tuple(rows)


def observe(program: ScenarioProgram) -> Observed:
    """Read the outcome of the machine that has just come to rest; runs the probes on it."""
    run: Run = program.run
    sim = run.sim
    sim.recording = False
    errors = program.design.errors
    results: list[tuple[int, str, str | None]] = []
    failed: list[int] = []
    hung: list[int] = []
    killed: list[int] = []
    for number, flow in enumerate(program.scenario.flows, 1):
        done = run.results[number]
        thread = sim.by_name[str(number)]
        dead = thread.life is Life.KILLED
        for index, call in enumerate(flow.calls):
            if index < len(done):
                if isinstance(done[index], int) and done[index] < 0:
                    failed.append(len(results))
                results.append((number, str(call), show(done[index], errors)))
            elif dead:
                under_way = index == len(done) and bool(thread.operation)
                if under_way:
                    killed.append(len(results))
                results.append((number, str(call), "killed" if under_way else "not begun"))
            else:
                results.append((number, str(call), None))
        if not dead and thread.life is not Life.DONE:
            hung.append(number)
    dumps = _dumps(run)
    if sim.halted:
        return Observed((), (), dumps, (), True, ())
    left = stranded(sim)
    probes = []
    untold = []
    sent = len(dumps)
    for index, name in enumerate(program.design.probes):
        result = program.probe(name, f"probe{index}")
        if isinstance(result, Untold):
            untold.append(name)
            text = f"not told: it meets {result.locks}, held by who was killed"
        elif isinstance(result, Unfinished):
            text = f"never ends: waits for {result.waits}"
        else:
            text = show(result, errors)
        after = _dumps(run)
        probes.append((name, "; ".join([text, *after[sent:]])))
        sent = len(after)
    return Observed(
        tuple(results),
        tuple(hung),
        dumps,
        tuple(probes),
        False,
        tuple(failed),
        tuple(killed),
        tuple(untold),
        bool(left),
        any(not thread.flow for thread in left),
    )


def show(result: Any, errors: Mapping[int, str]) -> str:
    """Write a result as a user sees it."""
    if result is None:
        return "done"
    if isinstance(result, int) and result < 0:
        return f"-{errors.get(-result, -result)}"
    if isinstance(result, str):
        return repr(result)
    return shown(result, str)


def _dumps(run: Run) -> tuple[str, ...]:
    dumps = run.system.dumps()
    if not isinstance(dumps, (list, tuple)) or not all(isinstance(dump, str) for dump in dumps):
        raise UsageError(
            f"dumps() of {kind(run.system)} returned {written(dumps)}; "
            "expected a list of strings: what has left the machine"
        )
    return tuple(dumps)


__all__ = ["Observed", "observe", "show", "unfinished"]
