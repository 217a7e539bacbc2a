"""netsim promises."""

from __future__ import annotations

from typing import Any

import click

from netsim.cli.meter import Meter
from netsim.cli.options import bounds_of, options_of, with_limits
from netsim.cli.output import HOLDS, UNKNOWN, check_output, deliver


@click.command()
@click.argument("designs", nargs=-1, required=True)
@click.option("--flows", type=int, default=1, help="Operations at a time, too: 2 or 3 (1).")
@click.option("--length", type=int, default=1, help="Operations in a row in one flow (1).")
@click.option("--jobs", type=int, default=1, help="Survey so many starting points at once (1).")
@click.option("-o", "output", type=click.Path(), help="Write the page here, too.")
@with_limits
def promises(
    designs: tuple[str, ...],
    flows: int,
    length: int,
    jobs: int,
    output: str | None,
    **limits: Any,
) -> int:
    """
    Say which promises DESIGNS keep, as a page in Markdown; bounds are per scenario.

    Several designs stand side by side, such as builds of one driver.
    """
    from netsim.errors import UsageError
    from netsim.run.promised import promises as run_promises
    from netsim.run.promised import promising
    from netsim.view.promises import promises_page

    check_output(output)
    loaded = [promising(design) for design in designs]
    if len({design.name for design in loaded}) != len(loaded):
        raise UsageError("each design can stand on a page once")
    meter = Meter("cells")
    try:
        tables = [
            run_promises(
                design,
                flows=flows,
                length=length,
                jobs=jobs,
                options=options_of(limits),
                bounds=bounds_of(limits),
                progress=meter,
            )
            for design in (loaded if jobs == 1 else designs)
        ]
    finally:
        meter.close()
    words = {"--flows": (flows, 1), "--length": (length, 1), "--faults": (limits["faults"], 0)}
    given = [f"{name} {value}" for name, (value, usual) in words.items() if value != usual]
    page = promises_page(tables, " ".join(["netsim promises", *designs, *given]))
    deliver(f"{page}\n", page, output, as_json=False)
    return HOLDS if all(s.decided for table in tables for s in table.surveys) else UNKNOWN
