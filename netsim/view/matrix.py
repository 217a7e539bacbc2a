"""The matrix as a triangular table of letters, and each distinct finding once, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count

from netsim.results import Cell, Finding, MatrixFinding, MatrixResult, Verdict
from netsim.view.bystanders import KIND, bystanders
from netsim.view.columns import WIDTH, cut
from netsim.view.report import AMBER, GREEN, PLAIN, RED, fill, model, replay_command

_SCOPE = {
    1: "every operation",
    2: "every pair of operations",
    3: "every pair and every three of operations",
}

#: Names of operations are not cut shorter than this to fit a table.
NAME = 16


def letters() -> Iterator[str]:
    """Yield a, b, ... z, aa, ab ..."""
    for number in count():
        text = ""
        while number >= 0:
            text = chr(ord("a") + number % 26) + text
            number = number // 26 - 1
        yield text


def matrix_report(
    result: MatrixResult, *, colour: bool = False, sources: Mapping[str, str] | None = None
) -> str:
    """
    Tell a matrix: for each design a table and its findings, then what differs.

    `sources` has the files of designs that are no installed ones.
    """
    sources = sources or {}
    likes = {design: _bystanders(result, design) for design in result.designs}
    told_of = (m.finding.id for m in result.findings if m.finding.id not in likes[m.design])
    names = dict(zip(dict.fromkeys(told_of), letters(), strict=False))
    parts = [fill(f"note: {note}", "", "      ") for note in result.notes]
    told: set[str] = set()
    parts += [
        _design(result, design, likes[design], names, told, colour, sources.get(design, ""))
        for design in result.designs
    ]
    if len(result.designs) > 1:
        parts.append(_differences(result, names))
    parts.append(_summary(result))
    return "\n\n".join(parts)


def _bystanders(result: MatrixResult, design: str) -> dict[str, str]:
    findings = [m.finding for m in result.findings if m.design == design]
    return bystanders(findings, [cell for cell in result.cells if cell.design == design])


def _design(
    result: MatrixResult,
    design: str,
    likes: Mapping[str, str],
    names: Mapping[str, str],
    told: set[str],
    colour: bool,
    source: str,
) -> str:
    """Tell one design; findings in `told`, which an earlier design showed, only by their letter."""
    findings = [m for m in result.findings if m.design == design]
    cells = [cell for cell in result.cells if cell.design == design]
    operations = [o for o in result.operations if any(o in cell.operations for cell in cells)]
    scope = _SCOPE[result.flows]
    if result.length > 1:
        scope = f"every sequence of up to {result.length} operations in one flow"
    lines = [f"{design}: {scope}, from each of the starts below", ""]
    accepted = {m.finding.id for m in findings if m.finding.accepted}
    lines += _table(operations, cells, names, accepted, colour, pairs=result.flows > 1)
    if result.flows > 2:
        lines += ["", *_larger(cells, 3, "cells of three operations", names, likes)]
    for size in range(2, result.length + 1):
        lines += ["", *_larger(cells, size, f"sequences of {size} operations", names, likes)]
    lines += ["", *_legend(result, cells)]
    findings = [m for m in findings if m.finding.id not in likes]
    known = [names[m.finding.id] for m in findings if m.finding.id in told]
    if known:
        lines += ["", fill(f"told above: {', '.join(known)}", "  ", "    ")]
    like = Counter(likes.values())
    for found in findings:
        identity = found.finding.id
        if identity not in told:
            told.add(identity)
            lines += ["", _finding(found, names[identity], cells, source, like[identity])]
    return "\n".join(lines)


def _table(
    operations: Sequence[str],
    cells: Sequence[Cell],
    names: Mapping[str, str],
    accepted: Collection[str],
    colour: bool,
    *,
    pairs: bool,
) -> list[str]:
    """Draw the lower triangle; where it is too wide, its columns in several parts."""
    if not operations:
        return ["  (no cell was explored)"]
    of: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        of.setdefault(tuple(sorted(cell.operations)), []).append(cell)
    marks = {
        (a, b): _mark(of.get(tuple(sorted((a, b))), ()), names, accepted)
        for i, a in enumerate(operations)
        for b in operations[: i + 1]
    }
    alone = {a: _mark(of.get((a,), ()), names, accepted) for a in operations}
    number = len(str(len(operations)))
    if not pairs:
        own = max(len("alone"), *map(len, alone.values()))
        left = max(min(max(map(len, operations)), WIDTH - number - own - 3), NAME)
        return [f"{'':>{number}} {'':<{left}} {'alone':>{own}}"] + [
            f"{row:>{number}} {cut(a, left):<{left}} "
            f"{_paint(f'{alone[a]:>{own}}', alone[a], colour)}"
            for row, a in enumerate(operations, 1)
        ]
    widths = [
        max(len(str(i + 1)), *(len(marks[a, b]) for a in operations[i:]))
        for i, b in enumerate(operations)
    ]
    own = max(len("alone"), *map(len, alone.values()))
    left = max(map(len, operations))
    left = max(min(left, WIDTH - number - own - 3 - sum(w + 1 for w in widths)), min(left, NAME))
    room = WIDTH - number - left - own - 3
    lines: list[str] = []
    for part in _parts(widths, room):
        if lines:
            lines.append("")
        head = "".join(f" {i + 1:>{widths[i]}}" for i in part)
        lines.append(f"{'':>{number}} {'':<{left}} {'alone':>{own}} {head}")
        for row, a in enumerate(operations[part[0] :], part[0]):
            shown = "".join(
                " "
                + _paint(f"{marks[a, operations[i]]:>{widths[i]}}", marks[a, operations[i]], colour)
                for i in part
                if i <= row
            )
            lines.append(
                f"{row + 1:>{number}} {cut(a, left):<{left}} "
                f"{_paint(f'{alone[a]:>{own}}', alone[a], colour)} {shown}"
            )
    return lines


def _larger(
    cells: Sequence[Cell],
    size: int,
    what: str,
    names: Mapping[str, str],
    likes: Mapping[str, str],
) -> list[str]:
    """Tell which findings need so many operations, and in how many cells they stand."""
    mine = [cell for cell in cells if len(cell.operations) == size]
    own = Counter(names[i] for cell in mine for i in cell.findings if i not in likes)
    beside = {i for cell in mine for i in cell.findings if i in likes}
    shown = [f"{name} ({own[name]})" for name in sorted(own, key=lambda n: (len(n), n))]
    text = f"{len(mine)} {what}"
    open_ = sum(cell.decided is None for cell in mine)
    few = [cell for cell in mine if cell.decided == "preemptions"]
    if few:
        text += f", {len(few)} of them decided under {_most(few)} only"
    if open_:
        text += f", {open_} of them not decided"
    every = "all three" if size == 3 else "both"
    text += f"; findings that need {every} (in so many cells): " + (", ".join(shown) or "none")
    if beside:
        text += f"; {len(beside)} more are {KIND}, as some of their operations are by themselves"
    return [fill(text, "  ", "  ")]


def _most(cells: Sequence[Cell]) -> str:
    """Name the bound of cells that were decided under one."""
    return f"at most {max(cell.preemptions or 0 for cell in cells)} preemptions"


def _parts(widths: Sequence[int], room: int) -> list[list[int]]:
    """Split columns into runs that fit the room."""
    parts: list[list[int]] = [[]]
    used = 0
    for index, width in enumerate(widths):
        if parts[-1] and used + width + 1 > room:
            parts.append([])
            used = 0
        parts[-1].append(index)
        used += width + 1
    return parts


def _mark(cells: Sequence[Cell], names: Mapping[str, str], accepted: Collection[str]) -> str:
    """Sum up the cells of one pair over all starting points."""
    own = [cell for cell in cells if cell.findings]
    found = sorted({names[i] for cell in own for i in cell.findings}, key=lambda n: (len(n), n))
    if found:
        amber = "" if any(cell.verdict is Verdict.VIOLATED for cell in own) else "~"
        return f"{amber}{found[0]}{'+' * (len(found) > 1)}"
    if not cells or any(cell.decided is None for cell in cells):
        return "?"
    if any(identity not in accepted for cell in cells for identity in cell.alone):
        return "+"
    if not all(cell.complete for cell in cells):
        return ":"
    return "." if any(cell.verdict is Verdict.HOLDS for cell in cells) else "-"


def _paint(shown: str, mark: str, colour: bool) -> str:
    if not colour:
        return shown
    if mark[0].isalpha():
        return f"{RED}{shown}{PLAIN}"
    paint = {".": GREEN, ":": GREEN, "?": AMBER, "~": AMBER}.get(mark[0])
    return f"{paint}{shown}{PLAIN}" if paint else shown


def _legend(result: MatrixResult, cells: Sequence[Cell]) -> list[str]:
    text = (
        "a letter: a finding that needs both operations (a+: more than one); +: only what one "
        "of them shows alone; .: holds; ?: not decided; -: no start reached"
    )
    if result.flows == 1:
        text = "a letter: a finding (a+: more than one); .: holds; ?: not decided; "
        text += "-: no start reached"
    few = [cell for cell in cells if cell.decided == "preemptions" and len(cell.operations) < 3]
    if few:
        text += f"; :: holds under {_most(few)}"
    amber = []
    if any(m.finding.accepted for m in result.findings):
        amber.append("the design accepts it, and it makes no +")
    if any(m.finding.status != "reached" for m in result.findings):
        amber.append("it is predicted, and not decided")
    if amber:
        text += f"; ~a: {'; or '.join(amber)}"
    lines = [fill(text, "  ", "  ")]
    starts = []
    for start in result.starts:
        mine = [cell for cell in cells if cell.start == start.name]
        if mine:
            dead = all(cell.verdict is Verdict.UNKNOWN and cell.complete for cell in mine)
            note = " (not reached)" if dead else ""
            starts.append(f"{start.name} = {{ {start.scenario} }}{note}")
    lines.append(fill("starts: " + "; ".join(starts), "  ", "          "))
    return lines


def _finding(
    found: MatrixFinding, letter: str, cells: Sequence[Cell], source: str, like: int
) -> str:
    finding = found.finding
    where = [c for c in cells if finding.id in c.findings]
    # The operations of one flow stand in its scenario in their order.
    joint = " || " if any(" || " in c.scenario for c in where) else "; "
    pairs = list(dict.fromkeys(joint.join(c.operations) for c in where))
    shown = ", ".join(pairs[:4]) + (f" and {len(pairs) - 4} more" if len(pairs) > 4 else "")
    starts = ", ".join(dict.fromkeys(c.start for c in where))
    lines = [
        fill(f"{letter}  {finding.kind}: {finding.message}", "", "     "),
        fill(
            f"in {shown}; from {starts}" if where else "in no cell of its own", "     ", "       "
        ),
    ]
    if like:
        text = f"and {like} with more operations beside it; --json tells each"
        lines.append(fill(text, "     ", "       "))
    if finding.accepted:
        lines.append(fill(f"accepted by the design: {finding.accepted}", "     ", "       "))
    if finding.nearest is not None and finding.nearest.order:
        lines.append(
            fill("nearest order: " + ", then ".join(finding.nearest.order), "     ", "       ")
        )
    lines += [fill(f"consequence: {c}", "     ", "       ") for c in finding.consequences]
    if finding.schedule:
        lines.append(f"     {replay_command(finding.schedule, source)}")
    return "\n".join(lines)


def _differences(result: MatrixResult, names: Mapping[str, str]) -> str:
    shown = {d: {m.finding.id for m in result.findings if m.design == d} for d in result.designs}
    first = {m.finding.id: m.finding for m in reversed(result.findings)}
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for identity in names:
        having = tuple(d for d in result.designs if identity in shown[d])
        if len(having) < len(result.designs):
            groups.setdefault(having, []).append(first[identity])
    if not groups:
        return "All designs show the same findings."
    lines: list[str] = []
    for having, findings in sorted(groups.items(), key=lambda g: result.designs.index(g[0][0])):
        missing = [d for d in result.designs if d not in having]
        lines += ["", fill(f"Shown by {', '.join(having)}, not by {', '.join(missing)}:", "", "  ")]
        for finding in findings:
            joint = " || " if result.length == 1 else "; "
            what = f"{finding.kind} in {joint.join(finding.operations)}"
            if finding.nearest is None and finding.objects:
                what += f": {', '.join(finding.objects)}"
            lines.append(fill(f"{names[finding.id]}  {what}", "  ", "      "))
        for design in missing:
            mine = [c for c in result.cells if c.design == design]
            few = [c for c in mine if c.decided == "preemptions"]
            if few:
                told = f"({len(few)} cells of {design} were decided under {_most(few)} only)"
                lines.append(fill(told, "  ", "  "))
            if any(c.decided is None for c in mine):
                lines.append(fill(f"(not every cell of {design} was decided)", "  ", "  "))
    return "\n".join(lines[1:])


def _summary(result: MatrixResult) -> str:
    cells = result.cells
    few = [cell for cell in cells if cell.decided == "preemptions"]
    how = {
        f"{sum(cell.decided == 'classes' for cell in cells):,} by classes": True,
        f"{len(few):,} under {_most(few) if few else ''}": bool(few),
        f"{sum(cell.decided == 'start' for cell in cells):,} whose start is not reached": any(
            cell.decided == "start" for cell in cells
        ),
        f"{sum(cell.decided is None for cell in cells):,} not decided": any(
            cell.decided is None for cell in cells
        ),
    }
    red = sum(bool(cell.findings) for cell in cells)
    distinct = len({m.finding.id for m in result.findings})
    accepted = len({m.finding.id for m in result.findings if m.finding.accepted})
    note = f" ({accepted} accepted)" if accepted else ""
    text = (
        f"{len(cells):,} cells: {', '.join(part for part, shown in how.items() if shown)}; "
        f"{red} with findings of their own; "
        f"{distinct} distinct findings{note}; {result.executions} executions, "
        f"{result.steps} steps."
    )
    scope = (
        f"of up to {max(result.flows, result.length)} operations "
        f"{'at a time' if result.length == 1 else 'in a row'} from each start that is reached, "
        f"with {model(result.options)}."
    )
    if result.complete:
        text += f" Every cell is decided: one of every class of executions was run, {scope}"
    elif result.decided:
        text += (
            f" Every cell is decided, {scope} In those by classes one of every class of executions "
            "was run; in the others every one that differs, but for what needs more preemptions."
        )
    else:
        text += " Not every cell is decided: what has no finding here may have one."
    return fill(text, "", "")
