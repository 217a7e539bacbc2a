"""promises(): every promise of a design over its surveys, as one table."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from netsim.design import Design
from netsim.errors import UsageError
from netsim.results import (
    Bounds,
    Finding,
    MatrixResult,
    Options,
    Promised,
    PromiseSurvey,
    PromiseTable,
)
from netsim.run.matrix import matrix
from netsim.run.registry import load
from netsim.run.walk import Listener

_WORST = ("broken", "undecided", "kept", "void")


def promises(
    design: str | Design,
    *,
    flows: int = 1,
    length: int = 1,
    options: Options | None = None,
    bounds: Bounds | None = None,
    progress: Listener | None = None,
    jobs: int = 1,
) -> PromiseTable:
    """
    Survey `design` and say of each of its promises whether it is kept.

    Sequences of one flow of up to `length` operations are surveyed, and if `flows` is more than 1
    so many operations at a time as well; from the starts that are declared for promises, too.
    Raises UsageError as `matrix` does, and for a design that promises nothing.
    """
    named = promising(design)
    starts = (*named.starts, *named.promise_starts) if named.promise_starts else ()
    shapes = [(1, length)] + ([(flows, 1)] if flows > 1 else [])
    surveys: list[PromiseSurvey] = []
    found: list[Finding] = []
    told: list[tuple[Promised, ...]] = []
    for count, long in shapes:
        survey = matrix(
            [design],
            flows=count,
            length=long,
            options=options,
            bounds=bounds,
            progress=progress,
            jobs=jobs,
            starts=tuple(start.name for start in starts),
        )
        surveys.append(_shape(survey))
        found += [m.finding for m in survey.findings]
        told.append(survey.promises)
    smallest: dict[str, Finding] = {}
    for one in found:
        if one.kind.startswith("promise:"):
            best = smallest.setdefault(one.id, one)
            if _size(one) < _size(best):
                smallest[one.id] = one
    merged = tuple(_merged(several) for several in zip(*told, strict=True))
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
    return PromiseTable(
        named.name, tuple(surveys), merged, smallest, behind, dict(named.taken_back)
    )


def promising(design: str | Design) -> Design:
    """Load a design; raises UsageError as `load` does, and for one that promises nothing."""
    named = load(design) if isinstance(design, str) else design
    if not named.promises:
        raise UsageError(
            f"design {named.name} promises nothing: expected one with promises (netsim show lists "
            "them)"
        )
    return named


def _shape(survey: MatrixResult) -> PromiseSurvey:
    """Keep of a survey what a table says about it: its cells may be half a million."""
    return PromiseSurvey(
        flows=survey.flows,
        length=survey.length,
        starts=len(survey.starts),
        scenarios=len(survey.cells),
        complete=survey.complete,
        decided=survey.decided,
        options=survey.options,
    )


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


def _size(finding: Finding) -> tuple[int, int, int, int, str]:
    text = finding.schedule.partition(" -- ")[2]
    return (len(finding.operations), finding.preemptions, finding.steps, len(text), text)
