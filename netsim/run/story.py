"""The report of a check with each finding drawn: replays what it tells."""

from __future__ import annotations

from netsim.design import Design
from netsim.results import ReplayResult, Result
from netsim.run.replay import replay
from netsim.view.report import check_report


def story(
    result: Result,
    design: Design,
    *,
    colour: bool = False,
    source: str = "",
    outcomes: bool = False,
) -> str:
    """
    Return the report of a check, each finding with its schedule in columns.

    `source` is the file of the design, if it has one of its own; `outcomes` adds every outcome.
    """
    replays: dict[str, ReplayResult] = {
        finding.id: replay(finding.schedule, design=design)
        for finding in result.findings
        if finding.schedule
    }
    return check_report(result, replays=replays, colour=colour, source=source, outcomes=outcomes)
