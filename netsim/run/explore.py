"""explore(): every class of executions of a program that a person wrote, judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import attrs

from netsim._version import __version__
from netsim.checkers.ending import unfinished
from netsim.core.canonical import Unseen
from netsim.core.step import Choice
from netsim.errors import UsageError
from netsim.explorer.events import History
from netsim.explorer.fairness import fair, lasso
from netsim.explorer.graph import StateGraph, TimeRead
from netsim.explorer.loop import Execution, Exploration, execute
from netsim.explorer.normal import Recorder
from netsim.results import (
    CLASSES,
    Bounds,
    Options,
    ProgramFinding,
    ProgramOutcome,
    ProgramResult,
    Verdict,
)
from netsim.run.awaited import all_awaited
from netsim.run.digest import Digest
from netsim.run.hidden import refuse_hidden
from netsim.run.judge import Judged
from netsim.run.livelock import STATES_MAX, Repeats, Watch, looping, verdict_of
from netsim.run.minimal import look
from netsim.run.replay_program import plain_finding, told
from netsim.run.subject import Build, Seen, Subject
from netsim.run.trial import (
    STEPS_MAX,
    Endless,
    mistaken,
    nondeterministic,
    try_out,
    why_endless,
)
from netsim.run.walk import OVERTIME, Candidate, Listener, Walk, check_bounds, shortest
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
    #: Ctrl-C came while schedules were made small: the rest are told as they were found.
    hurried: bool = False
    #: Searched instead of the classes, which are not finite.
    graph: StateGraph | None = None

    def _strategy(self) -> Exploration:
        return self.graph or super()._strategy()

    def _judge(self, execution: Execution) -> None:
        if self.graph is None:
            self.executions += 1
            self.deadlocked += bool(unfinished(execution.sim))
        self.take(execution)

    def take(self, execution: Execution) -> None:
        """Judge an execution, and keep it where it is among the smallest."""
        judged, seen, value = self.program.judge()
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
    if bounds.preemptions is not None:
        raise UsageError(
            "explore() runs one execution of every class, and takes no bound on preemptions; "
            "expected one on executions, steps or seconds"
        )
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
    walk = _Exploration(subject, bounds, observers=(Watch(subject),))
    notes: list[str] = []
    loops: list[ProgramFinding] = []
    covered = CLASSES
    started = time.monotonic()
    try:
        try:
            walk.explore(first, progress)
        except Repeats:
            covered, loops = _graph(walk, started, first, progress)
            notes += walk.notes
    except Endless as endless:
        walk.cut_by = "steps"
        notes.append(
            f"an execution did not end within {STEPS_MAX} steps (thread {endless} ran last); "
            + why_endless(subject)
        )
    except (AttributeError, AssertionError, KeyError) as error:
        raise mistaken(subject, error) from error
    _refuse_hidden(walk)
    findings = [*_findings(walk, covered), *loops]
    findings.sort(key=lambda f: (f.kind, f.preemptions, f.steps, f.id))
    findings = [told(subject, found, n) for n, found in enumerate(findings, 1)]
    if findings:
        verdict = Verdict.VIOLATED
    else:
        verdict = Verdict.HOLDS if walk.complete else Verdict.UNKNOWN
    outcomes = [_outcome(walk, seen, *found) for seen, found in walk.outcomes.items()]
    if walk.hurried:
        notes.append("an interrupt came before every schedule was made small")
    elif walk.overtime:
        notes.append(OVERTIME)
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
        estimate=(walk.band.low, walk.band.high) if walk.band is not None else None,
        covered=covered,
    )
    return attrs.evolve(result, report=program_report(result))


def _refuse_hidden(walk: _Exploration) -> None:
    try:
        refuse_hidden(walk.program, [some[0].schedule for _, some in walk.outcomes.values()])
    except KeyboardInterrupt:
        walk.hurried = True


def _graph(
    walk: _Exploration, started: float, first: bool, progress: Listener | None
) -> tuple[str, list[ProgramFinding]]:
    """
    Go on with the graph of all states: what was covered ("" if not all), and fair loops.

    What it finds goes to the walk; its counts do not, for they tell of states, not of classes.
    """
    subject, bounds = walk.program, walk.bounds
    if bounds.seconds is not None:
        left = max(bounds.seconds - (time.monotonic() - started), 0.001)
        bounds = attrs.evolve(bounds, seconds=left)
    graph = StateGraph(subject.roots, STATES_MAX)
    search = attrs.evolve(walk, bounds=bounds, graph=graph, observers=(), complete=False)
    try:
        search.explore(first, progress)
    except (Unseen, TimeRead) as error:
        why = f"part of one is not seen: {error}" if str(error) else "a thread looks at the time"
        walk.cut_by = "steps"
        walk.notes = (f"some executions never end, and their states cannot be compared: {why}",)
        return "", []
    walk.cut_by = search.cut_by
    if not search.complete:
        walk.notes = ("some executions never end; not all states were searched",)
        return "", []
    for way in graph.ends():
        search.take(execute(subject, Recorder(way)))
    loops = [_loop(subject, graph, component) for component in fair(graph.graph)]
    covered, walk.notes = verdict_of(graph, bool(loops))
    walk.complete = bool(covered)
    walk.cut_by = None if covered else "steps"
    return covered, loops


def _loop(subject: Subject, graph: StateGraph, component: Sequence[int]) -> ProgramFinding:
    """Make the finding of a fair loop: the steps that lead there, and the loop once."""
    prefix, loop = lasso(graph.graph, component)
    found = looping(subject, [*prefix, *loop])
    digest = Digest()
    execution = execute(subject, Recorder([*prefix, *loop]), (digest,))
    if found is None:
        raise nondeterministic(subject)
    schedule = _schedule(subject, execution.schedule, digest.text)
    return plain_finding(found.judged, schedule, len(execution.schedule), execution.preemptions)


def _schedule(subject: Subject, choices: Sequence[Choice], digest: str) -> str:
    taken = tuple((choice.thread, choice.value) for choice in choices)
    return str(Schedule(subject.name, subject.call, Options(), taken, digest))


def _smallest(
    subject: Subject,
    candidates: Sequence[Candidate],
    shows: Callable[[Execution, History], _T | None],
    hurry: Callable[[], bool],
    normal: bool = True,
) -> tuple[Candidate, _T, str]:
    """Return the best schedule of all classes of the candidates; see `shortest`."""
    best: tuple[Candidate, _T, str] | None = None
    for candidate in candidates:
        if best is not None and hurry():
            break
        found = shortest(subject, candidate, shows, alone=not normal, hurry=hurry)
        if found is None:
            raise nondeterministic(subject)
        if best is None or found[0].beats(best[0]):
            best = found
    assert best is not None, "what was seen was seen in some execution"
    return best


def _small(
    walk: _Exploration,
    subject: Subject,
    candidates: Sequence[Candidate],
    shows: Callable[[Execution, History], _T | None],
) -> tuple[Candidate, _T, str]:
    """Return what `_smallest` does, or without time for it the smallest execution that was run."""
    if not (walk.hurried or walk.hurry()):
        try:
            return _smallest(subject, candidates, shows, walk.hurry)
        except KeyboardInterrupt:
            walk.hurried = True
    # The smallest of those that were run.
    return _smallest(subject, candidates[:1], shows, walk.hurry, normal=False)


def _findings(walk: _Exploration, covered: str) -> list[ProgramFinding]:
    """Return what was found, each with its smallest schedule if that can be had; as `smallest`."""
    findings = {i: _finding(walk, i, some) for i, some in walk.showing.items()}
    if not findings or not walk.complete or covered != CLASSES or walk.hurried:
        return list(findings.values())
    subject = walk.program
    known = {f.id: (f.preemptions, f.steps) for f in findings.values()}
    try:
        found, proved = look(subject, lambda _e, _h: subject.judge()[0], known, walk.hurry)
        for identity, candidate in found.items():
            made = _finding(walk, identity, [candidate])
            findings[identity] = attrs.evolve(made, minimal=identity in proved)
    except KeyboardInterrupt:
        walk.hurried = True
    return list(findings.values())


def _finding(walk: _Exploration, identity: str, candidates: Sequence[Candidate]) -> ProgramFinding:
    subject = walk.program
    again = subject.with_sites()

    def shows(_e: Execution, _h: History) -> Judged | None:
        return next((one for one in again.judge()[0] if one.id == identity), None)

    try:
        small, judged, digest = _small(walk, again, candidates, shows)
    finally:
        again.close()
    schedule = _schedule(subject, small.schedule, digest)
    return plain_finding(judged, schedule, len(small.schedule), small.weight)


def _outcome(
    walk: _Exploration, seen: Seen, value: Any, candidates: Sequence[Candidate]
) -> ProgramOutcome:
    subject = walk.program

    def shows(_e: Execution, _h: History) -> Seen | None:
        return seen if subject.judge()[1] == seen else None

    small, _, digest = _small(walk, subject, candidates, shows)
    return ProgramOutcome(
        text=seen.text,
        unfinished=seen.unfinished,
        schedule=_schedule(subject, small.schedule, digest),
        steps=len(small.schedule),
        preemptions=small.weight,
        value=value,
    )
