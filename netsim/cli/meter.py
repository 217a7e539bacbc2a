"""How far a search is, on a terminal."""

from __future__ import annotations

import contextlib
import math
import shutil
import sys
import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from netsim.run.walk import Progress


class Meter:
    """A line on stderr for what takes longer than a second, if a person looks."""

    def __init__(self, unit: str, timeout: float | None = None) -> None:
        self._unit = unit
        self._started = self._since = time.monotonic()
        self._end = None if timeout is None else self._started + timeout
        self._done = 0
        self._shown = 0.0
        self._drawn = False

    def __call__(self, progress: Progress) -> None:
        """Draw the line again if it is time."""
        now = time.monotonic()
        if progress.done < self._done:  # the search has begun again
            self._since = now
        self._done = progress.done
        if not sys.stderr.isatty() or now - self._started < 1 or now - self._shown < 0.2:
            return
        self._shown = now
        self._drawn = True
        self._draw(self._told(progress, now)[: shutil.get_terminal_size().columns - 1])

    def _told(self, progress: Progress, now: float) -> str:
        from netsim.view.report import between

        done, total, band = progress.done, progress.total, progress.band
        if not done or (total is None and band is None):
            return f"{done} {self._unit}"
        low, high = (band.low, band.high) if band is not None else (total or 0, total or 0)
        if total is not None:
            low, high = min(low, total), min(high, total)
        each = (now - self._since) / done
        soon, late = (each * max(many - done, 0) for many in (low, high))
        if self._end is not None:
            soon, late = (min(left, max(self._end - now, 0)) for left in (soon, late))
        part = min(done / math.sqrt(low * high), 1)
        text = f"[{'#' * int(20 * part):<20}] {100 * part:.0f} %  {done} of "
        if low == high:
            return f"{text}{low} {self._unit}, {soon:.0f} s left if all take as long"
        many, left = between(low, high), between(soon, late)
        return f"{text}{many} {self._unit} (estimate), {left} s left"

    def close(self) -> None:
        """Take the line away."""
        if self._drawn:
            self._draw("")

    def _draw(self, text: str) -> None:
        with contextlib.suppress(OSError):
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)
