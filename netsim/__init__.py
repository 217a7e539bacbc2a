"""
netsim: explore every interleaving of kernel target managers, deterministically.

>>> import netsim
>>> netsim.check("netoops-v1", "read || read").verdict.value
'holds'

What is imported here is cheap; the rest is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from netsim._version import __version__

if TYPE_CHECKING:
    from netsim.design import Design, Operation, Parameter, Part, StartingPoint, Variant
    from netsim.errors import (
        CounterexampleFound,
        FileError,
        NetsimError,
        NotationError,
        ReplayDiverged,
        TraceVersionError,
        UsageError,
    )
    from netsim.notation import Scenario, parse
    from netsim.promise import Answer, Broken, Promise, Shown
    from netsim.results import (
        Bounds,
        Finding,
        MatrixResult,
        Options,
        Plan,
        ProgramFinding,
        ProgramOutcome,
        ProgramReplay,
        ProgramResult,
        ReplayResult,
        Result,
        Verdict,
    )
    from netsim.run.check import check
    from netsim.run.explore import explore
    from netsim.run.matrix import matrix
    from netsim.run.registry import available, load
    from netsim.run.replay import replay
    from netsim.run.replay_program import replay_program
    from netsim.run.walk import Progress
    from netsim.trace.schedule import Schedule
    from netsim.world import World

_HOMES = {
    "Answer": "promise",
    "Bounds": "results",
    "Broken": "promise",
    "CounterexampleFound": "errors",
    "Design": "design",
    "FileError": "errors",
    "Finding": "results",
    "MatrixResult": "results",
    "NetsimError": "errors",
    "NotationError": "errors",
    "Operation": "design",
    "Options": "results",
    "Parameter": "design",
    "Part": "design",
    "Plan": "results",
    "ProgramFinding": "results",
    "ProgramOutcome": "results",
    "ProgramReplay": "results",
    "ProgramResult": "results",
    "Progress": "run.walk",
    "Promise": "promise",
    "ReplayDiverged": "errors",
    "ReplayResult": "results",
    "Result": "results",
    "Scenario": "notation",
    "Schedule": "trace.schedule",
    "Shown": "promise",
    "StartingPoint": "design",
    "TraceVersionError": "errors",
    "UsageError": "errors",
    "Variant": "design",
    "Verdict": "results",
    "World": "world",
    "available": "run.registry",
    "check": "run.check",
    "explore": "run.explore",
    "load": "run.registry",
    "matrix": "run.matrix",
    "parse": "notation",
    "replay": "run.replay",
    "replay_program": "run.replay_program",
}

__all__ = [
    "Answer",
    "Bounds",
    "Broken",
    "CounterexampleFound",
    "Design",
    "FileError",
    "Finding",
    "MatrixResult",
    "NetsimError",
    "NotationError",
    "Operation",
    "Options",
    "Parameter",
    "Part",
    "Plan",
    "ProgramFinding",
    "ProgramOutcome",
    "ProgramReplay",
    "ProgramResult",
    "Progress",
    "Promise",
    "ReplayDiverged",
    "ReplayResult",
    "Result",
    "Scenario",
    "Schedule",
    "Shown",
    "StartingPoint",
    "TraceVersionError",
    "UsageError",
    "Variant",
    "Verdict",
    "World",
    "__version__",
    "available",
    "check",
    "explore",
    "load",
    "matrix",
    "parse",
    "replay",
    "replay_program",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'netsim' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"netsim.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
