"""
The command line: the only place that knows files, terminals and exit codes.

0 holds; 1 violated; 2 the request is wrong; 3 unknown; 125 cannot judge.
"""

from __future__ import annotations

import io
import os
import sys

import click

from netsim._version import __version__
from netsim.cli.catch import catch
from netsim.cli.check import check
from netsim.cli.list import list_, show
from netsim.cli.matrix import matrix
from netsim.cli.output import CANNOT_JUDGE, HOLDS, UNKNOWN, USAGE, complain, nobody_reads
from netsim.cli.promises import promises
from netsim.cli.replay import replay
from netsim.errors import NetsimError, UsageError


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
        where = getattr(error, "ctx", None)
        hint = f"\n  {where.command_path} --help tells what it takes" if where else ""
        complain(error.format_message() + hint)
        code = USAGE
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        code = UNKNOWN
    except NetsimError as error:
        complain(str(error))
        code = error.exit_code
    except SystemExit:
        # So click ends the printing of a help text into a pipe that nobody reads.
        nobody_reads()
        code = HOLDS
    except Exception as error:
        if os.environ.get("NETSIM_DEBUG"):
            raise
        code = _unexpected(error)
    sys.exit(code if isinstance(code, int) else HOLDS)


def _unexpected(error: Exception) -> int:
    from netsim.core.raised import own_frames, place, told
    from netsim.run.own import MODULE, is_file

    frames, ours = own_frames(error, MODULE)
    if frames and not ours:  # what a design does outside its threads: dumps(), tell() ...
        complain(f"{place(*frames[0])}: the design fails: {told(error)}")
        return USAGE
    if isinstance(error, OSError) and error.filename is None:  # no file: the output itself
        complain(f"cannot write the output: {error.strerror or error}")
        nobody_reads()
        return USAGE
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    if any(map(is_file, sys.argv[1:])):
        complain(
            f"the search met what cannot be: {text}\n"
            "  does the design use a clock, a random source, or something that outlives a run? the "
            "same schedule must do the same each time\n"
            "  if not, please report it with the command; NETSIM_DEBUG=1 shows the traceback"
        )
        return CANNOT_JUDGE
    complain(
        f"[netsim internal bug] {text}\n"
        "  please report it with the command; NETSIM_DEBUG=1 shows the traceback"
    )
    return CANNOT_JUDGE


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.version_option(__version__, prog_name="netsim")
@click.pass_context
def cli(context: click.Context) -> None:
    """Explore every interleaving of kernel target managers, deterministically."""
    if context.invoked_subcommand is None:
        commands = ", ".join(cli.list_commands(context))
        raise UsageError(f"expected a command: {commands}\n  netsim --help tells what they do")


for _command in (list_, show, check, matrix, promises, catch, replay):
    cli.add_command(_command)
