"""netsim replay."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netsim.cli.output import CANNOT_JUDGE, HOLDS, VIOLATED, check_output, document_only, say
from netsim.errors import FileError, UsageError, escape

if TYPE_CHECKING:
    from netsim.design import Design
    from netsim.results import ReplayResult
    from netsim.trace.documents import Recorded


@click.command()
@click.argument("source")
@click.option("--design", help="Replay on this design: a name, or a Python file, which is run.")
@click.option("--adapt", is_flag=True, help="Follow a trace by names, if the design was edited.")
@click.option("--log", type=click.Choice(["json", "console"]), help="Log each step to stderr.")
@click.option("-o", "output", type=click.Path(), help="Write a netsim-trace of it here.")
@click.option("--json", "as_json", is_flag=True, help="Print the JSON document only.")
def replay(
    source: str,
    design: str | None,
    adapt: bool,
    log: str | None,
    output: str | None,
    as_json: bool,
) -> int:
    """Run a schedule again: SOURCE is a file, or the schedule itself."""
    from netsim.run.registry import load
    from netsim.trace.documents import dump_replay, dump_trace, trace_of, write_atomically
    from netsim.trace.schedule import Schedule

    check_output(output)
    recorded = _recorded(source)
    if any(one.schedule.scenario.startswith(f"{one.schedule.design}(") for one in recorded):
        raise UsageError(
            "this is the schedule of a program; expected one of a design: in Python "
            "netsim.replay_program(PROGRAM, SCHEDULE) runs it"
        )
    if len(recorded) > 1 and (output is not None or as_json):
        raise UsageError(
            f"{source} holds {len(recorded)} schedules: -o and --json take one; "
            "replay the string of one of its findings"
        )
    if adapt:
        recorded = [_traced(one, design) for one in recorded]
    with document_only(as_json):
        loaded = load(design) if design is not None else None
    codes = []
    for one in recorded:
        with document_only(as_json):
            result, reproduced = _replay_one(one, loaded, adapt)
        if output is not None and result.diverged is None:
            made = one.schedule
            if result.adapted is not None:
                made = Schedule.parse(result.adapted.schedule)
            write_atomically(Path(output), dump_trace(trace_of(made, result, one.finding)))
        if log is not None:
            from netsim.view.log import log_replay

            with contextlib.suppress(BrokenPipeError):
                log_replay(result, "json" if log == "json" else "console", sys.stderr)
        if as_json:
            say(dump_replay(result), nl=False)
        else:
            say(_replay_text(one, result, reproduced))
        if result.diverged is not None:
            codes.append(CANNOT_JUDGE)
        else:
            codes.append(VIOLATED if reproduced else HOLDS)
    if CANNOT_JUDGE in codes:
        return CANNOT_JUDGE
    return VIOLATED if all(code == VIOLATED for code in codes) else HOLDS


def _recorded(source: str) -> list[Recorded]:
    from netsim.trace.documents import Recorded, read_file
    from netsim.trace.schedule import WORD, Schedule

    if source.lstrip().startswith(WORD):
        return [Recorded(Schedule.parse(source), None)]
    try:
        there = Path(source).exists()
    except (OSError, ValueError):
        there = False
    if not there:
        raise FileError(
            source if len(source) <= 60 else source[:57] + "...",
            "neither a file nor a schedule; expected a netsim-check, netsim-matrix or "
            f"netsim-trace file, or a line that begins with '{WORD}'",
        )
    return read_file(Path(source))


def _traced(one: Recorded, design: str | None) -> Recorded:
    """Give a schedule the names of its steps, and what it shows, by the design that it names."""
    import attrs

    from netsim.run.own import is_file
    from netsim.run.replay import replay as run_replay
    from netsim.trace.documents import trace_of

    if one.trace is not None:
        return one
    missing = (
        "--adapt follows steps by their names, and a schedule has only those of threads: expected "
        "a netsim-trace; `netsim replay SCHEDULE -o FILE` writes it, before the edit (of a design "
        "in a file of your own with --design FILE.py)"
    )
    if design is None:
        raise UsageError(missing)
    try:
        result = run_replay(one.schedule)
    except UsageError as error:
        if is_file(design):
            raise UsageError(missing) from error
        raise UsageError(f"{missing}\n  {error}") from error
    if result.diverged is not None:
        raise UsageError(f"{missing}\n  {one.schedule.design} has changed since it was recorded")
    trace = trace_of(one.schedule, result, one.finding)
    return attrs.evolve(one, trace=trace, finding=one.finding or trace.finding)


def _replay_one(one: Recorded, design: Design | None, adapt: bool) -> tuple[ReplayResult, bool]:
    import attrs

    if adapt and one.trace is not None:
        from netsim.run.adapt import adapt as run_adapt

        result = run_adapt(one.trace, design=design)
        return result, result.reproduced

    from netsim.run.replay import replay as run_replay

    result = run_replay(one.schedule, expected=one.trace, design=design)
    ids = [finding.id for finding in result.findings]
    reproduced = bool(ids) if one.finding is None else one.finding in ids
    return attrs.evolve(result, reproduced=reproduced), reproduced


def _how_to_adapt(one: Recorded, result: ReplayResult) -> str:
    if result.adapted is not None or not result.events:
        return ""
    if one.trace is None:
        return " A trace of it (-o FILE, before the change) could be adapted; a schedule cannot."
    return " --adapt follows it by the names of its steps."


def _replay_text(one: Recorded, result: ReplayResult, reproduced: bool) -> str:
    from netsim.view.columns import columns
    from netsim.view.report import fill, finding_report

    lines = [f"{result.design}: {result.scenario}", "", columns(result), ""]
    if result.adapted is not None:
        from netsim.view.adapted import adapted_text

        lines += [adapted_text(result, one.finding), ""]
    if result.diverged is not None:
        d = result.diverged
        lines.append(
            fill(
                f"DIVERGED at step {d.step}: expected {escape(d.expected)}; "
                f"found {escape(d.found)}. "
                "The usual cause: the design has changed since the schedule was recorded."
                + _how_to_adapt(one, result),
                "",
                "  ",
            )
        )
        return "\n".join(lines)
    lines += [fill(f"{what}: {value}", "  ", "    ") for what, value in result.outcome]
    lines.append("")
    if one.finding is not None and not reproduced and result.adapted is None:
        lines.append(f"finding {one.finding} did not happen again")
    if not result.findings:
        lines.append("no finding")
    lines += [finding_report(f, n, None) for n, f in enumerate(result.findings, 1)]
    return "\n".join(lines)
