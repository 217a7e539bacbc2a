"""What one execution shows to the outside: results, what left the machine, probes, who hangs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from netsim.checkers.ending import unfinished
from netsim.core.thread import Life
from netsim.run.program import Run, ScenarioProgram, Unfinished


@attrs.frozen
class Observed:
    """
    An outcome, comparable.

    `results` has an entry for each operation of each flow, in order: its result, or None with the
    flow in `hung` if it never ended.  After a halt only `dumps` count.
    """

    results: tuple[tuple[int, str, str | None], ...]
    hung: tuple[int, ...]
    dumps: tuple[str, ...]
    probes: tuple[tuple[str, str], ...]
    halted: bool
    failed: tuple[int, ...]

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
    for number, flow in enumerate(program.scenario.flows, 1):
        done = run.results[number]
        for index, call in enumerate(flow.calls):
            if index < len(done):
                if isinstance(done[index], int) and done[index] < 0:
                    failed.append(len(results))
                results.append((number, str(call), show(done[index], errors)))
            else:
                results.append((number, str(call), None))
        if sim.by_name[str(number)].life is not Life.DONE:
            hung.append(number)
    dumps = tuple(run.system.dumps())
    if sim.halted:
        return Observed((), (), dumps, (), True, ())
    probes = []
    for index, name in enumerate(program.design.probes):
        before = len(run.system.dumps())
        result = program.probe(name, f"probe{index}")
        text = (
            f"never ends: waits for {result.waits}"
            if isinstance(result, Unfinished)
            else show(result, errors)
        )
        after = list(run.system.dumps()[before:])
        probes.append((name, "; ".join([text, *after]) if after else text))
    return Observed(tuple(results), tuple(hung), dumps, tuple(probes), False, tuple(failed))


def show(result: Any, errors: Mapping[int, str]) -> str:
    """Write a result as a user sees it."""
    if result is None:
        return "done"
    if isinstance(result, int) and result < 0:
        return f"-{errors.get(-result, -result)}"
    if isinstance(result, str):
        return repr(result)
    return str(result)


__all__ = ["Observed", "observe", "show", "unfinished"]
