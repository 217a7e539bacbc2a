"""
Designs by name, from the entry-point group ``netsim.designs``, or by the user's own file.

`NAME+VARIANT` is a design with something added that it declares (`Design.variants`).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import reduce
from importlib.metadata import EntryPoint, entry_points

from netsim.core.raised import kind
from netsim.design import Design
from netsim.errors import UsageError
from netsim.run.own import is_file, load_file
from netsim.run.vet import vet

GROUP = "netsim.designs"


def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda p: p.name)}


def available() -> tuple[str, ...]:
    """Return the names of all installed designs, sorted."""
    return tuple(_points())


def load(name: str) -> Design:
    """
    Return the design called `name`, or the one of the file `name`, which is run.

    Raises UsageError with the nearest known name if there is none, or if it cannot be loaded;
    FileError, with the line, for a file that declares none that makes sense.
    """
    return load_file(name) if is_file(name) else load_installed(name)


def _split(name: str, points: Mapping[str, EntryPoint]) -> tuple[str, list[str]]:
    """Split `NAME+A+B` into the longest name that is installed, and the variants after it."""
    parts = name.split("+")
    for count in range(len(parts) - 1, 0, -1):
        base = "+".join(parts[:count])
        if base in points:
            return base, parts[count:]
    return name, []


def load_installed(name: str) -> Design:
    """Return the design called `name`; raises as `load` does, and for the name of a file."""
    if is_file(name):
        raise UsageError(
            f"the schedule names the file {name[:60]!r}, which is not run on its word; "
            "name the file yourself: netsim replay --design FILE ..."
        )
    points = _points()
    point = points.get(name)
    if point is None:
        base, added = _split(name, points)
        if added:
            return reduce(Design.varied, added, load_installed(base))
        near = difflib.get_close_matches(name, points, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        shown = name if len(name) <= 60 else name[:57] + "..."
        raise UsageError(
            f"no design is called {shown!r}{hint}\n"
            f"  expected one of: {', '.join(points) or 'none'}; one of a file of your own is "
            "named by that file (netsim check FILE.py; netsim replay --design FILE.py)"
        )
    try:
        design = point.load()
    except Exception as error:
        raise UsageError(
            f"design {name} cannot be loaded from {point.value}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(design, Design):
        raise UsageError(f"design {name} at {point.value} is {kind(design)}, no Design")
    vet(design)
    return design
