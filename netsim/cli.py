"""
The command line: the only place that knows files, terminals and exit codes.

0 holds; 1 violated; 2 the request is wrong; 3 unknown; 125 cannot judge.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netsim._version import __version__
from netsim.errors import FileError, NetsimError, UsageError, escape

if TYPE_CHECKING:
    from netsim.design import Design
    from netsim.results import Bounds, Options, Plan, ReplayResult
    from netsim.run.walk import Progress
    from netsim.trace.documents import Recorded

COLUMNS = 100
HOLDS, VIOLATED, USAGE, UNKNOWN, CANNOT_JUDGE = 0, 1, 2, 3, 125
EXIT = {"holds": HOLDS, "violated": VIOLATED, "unknown": UNKNOWN}


def main() -> None:
    """Run the command line; never ends in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # any encoding can say everything
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except click.ClickException as error:
        _complain(error.format_message())
        code = USAGE
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted")
        code = UNKNOWN
    except NetsimError as error:
        _complain(str(error))
        code = error.exit_code
    except SystemExit:
        # So click ends the printing of a help text into a pipe that nobody reads.
        _nobody_reads()
        code = HOLDS
    except Exception as error:
        if os.environ.get("NETSIM_DEBUG"):
            raise
        code = _unexpected(error)
    sys.exit(code if isinstance(code, int) else HOLDS)


def _unexpected(error: Exception) -> int:
    from netsim.core.raised import own_frames, place, told
    from netsim.run.own import MODULE

    frames, ours = own_frames(error, MODULE)
    if frames and not ours:  # what a design does outside its threads: dumps(), tell() ...
        _complain(f"{place(*frames[0])}: the design fails: {told(error)}")
        return USAGE
    if isinstance(error, OSError) and error.filename is None:  # no file: the output itself
        _complain(f"cannot write the output: {error.strerror or error}")
        _nobody_reads()
        return USAGE
    text = " ".join(f"{type(error).__name__}: {error}".split())
    _complain(
        f"[netsim internal bug] {text}\n"
        "  please report it with the command; NETSIM_DEBUG=1 shows the traceback"
    )
    return CANNOT_JUDGE


def _say(text: str, nl: bool = True) -> None:
    """Print on stdout; if nobody reads it any more, the exit code still tells the verdict."""
    try:
        click.echo(text, nl=nl)
    except BrokenPipeError:
        _nobody_reads()


def _nobody_reads() -> None:
    # The interpreter writes what is left when it ends: give it a place where that works.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str) -> None:
    """Print a message on stderr, nothing unprintable in it, lines broken between words."""
    lines: list[str] = []
    for line in f"netsim: {message}".split("\n"):
        shown = escape(line)
        lines += (
            [shown]
            if len(shown) <= COLUMNS
            else textwrap.wrap(shown, COLUMNS, subsequent_indent="  ")
        )
    with contextlib.suppress(OSError):
        click.echo("\n".join(lines), err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.version_option(__version__, prog_name="netsim")
@click.pass_context
def cli(context: click.Context) -> None:
    """Explore every interleaving of kernel target managers, deterministically."""
    if context.invoked_subcommand is None:
        commands = ", ".join(cli.list_commands(context))
        raise UsageError(f"expected a command: {commands}\n  netsim --help tells what they do")


_LIMITS = (
    click.option("--max-executions", type=int, help="Stop after so many executions."),
    click.option("--max-steps", type=int, help="Stop after so many steps."),
    click.option("--timeout", type=float, help="Stop after so many seconds."),
    click.option("--faults", type=int, default=0, help="How many calls may fail (default 0)."),
    click.option("--choose", multiple=True, help="What happens by itself: arp, stack, timers."),
)
_DOCUMENT = (
    click.option("-o", "output", type=click.Path(), help="Write the JSON document here."),
    click.option("--json", "as_json", is_flag=True, help="Print the JSON document only."),
)


def _limits(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_LIMITS):
        command = option(command)
    return command


def _search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed((*_LIMITS, *_DOCUMENT)):
        command = option(command)
    return command


def _bounds(max_executions: int | None, max_steps: int | None, timeout: float | None) -> Bounds:
    from netsim.results import Bounds

    given = {"--max-executions": max_executions, "--max-steps": max_steps, "--timeout": timeout}
    for name, value in given.items():
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise UsageError(f"{name} must be more than 0, and finite, found {value}")
    return Bounds(executions=max_executions, steps=max_steps, seconds=timeout)


def _options(faults: int, choose: tuple[str, ...]) -> Options:
    from netsim.results import Options

    return Options(faults=faults, choose=tuple(sorted(set(choose))))


def _plan(strategy: str | None, seed: int, depth: int) -> Plan | None:
    from netsim.results import Plan

    if strategy is not None:
        return Plan(strategy, seed, depth)
    if seed or depth != 3:
        raise UsageError("--seed and --depth are for a --strategy that draws at random")
    return None


def _colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


class _Meter:
    """A line on stderr for what takes longer than a second, if a person looks."""

    def __init__(self, unit: str, timeout: float | None = None) -> None:
        self._unit = unit
        self._started = self._since = time.monotonic()
        self._end = None if timeout is None else self._started + timeout
        self._done = 0
        self._shown = 0.0
        self._drawn = False

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.done < self._done:  # the search has begun again
            self._since = now
        self._done = progress.done
        if not sys.stderr.isatty() or now - self._started < 1 or now - self._shown < 0.2:
            return
        self._shown = now
        self._drawn = True
        self._draw(self._told(progress, now)[: shutil.get_terminal_size().columns - 1])

    def _told(self, progress: Progress, now: float) -> str:
        from netsim.view.report import between

        done, total, band = progress.done, progress.total, progress.band
        if not done or (total is None and band is None):
            return f"{done} {self._unit}"
        low, high = (band.low, band.high) if band is not None else (total or 0, total or 0)
        if total is not None:
            low, high = min(low, total), min(high, total)
        each = (now - self._since) / done
        soon, late = (each * max(many - done, 0) for many in (low, high))
        if self._end is not None:
            soon, late = (min(left, max(self._end - now, 0)) for left in (soon, late))
        part = min(done / math.sqrt(low * high), 1)
        text = f"[{'#' * int(20 * part):<20}] {100 * part:.0f} %  {done} of "
        if low == high:
            return f"{text}{low} {self._unit}, {soon:.0f} s left if all take as long"
        many, left = between(low, high), between(soon, late)
        return f"{text}{many} {self._unit} (estimate), {left} s left"

    def close(self) -> None:
        """Take the line away."""
        if self._drawn:
            self._draw("")

    def _draw(self, text: str) -> None:
        with contextlib.suppress(OSError):
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)


def _check_output(output: str | None) -> None:
    """Refuse a file that cannot be written before a long search, not after it."""
    if output is not None:
        from netsim.trace.documents import check_writable

        check_writable(Path(output))


def _deliver(document: str, report: str, output: str | None, as_json: bool) -> None:
    from netsim.trace.documents import write_atomically

    if output is not None:
        write_atomically(Path(output), document)
    _say(document if as_json else report, nl=not as_json)


@cli.command("list")
def list_() -> None:
    """List the designs that are installed."""
    from netsim.run.registry import available, load
    from netsim.view.show import list_text

    _say(list_text([load(name) for name in available()]))


@cli.command()
@click.argument("design")
def show(design: str) -> None:
    """Show what DESIGN offers: operations, starting points, locks, sources, gaps."""
    from netsim.run.registry import load
    from netsim.view.show import design_text

    _say(design_text(load(design)))


@cli.command()
@click.argument("design")
@click.argument("scenario")
@click.option("--first", is_flag=True, help="Stop at the first finding.")
@click.option("--outcomes", is_flag=True, help="Print each outcome with its shortest schedule.")
@click.option("--explain", is_flag=True, help="Say which step decides a finding; what passes.")
@click.option("--strategy", help="Which executions are run (classes); another word lists them.")
@click.option("--seed", type=int, default=0, help="Of strategies that draw at random (0).")
@click.option("--depth", type=int, default=3, help="Of the bugs that pct looks for (3).")
@click.option("--max-preemptions", type=int, help="Leave out executions with more preemptions.")
@_search_options
def check(
    design: str,
    scenario: str,
    first: bool,
    outcomes: bool,
    explain: bool,
    output: str | None,
    as_json: bool,
    **limits: Any,
) -> int:
    """
    Explore SCENARIO on DESIGN, e.g. netsim check netoops-v1 'off || read'.

    DESIGN is an installed one (netsim list) or a Python file of your own, which is run.
    """
    import attrs

    from netsim.run.check import check as run_check
    from netsim.run.own import is_file
    from netsim.run.registry import load
    from netsim.run.story import story
    from netsim.trace.documents import dump_check
    from netsim.view.report import check_report

    _check_output(output)
    bounds = _bounds(limits["max_executions"], limits["max_steps"], limits["timeout"])
    loaded = load(design)
    meter = _Meter("executions", limits["timeout"])
    try:
        result = run_check(
            loaded,
            scenario,
            options=_options(limits["faults"], limits["choose"]),
            bounds=attrs.evolve(bounds, preemptions=limits["max_preemptions"]),
            first=first,
            progress=meter,
            strategy=_plan(limits["strategy"], limits["seed"], limits["depth"]),
        )
        if explain:
            result = result.explained()
    finally:
        meter.close()
    report = ""
    if not as_json:
        source = design if is_file(design) else ""
        shown: dict[str, Any] = {"colour": _colour(), "source": source, "outcomes": outcomes}
        try:
            report = story(result, loaded, **shown)
        except KeyboardInterrupt:  # what was found, without its columns
            report = check_report(result, **shown)
    _deliver(dump_check(result), report, output, as_json)
    return EXIT[result.verdict.value]


@cli.command()
@click.argument("designs", nargs=-1, required=True)
@click.option("--flows", type=int, default=2, help="Operations at a time: 1, 2 or 3 (2).")
@click.option("--length", type=int, default=1, help="With --flows 1: operations in a row (1).")
@click.option("--jobs", type=int, default=1, help="Survey with so many processes (1).")
@click.option("--start", "starts", multiple=True, help="From this starting point only; repeatable.")
@click.option("--scenario", "scenarios", multiple=True, help="This one instead; repeatable.")
@click.option("--expect", type=click.Choice(["holds"]), help="Exit 1 if a cell is red.")
@_search_options
def matrix(
    designs: tuple[str, ...],
    flows: int,
    length: int,
    jobs: int,
    starts: tuple[str, ...],
    expect: str | None,
    output: str | None,
    as_json: bool,
    **limits: Any,
) -> int:
    """
    Explore every operation of DESIGNS alone, every pair, every three; bounds are per cell.

    With --scenario TEXT DESIGNS are compared on that: verdicts, and what it comes to in numbers.
    """
    from netsim.run.matrix import matrix as run_matrix
    from netsim.run.own import is_file
    from netsim.run.registry import load
    from netsim.trace.documents import dump_matrix
    from netsim.view.matrix import matrix_report
    from netsim.view.storm import storm_report

    _check_output(output)
    loaded = [load(name) if is_file(name) else name for name in designs]
    meter = _Meter("cells")
    try:
        result = run_matrix(
            loaded if jobs == 1 else designs,
            flows=flows,
            length=length,
            jobs=jobs,
            starts=starts,
            scenarios=limits["scenarios"],
            options=_options(limits["faults"], limits["choose"]),
            bounds=_bounds(limits["max_executions"], limits["max_steps"], limits["timeout"]),
            progress=meter,
        )
    finally:
        meter.close()
    sources = {
        design.name: name
        for design, name in zip(loaded, designs, strict=True)
        if not isinstance(design, str)
    }
    tell = storm_report if limits["scenarios"] else matrix_report
    report = "" if as_json else tell(result, colour=_colour(), sources=sources)
    _deliver(dump_matrix(result), report, output, as_json)
    if expect == "holds" and any(cell.verdict.value == "violated" for cell in result.cells):
        return VIOLATED
    return HOLDS if result.decided else UNKNOWN


@cli.command()
@click.argument("design")
@click.option("--flows", type=int, default=1, help="Operations at a time, too: 2 or 3 (1).")
@click.option("--length", type=int, default=1, help="Operations in a row in one flow (1).")
@click.option("--jobs", type=int, default=1, help="Survey so many starting points at once (1).")
@click.option("-o", "output", type=click.Path(), help="Write the page here, too.")
@_limits
def promises(
    design: str,
    flows: int,
    length: int,
    jobs: int,
    output: str | None,
    **limits: Any,
) -> int:
    """Say which promises DESIGN keeps, as a page in Markdown; bounds are per scenario."""
    from netsim.run.own import is_file
    from netsim.run.promised import promises as run_promises
    from netsim.run.registry import load
    from netsim.view.promises import promises_page

    _check_output(output)
    loaded = load(design) if is_file(design) else design
    meter = _Meter("cells")
    try:
        table = run_promises(
            loaded if jobs == 1 else design,
            flows=flows,
            length=length,
            jobs=jobs,
            options=_options(limits["faults"], limits["choose"]),
            bounds=_bounds(limits["max_executions"], limits["max_steps"], limits["timeout"]),
            progress=meter,
        )
    finally:
        meter.close()
    words = {"--flows": (flows, 1), "--length": (length, 1), "--faults": (limits["faults"], 0)}
    given = [f"{name} {value}" for name, (value, usual) in words.items() if value != usual]
    page = promises_page(
        table.design,
        table.surveys,
        table.promises,
        table.smallest,
        table.behind,
        " ".join(["netsim promises", design, *given]),
    )
    _deliver(f"{page}\n", page, output, as_json=False)
    return HOLDS if all(survey.decided for survey in table.surveys) else UNKNOWN


@cli.command()
@click.argument("design")
@click.option("--bind", metavar="ADDRESS:PORT", help="Receive here (127.0.0.1, the design's port).")
@click.option("--seconds", type=float, help="Stop after so many seconds.")
@click.option("--dumps", type=int, help="Stop when so many dumps came with all their packets.")
@click.option("--read", type=click.Path(), help="Read a pcap file instead of receiving.")
@click.option("--write", type=click.Path(), help="Write what is received to a pcap file.")
@click.option("-o", "output", type=click.Path(), help="Write the JSON document here.")
@click.option("--json", "as_json", is_flag=True, help="Print the JSON document only.")
def catch(
    design: str,
    bind: str | None,
    seconds: float | None,
    dumps: int | None,
    read: str | None,
    write: str | None,
    output: str | None,
    as_json: bool,
) -> int:
    """
    Receive over UDP what DESIGN sends, put its dumps together, and say what is missing.

    0: every dump came whole; 3: one did not, or none came. Ctrl-C ends it, too.
    """
    from netsim.catch.document import dump_catch
    from netsim.catch.session import catch_file, catch_udp
    from netsim.catch.udp import Receiver, parse_address
    from netsim.run.registry import load
    from netsim.run.walk import Progress
    from netsim.view.caught import catch_report

    _check_output(output)
    for name, value in {"--seconds": seconds, "--dumps": dumps}.items():
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise UsageError(f"{name} must be more than 0, and finite, found {value}")
    loaded = load(design)
    catching = loaded.catching
    if catching is None:
        raise UsageError(f"design {loaded.name} does not say how what it sends is caught")
    if read is not None:
        if (bind, seconds, dumps, write) != (None,) * 4:
            raise UsageError("--read takes no --bind, --seconds, --dumps or --write: nothing comes")
        caught = catch_file(catching, Path(read))
    else:
        meter = _Meter("datagrams", seconds)
        with Receiver(*parse_address(bind or "", catching.port)) as receiver:
            click.echo(f"receiving at {receiver.address}", err=True)
            try:
                caught = catch_udp(
                    catching,
                    receiver,
                    seconds=seconds,
                    dumps=dumps,
                    record=Path(write) if write is not None else None,
                    progress=lambda datagrams, _: meter(Progress(datagrams, None, "")),
                )
            finally:
                meter.close()
    report = "" if as_json else catch_report(loaded.name, caught)
    _deliver(dump_catch(loaded.name, caught), report, output, as_json)
    return HOLDS if caught.whole else UNKNOWN


@cli.command()
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

    _check_output(output)
    recorded = _recorded(source)
    if len(recorded) > 1 and (output is not None or as_json):
        raise UsageError(
            f"{source} holds {len(recorded)} schedules: -o and --json take one; "
            "replay the string of one of its findings"
        )
    if adapt:
        recorded = [_traced(one, design) for one in recorded]
    loaded = load(design) if design is not None else None
    codes = []
    for one in recorded:
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
            _say(dump_replay(result), nl=False)
        else:
            _say(_replay_text(one, result, reproduced))
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

    from netsim.run.replay import replay as run_replay
    from netsim.trace.documents import trace_of

    if one.trace is not None:
        return one
    missing = (
        "--adapt follows steps by their names, and a schedule has only those of threads: expected "
        "a netsim-trace; `netsim replay SCHEDULE -o FILE` writes it, before the edit"
    )
    if design is None:
        raise UsageError(missing)
    try:
        result = run_replay(one.schedule)
    except UsageError as error:
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
