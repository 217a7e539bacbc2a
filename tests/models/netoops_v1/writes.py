"""Single operations on netoops v1: what they return, what they leave, and what is found."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from netsim.design import Design
from netsim.notation import Call
from netsim.results import Finding, Options, Result, Verdict
from netsim.run import check
from netsim_models.netoops_v1 import NETOOPS_V1


@attrs.frozen
class Done:
    """What one execution of one operation shows; `found` are (kind, object) of what is reported."""

    result: str
    then: Mapping[str, str]
    found: tuple[tuple[str, str], ...]


def only(result: Result) -> Mapping[str, str]:
    """Return the only outcome."""
    (outcome,) = result.outcomes
    return dict(outcome.observed)


def besides_promises(result: Result) -> list[Finding]:
    """Return what is found by rules of the kernel; promises have tests of their own."""
    return [f for f in result.findings if not f.kind.startswith("promise:")]


def call(name: str, *texts: bytes) -> str:
    """Return the canonical text of an operation whose arguments are these bytes."""
    return str(Call(name, tuple(text.decode("utf-8", "surrogateescape") for text in texts)))


def perform(
    operation: str, start: str = "", design: Design = NETOOPS_V1, *, choose: tuple[str, ...] = ()
) -> Done:
    """Run one operation alone."""
    result = check(design, f"{{ {start} }} {operation}", options=Options(choose=choose))
    assert result.start == "reached"
    assert result.complete
    observed = only(result)
    found = tuple(sorted((f.kind, " ".join(f.objects)) for f in besides_promises(result)))
    assert (result.verdict is Verdict.HOLDS) == all(f.accepted for f in result.findings)
    return Done(observed[f"flow 1: {operation}"], observed, found)
