"""A checksum over who ran, who could have, and what it did: tells a diverging replay."""

import zlib

from netsim.core.sim import Sim
from netsim.core.step import Step


class Digest:
    """An observer that sums up an execution; `text` has eight hexadecimal digits."""

    def __init__(self) -> None:
        self._crc = 0

    def begin(self, sim: Sim, kept: int) -> None:
        """Start over; sums up whole executions only."""
        assert not kept
        self._crc = 0

    def stepped(self, sim: Sim, step: Step) -> None:
        """Take in one step."""
        line = f"{step.thread}\0{step.op.call()}\0{step.op.label()}\0{step.choice}\n"
        for one in step.follows:
            line += f"{one.op.call()}\0{one.op.label()}\n"
        self._crc = zlib.crc32(line.encode(), self._crc)

    @property
    def text(self) -> str:
        """Return the checksum so far."""
        return f"{self._crc:08x}"
