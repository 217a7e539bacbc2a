"""The promises of a design as a page in Markdown: a table, then each counterexample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netsim.results import Finding, MatrixResult, Promised
from netsim.view.report import model, plural, replay_command

_VERDICT = {
    "kept": "kept",
    "broken": "**broken**",
    "void": "never exercised",
    "undecided": "undecided",
}


def promises_page(
    design: str,
    surveys: Sequence[MatrixResult],
    promises: Sequence[Promised],
    smallest: Mapping[str, Finding],
    behind: Mapping[str, Sequence[str]],
    command: str,
) -> str:
    """
    Tell every promise: its verdict, its sentence and where that stands, what breaks it.

    `smallest` has the findings by id; `behind` the kinds of findings of which a promise is not kept
    as a consequence.
    """
    numbers = {
        identity: number
        for number, identity in enumerate(
            (i for promised in promises for i in promised.findings if i in smallest), 1
        )
    }
    lines = [f"# Promises of {design}", "", f"Made by `{command}`.", ""]
    lines += [_searched(survey) for survey in surveys]
    told = ", ".join(
        f"{sum(p.verdict == verdict for p in promises)} {word.strip('*')}"
        for verdict, word in _VERDICT.items()
    )
    lines += [
        "",
        f"{plural(len(promises), 'promise')}: {told}.",
        "",
        "| promise | verdict | sentence | where | counterexample |",
        "|---|---|---|---|---|",
    ]
    lines += [_row(promised, numbers, smallest, behind) for promised in promises]
    lines += _meanings(promises)
    if numbers:
        lines += ["", "## Counterexamples", ""]
        lines += ["Each is the smallest known: fewest operations, then preemptions, then steps."]
    for identity, number in numbers.items():
        lines += _counterexample(number, smallest[identity])
    return "\n".join(lines)


def _searched(survey: MatrixResult) -> str:
    what = "every operation alone"
    if survey.length > 1:
        what = f"every sequence of up to {survey.length} operations in one flow"
    elif survey.flows > 1:
        what = f"up to {survey.flows} operations at a time"
    decided = "every one decided" if survey.complete else "not every one decided"
    return (
        f"* {what}, from each of {plural(len(survey.starts), 'starting point')}: "
        f"{plural(len(survey.cells), 'scenario')}, {decided}; with {model(survey.options)}."
    )


def _row(
    promised: Promised,
    numbers: Mapping[str, int],
    smallest: Mapping[str, Finding],
    behind: Mapping[str, Sequence[str]],
) -> str:
    found = [smallest[i] for i in promised.findings if i in smallest]
    shown = "; ".join(
        f"`{_scenario(f)}`".replace("|", "\\|") + f" [{numbers[f.id]}]" for f in found
    )
    verdict = _VERDICT[promised.verdict]
    if promised.verdict == "kept":
        verdict += f" in {plural(promised.scenarios, 'scenario')}"
    if promised.followed:
        kinds = ", ".join(behind.get(promised.name, ())) or "another finding"
        note = f"not kept in {plural(promised.followed, 'execution')}, as follows from {kinds}"
        verdict += f" ({note})"
    cells = (
        f"{promised.name} ({promised.mode})",
        verdict,
        _plain(promised.sentence),
        _plain(promised.source),
        shown or ("none" if promised.verdict == "kept" else ""),
    )
    return f"| {' | '.join(cells)} |"


def _meanings(promises: Sequence[Promised]) -> list[str]:
    lines = [f"* {p.name}: {_plain(p.meaning)}" for p in promises if p.meaning]
    return ["", "## How they are read", "", *lines] if lines else []


def _counterexample(number: int, finding: Finding) -> list[str]:
    message = finding.message.partition("; promised is ")[0]
    lines = ["", f"[{number}] {finding.kind.removeprefix('promise:')}: {_plain(message)}."]
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
