"""
Byte arrays of simulated code: on a stack or in static data, of a size that is never exceeded.

Each byte knows whether something was written to it.  Reading one that was not is a finding
(`uninitialised`), and so is any access outside (`out-of-bounds`); each once for a place in the
code, and of a byte only the first read, since it has a value then.  The code goes on: a byte that
was not written is `fill`; outside, where it is up to a compiler what lies there, writes are lost
and reads give NUL, so that what looks for an end finds one.
"""

from typing import Any, Final

from netsim.core.sim import Sim
from netsim.core.thread import Mark

#: What a byte that was never written reads as, unless it is chosen otherwise: what compilers fill
#: them with to make mistakes show (-ftrivial-auto-var-init=pattern).  It is no NUL, no digit, no
#: letter, no blank and no comma, so that text without an end does not end there by luck.
PATTERN: Final = 0xAA


class Buffer:
    """
    `size` bytes called `name`, none of them written yet.

    `fill` is what unwritten bytes read as.  It belongs to one thread at a time: accesses are no
    part of a footprint.
    """

    __slots__ = ("_data", "_told", "_written", "fill", "name", "sim", "size")

    def __init__(self, sim: Sim, name: str, size: int, fill: int = PATTERN) -> None:
        self.sim = sim
        self.name = name
        self.size = size
        self.fill = fill
        self._data = bytearray(size)
        self._written = bytearray(size)
        #: What was reported: (kind, place).
        self._told: list[tuple[str, Any]] = []

    def __repr__(self) -> str:
        return f"{self.name}[{self.size}]"

    def canonical(self, sim: Sim) -> tuple[Any, ...]:
        """Return the contents; what was reported is in the reports."""
        return (self.name, self.size, self.fill, bytes(self._data), bytes(self._written))

    def __getitem__(self, at: int) -> int:
        """Return the byte at offset `at`, which may be anything."""
        if not 0 <= at < self.size:
            self._report("out-of-bounds", "reads", at)
            return 0
        if not self._written[at]:
            self._report("uninitialised", "reads", at)
            self[at] = self.fill
        return self._data[at]

    def __setitem__(self, at: int, byte: int) -> None:
        """Write the byte at offset `at`, which may be anything."""
        if not 0 <= at < self.size:
            self._report("out-of-bounds", "writes", at)
            return
        self._data[at] = byte
        self._written[at] = 1

    def put(self, data: bytes, at: int = 0) -> None:
        """Write bytes one after the other, from offset `at` on."""
        end = at + len(data)
        if at >= 0 and end <= self.size:
            self._data[at:end] = data
            self._written[at:end] = b"\1" * len(data)
            return
        for index, byte in enumerate(data, at):
            self[index] = byte

    def get(self, length: int, at: int = 0) -> bytes:
        """Return `length` bytes from offset `at` on."""
        end = at + length
        if at >= 0 and end <= self.size and all(self._written[at:end]):
            return bytes(self._data[at:end])
        return bytes(self[index] for index in range(at, end))

    def _report(self, kind: str, verb: str, at: int) -> None:
        sim = self.sim
        assert sim.current is not None, "a buffer is used by running code"
        mark: Mark = sim.mark()
        place = (kind, mark[2])
        if place in self._told:
            return
        self._told.append(place)
        what = "is outside" if kind == "out-of-bounds" else "was never written"
        sim.report(
            kind,
            f"{sim.title(sim.current)} {verb} byte {at} of {self.name} ({self.size} bytes), "
            f"which {what}",
            objects=(self.name,),
            sites=(sim.site_at(mark, verb),),
        )
