"""
What catching is, as values: datagrams in, dumps out.

The engine moves datagrams and prints what came of them.  What is in one, only the catcher of a
design knows (`netsim.design.Design.catching`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import attrs

#: Why bytes of a log are not there: their packet did not come, it came cut off, or the sender
#: sent it without them.
Why = Literal["missing", "truncated", "not-sent"]


@attrs.frozen
class Datagram:
    """
    One UDP datagram, as it was received or captured.

    `source` and `destination` are "address:port".  `time` is in seconds, from any beginning; only
    differences count.  A capture may hold less than was sent: then `whole` is False.
    """

    source: str
    payload: bytes
    time: float = 0.0
    destination: str = "0.0.0.0:0"
    whole: bool = True


@attrs.frozen
class Gap:
    """
    Bytes `start` to `end` (not included) of a log that are not there, and why.

    `packets` are the first and the last packet number that would have brought them.
    """

    start: int
    end: int
    packets: tuple[int, int]
    why: Why


@attrs.frozen
class CaughtDump:
    """
    One dump, as far as it came.

    `packets` is how many different ones it has, `received` how many of these came, `copies` how
    many came with repetitions.  `missing` are ranges of packet numbers, both ends included.
    `pieces` are (offset in the log, bytes), in order, without overlap; between them are the `gaps`.
    Unless `exact`, offsets are upper bounds (the notes say why).  `conflicts` are packet numbers
    that came with different contents.
    """

    source: str
    #: What its header says: (what, value).
    about: tuple[tuple[str, str], ...]
    packets: int
    received: int
    copies: int
    missing: tuple[tuple[int, int], ...]
    pieces: tuple[tuple[int, bytes], ...]
    gaps: tuple[Gap, ...]
    exact: bool
    conflicts: tuple[int, ...]
    notes: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether the log is known from end to end, and beyond doubt."""
        return not self.gaps and not self.conflicts

    def log(self, filler: bytes = b"") -> bytes:
        """Return the log; each byte that is not there is `filler`."""
        parts = list(self.pieces)
        parts += [(gap.start, filler * (gap.end - gap.start)) for gap in self.gaps]
        return b"".join(data for _, data in sorted(parts, key=lambda part: part[0]))


@attrs.frozen
class Refused:
    """Packets refused for one reason: how many, and what was wrong with the first."""

    reason: str
    packets: int
    first: str


@attrs.frozen
class Catch:
    """
    What a catcher made of the datagrams that it got.

    `forgotten` dumps had to go because the limits of the catcher were reached.
    """

    datagrams: int
    dumps: tuple[CaughtDump, ...]
    refused: tuple[Refused, ...]
    forgotten: int = 0
    notes: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether there is a dump, and every dump came whole."""
        return bool(self.dumps) and not self.forgotten and all(dump.whole for dump in self.dumps)


class Catcher(Protocol):
    """Puts dumps together.  Never raises for what is in a datagram; keeps its memory bounded."""

    def feed(self, datagram: Datagram) -> None:
        """Take one datagram, in the order in which they came."""
        ...

    @property
    def complete(self) -> int:
        """How many dumps have come with all their packets so far."""
        ...

    def caught(self) -> Catch:
        """Return what has come so far."""
        ...


@attrs.frozen
class Catching:
    """How what a design sends is caught: the UDP port that it sends to, and a fresh catcher."""

    port: int
    make: Callable[[], Catcher] = attrs.field(repr=False)
