"""promises(): every promise of a design over its surveys, as one table."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from netsim.design import Design
from netsim.errors import UsageError
from netsim.results import Bounds, Finding, MatrixResult, Options, Promised
from netsim.run.matrix import matrix
from netsim.run.registry import load
from netsim.run.walk import Listener

_WORST = ("broken", "undecided", "kept", "void")


@attrs.frozen
class Table:
    """
    What was found out about the promises of a design, over all of `surveys`.

    `smallest` has the findings that break a promise, by id, each with its smallest counterexample:
    fewest operations, then preemptions, then steps.  `behind` has by the name of a promise the
    kinds of findings of which it is not kept as a consequence.
    """

    design: str
    surveys: tuple[MatrixResult, ...]
    promises: tuple[Promised, ...]
    smallest: dict[str, Finding]
    behind: dict[str, tuple[str, ...]]


def promises(
    design: str | Design,
    *,
    flows: int = 1,
    length: int = 1,
    options: Options | None = None,
    bounds: Bounds | None = None,
    progress: Listener | None = None,
    jobs: int = 1,
) -> Table:
    """
    Survey `design` and say of each of its promises whether it is kept.

    Sequences of one flow of up to `length` operations are surveyed, and if `flows` is more than 1
    so many operations at a time as well.  Raises UsageError as `matrix` does, and for a design
    that promises nothing.
    """
    named = load(design) if isinstance(design, str) else design
    if not named.promises:
        raise UsageError(
            f"design {named.name} promises nothing: expected one with promises (netsim show lists "
            "them); what is added to a design with + takes back those of the code that it changes"
        )
    shapes = [(1, length)] + ([(flows, 1)] if flows > 1 else [])
    surveys = [
        matrix(
            [design],
            flows=count,
            length=long,
            options=options,
            bounds=bounds,
            progress=progress,
            jobs=jobs,
        )
        for count, long in shapes
    ]
    found = [m.finding for survey in surveys for m in survey.findings]
    smallest: dict[str, Finding] = {}
    for one in found:
        if one.kind.startswith("promise:"):
            best = smallest.setdefault(one.id, one)
            if _size(one) < _size(best):
                smallest[one.id] = one
    merged = tuple(_merged(several) for several in zip(*(s.promises for s in surveys), strict=True))
    behind = {
        promised.name: tuple(
            dict.fromkeys(
                one.kind
                for one in found
                if any(c.startswith(f"promise {promised.name} is not ") for c in one.consequences)
            )
        )
        for promised in merged
    }
    return Table(surveys[0].designs[0], tuple(surveys), merged, smallest, behind)


def _merged(several: Sequence[Promised]) -> Promised:
    """Add up what several surveys say about one promise."""
    return attrs.evolve(
        several[0],
        verdict=min((one.verdict for one in several), key=_WORST.index),
        scenarios=sum(one.scenarios for one in several),
        followed=sum(one.followed for one in several),
        first=next((one.first for one in several if one.first), ""),
        findings=tuple(dict.fromkeys(i for one in several for i in one.findings)),
    )


def _size(finding: Finding) -> tuple[int, int, int, str]:
    scenario = finding.schedule.partition(" -- ")[2]
    return (len(finding.operations), finding.preemptions, finding.steps, scenario)
