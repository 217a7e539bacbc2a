"""Where the command line writes: stdout, stderr, files; and the exit codes."""

from __future__ import annotations

import contextlib
import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from netsim.errors import escape

COLUMNS = 100
HOLDS, VIOLATED, USAGE, UNKNOWN, CANNOT_JUDGE = 0, 1, 2, 3, 125


def say(text: str, nl: bool = True) -> None:
    """Print on stdout; if nobody reads it any more, the exit code still tells the verdict."""
    try:
        click.echo(text, nl=nl)
    except BrokenPipeError:
        nobody_reads()


def nobody_reads() -> None:
    """Let what is left be written where that works: the interpreter writes it when it ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(message: str) -> None:
    """Print a message on stderr, nothing unprintable in it, lines broken between words."""
    lines: list[str] = []
    for line in f"netsim: {message}".split("\n"):
        shown = escape(line)
        lines += (
            [shown]
            if len(shown) <= COLUMNS
            else textwrap.wrap(shown, COLUMNS, subsequent_indent="  ", break_on_hyphens=False)
        )
    with contextlib.suppress(OSError):
        click.echo("\n".join(lines), err=True)


@contextlib.contextmanager
def document_only(as_json: bool) -> Iterator[None]:
    """Run something whose code may print: beside a document that goes to stderr."""
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        yield


def colour() -> bool:
    """Tell whether stdout is a terminal that wants colour."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def check_output(output: str | None) -> None:
    """Refuse a file that cannot be written before a long search, not after it."""
    if output is not None:
        from netsim.trace.documents import check_writable

        check_writable(Path(output))


def deliver(document: str, report: str, output: str | None, as_json: bool) -> None:
    """Write the document where it was asked for, and print it or the report."""
    from netsim.trace.documents import write_atomically

    if output is not None:
        write_atomically(Path(output), document)
    say(document if as_json else report, nl=not as_json)
