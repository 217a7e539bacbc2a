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
    from netsim.design import Design, Operation, Parameter, StartingPoint
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
    from netsim.results import (
        Bounds,
        Finding,
        MatrixResult,
        Options,
        Plan,
        ReplayResult,
        Result,
        Verdict,
    )
    from netsim.run.check import Progress, check
    from netsim.run.matrix import matrix
    from netsim.run.registry import available, load
    from netsim.run.replay import replay
    from netsim.trace.schedule import Schedule

_HOMES = {
    "Bounds": "results",
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
    "Plan": "results",
    "Progress": "run.check",
    "ReplayDiverged": "errors",
    "ReplayResult": "results",
    "Result": "results",
    "Scenario": "notation",
    "Schedule": "trace.schedule",
    "StartingPoint": "design",
    "TraceVersionError": "errors",
    "UsageError": "errors",
    "Verdict": "results",
    "available": "run.registry",
    "check": "run.check",
    "load": "run.registry",
    "matrix": "run.matrix",
    "parse": "notation",
    "replay": "run.replay",
}

__all__ = [
    "Bounds",
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
    "Plan",
    "Progress",
    "ReplayDiverged",
    "ReplayResult",
    "Result",
    "Scenario",
    "Schedule",
    "StartingPoint",
    "TraceVersionError",
    "UsageError",
    "Verdict",
    "__version__",
    "available",
    "check",
    "load",
    "matrix",
    "parse",
    "replay",
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
