"""netsim catch."""

from __future__ import annotations

import math
from pathlib import Path

import click

from netsim.cli.meter import Meter
from netsim.cli.output import HOLDS, UNKNOWN, check_output, deliver
from netsim.errors import UsageError


@click.command()
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

    check_output(output)
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
        meter = Meter("datagrams", seconds)
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
    deliver(dump_catch(loaded.name, caught), report, output, as_json)
    return HOLDS if caught.whole else UNKNOWN
