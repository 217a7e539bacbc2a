"""A catch as a JSON document: `netsim-catch`, version 1; no clock, path or host of ours in it."""

from __future__ import annotations

import base64
import json
from typing import Any

from netsim._version import __version__
from netsim.caught import Catch, CaughtDump

FORMAT, VERSION = "netsim-catch", 1


def dump_catch(design: str, catch: Catch) -> str:
    """Return the document of a catch."""
    whole = {
        "format": FORMAT,
        "version": VERSION,
        "netsim": __version__,
        "design": design,
        "datagrams": catch.datagrams,
        "dumps": [_dump(dump) for dump in catch.dumps],
        "refused": [
            {"reason": one.reason, "packets": one.packets, "first": one.first}
            for one in catch.refused
        ],
        "forgotten": catch.forgotten,
        "notes": list(catch.notes),
        "whole": catch.whole,
    }
    return json.dumps(whole, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _dump(dump: CaughtDump) -> dict[str, Any]:
    return {
        "source": dump.source,
        "about": dict(dump.about),
        "packets": dump.packets,
        "received": dump.received,
        "copies": dump.copies,
        "missing": [list(pair) for pair in dump.missing],
        "pieces": [
            {"start": start, "base64": base64.b64encode(data).decode()}
            for start, data in dump.pieces
        ],
        "gaps": [
            {"start": gap.start, "end": gap.end, "packets": list(gap.packets), "why": gap.why}
            for gap in dump.gaps
        ],
        "exact": dump.exact,
        "conflicts": list(dump.conflicts),
        "notes": list(dump.notes),
        "whole": dump.whole,
    }
