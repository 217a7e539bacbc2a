"""check(): every class of executions of one scenario, judged."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from netsim._version import __version__
from netsim.core.raised import kind
from netsim.core.step import Choice
from netsim.design import Design
from netsim.errors import UsageError
from netsim.explorer.events import History
from netsim.explorer.loop import Execution, execute
from netsim.explorer.normal import Recorder, upside_down
from netsim.explorer.strategies import STRATEGIES, planned
from netsim.notation import Scenario, parse
from netsim.results import Bounds, CutBy, Finding, Options, Outcome, Plan, Result, Verdict
from netsim.run.awaited import all_awaited
from netsim.run.digest import Digest
from netsim.run.explain import explain
from netsim.run.hidden import LOOKED_AT
from netsim.run.judge import finding, judge_run
from netsim.run.minimal import smallest
from netsim.run.outcome import Observed, observe, show
from netsim.run.own import is_file
from netsim.run.program import ScenarioProgram
from netsim.run.promises import sum_up
from netsim.run.registry import load
from netsim.run.search import Search, schedule_text
from netsim.run.serial import ORDERS_MAX, STEPS_MAX
from netsim.run.story import story
from netsim.run.walk import OVERTIME, Listener, check_bounds, differs, shortest


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

    `design` is an installed one, or a Python file that declares one, which is run.  With another
    `strategy` (a name of `netsim.explorer.strategies`, or a Plan) the executions that it covers;
    a bound on preemptions alone asks for the strategy `preemptions`.

    The verdict is VIOLATED if something was reached, else HOLDS if the search was complete and
    decided all that was predicted, else UNKNOWN: what a bound on preemptions leaves out is not
    known, and samples prove nothing.  A scenario whose initial part does not come to rest without
    findings is an unreachable start: UNKNOWN, and the note says what stopped it.  Ctrl-C gives
    the partial result.  Raises UsageError for a request that does not fit the design.
    """
    options = options or Options()
    bounds = bounds or Bounds()
    check_bounds(bounds)
    plan, bounds = planned(strategy, bounds)
    source = design if isinstance(design, str) and is_file(design) else ""
    design = load(design) if isinstance(design, str) else design
    if not isinstance(design, Design):
        raise UsageError(f"a design is a name or a netsim.Design; found {kind(design)}")
    if isinstance(scenario, str):
        scenario = parse(scenario, design.operations)
    if not isinstance(scenario, Scenario):
        raise UsageError(f"a scenario is a text or a parsed one; found {kind(scenario)}")
    program = ScenarioProgram(design, scenario, options, halts_last=True)
    if program.striking and plan.strategy != "classes" and STRATEGIES[plan.strategy].covered:
        raise UsageError(
            f"strategy '{plan.strategy}' does not strike inside steps and would leave places out; "
            "expected strategy classes for a scenario with strikes, or one that samples"
        )
    search = Search(program, bounds, plan=plan)
    with all_awaited():
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
        with all_awaited():
            search.explore(first, progress)
            search.confirm(first)
        findings = smallest(search)
        try:
            findings += search.predicted()
        except KeyboardInterrupt:
            search.complete = False
            search.cut_by = "interrupt"
            notes.append("an interrupt left out what was predicted")
        if search.reference is not None and not search.reference.complete:
            what, bound = _unwalked(search)
            notes.append(f"{what}: serialisability not decided")
            search.complete = False
            search.cut_by = search.cut_by or bound
        notes += [*_failed_before(program), *search.notes, *_hanging_orders(search)]
        notes += sorted(search.aftermath)
    if unreached:
        verdict = Verdict.UNKNOWN
    elif any(f.status == "reached" and not f.accepted for f in findings):
        verdict = Verdict.VIOLATED
    else:
        decided = search.complete and all(f.status != "undecided" for f in findings)
        verdict = Verdict.HOLDS if decided else Verdict.UNKNOWN
    outcomes = _outcomes(search, hidden=LOOKED_AT if source else 0)
    if search.hurried:
        notes.append("an interrupt came before every schedule was made small")
    elif search.overtime:
        notes.append(OVERTIME)
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
        outcomes=outcomes,
        promises=() if unreached else sum_up(design, search.promised(), findings),
        notes=tuple(notes),
        covered=STRATEGIES[plan.strategy].covered,
        estimate=(search.band.low, search.band.high) if search.band is not None else None,
        tell=lambda result: story(result, design, source=source),
        why=lambda finding: explain(finding, design),
    )


def _failed_before(program: ScenarioProgram) -> list[str]:
    """Say which operations of `{ }` returned an error: the flows start from less than it seems."""
    results = zip(program.scenario.initial, program.run.first_results, strict=True)
    return [
        f"in {{ }} {call} failed with {show(result, program.design.errors)}"
        for call, result in results
        if isinstance(result, int) and result < 0
    ]


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


def _outcomes(search: Search, hidden: int) -> tuple[Outcome, ...]:
    """Return the outcomes; of so many, another order is tried, for what is shared unseen."""
    outcomes: list[Outcome] = []
    mine = search.program
    program = ScenarioProgram(mine.design, mine.scenario, mine.options, boots=mine.boots)
    for observed, (serial, candidate) in search.outcomes.items():

        def shows(_e: Execution, _h: History, observed: Observed = observed) -> Observed | None:
            return observed if observe(program) == observed else None

        alone = search.hurried
        try:
            alone = alone or search.hurry()
            best = shortest(program, candidate, shows, alone=alone, hurry=search.hurry)
        except KeyboardInterrupt:
            if search.hurried:
                raise
            search.hurried = alone = True
            best = shortest(program, candidate, shows, alone=True)
        if best is None:
            raise differs(f"design {program.design.name}")
        if not alone:
            try:
                other = _same_again(program, best[0].schedule, best[2])
                if len(outcomes) < hidden and not program.striking:
                    _refuse_hidden(program, other, observed)
            except KeyboardInterrupt:
                search.hurried = True
        schedule = schedule_text(program, best[0].schedule, best[2])
        outcomes.append(Outcome(observed.lines(), serial, schedule))
    return tuple(sorted(outcomes, key=lambda o: (not o.serial, o.observed)))


def _same_again(
    program: ScenarioProgram, schedule: Sequence[Choice], digest: str
) -> Sequence[Choice]:
    """
    Return another schedule of the same class.

    Raises UsageError for a design that does something else under the same schedule.
    """
    again, recorder = Digest(), Recorder(schedule)
    execute(program, recorder, (again,))
    if again.text != digest:
        raise differs(f"design {program.design.name}")
    return upside_down(recorder.history)


def _refuse_hidden(
    program: ScenarioProgram, schedule: Sequence[Choice], observed: Observed
) -> None:
    """Raise UsageError if an outcome hangs on the order of steps that have nothing in common."""
    execute(program, Recorder(schedule))
    if observe(program) != observed:
        raise UsageError(
            f"design {program.design.name}: {program.scenario} ends in two ways, though only the "
            "order of steps that have nothing in common differs: its operations share something "
            "that is not seen; expected @shared classes, and netsim's locks and lists"
        )


def _unwalked(search: Search) -> tuple[str, CutBy]:
    """Say why not every sequential order was walked, and which bound that is."""
    assert search.reference is not None
    if search.reference.endless:
        return f"a sequential order did not end within {STEPS_MAX} steps", "steps"
    if search.late():
        return "not every sequential order was walked", "seconds"
    return f"more than {ORDERS_MAX} sequential orders", "executions"


def _hanging_orders(search: Search) -> list[str]:
    if search.reference is None:
        return []
    hanging = [order for order in search.reference.all.orders if order.observed.hung]
    if not hanging:
        return []
    order = min(hanging, key=lambda o: (len(o.observed.hung), o.begins))
    names = ", ".join(f"flow {flow}" for flow in order.observed.hung)
    return [f"a sequential order hangs by itself: {' then '.join(order.begins)} ({names})"]
