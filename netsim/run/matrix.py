"""matrix(): every operation alone, every pair, every three, from every start of a design."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice, product
from signal import SIG_IGN, SIGINT, default_int_handler, signal

import attrs

from netsim._version import __version__
from netsim.design import Design, StartingPoint
from netsim.errors import UsageError
from netsim.notation import Call, Scenario, parse
from netsim.results import (
    Bounds,
    Cell,
    Finding,
    MatrixFinding,
    MatrixResult,
    Options,
    Promised,
    Start,
)
from netsim.run.boot import Boots
from netsim.run.program import ScenarioProgram
from netsim.run.promises import Tally, sum_up
from netsim.run.registry import load
from netsim.run.survey import Best, Shared, Survey, Surveyed, groups, inherit, sample_calls
from netsim.run.walk import Listener, Progress

#: Cells of so many operations at a time at most.
FLOWS_MAX = 3
#: Operations of one flow at most.
LENGTH_MAX = 3

#: Where scenarios start that are given: each says so itself.
GIVEN = StartingPoint("given", "")

#: So many cells are given to a process at a time: of three operations some seconds of work.
CHUNK = 20
#: Sequences of one flow are done in some milliseconds, and there are many.
CHUNK_IN_A_ROW = 400


def matrix(  # noqa: PLR0913  each is a thing that one may ask for
    designs: Sequence[str | Design],
    *,
    flows: int = 2,
    length: int = 1,
    options: Options | None = None,
    bounds: Bounds | None = None,
    progress: Listener | None = None,
    jobs: int = 1,
    starts: Sequence[str] = (),
    scenarios: Sequence[str] = (),
) -> MatrixResult:
    """
    Check every operation alone and every unordered pair, from every declared start, or `starts`
    (those that are declared for promises, too).

    With `scenarios` check these instead, each on every design, and tell what it comes to in numbers
    (`Design.tally`): at least and at most over all executions.

    `flows` says how many operations at a time: 1, 2 or 3 (pairs are then checked, too).  With one
    flow `length` may be 2 or 3: then every sequence of up to so many operations is checked, but for
    those that go on after one that never returns, or that ends the machine.  `bounds`
    hold for each cell; one in which the classes are too many is searched with few preemptions
    (`Cell.decided`, `netsim.run.cascade`).  A finding of a cell that a part of its operations
    shows from the same start is inherited (`Cell.alone`).  A start that is not reached is decided:
    no cell of it runs.  With `jobs` so many processes survey a few cells at a time; the result is
    the same.  Ctrl-C gives the cells so far.  Raises UsageError for unknown designs and starts,
    and for `jobs` if a design is given as an object.
    """
    options, bounds = options or Options(), bounds or Bounds()
    _check(designs, starts, scenarios, flows, length, jobs)
    loaded = [load(d) if isinstance(d, str) else d for d in designs]
    if len({design.name for design in loaded}) != len(loaded):
        raise UsageError("each design can stand in a matrix once")
    for name in starts:
        known = dict.fromkeys(s.name for d in loaded for s in (*d.starts, *d.promise_starts))
        if name not in known:
            raise UsageError(f"unknown start '{name}': expected one of {', '.join(known)}")
    given = _given(loaded, scenarios, options)
    if given and starts:
        raise UsageError("scenarios say themselves where they start: expected no starts with them")
    if given and length > 1:
        raise UsageError("scenarios are surveyed as they are: expected no length with them")
    names = {d.name: source for d, source in zip(loaded, designs, strict=True)}
    work: list[_Work] = []
    parts: list[Surveyed] = []
    gone = _Gone()
    shared = Shared()
    for size in range(1, length + 1):
        cells_of = [_Work(d, GIVEN, (), scenarios=given) for d in loaded] if given else []
        cells_of = cells_of or list(_work(loaded, starts, flows, size if length > 1 else 0, gone))
        work += cells_of
        total = sum(len(one.groups) + len(one.scenarios) for one in work)
        so_far = Progress(sum(len(part.cells) for part in parts), total, "cells")
        if jobs == 1:
            made = [
                shared.part(part)
                for part in _one_by_one(cells_of, options, bounds, progress, so_far)
            ]
        else:
            made = _in_processes(jobs, cells_of, names, options, bounds, progress, so_far, shared)
        parts += made
        for some, part in zip(cells_of, made, strict=False):
            key = some.design.name, some.start.name
            if size < length:  # nothing goes on after the longest
                gone.ended.update(dict.fromkeys((*key, tuple(map(str, e))) for e in part.ended))
            part.ended.clear()
        if any(part.interrupted for part in made):
            break
    done = [(some.design, part) for some, part in zip(work, parts, strict=False)]
    best: dict[tuple[str, str], tuple[Design, Best]] = {}
    predicted: dict[tuple[str, str], Finding] = {}
    for design, part in done:
        for identity, one in part.best.items():
            known_best = best.get((design.name, identity))
            if known_best is None or one.size < known_best[1].size:
                best[design.name, identity] = design, one
        for identity, found in part.predicted.items():
            predicted.setdefault((design.name, identity), found)
    findings: list[MatrixFinding] = []
    hurried = False
    for design, one in best.values():
        found, hurried = one.finding(design, options, hurried)
        findings.append(MatrixFinding(design.name, found))
    findings += [MatrixFinding(name, found) for (name, _), found in predicted.items()]
    order = [design.name for design in loaded]
    findings.sort(key=lambda m: (order.index(m.design), *_weight(m.finding)))
    every = _drained(parts)
    cells = tuple(every if given else inherit(every, max(flows, length), gone))
    interrupted = len(cells) < total or any(part.interrupted for part in parts)
    counted = not interrupted and all(cell.tallied for cell in cells if cell.tallies)
    notes: list[str] = []
    if interrupted:
        notes.append(f"an interrupt came after {len(cells)} of {total} cells")
    if gone.left_out:
        notes.append(
            f"{gone.left_out} sequences are left out: a beginning never ends, or ends the machine"
        )
    if hurried:
        notes.append("an interrupt came before every schedule was made small")
    surveyed = {o.start.name: Start(o.start.name, o.start.initial) for o in work if o.groups}
    operations = dict.fromkeys(
        str(call)
        for design in loaded
        if not given
        for call in sample_calls(design, alone=flows == 1)
    )
    return MatrixResult(
        netsim=__version__,
        designs=tuple(order),
        flows=max((len(one.flows) for one in given), default=flows),
        options=options,
        starts=tuple(surveyed.values()),
        operations=tuple(operations),
        complete=counted and all(cell.complete for cell in cells),
        decided=counted and all(cell.decided is not None for cell in cells),
        executions=sum(part.executions for part in parts),
        steps=sum(part.steps for part in parts),
        findings=tuple(findings),
        cells=cells,
        notes=tuple(notes),
        length=length,
        promises=_promised(done, findings),
        scenarios=tuple(map(str, given)),
    )


def _drained(parts: Sequence[Surveyed]) -> Iterator[Cell]:
    """Yield all cells, and let go of each: there may be half a million."""
    for part in parts:
        cells, part.cells = part.cells, []
        yield from cells


def _check(
    designs: Sequence[str | Design],
    starts: Sequence[str],
    scenarios: Sequence[str],
    flows: int,
    length: int,
    jobs: int,
) -> None:
    """Raise UsageError for a request that makes no sense."""
    for what, given in (("designs", designs), ("starts", starts), ("scenarios", scenarios)):
        if isinstance(given, str):
            raise UsageError(f"matrix takes a list of {what}, found the str {given!r}")
    if not designs:
        raise UsageError("matrix needs at least one design")
    if not 1 <= flows <= FLOWS_MAX:
        raise UsageError(f"a cell has 1 to {FLOWS_MAX} operations at a time, found {flows}")
    if not 1 <= length <= LENGTH_MAX:
        raise UsageError(f"a flow has 1 to {LENGTH_MAX} operations in a survey, found {length}")
    if length > 1 and flows > 1:
        raise UsageError(f"sequences of {length} operations are surveyed with flows 1 only")
    if jobs < 1:
        raise UsageError(f"jobs must be 1 or more, found {jobs}")


def _promised(
    done: Sequence[tuple[Design, Surveyed]], findings: Sequence[MatrixFinding]
) -> tuple[Promised, ...]:
    """Add up, for each design, what its cells say about its promises."""
    tallies: dict[str, dict[str, Tally]] = {}
    designs = {design.name: design for design, _ in done}
    for design, part in done:
        mine = tallies.setdefault(design.name, {})
        for name, tally in part.promised.items():
            mine.setdefault(name, Tally()).add(tally)
            mine[name].cut += part.interrupted
    return tuple(
        promised
        for name, design in designs.items()
        for promised in sum_up(
            design, tallies[name], [m.finding for m in findings if m.design == name]
        )
    )


@attrs.define(eq=False)
class _Gone:
    """
    The sequences that have no cell: some beginning of them has `ended`, never to go on.

    Those are kept by design and start; `left_out` counts the sequences.
    """

    ended: dict[tuple[str, str, tuple[str, ...]], None] = attrs.Factory(dict)
    left_out: int = 0

    def __contains__(self, part: object) -> bool:
        """Tell of a sequence, with design and start, whether it has no cell."""
        assert isinstance(part, tuple)
        design, start, operations = part
        return any(
            (design, start, operations[:size]) in self.ended for size in range(1, len(operations))
        )


@attrs.frozen
class _Work:
    """Some cells of one starting point, or of scenarios that start where they say."""

    design: Design
    start: StartingPoint
    groups: Sequence[tuple[Call, ...]]
    in_a_row: bool = False
    scenarios: Sequence[Scenario] = ()


def _given(designs: Sequence[Design], texts: Sequence[str], options: Options) -> list[Scenario]:
    """Parse scenarios that each design must understand; raises UsageError before a long search."""
    made = []
    for text in texts:
        for design in designs:
            scenario = parse(text, design.operations)
            ScenarioProgram(design, scenario, options)
        if scenario in made:
            raise UsageError(f"a scenario stands there twice: {scenario}")
        made.append(scenario)
    return made


def _work(
    designs: Sequence[Design], starts: Sequence[str], flows: int, size: int, gone: _Gone
) -> Iterator[_Work]:
    """Yield all cells, each after those that it inherits from; of sequences those of one size."""
    for design in designs:
        calls = list(sample_calls(design, alone=flows == 1))
        every_start = (*design.starts, *design.promise_starts) if starts else design.starts
        for start in every_start:
            if starts and start.name not in starts:
                continue
            every = list(groups(calls, flows))
            if size:
                every = [
                    sequence
                    for sequence in product(calls, repeat=size)
                    if (design.name, start.name, tuple(map(str, sequence))) not in gone
                ]
                gone.left_out += len(calls) ** size - len(every)
            chunk = CHUNK_IN_A_ROW if size else CHUNK
            for at in range(0, len(every), chunk):
                yield _Work(design, start, every[at : at + chunk], bool(size))


def _one_by_one(
    work: Sequence[_Work],
    options: Options,
    bounds: Bounds,
    progress: Listener | None,
    so_far: Progress,
) -> Iterator[Surveyed]:
    done = so_far.done

    def listen(cell: Progress) -> None:
        if progress is not None:
            progress(Progress(done + cell.done, so_far.total, cell.text))

    boots = Boots()
    for before, one in zip([None, *work], work, strict=False):
        if before is None or before.design is not one.design or before.start != one.start:
            boots = Boots()
        survey = Survey(one.design, one.start, one.groups, options, bounds, listen, boots=boots)
        survey.in_a_row = one.in_a_row
        survey.scenarios = one.scenarios
        part = survey.run()
        done += len(part.cells)
        yield part
        if part.interrupted:
            return


def _in_processes(
    jobs: int,
    work: Sequence[_Work],
    given: dict[str, str | Design],
    options: Options,
    bounds: Bounds,
    progress: Listener | None,
    so_far: Progress,
    shared: Shared,
) -> list[Surveyed]:
    """
    Survey in so many processes, each a few cells at a time, in the order of `work`.

    No process is given more than it is at, so that after Ctrl-C nothing new begins.
    """
    for name, source in given.items():
        if not isinstance(source, str):
            raise UsageError(
                f"design {name} is given as an object, which no other process can load: "
                "expected its name or its file, or jobs=1"
            )
    done = so_far.done
    parts: dict[int, Surveyed] = {}
    running: dict[Future[Surveyed], int] = {}
    todo = iter(enumerate(work))
    with ProcessPoolExecutor(jobs, initializer=_deaf) as pool:
        try:
            while True:
                for index, one in islice(todo, jobs - len(running)):
                    name = str(given[one.design.name])
                    cells = (one.start, one.groups, one.in_a_row, one.scenarios)
                    survey = pool.submit(_survey, name, *cells, options, bounds)
                    running[survey] = index
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    parts[running.pop(future)] = part = shared.part(future.result())
                    done += len(part.cells)
                    if part.interrupted:
                        raise KeyboardInterrupt
                if progress is not None:
                    progress(Progress(done, so_far.total, "cells"))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            for future, index in running.items():
                if future.done() and not future.cancelled() and future.exception() is None:
                    parts[index] = future.result()
    return [parts.get(index, Surveyed(interrupted=True)) for index in range(len(work))]


def _survey(
    design: str,
    start: StartingPoint,
    groups: Sequence[tuple[Call, ...]],
    in_a_row: bool,
    scenarios: Sequence[Scenario],
    options: Options,
    bounds: Bounds,
) -> Surveyed:
    """Survey some cells in a process of its own; what it returns holds no machine."""
    signal(SIGINT, default_int_handler)
    try:
        survey = Survey(load(design), start, groups, options, bounds, in_a_row=in_a_row)
        survey.scenarios = scenarios
        return survey.run()
    finally:
        _deaf()


def _deaf() -> None:
    """Have Ctrl-C end no process that has nothing to do: it is the parent that ends them."""
    signal(SIGINT, SIG_IGN)


def _weight(found: Finding) -> tuple[str, int, int, str]:
    return (found.kind, found.preemptions, found.steps, found.id)
