"""check(): every class of executions of one scenario, judged."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

import attrs

from netsim._version import __version__
from netsim.checkers.datarace import DataRaces
from netsim.checkers.ending import unfinished
from netsim.core.sim import Choice
from netsim.design import Design
from netsim.errors import UsageError
from netsim.explorer.events import History
from netsim.explorer.loop import Execution, Observer, Program, execute
from netsim.explorer.normal import Recorder, equivalents
from netsim.explorer.optimal import OptimalDpor
from netsim.notation import Scenario, parse
from netsim.results import Bounds, CutBy, Finding, Options, Outcome, Result, Verdict
from netsim.run.digest import Digest
from netsim.run.judge import Judged, finding, judge, judge_run, operations_of
from netsim.run.outcome import Observed, observe
from netsim.run.own import is_file
from netsim.run.program import ScenarioProgram
from netsim.run.registry import load
from netsim.run.serial import ORDERS_MAX, SerialReference, faults_of
from netsim.run.story import story
from netsim.trace.schedule import Schedule


@attrs.frozen
class Progress:
    """How far a search is: `total` is None while nobody can say."""

    done: int
    total: int | None
    text: str


Listener = Callable[[Progress], None]


@attrs.define(eq=False)
class Candidate:
    """
    The smallest execution known for a finding, or for an outcome.

    `weight` is its preemptions, or its switches while it has not been normalised.
    """

    schedule: list[Choice]
    weight: int
    judged: Judged | None

    def size(self) -> tuple[int, int]:
        """Return what is compared first: fewer preemptions, then fewer steps."""
        return (self.weight, len(self.schedule))

    def beats(self, other: Candidate) -> bool:
        """Tell whether this one is smaller; of equals the first in order of threads is."""
        if self.size() != other.size():
            return self.size() < other.size()
        return self.order() < other.order()

    def order(self) -> tuple[tuple[int, int], list[tuple[str, int]]]:
        """Return what candidates are sorted by."""
        return self.size(), [(c.thread, c.value) for c in self.schedule]


_P = TypeVar("_P", bound=Program)
_T = TypeVar("_T")


@attrs.define(eq=False)
class Walk(Generic[_P]):
    """The state of one exploration: counts, and candidates by finding id."""

    program: _P
    bounds: Bounds
    executions: int = 0
    blocked: int = 0
    deadlocked: int = 0
    steps: int = 0
    complete: bool = False
    cut_by: CutBy | None = None
    candidates: dict[str, Candidate] = attrs.Factory(dict)
    #: Who else sees the steps, beside the detector of data races.
    observers: tuple[Observer, ...] = ()

    def explore(self, first: bool, progress: Listener | None) -> None:
        """Explore until all is done, a bound cuts, or `first` and something is found."""
        started = time.monotonic()
        bounds = self.bounds
        strategy = OptimalDpor(self.program)
        races = DataRaces()
        try:
            while True:
                left = bounds.steps - self.steps if bounds.steps is not None else 0
                execution = execute(self.program, strategy, (races, *self.observers), max(left, 0))
                self.steps += len(execution.schedule)
                if execution.cut:
                    self.cut_by = "steps"
                    return
                if execution.complete:
                    strategy.finish(execution.sim)
                    self._judge(execution, strategy.history)
                else:
                    self.blocked += 1
                if first and self.candidates:
                    return
                if not strategy.more():
                    self.complete = True
                    return
                if bounds.executions is not None and self.executions >= bounds.executions:
                    self.cut_by = "executions"
                    return
                if bounds.steps is not None and self.steps >= bounds.steps:
                    self.cut_by = "steps"
                    return
                if bounds.seconds is not None and time.monotonic() - started >= bounds.seconds:
                    self.cut_by = "seconds"
                    return
                if progress is not None and self.executions % 50 == 0:
                    progress(Progress(self.executions, None, "executions"))
        except KeyboardInterrupt:
            self.cut_by = "interrupt"

    def _judge(self, execution: Execution, history: History) -> None:
        """Take in an execution that has come to rest."""
        raise NotImplementedError

    def note(self, judged: Judged, execution: Execution) -> None:
        """Keep the execution as the smallest that shows the finding, if it is."""
        mine = Candidate(execution.schedule, execution.switches(), judged)
        best = self.candidates.get(judged.id)
        if best is None or mine.beats(best):
            self.candidates[judged.id] = mine


@attrs.define(eq=False)
class Search(Walk[ScenarioProgram]):
    """The state of one check: what the sequential orders give, and outcomes, beside the walk."""

    reference: SerialReference | None = None
    outcomes: dict[Observed, tuple[bool, Candidate]] = attrs.Factory(dict)

    def accepted(self, identity: str) -> str:
        """Return why the design accepts a finding, or ""."""
        judged = self.candidates[identity].judged
        assert judged is not None
        return self.program.design.accepts(judged.report.kind, operations_of(self.program.scenario))

    def _judge(self, execution: Execution, history: History) -> None:
        self.executions += 1
        run = self.program.run
        if unfinished(run.sim):
            self.deadlocked += 1
        at_end = judge_run(run)
        observed = observe(self.program)
        faults = faults_of(execution.sim)
        if self.reference is None:  # takes the machine: this execution has been observed
            self.reference = SerialReference(self.program, ORDERS_MAX, 100_000)
        found = judge(observed, at_end, self.reference, faults, self.program, history)
        known = self.outcomes.get(observed)
        candidate = Candidate(execution.schedule, execution.switches(), None)
        if known is None or candidate.beats(known[1]):
            serial = known[0] if known else self.reference.explains(observed, faults)
            self.outcomes[observed] = (serial, candidate)
        for judged in found:
            self.note(judged, execution)


def check(
    design: str | Design,
    scenario: str | Scenario,
    *,
    options: Options | None = None,
    bounds: Bounds | None = None,
    first: bool = False,
    progress: Listener | None = None,
) -> Result:
    """
    Explore every class of executions of `scenario` on `design` and judge each.

    The verdict is VIOLATED if something was found, else HOLDS if the search was complete, else
    UNKNOWN.  A scenario whose initial part does not come to rest without findings is an
    unreachable start: UNKNOWN, and the note says what stopped it.  Ctrl-C gives the partial
    result.  Raises UsageError for a request that does not fit the design.
    """
    options = options or Options()
    bounds = bounds or Bounds()
    check_bounds(bounds)
    source = design if isinstance(design, str) and is_file(design) else ""
    design = load(design) if isinstance(design, str) else design
    if isinstance(scenario, str):
        scenario = parse(scenario, design.operations)
    program = ScenarioProgram(design, scenario, options, halts_last=True)
    search = Search(program, bounds)
    program.start()
    unreached = program.run.unreached
    notes: list[str] = []
    findings: list[Finding] = []
    if unreached:
        notes.append(f"the start is not reached: {unreached}")
        again = ScenarioProgram(design, scenario, options, sites=True)
        again.start()
        findings = _initial_findings(again)
    else:
        search.explore(first, progress)
        findings = _findings(search)
        if search.reference is not None and not search.reference.complete:
            notes.append(f"more than {ORDERS_MAX} sequential orders: serialisability not decided")
            search.complete = False
            search.cut_by = search.cut_by or "executions"
        notes += _hanging_orders(search)
    if unreached:
        verdict = Verdict.UNKNOWN
    elif any(not f.accepted for f in findings):
        verdict = Verdict.VIOLATED
    else:
        verdict = Verdict.HOLDS if search.complete else Verdict.UNKNOWN
    return Result(
        netsim=__version__,
        design=design.name,
        scenario=str(scenario),
        start="unreachable" if unreached else "reached",
        options=options,
        verdict=verdict,
        complete=search.complete,
        cut_by=search.cut_by,
        bounds=bounds,
        executions=search.executions,
        blocked=search.blocked,
        deadlocked=search.deadlocked,
        steps=search.steps,
        findings=tuple(findings),
        outcomes=_outcomes(search),
        notes=tuple(notes),
        tell=lambda result: story(result, design, source=source),
    )


def check_bounds(bounds: Bounds) -> None:
    """Raise UsageError for bounds that make no sense."""
    for name in ("executions", "steps", "seconds"):
        value = getattr(bounds, name)
        if value is not None and not value > 0:
            raise UsageError(f"the bound on {name} must be more than 0, found {value}")
    if bounds.preemptions is not None:
        raise UsageError("a bound on preemptions is not yet available")


def _schedule(program: ScenarioProgram, choices: list[Choice], digest: str) -> str:
    return str(
        Schedule(
            program.design.name,
            str(program.scenario),
            program.options,
            tuple((choice.thread, choice.value) for choice in choices),
            digest,
        )
    )


def _initial_findings(program: ScenarioProgram) -> list[Finding]:
    run = program.run
    operations = tuple(str(call) for call in program.scenario.initial)
    found: dict[str, Finding] = {}
    run.sim.reports[:0] = run.initial
    for judged in judge_run(run):
        if judged.report.kind == "leak":
            continue
        judged = attrs.evolve(judged, where="initial")
        found.setdefault(
            judged.id, finding(judged, program.design, operations, "", run.sim.steps, 0)
        )
    return list(found.values())


def finding_of(search: Search, identity: str) -> Finding:
    """Return a finding of a search with the smallest schedule known for it, normalised."""
    small, judged, digest = normalise(search, identity, search.candidates[identity])
    return finding(
        judged,
        search.program.design,
        operations_of(search.program.scenario),
        _schedule(search.program, small.schedule, digest),
        len(small.schedule),
        small.weight,
    )


def _findings(search: Search) -> list[Finding]:
    findings = [finding_of(search, identity) for identity in search.candidates]
    return sorted(findings, key=lambda f: (f.kind, f.preemptions, f.steps, f.id))


def normalise(search: Search, identity: str, candidate: Candidate) -> tuple[Candidate, Judged, str]:
    """Find the best schedule of the candidate's class that shows the finding, and re-judge it."""
    program = ScenarioProgram(
        search.program.design, search.program.scenario, search.program.options, sites=True
    )

    def shows(execution: Execution, history: History) -> Judged | None:
        at_end = judge_run(program.run)
        faults = faults_of(execution.sim)
        judged = judge(observe(program), at_end, search.reference, faults, program, history)
        return next((one for one in judged if one.id == identity), None)

    best = shortest(program, candidate, shows)
    assert best is not None, "a finding must show again under its own schedule"
    return best


def shortest(
    program: Program, candidate: Candidate, shows: Callable[[Execution, History], _T | None]
) -> tuple[Candidate, _T, str] | None:
    """
    Find the best schedule of the candidate's class for which `shows` has an answer.

    Returns it with the answer and the checksum of the execution; None if there is none, which
    means that the program is not deterministic.
    """
    best: tuple[Candidate, _T, str] | None = None
    for schedule in [candidate.schedule, *equivalents(program, candidate.schedule)]:
        recorder, digest, races = Recorder(schedule), Digest(), DataRaces()
        execution = execute(program, recorder, (digest, races))
        if not execution.complete or len(execution.schedule) != len(schedule):
            continue
        mine = Candidate(execution.schedule, execution.preemptions, None)
        if best is None or mine.beats(best[0]):
            shown = shows(execution, recorder.history)
            if shown is not None:
                best = (mine, shown, digest.text)
    return best


def _outcomes(search: Search) -> tuple[Outcome, ...]:
    outcomes = []
    program = search.program
    for observed, (serial, candidate) in search.outcomes.items():

        def shows(_e: Execution, _h: History, observed: Observed = observed) -> Observed | None:
            return observed if observe(program) == observed else None

        best = shortest(program, candidate, shows)
        assert best is not None, "an outcome must show again under its own schedule"
        schedule = _schedule(program, best[0].schedule, best[2])
        outcomes.append(Outcome(observed.lines(), serial, schedule))
    return tuple(sorted(outcomes, key=lambda o: (not o.serial, o.observed)))


def _hanging_orders(search: Search) -> list[str]:
    if search.reference is None:
        return []
    hanging = [order for order in search.reference.all.orders if order.observed.hung]
    if not hanging:
        return []
    order = min(hanging, key=lambda o: (len(o.observed.hung), o.begins))
    names = ", ".join(f"flow {flow}" for flow in order.observed.hung)
    return [f"a sequential order hangs by itself: {' then '.join(order.begins)} ({names})"]
