"""Designs side by side on the same scenarios: verdicts, and what each comes to in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netsim.results import Cell, Count, MatrixResult, Verdict
from netsim.view.matrix import letters
from netsim.view.report import AMBER, GREEN, PLAIN, RED, fill, model, replay_command

_PAINT = {Verdict.HOLDS: GREEN, Verdict.VIOLATED: RED, Verdict.UNKNOWN: AMBER}


def storm_report(
    result: MatrixResult, *, colour: bool = False, sources: Mapping[str, str] | None = None
) -> str:
    """
    Tell a matrix of scenarios: for each a table whose columns are the designs; then the findings.

    `sources` has the files of designs that are no installed ones.
    """
    names = dict(zip(dict.fromkeys(m.finding.id for m in result.findings), letters(), strict=False))
    parts = [fill(f"note: {note}", "", "      ") for note in result.notes]
    heads = [f"{number}  {design}" for number, design in enumerate(result.designs, 1)]
    parts.append("\n".join(fill(head, "", "   ") for head in heads))
    for scenario in result.scenarios:
        cells = {cell.design: cell for cell in result.cells if cell.scenario == scenario}
        parts.append(
            "\n".join([fill(scenario, "", "  "), *_table(result.designs, cells, names, colour)])
        )
    parts += _findings(result, names, sources or {})
    parts.append(_summary(result))
    return "\n\n".join(parts)


def _table(
    designs: Sequence[str], cells: Mapping[str, Cell], names: Mapping[str, str], colour: bool
) -> list[str]:
    found = [cells.get(design) for design in designs]
    rows = dict.fromkeys(tally.name for cell in found if cell for tally in cell.tallies)
    verdicts = [_verdict(cell, names) for cell in found]
    told = {row: [_number(cell, row) for cell in found] for row in rows}
    left = max(len("verdict"), *map(len, rows)) if rows else len("verdict")
    widths = [
        max(len(str(number + 1)), len(verdicts[number]), *(len(r[number]) for r in told.values()))
        for number in range(len(designs))
    ]
    heads = [str(number) for number in range(1, len(designs) + 1)]
    lines = [_line("", heads, left, widths)]
    painted = [
        f"{_PAINT[cell.verdict]}{text:>{width}}{PLAIN}" if colour and cell else text
        for cell, text, width in zip(found, verdicts, widths, strict=True)
    ]
    lines.append(_line("verdict", painted, left, widths))
    lines += [_line(row, told[row], left, widths) for row in rows]
    return lines


def _line(name: str, values: Sequence[str], left: int, widths: Sequence[int]) -> str:
    shown = "".join(f"  {text:>{width}}" for text, width in zip(values, widths, strict=True))
    return f"  {name:<{left}}{shown}"


def _verdict(cell: Cell | None, names: Mapping[str, str]) -> str:
    if cell is None:
        return "-"
    found = " ".join(sorted((names[i] for i in cell.findings), key=lambda n: (len(n), n)))
    return f"{cell.verdict.value} {found}" if found else cell.verdict.value


def _number(cell: Cell | None, name: str) -> str:
    tally = next((t for t in cell.tallies if t.name == name), None) if cell else None
    if cell is None or tally is None:
        return "-"
    return _between(tally) + ("" if cell.tallied else "?")


def _between(tally: Count) -> str:
    return str(tally.least) if tally.least == tally.most else f"{tally.least}..{tally.most}"


def _findings(
    result: MatrixResult, names: Mapping[str, str], sources: Mapping[str, str]
) -> list[str]:
    parts = []
    told: set[str] = set()
    for found in result.findings:
        finding = found.finding
        if finding.id in told:
            continue
        told.add(finding.id)
        lines = [fill(f"{names[finding.id]}  {finding.kind}: {finding.message}", "", "     ")]
        if finding.accepted:
            lines.append(fill(f"accepted by the design: {finding.accepted}", "     ", "       "))
        lines.append(f"     {replay_command(finding.schedule, sources.get(found.design, ''))}")
        parts.append("\n".join(lines))
    return parts


def _summary(result: MatrixResult) -> str:
    text = (
        "a..b: at least a, at most b over all executions; a letter: a finding, told below the "
        f"tables. {result.executions} executions with {model(result.options)}."
    )
    open_ = [cell for cell in result.cells if cell.tallies and not cell.tallied]
    if open_:
        text += " ?: a bound cut, of the executions that were run; others may come to more or less."
    if not result.decided:
        text += " Not every verdict is decided: what has no finding here may have one."
    return fill(text, "", "")
