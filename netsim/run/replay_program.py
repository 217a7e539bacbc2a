"""replay_program(): one stored schedule of a program again, verified and told in columns."""

from __future__ import annotations

from typing import Any

import attrs

from netsim.checkers.datarace import DataRaces
from netsim.core.sim import Sim
from netsim.core.step import Choice
from netsim.design import Design
from netsim.errors import UsageError
from netsim.explorer.loop import execute
from netsim.results import ProgramFinding, ProgramReplay
from netsim.run.digest import Digest
from netsim.run.judge import Judged, finding
from netsim.run.livelock import Looping, looping
from netsim.run.replay import Follower, divergence
from netsim.run.subject import Build, Subject
from netsim.run.trial import StepsMax
from netsim.trace.schedule import Schedule
from netsim.view.program import replay_report
from netsim.view.report import finding_report


def _no_boot(_sim: Sim) -> Any:
    raise AssertionError("a program is built, not booted")


#: A program accepts no loss, has no operations, and is not booted.
_NOTHING = Design("program", "", _no_boot, {}, (), ())


def replay_program(program: Build, schedule: Schedule | str, *arguments: Any) -> ProgramReplay:
    """
    Run one execution of a program again, verified at each step.

    Its text is the story in columns; `diverged` says where the schedule no longer fits.  Raises
    UsageError if it was recorded with another program or other arguments, FileError if its text
    is damaged.
    """
    if isinstance(schedule, str):
        schedule = Schedule.parse(schedule)
    subject = Subject(program, arguments, sites=True)
    if schedule.scenario != subject.call:
        raise UsageError(
            f"the schedule is one of {schedule.scenario}; found {subject.call}: "
            "expected the same program and arguments"
        )
    return _replay(subject, schedule)


def _replay(subject: Subject, schedule: Schedule) -> ProgramReplay:
    follower, digest, races = Follower(schedule.choices, None), Digest(), DataRaces()
    execution = execute(subject, follower, (digest, races, StepsMax()))
    loop = _looping(subject, schedule, len(execution.schedule), execution.complete)
    if loop is not None:
        follower.diverged = None  # it goes on, but to where it was
    diverged = divergence(follower, schedule, digest)
    events = follower.story(execution.sim)
    found: dict[str, ProgramFinding] = {}
    outcome: tuple[tuple[str, str], ...] = ()
    if diverged is None and execution.complete:
        judged, seen, _ = subject.judge()
        outcome = (("outcome", seen.text),)
        for one in judged:
            size = (len(execution.schedule), execution.preemptions)
            made = plain_finding(one, str(schedule), *size)
            found.setdefault(made.id, made)
    if diverged is None and loop is not None:
        size = (len(execution.schedule), execution.preemptions)
        made = plain_finding(loop.judged, str(schedule), *size)
        found[made.id] = made
        outcome = (("outcome", f"never ends: from step {loop.step} on all steps repeat"),)
    subject.close()
    result = ProgramReplay(
        design=subject.name,
        scenario=subject.call,
        reproduced=bool(found),
        diverged=diverged,
        findings=tuple(found.values()),
        events=events,
        outcome=outcome,
        loop=loop.step if loop is not None else 0,
    )
    return attrs.evolve(result, story=replay_report(result))


def _looping(subject: Subject, schedule: Schedule, steps: int, complete: bool) -> Looping | None:
    """Tell whether a schedule that was followed to its end leads back to where it was."""
    if complete or steps != len(schedule.choices):
        return None
    again = Subject(subject.build, subject.arguments)
    try:
        return looping(again, [Choice(thread, value) for thread, value in schedule.choices])
    finally:
        again.close()


def plain_finding(judged: Judged, schedule: str, steps: int, preemptions: int) -> ProgramFinding:
    """Make the finding that a result shows, without its story."""
    made = finding(judged, _NOTHING, (), schedule, steps, preemptions)
    sites = tuple(  # what a docstring says is no place in a kernel
        site if site.role in ("asserts", "raises") else attrs.evolve(site, source="")
        for site in made.sites
    )
    values = {field.name: getattr(made, field.name) for field in attrs.fields(type(made))}
    return ProgramFinding(**{**values, "sites": sites})


def told(subject: Subject, found: ProgramFinding, number: int) -> ProgramFinding:
    """Return the finding with its story."""
    told = _replay(subject.with_sites(), Schedule.parse(found.schedule))
    arguments = "".join(f", {text}" for text in _arguments(subject))
    story = finding_report(
        found, number, told, lambda s: f"netsim.replay_program({subject.name}, {s!r}{arguments})"
    )
    return attrs.evolve(found, story=story)


def _arguments(subject: Subject) -> list[str]:
    inner = subject.call[len(subject.name) + 1 : -1]
    return [inner] if inner else []
