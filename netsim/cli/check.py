"""netsim check."""

from __future__ import annotations

from typing import Any

import click

from netsim.cli.meter import Meter
from netsim.cli.options import bounds_of, options_of, plan_of, with_search
from netsim.cli.output import HOLDS, UNKNOWN, VIOLATED, check_output, colour, deliver, document_only

EXIT = {"holds": HOLDS, "violated": VIOLATED, "unknown": UNKNOWN}


@click.command()
@click.argument("design")
@click.argument("scenario")
@click.option("--first", is_flag=True, help="Stop at the first finding.")
@click.option(
    "--outcomes", is_flag=True, help="Print each outcome with the shortest schedule known."
)
@click.option("--explain", is_flag=True, help="Say which step decides a finding; what passes.")
@click.option(
    "--strategy",
    help="Which executions are run: classes (default), states, preemptions, pct ...; another word "
    "lists them all.",
)
@click.option("--seed", type=int, default=0, help="Of strategies that draw at random (0).")
@click.option("--depth", type=int, default=3, help="Of the bugs that pct looks for (3).")
@click.option("--max-preemptions", type=int, help="Leave out executions with more preemptions.")
@with_search
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

    check_output(output)
    bounds = bounds_of(limits)
    with document_only(as_json):
        loaded = load(design)
    meter = Meter("executions", limits["timeout"])
    try:
        with document_only(as_json):
            result = run_check(
                loaded,
                scenario,
                options=options_of(limits),
                bounds=attrs.evolve(bounds, preemptions=limits["max_preemptions"]),
                first=first,
                progress=meter,
                strategy=plan_of(limits["strategy"], limits["seed"], limits["depth"]),
            )
            if explain:
                result = result.explained()
    finally:
        meter.close()
    report = ""
    if not as_json:
        source = design if is_file(design) else ""
        shown: dict[str, Any] = {"colour": colour(), "source": source, "outcomes": outcomes}
        try:
            report = story(result, loaded, **shown)
        except KeyboardInterrupt:  # what was found, without its columns
            report = check_report(result, **shown)
    deliver(dump_check(result), report, output, as_json)
    return EXIT[result.verdict.value]
