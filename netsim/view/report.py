"""The report of a check: the verdict with its bounds, each finding, and how to replay it."""

from __future__ import annotations

import math
import re
import shlex
import textwrap
from collections.abc import Callable, Mapping

from netsim.errors import escape
from netsim.results import (
    Bounds,
    CutBy,
    Finding,
    Options,
    ProgramReplay,
    ReplayResult,
    Result,
    Verdict,
)
from netsim.view.columns import WIDTH, columns, cut
from netsim.view.explain import explanation_sentences

BAR = "=" * 53
RED, GREEN, AMBER, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"

CUTS = {
    "executions": "--max-executions {executions}",
    "steps": "--max-steps {steps}",
    "seconds": "--timeout {seconds:g}",
    "preemptions": "a bound of {preemptions}",
    "interrupt": "an interrupt",
}

#: Kinds that are told with lockdep's table of CPUs.
_TABLES = ("deadlock", "lock-order")

#: A flow that strikes, in the scenario at the end of a schedule.
_STRIKE = re.compile(r" (?:--|\}|\|\|) !")

_STATUS = {
    "unreachable": "predicted, but no execution of this model reaches it",
    "undecided": "predicted; what was explored does not decide it",
}


def check_report(
    result: Result,
    *,
    replays: Mapping[str, ReplayResult] | None = None,
    colour: bool = False,
    source: str = "",
    outcomes: bool = False,
) -> str:
    """
    Tell a result in full.

    `replays` maps ids of findings to their replays, which are drawn as columns; `source` is the
    file of the design if it is no installed one; `outcomes` adds every outcome.
    """
    parts = [verdict_line(result, colour=colour)]
    parts += [fill(f"note: {note}", "  ", "        ") for note in result.notes]
    for number, finding in enumerate(result.findings, 1):
        parts.append("")
        replay = (replays or {}).get(finding.id)
        parts.append(finding_report(finding, number, replay, lambda s: replay_command(s, source)))
    if outcomes:
        parts += ["", outcomes_report(result, source)]
    return "\n".join(parts)


def outcomes_report(result: Result, source: str = "") -> str:
    """List every distinct outcome with the shortest schedule known for it."""
    lines = [f"{plural(len(result.outcomes), 'distinct outcome')}"]
    for number, outcome in enumerate(result.outcomes, 1):
        how = "as in a sequential order" if outcome.serial else "as in no sequential order"
        lines += ["", f"({number}) {how}"]
        lines += [fill(f"{what}: {value}", "    ", "      ") for what, value in outcome.observed]
        lines.append(f"    {replay_command(outcome.schedule, source)}")
    return "\n".join(lines)


def verdict_line(result: Result, *, colour: bool = False) -> str:
    """Return the verdict in one paragraph, with what bounds it."""
    word = result.verdict.value.upper()
    head = fill(f"{word}  {result.design}: {result.scenario}", "", "  ")
    if colour:
        paint = {Verdict.HOLDS: GREEN, Verdict.VIOLATED: RED, Verdict.UNKNOWN: AMBER}
        head = f"{paint[result.verdict]}{word}{PLAIN}{head.removeprefix(word)}"
    count = plural(result.executions, "execution")
    reached = any(finding.status == "reached" for finding in result.findings)
    if result.start == "unreachable":
        said = "the start is not reached, so nothing was explored"
    elif result.complete:
        said = proved(f"{result.covered} was run ({count})", result.verdict, reached)
        said += f", with {model(result.options)}"
    else:
        bound = bound_that_cut(result.cut_by, result.bounds)
        said = f"stopped by {bound} after {count}; {rest(reached, result.estimate)}"
    accepted = sum(bool(finding.accepted) for finding in result.findings)
    if accepted:
        said += f"; {plural(accepted, 'finding')} accepted by the design"
    refuted = sum(finding.status == "unreachable" for finding in result.findings)
    if refuted:
        said += f"; {plural(refuted, 'predicted deadlock')} refuted"
    return f"{head}\n" + fill(f"{said}.", "  ", "  ")


def proved(covered: str, verdict: Verdict, reached: bool) -> str:
    """Say what a complete search has shown."""
    if verdict is Verdict.UNKNOWN:
        return f"{covered}, and no bound cut the search, but not all that was predicted is decided"
    if not reached:
        what = "state" if covered.startswith("every state") else "execution"
        return f"no {what} of this model violates a check: {covered}"
    return f"nothing but what is below was found: {covered}"


def model(options: Options) -> str:
    """Say what the environment of a model may do: the bounds of every proof about it."""
    faults = f"up to {plural(options.faults, 'failure')}" if options.faults else "no failures"
    timers = "no timer firing by itself"
    if "timers" in options.choose:
        timers = "timers firing at any moment, until they change nothing"
    others = [f"{what} left to the environment" for what in options.choose if what != "timers"]
    return ", ".join([faults, *others, f"sequentially consistent memory and {timers}"])


def bound_that_cut(cut_by: CutBy | None, bounds: Bounds) -> str:
    """Name what cut a search, as one gives it on the command line."""
    if cut_by == "steps" and bounds.steps is None:
        return "executions that do not end"
    return CUTS.get(cut_by or "", "--first").format(
        executions=bounds.executions,
        steps=bounds.steps,
        seconds=bounds.seconds or 0,
        preemptions=plural(bounds.preemptions or 0, "preemption"),
    )


def rest(reached: bool, estimate: tuple[int, int] | None) -> str:
    """Say what a search that was cut leaves open, and how much that may be."""
    said = "" if reached else "nothing found so far, "
    said += "the rest is not known"
    if estimate is not None:
        said += f" (estimated: {between(*estimate)} executions in all)"
    return said


def between(low: float, high: float) -> str:
    """Write a range of an estimate, whose digits beyond two mean nothing, rounded up."""
    low, high = (math.ceil(value / unit) * unit for value in (low, high) for unit in [_unit(value)])
    return f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"


def _unit(value: float) -> int:
    """Return what the second digit counts."""
    return int(10 ** max(math.floor(math.log10(value)) - 1, 0)) if value > 0 else 1


def replay_command(schedule: str, source: str = "") -> str:
    """Return the command that replays a schedule; `source` is the file of its design, if any."""
    design = f"--design {shlex.quote(source)} " if source else ""
    return f"netsim replay {design}{shlex.quote(schedule)}"


def finding_report(
    finding: Finding,
    number: int,
    replay: ReplayResult | None,
    again: Callable[[str], str] = replay_command,
) -> str:
    """
    Tell one finding: in words, in the kernel's form for locks, as columns, and its schedule.

    `again` makes the command that replays a schedule.
    """
    lines = [f"[{number}] {finding.kind}  ({finding.id})"]
    if finding.status != "reached":
        lines.append(f"    {finding.status}: {_STATUS[finding.status]}")
    lines.append(fill(finding.message, "    ", "    "))
    if finding.accepted:
        lines.append(fill(f"accepted by the design: {finding.accepted}", "    ", "      "))
    if finding.kind == "recursive-lock" and finding.sites:
        lines += ["", *_recursion(finding)]
    elif finding.kind in _TABLES and finding.sites and finding.status != "unreachable":
        lines += ["", *_deadlock(finding)]
    else:
        for site in finding.sites:
            lines.append(fill(_place(site.role, site.flow, site.function), "    ", "      "))
    lines += [fill(_confirmed(path), "    ", "      ") for path in finding.confirms]
    if finding.nearest is not None:
        order = ", then ".join(finding.nearest.order) or "nothing"
        lines.append(fill(f"nearest sequential order: {order}", "    ", "      "))
        for d in finding.nearest.differs:
            lines.append(
                fill(f"{d.what}: expected {d.expected}, found {d.found}", "      ", "        ")
            )
    lines += [fill(f"consequence: {c}", "    ", "      ") for c in finding.consequences]
    if finding.minimal:
        lines.append("    minimal: none shows it with fewer preemptions, or as few and fewer steps")
    if finding.explanation is not None:
        for told in explanation_sentences(finding.explanation):
            lines.append(fill(told, "    ", "      "))
        if finding.explanation.passing:
            lines.append(f"      {again(finding.explanation.passing)}")
    if replay is not None and replay.events:
        loop = replay.loop if isinstance(replay, ProgramReplay) else 0
        lines += ["", columns(replay, loop=loop)]
    if finding.schedule:
        lines += ["", f"    {again(finding.schedule)}"]
    return "\n".join(lines)


def _confirmed(path: str) -> str:
    """Name a prediction by its locks: those of a lock order end where they begin."""
    first, *others = path.split(" -> ")
    kind = "lock order" if others and others[-1] == first else "irq-lock-order of"
    return f"confirms the {kind} {path}"


def _recursion(finding: Finding) -> list[str]:
    """The form of lockdep's report on a recursive lock, without what a model does not know."""
    acquires, holds = finding.sites[0], finding.sites[-1]
    lock = finding.objects[0]
    return [
        f"    {BAR}",
        "    netsim: [ INFO: possible recursive locking detected ]",
        f"    {'-' * 53}",
        f"    {_who(acquires.flow)} is trying to acquire lock:",
        *_at(lock, acquires.function, acquires.source),
        "",
        "    but task is already holding lock:",
        *_at(lock, holds.function, holds.source),
        "",
        "    other info that might help us debug this:",
        "     Possible unsafe locking scenario:",
        "",
        "           CPU0",
        "           ----",
        f"      lock({lock});",
        f"      lock({lock});",
        "",
        "     *** DEADLOCK ***",
    ]


def _deadlock(finding: Finding) -> list[str]:
    """The CPU0/CPU1 table of lockdep's report on a circular dependency."""
    flows = list(dict.fromkeys(site.flow for site in finding.sites))
    width = (WIDTH - 4) // len(flows)
    rows = [
        (at, _row(site.role))
        for wanted in (False, True)
        for at, flow in enumerate(flows)
        for site in finding.sites
        if site.flow == flow
        and not site.role.startswith("ends ")
        and site.role.startswith(("acquires ", "waits in ")) is wanted
    ]
    # Threads of a program have no CPU, and a strike has that of whom it strikes.
    numbered = any(map(str.isdigit, flows)) and not _STRIKE.search(finding.schedule)
    heads = [f"{_cpu(flow)} ({_who(flow)})" if numbered else _who(flow) for flow in flows]
    width = min(width, max(map(len, [*heads, *(text for _, text in rows)])) + 4)
    lines = [
        f"    {BAR}",
        f"    netsim: [ INFO: {_possible(finding)} ]",
        f"    {'-' * 53}",
        "    " + "".join(f"{cut(head, width - 1):<{width}}" for head in heads).rstrip(),
        "    " + "".join(f"{'----':<{width}}" for _ in flows).rstrip(),
    ]
    lines += [f"    {' ' * (width * at)}{cut(text, width - 1)}" for at, text in rows]
    lines += ["", "     *** DEADLOCK ***", ""]
    for site in finding.sites:
        lines.append(fill(_place(site.role, site.flow, site.function), "    ", "      "))
    return lines


def _possible(finding: Finding) -> str:
    """Name it as lockdep does, which cannot know whether it happens."""
    if finding.status == "reached":
        return "circular locking dependency, reached"
    return "possible circular locking dependency detected"


def _row(role: str) -> str:
    """Return a row of the table of CPUs."""
    if role.startswith("waits in "):
        return f"{role.removeprefix('waits in ')};"
    lock = role.removeprefix("acquires ").removeprefix("holds ").removesuffix(" since")
    return f"lock({lock});"


def _cpu(flow: str) -> str:
    """Flow n runs on CPU n - 1; where a worker runs, no one says."""
    return f"CPU{int(flow) - 1}" if flow.isdigit() and flow > "0" else "CPU?"


def _at(lock: str, function: str, source: str) -> list[str]:
    inner, *callers = function.split(" < ")
    lines = [
        fill(f"({lock}), at: {inner}" + (f"  [{source}]" if source else ""), "     ", "       ")
    ]
    lines += [f"       called from {caller}" for caller in callers]
    return lines


def _place(role: str, flow: str, function: str) -> str:
    where = f" in {function.replace(' < ', ', called from ')}" if function else ""
    return f"{_who(flow)} {role}{where}"


def _who(flow: str) -> str:
    if flow.isdigit():
        return "the start" if flow.startswith("0") else f"flow {flow}"
    return flow


def plural(number: int, word: str) -> str:
    """Write a count with its noun."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def fill(text: str, first: str, rest: str) -> str:
    """Wrap a paragraph to the width of a report."""
    return textwrap.fill(
        escape(text.replace("\n", " ")),
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=True,
        break_on_hyphens=False,
    )
