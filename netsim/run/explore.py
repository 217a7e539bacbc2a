"""explore(): every class of executions of a program that a person wrote, judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import attrs

from netsim._version import __version__
from netsim.checkers.ending import unfinished
from netsim.core.sim import Choice
from netsim.explorer.events import History
from netsim.explorer.loop import Execution
from netsim.results import Bounds, Options, ProgramFinding, ProgramOutcome, ProgramResult, Verdict
from netsim.run.awaited import all_awaited
from netsim.run.judge import Judged
from netsim.run.replay_program import plain_finding, told
from netsim.run.subject import Build, Seen, Subject
from netsim.run.trial import (
    STEPS_MAX,
    Endless,
    StepsMax,
    mistaken,
    nondeterministic,
    try_out,
    why_endless,
)
from netsim.run.walk import Candidate, Listener, Walk, check_bounds, shortest
from netsim.trace.schedule import Schedule
from netsim.view.program import program_report

_T = TypeVar("_T")

#: How many of the smallest executions of a finding, or an outcome, are brought into normal form.
KEPT = 8


@attrs.define(eq=False)
class _Exploration(Walk[Subject]):
    """
    A walk through the executions of a program, with its outcomes.

    How few preemptions a class can do with shows only in its normal form, so that of the
    executions of a finding, and of an outcome, several are kept: smallest first.
    """

    showing: dict[str, list[Candidate]] = attrs.Factory(dict)
    outcomes: dict[Seen, tuple[Any, list[Candidate]]] = attrs.Factory(dict)

    def _judge(self, execution: Execution) -> None:
        judged, seen, value = self.program.judge()
        self.executions += 1
        self.deadlocked += bool(unfinished(execution.sim))
        candidate = Candidate(execution.schedule, execution.switches(), None)
        _keep(self.outcomes.setdefault(seen, (value, []))[1], candidate)
        for one in judged:
            self.note(one, execution)
            _keep(self.showing.setdefault(one.id, []), candidate)


def _keep(best: list[Candidate], candidate: Candidate) -> None:
    """Put a candidate among the smallest, if it is one of them."""
    if len(best) == KEPT and best[-1].size() <= candidate.size():
        return
    best.append(candidate)
    best.sort(key=Candidate.order)
    del best[KEPT:]


def explore(
    program: Build,
    *arguments: Any,
    bounds: Bounds | None = None,
    first: bool = False,
    progress: Listener | None = None,
) -> ProgramResult:
    """
    Explore every class of executions of a program, and judge each.

    A program is a function of a `World` (and `arguments`): it makes what the threads share and
    the threads, the same each time it is called, and may return a function that reads the
    outcome once all have ended.  The verdict is VIOLATED if something was found (a failed
    assertion or any other exception of a thread, a deadlock, a data race ...), else HOLDS if
    the search was complete, else UNKNOWN.  `first` stops at the first finding.  Ctrl-C gives
    the partial result.  Raises UsageError, with its file and line, for a program that makes no
    sense: one that cannot be built, differs from run to run, or awaits what is not netsim's.
    """
    bounds = bounds or Bounds()
    check_bounds(bounds)
    subject = Subject(program, arguments)
    try:
        with all_awaited():
            return _explored(subject, bounds, first, progress)
    finally:
        subject.close()


def _explored(
    subject: Subject, bounds: Bounds, first: bool, progress: Listener | None
) -> ProgramResult:
    try_out(subject)
    walk = _Exploration(subject, bounds, observers=(StepsMax(),))
    notes: list[str] = []
    try:
        walk.explore(first, progress)
    except Endless as endless:
        walk.cut_by = "steps"
        notes.append(
            f"an execution did not end within {STEPS_MAX} steps (thread {endless} ran last); "
            + why_endless(subject)
        )
    except (AttributeError, AssertionError, KeyError) as error:
        raise mistaken(subject, error) from error
    findings = [_finding(subject, i, some) for i, some in walk.showing.items()]
    findings.sort(key=lambda f: (f.kind, f.preemptions, f.steps, f.id))
    findings = [told(subject, found, n) for n, found in enumerate(findings, 1)]
    if findings:
        verdict = Verdict.VIOLATED
    else:
        verdict = Verdict.HOLDS if walk.complete else Verdict.UNKNOWN
    outcomes = [_outcome(subject, seen, *found) for seen, found in walk.outcomes.items()]
    outcomes.sort(key=lambda o: (bool(o.unfinished), o.text))
    result = ProgramResult(
        netsim=__version__,
        program=subject.call,
        verdict=verdict,
        complete=walk.complete,
        cut_by=walk.cut_by,
        bounds=bounds,
        executions=walk.executions,
        blocked=walk.blocked,
        deadlocked=walk.deadlocked,
        steps=walk.steps,
        findings=tuple(findings),
        outcomes=tuple(outcomes),
        notes=tuple(notes),
    )
    return attrs.evolve(result, report=program_report(result))


def _schedule(subject: Subject, choices: Sequence[Choice], digest: str) -> str:
    taken = tuple((choice.thread, choice.value) for choice in choices)
    return str(Schedule(subject.name, subject.call, Options(), taken, digest))


def _smallest(
    subject: Subject,
    candidates: Sequence[Candidate],
    shows: Callable[[Execution, History], _T | None],
) -> tuple[Candidate, _T, str]:
    """Return the best schedule of all classes of the candidates; see `shortest`."""
    best: tuple[Candidate, _T, str] | None = None
    for candidate in candidates:
        found = shortest(subject, candidate, shows)
        if found is None:
            raise nondeterministic(subject)
        if best is None or found[0].beats(best[0]):
            best = found
    assert best is not None, "what was seen was seen in some execution"
    return best


def _finding(subject: Subject, identity: str, candidates: Sequence[Candidate]) -> ProgramFinding:
    again = subject.with_sites()

    def shows(_e: Execution, _h: History) -> Judged | None:
        return next((one for one in again.judge()[0] if one.id == identity), None)

    small, judged, digest = _smallest(again, candidates, shows)
    again.close()
    schedule = _schedule(subject, small.schedule, digest)
    return plain_finding(judged, schedule, len(small.schedule), small.weight)


def _outcome(
    subject: Subject, seen: Seen, value: Any, candidates: Sequence[Candidate]
) -> ProgramOutcome:
    def shows(_e: Execution, _h: History) -> Seen | None:
        return seen if subject.judge()[1] == seen else None

    small, _, digest = _smallest(subject, candidates, shows)
    return ProgramOutcome(
        text=seen.text,
        unfinished=seen.unfinished,
        schedule=_schedule(subject, small.schedule, digest),
        steps=len(small.schedule),
        preemptions=small.weight,
        value=value,
    )
