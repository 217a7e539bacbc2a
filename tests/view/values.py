"""Results made by hand, as the views get them."""

from typing import Any

from netsim.results import (
    Bounds,
    Cell,
    Difference,
    Event,
    Finding,
    MatrixFinding,
    MatrixResult,
    Nearest,
    Options,
    ReplayResult,
    Result,
    Site,
    Start,
    Verdict,
)

SCHEDULE = "netsim-schedule 1 toy 1*2,2 #00112233 -- a || b"


def finding(**changes: Any) -> Finding:
    """Return a finding; the simplest one unless told otherwise."""
    values: dict[str, Any] = {
        "id": "0123456789ab",
        "kind": "use-after-free",
        "status": "reached",
        "where": "flows",
        "message": "flow 1 (a) reads box/0.1.lid, which close() of flow 2 has freed",
        "flows": ("1", "2"),
        "operations": ("a", "b"),
        "objects": ("box/0.1",),
        "sites": (
            Site("reads", "1", 3, "look < a", "drivers/toy.c:look()"),
            Site("freed", "2", 2, "close < b", "drivers/toy.c:close()"),
        ),
        "schedule": SCHEDULE,
        "steps": 3,
        "preemptions": 1,
        "minimal": False,
    }
    return Finding(**{**values, **changes})


RECURSION = finding(
    id="00000000000a",
    kind="recursive-lock",
    message="flow 1 (a) waits for big_lock, which it holds itself",
    objects=("big_lock",),
    sites=(
        Site("acquires", "1", 9, "lock_all < notify < a", "drivers/toy.c:lock_all()"),
        Site("holds since", "1", 2, "lock_all < a", "drivers/toy.c:lock_all()"),
    ),
)
DEADLOCK = finding(
    id="00000000000b",
    kind="deadlock",
    message="flow 1 (a) holds A and waits for B; flow 2 (b) holds B and waits for A",
    objects=("A", "B"),
    sites=(
        Site("acquires B", "1", 0, "first < a", "drivers/toy.c:first()"),
        Site("holds A since", "1", 2, "first < a", "drivers/toy.c:first()"),
        Site("acquires A", "2", 0, "second < b", "drivers/toy.c:second()"),
        Site("holds B since", "2", 3, "second < b", "drivers/toy.c:second()"),
    ),
    consequences=("flow 3 (c) then waits for ever for A, held by 1",),
)
UNSERIALISABLE = finding(
    id="00000000000c",
    kind="not-serialisable",
    where="end",
    message="a succeeded, b succeeded, yet the target is armed",
    objects=("a", "b"),
    sites=(),
    nearest=Nearest(("1: a", "2: b"), (Difference("then read", "'off'", "'on'"),)),
)


def result(**changes: Any) -> Result:
    """Return the result of a check: HOLDS unless told otherwise."""
    values: dict[str, Any] = {
        "netsim": "0",
        "design": "toy",
        "scenario": "a || b",
        "start": "reached",
        "options": Options(),
        "verdict": Verdict.HOLDS,
        "complete": True,
        "cut_by": None,
        "bounds": Bounds(),
        "executions": 12,
        "blocked": 0,
        "deadlocked": 0,
        "steps": 99,
        "findings": (),
        "outcomes": (),
    }
    return Result(**{**values, **changes})


def event(step: int, thread: str = "1", call: str = "spin_lock A", **changes: Any) -> Event:
    """Return one step of a replay."""
    operation = {"1": "a", "2": "b"}.get(thread, "")
    values: dict[str, Any] = {"changes": (), "enabled": (thread,), "findings": ()}
    return Event(step, thread, operation, "look", call, **{**values, **changes})


def replayed(*events: Event) -> ReplayResult:
    """Return a replay with these steps."""
    return ReplayResult("toy", "a || b", True, None, (), events)


def cell(design: str, *operations: str, **changes: Any) -> Cell:
    """Return a cell that holds unless told otherwise."""
    values: dict[str, Any] = {
        "start": "empty",
        "scenario": " || ".join(operations),
        "verdict": Verdict.HOLDS,
        "complete": True,
        "executions": 2,
    }
    values |= {"decided": "classes" if changes.get("complete", True) else None, **changes}
    return Cell(design=design, operations=operations, **values)


def matrix(*cells: Cell, findings: tuple[MatrixFinding, ...] = (), **changes: Any) -> MatrixResult:
    """Return a matrix of these cells."""
    values: dict[str, Any] = {
        "netsim": "0",
        "designs": tuple(dict.fromkeys(c.design for c in cells)) or ("toy",),
        "flows": 2,
        "options": Options(),
        "starts": (Start("empty", ""), Start("set", "set 10.0.0.1")),
        "operations": tuple(dict.fromkeys(o for c in cells for o in c.operations)),
        "complete": all(c.complete for c in cells),
        "decided": all(c.decided for c in cells),
        "executions": sum(c.executions for c in cells),
        "steps": 100,
        "findings": findings,
        "cells": cells,
    }
    return MatrixResult(**{**values, **changes})
