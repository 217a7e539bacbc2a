"""matrix(): every operation alone, every pair, every three, from every start of a design."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from math import comb

from netsim._version import __version__
from netsim.design import Design, StartingPoint
from netsim.errors import UsageError
from netsim.results import (
    Bounds,
    Finding,
    MatrixFinding,
    MatrixResult,
    Options,
    Promised,
    Start,
)
from netsim.run.promises import Tally, sum_up
from netsim.run.registry import load
from netsim.run.survey import Shape, Survey, Surveyed, sample_calls
from netsim.run.walk import Listener, Progress

#: Cells of so many operations at a time at most.
FLOWS_MAX = 3
#: Operations of one flow at most.
LENGTH_MAX = 3


def matrix(
    designs: Sequence[str | Design],
    *,
    flows: int = 2,
    length: int = 1,
    options: Options | None = None,
    bounds: Bounds | None = None,
    progress: Listener | None = None,
    jobs: int = 1,
) -> MatrixResult:
    """
    Check every operation alone and every unordered pair, from every declared start.

    `flows` says how many operations at a time: 1, 2 or 3 (pairs are then checked, too).  With one
    flow `length` may be 2 or 3: then every sequence of up to so many operations is checked, but for
    those that go on after one that never ends, or that ends the machine.  `bounds`
    hold for each cell.  A finding of a cell that a part of its operations shows from the same
    start is inherited (`Cell.alone`).  A start that is not reached is decided: no cell of it
    runs.  With `jobs` starting points are surveyed by so many processes; the result is the same.
    Ctrl-C gives the cells so far.  Raises UsageError for unknown designs, and for `jobs` if a
    design is given as an object.
    """
    options, bounds = options or Options(), bounds or Bounds()
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
    loaded = [load(d) if isinstance(d, str) else d for d in designs]
    if len({design.name for design in loaded}) != len(loaded):
        raise UsageError("each design can stand in a matrix once")
    work = [(design, start) for design in loaded for start in design.starts]
    shape, alone = Shape(flows, length), flows == 1
    counts = [_cells(len(list(sample_calls(design, alone=alone))), shape) for design, _ in work]
    total = sum(counts)
    if jobs == 1:
        parts = list(_one_by_one(work, shape, options, bounds, progress, total))
    else:
        names = {d.name: given for d, given in zip(loaded, designs, strict=True)}
        parts = _in_processes(jobs, work, names, shape, options, bounds, progress, counts)
    done = [(design, part) for (design, _), part in zip(work, parts, strict=False)]
    best = {
        (design.name, identity): min(
            (p.best[identity] for d, p in done if d is design and identity in p.best),
            key=lambda one: one.size,
        )
        for design, part in done
        for identity in part.best
    }
    predicted = {
        (design.name, identity): one
        for design, part in reversed(done)
        for identity, one in part.predicted.items()
    }
    findings: list[MatrixFinding] = []
    hurried = False
    for (name, _), one in best.items():
        findings.append(MatrixFinding(name, one.finding(hurried)))
        hurried = hurried or one.hurried
    findings += [MatrixFinding(name, found) for (name, _), found in predicted.items()]
    order = [design.name for design in loaded]
    findings.sort(key=lambda m: (order.index(m.design), *_weight(m.finding)))
    interrupted = len(done) < len(work) or any(part.interrupted for part in parts)
    cells = tuple(cell for part in parts for cell in part.cells)
    notes: list[str] = []
    if interrupted:
        notes.append(f"an interrupt came after {len(cells)} of {total} cells")
    ended = sum(part.ended for part in parts)
    if ended:
        notes.append(
            f"{ended} sequences are left out: their beginning never ends, or ends the machine"
        )
    if hurried:
        notes.append("an interrupt came before every schedule was made small")
    starts = {s.name: Start(s.name, s.initial) for design in loaded for s in design.starts}
    operations = dict.fromkeys(
        str(call) for design in loaded for call in sample_calls(design, alone=alone)
    )
    return MatrixResult(
        netsim=__version__,
        designs=tuple(order),
        flows=flows,
        options=options,
        starts=tuple(starts.values()),
        operations=tuple(operations),
        complete=not interrupted and all(cell.complete for cell in cells),
        executions=sum(part.executions for part in parts),
        steps=sum(part.steps for part in parts),
        findings=tuple(findings),
        cells=cells,
        notes=tuple(notes),
        length=length,
        promises=_promised(done, findings),
    )


def _promised(
    done: Sequence[tuple[Design, Surveyed]], findings: Sequence[MatrixFinding]
) -> tuple[Promised, ...]:
    """Add up, for each design, what its starting points say about its promises."""
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


Work = Sequence[tuple[Design, StartingPoint]]


def _cells(calls: int, shape: Shape) -> int:
    if shape.length > 1:
        return sum(calls**size for size in range(1, shape.length + 1))
    return sum(comb(calls + size - 1, size) for size in range(1, shape.flows + 1))


def _one_by_one(
    work: Work,
    shape: Shape,
    options: Options,
    bounds: Bounds,
    progress: Listener | None,
    total: int,
) -> Iterator[Surveyed]:
    done = 0

    def listen(cell: Progress) -> None:
        if progress is not None:
            progress(Progress(done + cell.done, total, cell.text))

    for design, start in work:
        part = Survey(design, start, shape, options, bounds, listen).run()
        done += len(part.cells)
        yield part
        if part.interrupted:
            return


def _in_processes(
    jobs: int,
    work: Work,
    given: dict[str, str | Design],
    shape: Shape,
    options: Options,
    bounds: Bounds,
    progress: Listener | None,
    counts: Sequence[int],
) -> list[Surveyed]:
    for name, one in given.items():
        if not isinstance(one, str):
            raise UsageError(
                f"design {name} is given as an object, which no other process can load: "
                "expected its name or its file, or jobs=1"
            )
    parts: dict[int, Surveyed] = {}
    with ProcessPoolExecutor(jobs) as pool:
        futures = {
            pool.submit(_survey, str(given[design.name]), start, shape, options, bounds): index
            for index, (design, start) in enumerate(work)
        }
        try:
            for future in as_completed(futures):
                parts[futures[future]] = future.result()
                if progress is not None:
                    cells = sum(counts[index] for index in parts)
                    progress(Progress(cells, sum(counts), "cells"))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            for future, index in futures.items():
                if future.done() and not future.cancelled() and future.exception() is None:
                    parts[index] = future.result()
    return [parts.get(index, Surveyed(interrupted=True)) for index in range(len(work))]


def _survey(
    design: str, start: StartingPoint, shape: Shape, options: Options, bounds: Bounds
) -> Surveyed:
    """Survey one start in a process of its own; what it returns holds no machine."""
    part = Survey(load(design), start, shape, options, bounds).run()
    for best in part.best.values():
        best.finding()
        best.search = None
    return part


def _weight(found: Finding) -> tuple[str, int, int, str]:
    return (found.kind, found.preemptions, found.steps, found.id)
