"""check(): every class of executions of one scenario, judged."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import attrs

from netsim._version import __version__
from netsim.checkers.datarace import DataRaces
from netsim.checkers.ending import aftermath, unfinished
from netsim.core.sim import Choice
from netsim.design import Design
from netsim.errors import UsageError
from netsim.explorer.events import History
from netsim.explorer.loop import Execution, Observer, execute
from netsim.explorer.normal import Recorder, equivalents
from netsim.explorer.strategies import STRATEGIES, make, planned
from netsim.notation import Scenario, parse
from netsim.results import Bounds, CutBy, Finding, Options, Outcome, Plan, Result, Verdict
from netsim.run.digest import Digest
from netsim.run.judge import Judged, finding, judge, judge_run, operations_of
from netsim.run.outcome import Observed, observe
from netsim.run.predict import LockOrders
from netsim.run.program import ScenarioProgram
from netsim.run.reach import Reach
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


#: How a search goes on unless another plan is made.
CLASSES = Plan("classes")

Listener = Callable[[Progress], None]


@attrs.define(eq=False)
class _Candidate:
    """
    The smallest execution known for a finding, or for an outcome.

    `weight` is its preemptions, or its switches while it has not been normalised.
    """

    schedule: list[Choice]
    weight: int
    judged: Judged | None

    def size(self) -> tuple[int, int]:
        return (self.weight, len(self.schedule))

    def beats(self, other: _Candidate) -> bool:
        """Tell whether this one is smaller; of equals the first in order of threads is."""
        if self.size() != other.size():
            return self.size() < other.size()
        mine = [(c.thread, c.value) for c in self.schedule]
        return mine < [(c.thread, c.value) for c in other.schedule]


@attrs.define(eq=False)
class Search:
    """The state of one check: counts, candidates by finding id, outcomes."""

    program: ScenarioProgram
    bounds: Bounds
    reference: SerialReference | None = None
    plan: Plan = CLASSES
    #: What the strategy says about its own search.
    notes: tuple[str, ...] = ()
    executions: int = 0
    blocked: int = 0
    deadlocked: int = 0
    steps: int = 0
    complete: bool = False
    cut_by: CutBy | None = None
    candidates: dict[str, _Candidate] = attrs.Factory(dict)
    outcomes: dict[Observed, tuple[bool, _Candidate]] = attrs.Factory(dict)
    orders: LockOrders = attrs.Factory(LockOrders)
    #: What killed flows leave behind, each sentence once.
    aftermath: dict[str, None] = attrs.Factory(dict)

    def explore(self, first: bool, progress: Listener | None) -> None:
        """
        Explore until all is done, a bound cuts, or `first` and something is found.

        With strikes, this is repeated as long as they turn out to touch more than was known:
        each time they are tried at more places inside steps.  The last search counts.
        """
        while True:
            reach = Reach(self.program.striking, self.program.reach)
            self._explore(first, progress, reach)
            if not (self.complete and reach.grew()) or (first and self.candidates):
                return
            self.program.reach = reach.touched
            self.complete = False
            self.executions = self.blocked = self.deadlocked = self.steps = 0

    def _explore(self, first: bool, progress: Listener | None, reach: Reach) -> None:
        started = time.monotonic()
        bounds = self.bounds
        strategy = make(self.plan, bounds, self.program, self._roots)
        observers: list[Observer] = [DataRaces(), self.orders.lockdep]
        if self.program.striking:
            observers.append(reach)
        try:
            while True:
                left = bounds.steps - self.steps if bounds.steps is not None else 0
                execution = execute(self.program, strategy, observers, max(left, 0))
                self.steps += len(execution.schedule)
                if execution.cut:
                    self.cut_by = "steps"
                    return
                if execution.complete:
                    strategy.finish(execution.sim)
                    self._judge(execution)
                elif not execution.void:
                    self.blocked += 1
                if first and self.candidates:
                    return
                if not strategy.more():
                    self.cut_by = strategy.cut_by()
                    self.complete = self.cut_by is None
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
        finally:
            self.notes = tuple(strategy.notes())

    def _roots(self) -> tuple[object, ...]:
        run = self.program.run
        return (run.system, run.results)

    def accepted(self, identity: str) -> str:
        """Return why the design accepts a finding, or ""."""
        judged = self.candidates[identity].judged
        assert judged is not None
        return self.program.design.accepts(judged.report.kind, operations_of(self.program.scenario))

    def predicted(self) -> list[Finding]:
        """Return the predictions that no other finding confirms."""
        found = []
        operations = operations_of(self.program.scenario)
        for one, choices in self.orders.findings(self.program, operations, self.complete):
            if choices:
                digest = Digest()
                execute(self.program, Recorder(choices), (digest,))
                schedule = _schedule(self.program, list(choices), digest.text)
                one = attrs.evolve(one, schedule=schedule, steps=len(choices))
            found.append(one)
        return found

    def _leads_to_end(self, execution: Execution) -> Callable[[int], bool]:
        """Tell of which steps the last one is a consequence; uses the machine when asked."""

        @cache
        def history() -> History:
            recorder = Recorder(execution.schedule)
            execute(self.program, recorder)
            return recorder.history

        return lambda step: history().leads_to_end(step)

    def _judge(self, execution: Execution) -> None:
        self.executions += 1
        run = self.program.run
        if unfinished(run.sim):
            self.deadlocked += 1
        stuck = self.orders.lockdep.finish(run.sim)
        at_end = judge_run(run)
        self.orders.ended(stuck, execution.schedule, at_end)
        self.aftermath.update(dict.fromkeys(aftermath(run.sim)))
        observed = observe(self.program)
        faults = faults_of(execution.sim)
        if self.reference is None:  # takes the machine: this execution has been observed
            self.reference = SerialReference(self.program, ORDERS_MAX, 100_000)
        leads = self._leads_to_end(execution)
        found = judge(observed, at_end, self.reference, faults, self.program, leads)
        known = self.outcomes.get(observed)
        candidate = _Candidate(execution.schedule, execution.switches(), None)
        if known is None or candidate.beats(known[1]):
            serial = known[0] if known else self.reference.explains(observed, faults)
            self.outcomes[observed] = (serial, candidate)
        for judged in found:
            mine = _Candidate(execution.schedule, execution.switches(), judged)
            best = self.candidates.get(judged.id)
            if best is None or mine.beats(best):
                self.candidates[judged.id] = mine


def check(
    design: str | Design,
    scenario: str | Scenario,
    *,
    options: Options | None = None,
    bounds: Bounds | None = None,
    first: bool = False,
    progress: Listener | None = None,
    strategy: Plan | str | None = None,
) -> Result:
    """
    Explore every class of executions of `scenario` on `design` and judge each.

    With another `strategy` (a name of `netsim.explorer.strategies`, or a Plan) the executions
    that it covers; a bound on preemptions alone asks for the strategy `preemptions`.

    The verdict is VIOLATED if something was reached, else HOLDS if the search was complete and
    decided all that was predicted, else UNKNOWN: what a bound on preemptions leaves out is not
    known, and samples prove nothing.  A scenario whose initial part does not come to rest without
    findings is an unreachable start: UNKNOWN, and the note says what stopped it.  Ctrl-C gives
    the partial result.  Raises UsageError for a request that does not fit the design.
    """
    options = options or Options()
    bounds = bounds or Bounds()
    _check_bounds(bounds)
    plan, bounds = planned(strategy, bounds)
    design = load(design) if isinstance(design, str) else design
    if isinstance(scenario, str):
        scenario = parse(scenario, design.operations)
    program = ScenarioProgram(design, scenario, options, halts_last=True)
    if program.striking and plan.strategy != "classes" and STRATEGIES[plan.strategy].covered:
        raise UsageError(
            f"strategy '{plan.strategy}' does not strike inside steps and would leave places out; "
            "expected strategy classes for a scenario with strikes, or one that samples"
        )
    search = Search(program, bounds, plan=plan)
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
        findings = _findings(search) + search.predicted()
        if search.reference is not None and not search.reference.complete:
            notes.append(f"more than {ORDERS_MAX} sequential orders: serialisability not decided")
            search.complete = False
            search.cut_by = search.cut_by or "executions"
        notes += [*search.notes, *_hanging_orders(search)]
        notes += sorted(search.aftermath)
    if unreached:
        verdict = Verdict.UNKNOWN
    elif any(f.status == "reached" and not f.accepted for f in findings):
        verdict = Verdict.VIOLATED
    else:
        decided = search.complete and all(f.status != "undecided" for f in findings)
        verdict = Verdict.HOLDS if decided else Verdict.UNKNOWN
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
        covered=STRATEGIES[plan.strategy].covered,
        tell=lambda result: story(result, design),
    )


def _check_bounds(bounds: Bounds) -> None:
    for name in ("executions", "steps", "seconds"):
        value = getattr(bounds, name)
        if value is not None and not value > 0:
            raise UsageError(f"the bound on {name} must be more than 0, found {value}")
    if bounds.preemptions is not None and bounds.preemptions < 0:
        raise UsageError(f"the bound on preemptions must be 0 or more, found {bounds.preemptions}")


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
    made = finding(
        judged,
        search.program.design,
        operations_of(search.program.scenario),
        _schedule(search.program, small.schedule, digest),
        len(small.schedule),
        small.weight,
    )
    return attrs.evolve(made, confirms=search.orders.confirms(identity))


def _findings(search: Search) -> list[Finding]:
    findings = [finding_of(search, identity) for identity in search.candidates]
    return sorted(findings, key=lambda f: (f.kind, f.preemptions, f.steps, f.id))


def normalise(
    search: Search, identity: str, candidate: _Candidate
) -> tuple[_Candidate, Judged, str]:
    """Find the best schedule of the candidate's class that shows the finding, and re-judge it."""
    program = ScenarioProgram(
        search.program.design, search.program.scenario, search.program.options, sites=True
    )
    best: tuple[_Candidate, Judged, str] | None = None
    for schedule in [candidate.schedule, *equivalents(program, candidate.schedule)]:
        recorder, digest, races = Recorder(schedule), Digest(), DataRaces()
        execution = execute(program, recorder, (digest, races))
        if not execution.complete or len(execution.schedule) != len(schedule):
            continue
        at_end = judge_run(program.run)
        observed = observe(program)
        for judged in judge(
            observed,
            at_end,
            search.reference,
            faults_of(execution.sim),
            program,
            recorder.history.leads_to_end,
        ):
            if judged.id == identity:
                mine = _Candidate(execution.schedule, execution.preemptions, judged)
                if best is None or mine.beats(best[0]):
                    best = (mine, judged, digest.text)
                break
    assert best is not None, "a finding must show again under its own schedule"
    return best


def _outcomes(search: Search) -> tuple[Outcome, ...]:
    outcomes = []
    for observed, (serial, candidate) in search.outcomes.items():
        digest = Digest()
        execute(search.program, Recorder(candidate.schedule), (digest,))
        outcomes.append(
            Outcome(
                observed.lines(),
                serial,
                _schedule(search.program, candidate.schedule, digest.text),
            )
        )
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
