"""The promises of designs as a page in Markdown: a table, then each counterexample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netsim.results import Finding, Promised, PromiseSurvey, PromiseTable
from netsim.view.report import model, plural, replay_command

_VERDICT = {
    "kept": "kept",
    "broken": "**broken**",
    "void": "never exercised",
    "undecided": "undecided",
}


def promises_page(tables: Sequence[PromiseTable], command: str) -> str:
    """
    Tell every promise: its verdict, its sentence and where that stands, what breaks it.

    Several designs stand side by side, a column for each; a finding that an earlier one shows has
    the same number.
    """
    shown: dict[str, tuple[Finding, list[str]]] = {}
    for table in tables:
        for identity in (i for promised in table.promises for i in promised.findings):
            if identity in table.smallest:
                one = shown.setdefault(identity, (table.smallest[identity], []))
                one[1].append(table.design)
    numbers = {identity: number for number, identity in enumerate(shown, 1)}
    several = len(tables) > 1
    title = f"# Promises of {', '.join(table.design for table in tables)}"
    lines = [title, "", f"Made by `{command}`.", ""]
    for table in tables:
        of = f"{table.design}, " if several else ""
        lines += [f"* {of}{_searched(survey)}" for survey in table.surveys]
    lines.append("")
    lines += [_counted(table, several) for table in tables]
    lines += ["", *(_beside(tables, numbers) if several else _single(tables[0], numbers))]
    for table in tables:
        if table.taken_back:
            lines += ["", f"## What {table.design} takes back", ""]
            lines += [f"* {name}: {_plain(why)}" for name, why in table.taken_back.items()]
    lines += _meanings([promised for table in tables for promised in table.promises])
    if numbers:
        lines += ["", "## Counterexamples", ""]
        lines += ["Each is the smallest known: fewest operations, then preemptions, then steps."]
        if several:
            lines += ["What all of the designs show names none; its schedule is of the first."]
    for number, (finding, designs) in enumerate(shown.values(), 1):
        lines += _counterexample(number, finding, designs if len(designs) < len(tables) else ())
    return "\n".join(lines)


def _searched(survey: PromiseSurvey) -> str:
    what = "every operation alone"
    if survey.length > 1:
        what = f"every sequence of up to {survey.length} operations in one flow"
    elif survey.flows > 1:
        what = f"up to {survey.flows} operations at a time"
    decided = "every one decided" if survey.complete else "not every one decided"
    return (
        f"{what}, from each of {plural(survey.starts, 'starting point')}: "
        f"{plural(survey.scenarios, 'scenario')}, {decided}; with {model(survey.options)}."
    )


def _counted(table: PromiseTable, several: bool) -> str:
    told = ", ".join(
        f"{sum(p.verdict == verdict for p in table.promises)} {word.strip('*')}"
        for verdict, word in _VERDICT.items()
    )
    of = f"* {table.design}, " if several else ""
    return f"{of}{plural(len(table.promises), 'promise')}: {told}."


def _single(table: PromiseTable, numbers: Mapping[str, int]) -> list[str]:
    """Draw the table of one design."""
    lines = ["| promise | verdict | sentence | where | counterexample |", "|---|---|---|---|---|"]
    for promised in table.promises:
        found = [table.smallest[i] for i in promised.findings if i in table.smallest]
        shown = "; ".join(
            f"`{_scenario(f)}`".replace("|", "\\|") + f" [{numbers[f.id]}]" for f in found
        )
        cells = (
            f"{promised.name} ({promised.mode})",
            _verdict(promised, table),
            _plain(promised.sentence),
            _plain(promised.source),
            shown or ("none" if promised.verdict == "kept" else ""),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _beside(tables: Sequence[PromiseTable], numbers: Mapping[str, int]) -> list[str]:
    """Draw the table of several designs: who makes a promise, and the numbers of what breaks it."""
    every = {promised.name: promised for table in tables for promised in table.promises}
    designs = " | ".join(table.design for table in tables)
    lines = [f"| promise | {designs} | sentence | where |", "|---" * (3 + len(tables)) + "|"]
    for name, promised in every.items():
        cells = [f"{name} ({promised.mode})"]
        for table in tables:
            mine = next((p for p in table.promises if p.name == name), None)
            if mine is None:
                cells.append("taken back" if name in table.taken_back else "not made")
                continue
            found = [f"[{numbers[i]}]" for i in mine.findings if i in table.smallest]
            cells.append(" ".join([_verdict(mine, table), *found]))
        cells += [_plain(promised.sentence), _plain(promised.source)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _verdict(promised: Promised, table: PromiseTable) -> str:
    verdict = _VERDICT[promised.verdict]
    if promised.verdict == "kept":
        verdict += f" in {plural(promised.scenarios, 'scenario')}"
    if promised.followed:
        kinds = ", ".join(table.behind.get(promised.name, ())) or "another finding"
        note = f"not kept in {plural(promised.followed, 'execution')}, as follows from {kinds}"
        verdict += f" ({note})"
    return verdict


def _meanings(promises: Sequence[Promised]) -> list[str]:
    every = {p.name: f"* {p.name}: {_plain(p.meaning)}" for p in promises if p.meaning}
    return ["", "## How they are read", "", *every.values()] if every else []


def _counterexample(number: int, finding: Finding, designs: Sequence[str]) -> list[str]:
    message = finding.message.partition("; promised is ")[0]
    of = f" (on {', '.join(designs)})" if designs else ""
    lines = ["", f"[{number}] {finding.kind.removeprefix('promise:')}{of}: {_plain(message)}."]
    if finding.accepted:
        lines.append(f"Accepted: {_plain(finding.accepted)}.")
    if not finding.schedule:
        return lines  # every execution shows it
    return [*lines, "", f"    {replay_command(finding.schedule)}"]


def _scenario(finding: Finding) -> str:
    scenario = finding.schedule.partition(" -- ")[2]
    return scenario or finding.message.partition("in any execution of '")[2].partition("'; ")[0]


def _plain(text: str) -> str:
    """Keep what Markdown would take for its own out of a sentence."""
    text = " ".join(text.split())
    return text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")
