"""netsim matrix."""

from __future__ import annotations

from typing import Any

import click

from netsim.cli.meter import Meter
from netsim.cli.options import bounds_of, options_of, with_search
from netsim.cli.output import HOLDS, UNKNOWN, VIOLATED, check_output, colour, deliver, document_only


@click.command()
@click.argument("designs", nargs=-1, required=True)
@click.option("--flows", type=int, default=2, help="Operations at a time: 1, 2 or 3 (2).")
@click.option("--length", type=int, default=1, help="With --flows 1: operations in a row (1).")
@click.option("--jobs", type=int, default=1, help="Survey with so many processes (1).")
@click.option("--start", "starts", multiple=True, help="From this starting point only; repeatable.")
@click.option("--scenario", "scenarios", multiple=True, help="This one instead; repeatable.")
@click.option("--expect", type=click.Choice(["holds"]), help="Exit 1 if a cell is red.")
@with_search
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

    scenarios = limits["scenarios"]

    check_output(output)
    with document_only(as_json):
        loaded = [load(name) if is_file(name) else name for name in designs]
    meter = Meter("cells")
    try:
        with document_only(as_json):
            result = run_matrix(
                loaded if jobs == 1 else designs,
                flows=flows,
                length=length,
                jobs=jobs,
                starts=starts,
                scenarios=scenarios,
                options=options_of(limits),
                bounds=bounds_of(limits),
                progress=meter,
            )
    finally:
        meter.close()
    sources = {
        design.name: name
        for design, name in zip(loaded, designs, strict=True)
        if not isinstance(design, str)
    }
    tell = storm_report if scenarios else matrix_report
    report = "" if as_json else tell(result, colour=colour(), sources=sources)
    deliver(dump_matrix(result), report, output, as_json)
    if expect == "holds" and any(cell.verdict.value == "violated" for cell in result.cells):
        return VIOLATED
    return HOLDS if result.decided else UNKNOWN
