"""
Findings that some of their operations show without the others, under an id of its own.

The id of an outcome that no order gives has its operations in it.  So each operation that runs
beside such a pair makes another finding, which tells a reader nothing; unless no smaller cell from
the same start shows one of its kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from netsim.results import Cell, Finding

KIND = "not-serialisable"


def bystanders(findings: Iterable[Finding], cells: Sequence[Cell]) -> dict[str, str]:
    """
    Map the id of each finding with a bystander, in all its cells, to that of one without.

    `findings` and `cells` are those of one design.
    """
    of_kind = {finding.id for finding in findings if finding.kind == KIND}
    small: dict[tuple[str, tuple[str, ...]], str] = {}
    own: dict[str, list[Cell]] = {}
    for cell in cells:
        for identity in cell.findings:
            if identity in of_kind:
                small.setdefault(_place(cell, cell.operations), identity)
                own.setdefault(identity, []).append(cell)
    found: dict[str, str] = {}
    for identity, mine in own.items():
        without = [_without(cell, small) for cell in mine]
        if all(without):
            found[identity] = next(one for one in without if one is not None)
    # Of a chain, only its end has no bystander.
    return {identity: _end(identity, found) for identity in found}


def _without(cell: Cell, small: dict[tuple[str, tuple[str, ...]], str]) -> str | None:
    for size in range(1, len(cell.operations)):
        for some in combinations(cell.operations, size):
            if identity := small.get(_place(cell, some)):
                return identity
    return None


def _place(cell: Cell, operations: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    return cell.start, tuple(sorted(operations))


def _end(identity: str, found: dict[str, str]) -> str:
    while identity in found:
        identity = found[identity]
    return identity
