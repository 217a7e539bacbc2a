"""What checks of crashes show: the outcomes as text, and the kinds of what is found."""

from __future__ import annotations

from netsim.design import Design
from netsim.results import Result
from netsim.run import check


def results(design: Design, scenario: str) -> Result:
    """Check a scenario whose search and start must be complete."""
    result = check(design, scenario)
    assert result.start == "reached"
    assert result.complete
    return result


def values(result: Result, what: str) -> list[str]:
    """Return what each distinct outcome gives under one name, sorted."""
    return sorted({dict(outcome.observed)[what] for outcome in result.outcomes})


def reasons(design: Design, scenario: str) -> list[list[str]]:
    """Return, for each distinct outcome, the reasons of the dumps that left the machine."""
    return [
        [] if dumps == "none" else [line.split()[0] for line in dumps.split("; ")]
        for dumps in values(results(design, scenario), "dumps")
    ]
