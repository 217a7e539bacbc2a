"""The report of an explored program: the verdict with its bounds, findings, and outcomes."""

from __future__ import annotations

from netsim.errors import escape
from netsim.results import CLASSES, ProgramOutcome, ProgramReplay, ProgramResult, Verdict
from netsim.view.columns import columns
from netsim.view.report import bound_that_cut, fill, plural, proved, rest


def program_report(result: ProgramResult) -> str:
    """Tell a result in full; each finding brings its own story."""
    lines = [fill(f"{result.verdict.value.upper()}  {result.program}", "", "  ")]
    count = plural(result.executions, "execution")
    reached = bool(result.findings)
    if result.complete:
        what = f"one of every class was run ({count})"
        if result.covered != CLASSES:
            what = f"{result.covered} was searched"
        if result.verdict is Verdict.UNKNOWN:  # a note says why
            said = f"{what}; no bound cut the search"
        else:
            said = proved(what, result.verdict, reached)
        said += ", with sequentially consistent memory"
    else:
        bound = bound_that_cut(result.cut_by, result.bounds) if result.cut_by else "first=True"
        said = f"stopped by {bound.replace('--', '')} after {count}; "
        said += rest(reached, result.estimate)
    lines.append(fill(f"{said}.", "  ", "  "))
    if result.covered == CLASSES:  # else counts of executions tell nothing
        steps = plural(result.steps, "step")
        lines.append(f"  {result.deadlocked} deadlocked, {result.blocked} blocked, {steps}.")
    lines += [fill(f"note: {note}", "  ", "        ") for note in result.notes]
    for finding in result.findings:
        lines += ["", str(finding)]
    if result.outcomes:
        lines += ["", f"{plural(len(result.outcomes), 'distinct outcome')}"]
        lines += [_outcome(outcome) for outcome in result.outcomes]
    return "\n".join(lines)


def replay_report(replay: ProgramReplay) -> str:
    """Tell one execution in columns, how it ended, and what it showed."""
    lines = [replay.scenario, "", columns(replay, loop=replay.loop), ""]
    if replay.diverged is not None:
        d = replay.diverged
        text = (
            f"DIVERGED at step {d.step}: expected {escape(d.expected)}; found {escape(d.found)}. "
            "The usual cause: the program has changed since the schedule was recorded."
        )
        return "\n".join([*lines, fill(text, "", "  ")])
    lines += [fill(f"{what}: {value}", "", "  ") for what, value in replay.outcome]
    lines += [fill(f"{f.kind}: {f.message}", "", "  ") for f in replay.findings]
    return "\n".join(lines)


def _outcome(outcome: ProgramOutcome) -> str:
    size = f"{plural(outcome.steps, 'step')}, {plural(outcome.preemptions, 'preemption')}"
    choices = outcome.schedule.partition(" -- ")[0].split(" ")[3]
    shown = fill(f"{outcome.text}  ({size})", "  ", "    ")
    return f"{shown}\n" + fill(choices.replace(",", ", "), "      ", "      ")
