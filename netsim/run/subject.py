"""A program that a person wrote as a function, made ready for the explorer, and what it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from netsim.checkers.ending import judge_ending, unfinished
from netsim.core.fault import Report, Site
from netsim.core.raised import kind, own_frames, place, told, written
from netsim.core.sim import Sim
from netsim.core.thread import Life
from netsim.errors import NetsimError, UsageError, escape
from netsim.run.foreign import refuse_foreign
from netsim.run.judge import Judged
from netsim.run.shown import shown
from netsim.trace.schedule import NAME
from netsim.world import World

Build = Callable[..., Any]
"""A function of a `World` and perhaps arguments; returns None, or a function that reads the end."""


@attrs.frozen
class Seen:
    """One outcome: what the reader returned, as text, and who never ended."""

    text: str
    unfinished: tuple[str, ...]


class Subject:
    """A program for the explorer; `sim` is the machine of the latest start."""

    def __init__(self, build: Build, arguments: tuple[Any, ...], *, sites: bool = False) -> None:
        if not callable(build):
            raise UsageError(f"a program is a function of a World; found {build!r}")
        self.build = build
        self.arguments = arguments
        self.sites = sites
        name = getattr(build, "__name__", "program")
        #: How schedules call it.
        self.name = name if NAME.fullmatch(name) else "program"
        self.call = f"{self.name}({', '.join(map(_argument, arguments))})"
        self.sim = Sim()
        self._read: Callable[[], Any] | None = None

    def with_sites(self) -> Subject:
        """Return the same program, recording who makes each plain access (slow)."""
        return Subject(self.build, self.arguments, sites=True)

    def start(self) -> Sim:
        """Build the program on a fresh machine.  Raises UsageError if it cannot be built."""
        self.close()
        self.sim = sim = Sim(sites=self.sites)
        try:
            read = self.build(World(sim), *self.arguments)
        except Exception as error:
            raise UsageError(_cannot_build(self.name, error)) from error
        if read is not None and not callable(read):
            if hasattr(read, "close"):
                read.close()
            raise UsageError(
                f"program {self.name} returned {kind(read)}; expected None, or a "
                "function that reads the outcome at the end (a program is a plain `def`)"
            )
        if not sim.threads:
            raise UsageError(f"program {self.name} has no thread; expected world.thread(function)")
        self._read = read
        sim.recording = True
        return sim

    def roots(self) -> tuple[Any, ...]:
        """Return where the state begins, beside the machine."""
        return (self._read,)

    def close(self) -> None:
        """Throw away what is left of the latest execution."""
        for thread in self.sim.threads:
            thread.discard()

    def judge(self) -> tuple[list[Judged], Seen, Any]:
        """Judge the machine at rest: findings, the outcome, and what the reader returned."""
        sim = self.sim
        sim.recording = False
        refuse_foreign(sim)
        reports = list(sim.reports)
        ending = judge_ending(sim)
        fatal = [report for report in reports if report.fatal]
        judged = [
            Judged(report, "flows", ending.consequences if fatal and report is fatal[0] else ())
            for report in reports
        ]
        judged += [
            Judged(report, "end", () if fatal else ending.consequences) for report in ending.reports
        ]
        stuck = self._stuck()
        value = None
        if not stuck and self._read is not None:
            try:
                value = self._read()
            except Exception as error:
                judged.append(Judged(_at_end(error, sim.steps), "end", ()))
                return judged, Seen(told(error), ()), None
        text = "; ".join(stuck) if stuck else "done" if self._read is None else shown(value)
        return judged, Seen(text, stuck), value

    def _stuck(self) -> tuple[str, ...]:
        """Say of each thread that should have ended and did not what became of it."""
        sim = self.sim
        waiting = unfinished(sim)
        lines = []
        for thread in sim.threads:
            if thread.life is Life.STOPPED:
                lines.append(f"{thread.name} is stopped")
            elif thread in waiting and thread.pending is not None:
                lines.append(f"{thread.name} waits for {thread.pending.waits_for(thread)}")
        return tuple(lines)


def _argument(value: Any) -> str:
    text = written(value)
    if " at 0x" in text:
        text = getattr(value, "__name__", type(value).__name__)
    return escape(text)


def _cannot_build(name: str, error: Exception) -> str:
    frames, _ = own_frames(error)
    where = f"{place(*frames[0])}: " if frames else ""
    text = str(error) if isinstance(error, NetsimError) else told(error)
    return f"program {name} cannot be built: {where}{text}"


def _at_end(error: Exception, steps: int) -> Report:
    frames, _ = own_frames(error)
    code, line = frames[0]
    return Report(
        "bug-on",
        f"at the end: {told(error)}, in {code.co_name}(), {place(code, line)}",
        (f"{code.co_name}+{line - code.co_firstlineno}",),
        (
            Site(
                "asserts" if isinstance(error, AssertionError) else "raises",
                "",
                0,
                code.co_name,
                place(code, line),
            ),
        ),
        "",
        "",
        steps,
        False,
    )
