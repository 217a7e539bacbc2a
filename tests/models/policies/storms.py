"""Storms on one machine, one operation after the other: which dumps leave it."""

from __future__ import annotations

from netsim.notation import parse
from netsim.results import Cell, Options
from netsim.run import matrix
from netsim.run.program import ScenarioProgram, settle
from netsim.run.registry import load

#: Where a dump is delivered.
READY = "set 10.0.0.1; neigh-reply 10.0.0.1"


def dumps(design: str, operations: str, initial: str = READY) -> list[str]:
    """Run operations one after the other; return the reasons of the dumps that were delivered."""
    scenario = parse(f"{{ {initial} }} {operations}")
    program = ScenarioProgram(load(design), scenario, Options())
    settle(program.start())
    assert not program.run.unreached
    told = program.run.system.dumps()
    assert all(line.endswith(": delivered") for line in told)
    return [line.split()[0] for line in told]


def compared(design: str, scenario: str) -> Cell:
    """Explore a scenario on a design, and count all executions."""
    (cell,) = matrix([design], scenarios=[scenario]).cells
    assert cell.complete
    assert cell.tallied
    return cell


def between(cell: Cell, name: str) -> tuple[int, int]:
    """Return the least and the most of a number."""
    (found,) = [tally for tally in cell.tallies if tally.name == name]
    return found.least, found.most
