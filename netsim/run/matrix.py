"""matrix(): every operation alone, then every pair, from every starting point of a design."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from netsim._version import __version__
from netsim.design import Design
from netsim.errors import UsageError
from netsim.notation import Call, Flow, Scenario, parse
from netsim.results import (
    Bounds,
    Cell,
    Finding,
    MatrixFinding,
    MatrixResult,
    Options,
    Start,
    Verdict,
)
from netsim.run.boot import Boots
from netsim.run.program import ScenarioProgram
from netsim.run.registry import load
from netsim.run.search import Search
from netsim.run.walk import Listener, Progress


@attrs.define(eq=False)
class _Best:
    """The smallest scenario, and in it the smallest schedule, that shows a finding."""

    size: tuple[int, int, int, str]
    search: Search
    identity: str


@attrs.define(eq=False)
class _Survey:
    """The state of one matrix."""

    options: Options
    bounds: Bounds
    progress: Listener | None
    total: int
    cells: list[Cell] = attrs.Factory(list)
    best: dict[tuple[str, str], _Best] = attrs.Factory(dict)
    #: Lock orders that no other finding confirms, and that are not refuted.
    predicted: dict[tuple[str, str], Finding] = attrs.Factory(dict)
    boots: dict[str, Boots] = attrs.Factory(dict)
    executions: int = 0
    steps: int = 0
    interrupted: bool = False

    def cell(
        self,
        design: Design,
        start: str,
        initial: tuple[Call, ...],
        calls: tuple[Call, ...],
        alone: set[str],
    ) -> Cell:
        """Decide one cell and keep it."""
        flows = tuple(Flow(calls=(call,), strike=None, context=None) for call in calls)
        scenario = Scenario(initial=initial, flows=flows)
        program = ScenarioProgram(
            design, scenario, self.options, boots=self.boots[design.name], halts_last=True
        )
        search = Search(program, self.bounds)
        program.start()
        unreached = program.run.unreached
        if not unreached:
            search.explore(first=False, progress=None)
        self.executions += search.executions
        self.steps += search.steps
        self.interrupted = self.interrupted or search.cut_by == "interrupt"
        found = sorted(search.candidates)
        for identity, candidate in search.candidates.items():
            size = (len(calls), *candidate.size(), str(scenario))
            known = self.best.get((design.name, identity))
            if known is None or size < known.size:
                self.best[design.name, identity] = _Best(size, search, identity)
        decided = bool(unreached) or (
            search.complete and (search.reference is None or search.reference.complete)
        )
        red = [i for i in found if not search.accepted(i)]
        if decided and not unreached:  # what a cut search did not decide is no news
            for one in search.predicted():
                if one.status == "unreachable":
                    continue  # here; where it can happen its cell tells
                found.append(one.id)
                decided = decided and one.status != "undecided"
                red += [one.id] if one.status == "reached" and not one.accepted else []
                self.predicted.setdefault((design.name, one.id), one)
        if unreached or not (decided or red):
            verdict = Verdict.UNKNOWN
        else:
            verdict = Verdict.VIOLATED if red else Verdict.HOLDS
        made = Cell(
            design=design.name,
            start=start,
            operations=tuple(str(call) for call in calls),
            scenario=str(scenario),
            verdict=verdict,
            complete=decided,
            executions=search.executions,
            findings=tuple(i for i in found if i not in alone),
            alone=tuple(i for i in found if i in alone),
        )
        self.cells.append(made)
        if self.progress is not None:
            self.progress(Progress(len(self.cells), self.total, str(scenario)))
        return made


def matrix(
    designs: Sequence[str | Design],
    *,
    options: Options | None = None,
    bounds: Bounds | None = None,
    progress: Listener | None = None,
) -> MatrixResult:
    """
    Check every operation alone and every unordered pair, from every declared start.

    `bounds` hold for each cell.  A finding of a pair that one of its operations shows alone from
    the same start is inherited (`Cell.alone`).  A start that is not reached is decided: no cell
    of it runs.  Ctrl-C gives the cells so far.  Raises UsageError for unknown designs.
    """
    options, bounds = options or Options(), bounds or Bounds()
    if not designs:
        raise UsageError("matrix needs at least one design")
    loaded = [load(d) if isinstance(d, str) else d for d in designs]
    if len({design.name for design in loaded}) != len(loaded):
        raise UsageError("each design can stand in a matrix once")
    total = sum(
        len(design.starts) * (len(calls) + len(calls) * (len(calls) + 1) // 2)
        for design in loaded
        for calls in [list(sample_calls(design))]
    )
    survey = _Survey(options, bounds, progress, total)
    try:
        for design in loaded:
            _survey(survey, design)
            if survey.interrupted:
                break
    except KeyboardInterrupt:
        survey.interrupted = True
    notes: list[str] = []
    findings: list[MatrixFinding] = []
    hurried = False
    for (name, _), best in survey.best.items():
        best.search.hurried = hurried
        findings.append(MatrixFinding(name, best.search.finding(best.identity)))
        hurried = best.search.hurried
    if hurried:
        notes.append("an interrupt came before every schedule was made small")
    findings += [MatrixFinding(name, one) for (name, _), one in survey.predicted.items()]
    names = [design.name for design in loaded]
    findings.sort(key=lambda m: (names.index(m.design), *_weight(m.finding)))
    starts = {s.name: Start(s.name, s.initial) for design in loaded for s in design.starts}
    operations = dict.fromkeys(str(call) for design in loaded for call in sample_calls(design))
    return MatrixResult(
        netsim=__version__,
        designs=tuple(names),
        flows=2,
        options=options,
        starts=tuple(starts.values()),
        operations=tuple(operations),
        complete=not survey.interrupted and all(cell.complete for cell in survey.cells),
        executions=survey.executions,
        steps=survey.steps,
        findings=tuple(findings),
        cells=tuple(survey.cells),
        notes=tuple(notes),
    )


def sample_calls(design: Design) -> Iterator[Call]:
    """Yield the calls that a design declares for its matrix, in order of declaration."""
    for operation in design.operations.values():
        for arguments in operation.samples:
            yield Call(operation.name, arguments)


def _survey(survey: _Survey, design: Design) -> None:
    calls = list(sample_calls(design))
    survey.boots[design.name] = Boots()
    for start in design.starts:
        text = f"{{ {start.initial} }} {calls[0]}" if start.initial else str(calls[0])
        initial = parse(text).initial
        alone: dict[Call, set[str]] = {}
        for call in calls:
            cell = survey.cell(design, start.name, initial, (call,), set())
            alone[call] = set(cell.findings)
            if survey.interrupted:
                return
        for i, one in enumerate(calls):
            for other in calls[i:]:
                survey.cell(design, start.name, initial, (one, other), alone[one] | alone[other])
                if survey.interrupted:
                    return


def _weight(found: Finding) -> tuple[str, int, int, str]:
    return (found.kind, found.preemptions, found.steps, found.id)
