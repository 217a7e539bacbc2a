"""The matrix as a triangular table of letters, and each distinct finding once, in words."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from itertools import count

from netsim.results import Cell, MatrixFinding, MatrixResult, Verdict
from netsim.view.columns import WIDTH
from netsim.view.report import GREEN, PLAIN, RED, fill


def letters() -> Iterator[str]:
    """Yield a, b, ... z, aa, ab ..."""
    for number in count():
        text = ""
        while number >= 0:
            text = chr(ord("a") + number % 26) + text
            number = number // 26 - 1
        yield text


def matrix_report(result: MatrixResult, *, colour: bool = False) -> str:
    """Tell a matrix: for each design a table, then its findings, then what differs."""
    parts = [_design(result, design, colour) for design in result.designs]
    if len(result.designs) > 1:
        parts.append(_differences(result))
    parts.append(_summary(result))
    return "\n\n".join(parts)


def _design(result: MatrixResult, design: str, colour: bool) -> str:
    findings = [m for m in result.findings if m.design == design]
    names = {m.finding.id: letter for m, letter in zip(findings, letters(), strict=False)}
    cells = [cell for cell in result.cells if cell.design == design]
    operations = [o for o in result.operations if any(o in cell.operations for cell in cells)]
    lines = [f"{design}: every pair of operations, from every starting point", ""]
    lines += _table(operations, cells, names, colour)
    lines += ["", *_legend(result, cells)]
    for found in findings:
        lines += ["", _finding(found, names[found.finding.id], cells)]
    return "\n".join(lines)


def _table(
    operations: Sequence[str], cells: Sequence[Cell], names: dict[str, str], colour: bool
) -> list[str]:
    text = {
        (a, b): _mark([c for c in cells if sorted(c.operations) == sorted((a, b))], names)
        for i, a in enumerate(operations)
        for b in operations[: i + 1]
    }
    alone = {a: _mark([c for c in cells if c.operations == (a,)], names) for a in operations}
    number = len(str(len(operations)))
    left = max(len(o) for o in operations) + number + 2
    room = WIDTH - left - 8
    width = max(number, min(4, room // max(len(operations), 1) - 1))
    head = "".join(f"{i:>{width + 1}}" for i in range(1, len(operations) + 1))
    lines = [f"{'':<{left}} {'alone':>6} {head}"]
    for i, a in enumerate(operations):
        row = "".join(
            _paint(f"{_fit(text[a, b], width):>{width + 1}}", text[a, b], colour)
            for b in operations[: i + 1]
        )
        own = _paint(f"{_fit(alone[a], 6):>6}", alone[a], colour)
        lines.append(f"{i + 1:>{number}} {a:<{left - number - 1}} {own} {row}".rstrip())
    return lines


def _mark(cells: Sequence[Cell], names: dict[str, str]) -> str:
    """Sum up the cells of one pair over all starting points."""
    found = sorted({names[i] for cell in cells for i in cell.findings}, key=lambda n: (len(n), n))
    if found:
        return "".join(found) if len(found) == 1 else f"{found[0]}+"
    if any(not cell.complete for cell in cells):
        return "?"
    if any(cell.alone for cell in cells):
        return "+"
    return "." if any(cell.verdict is Verdict.HOLDS for cell in cells) else "-"


def _fit(text: str, width: int) -> str:
    return text if len(text) <= width else text[:width]


def _paint(shown: str, mark: str, colour: bool) -> str:
    if not colour:
        return shown
    if mark[0].isalpha():
        return f"{RED}{shown}{PLAIN}"
    return f"{GREEN}{shown}{PLAIN}" if mark == "." else shown


def _legend(result: MatrixResult, cells: Sequence[Cell]) -> list[str]:
    lines = [
        fill(
            "a letter: a finding that needs both operations (a+: more than one); +: only what one "
            "of them shows alone; .: holds; ?: not decided; -: no start reached",
            "  ",
            "  ",
        )
    ]
    starts = []
    for start in result.starts:
        mine = [cell for cell in cells if cell.start == start.name]
        if mine:
            dead = all(cell.verdict is Verdict.UNKNOWN and cell.complete for cell in mine)
            note = " (not reached)" if dead else ""
            starts.append(f"{start.name} = {{ {start.scenario} }}{note}")
    lines.append(fill("starts: " + "; ".join(starts), "  ", "          "))
    return lines


def _finding(found: MatrixFinding, letter: str, cells: Sequence[Cell]) -> str:
    finding = found.finding
    where = [c for c in cells if finding.id in c.findings]
    pairs = list(dict.fromkeys(" || ".join(c.operations) for c in where))
    shown = ", ".join(pairs[:4]) + (f" and {len(pairs) - 4} more" if len(pairs) > 4 else "")
    lines = [
        fill(f"{letter}  {finding.kind}: {finding.message}", "", "     "),
        fill(f"in {shown}", "     ", "       "),
    ]
    if finding.nearest is not None and finding.nearest.order:
        lines.append(
            fill("nearest order: " + ", then ".join(finding.nearest.order), "     ", "       ")
        )
    lines += [fill(f"consequence: {c}", "     ", "       ") for c in finding.consequences]
    lines.append(f"     netsim replay {shlex.quote(finding.schedule)}")
    return "\n".join(lines)


def _differences(result: MatrixResult) -> str:
    lines = ["What one design shows and another does not:"]
    shown = {d: {m.finding.id for m in result.findings if m.design == d} for d in result.designs}
    for found in result.findings:
        missing = [d for d in result.designs if found.finding.id not in shown[d]]
        if missing:
            lines.append(
                fill(
                    f"{found.finding.id} {found.finding.kind}: in {found.design}, "
                    f"not in {', '.join(missing)}",
                    "  ",
                    "    ",
                )
            )
    return "\n".join(lines) if len(lines) > 1 else "All designs show the same findings."


def _summary(result: MatrixResult) -> str:
    decided = sum(cell.complete for cell in result.cells)
    red = sum(bool(cell.findings) for cell in result.cells)
    return fill(
        f"{len(result.cells)} cells, {decided} decided, {red} with findings of their own; "
        f"{len(result.findings)} distinct findings; {result.executions} executions, "
        f"{result.steps} steps.",
        "",
        "",
    )
