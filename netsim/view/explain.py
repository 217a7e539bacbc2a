"""Why a counterexample shows its finding, in words: the critical step, and what passes instead."""

from __future__ import annotations

from netsim.results import Explanation, Place


def explanation_sentences(explanation: Explanation) -> list[str]:
    """Tell an explanation, one paragraph each."""
    if explanation.undecided:
        return [f"which step decides it is not known: {explanation.undecided}"]
    critical, earlier = explanation.critical, explanation.earlier
    if critical is None:
        return ["every execution shows it: no order avoids it"]
    at = f"step {critical.step}"
    decides = f"critical {at}: {_does(critical)}; from here on every continuation shows the finding"
    passes = "passes"
    if explanation.instead:
        passes = f"avoided ({', '.join(explanation.instead)} instead)"
    if earlier is None:
        return [decides, f"{passes} if {at} is given another value"]
    there = f"step {earlier.step}" if earlier.step else "not reached here"
    told = f"{passes} if {_does(earlier)} ({there}) before {_does(critical)} ({at})"
    if earlier.call == critical.call:
        told = f"{passes} if {_does(earlier)} ({there}) before {_who(critical)} does ({at})"
    named = explanation.location.rpartition(".")[0]
    if named and not (named in earlier.call and named in critical.call):
        told += f"; they conflict at {explanation.location}"
    return [decides, told]


def _who(place: Place) -> str:
    who = f"flow {place.thread}" if place.thread.isdigit() else place.thread
    return f"{who} ({place.operation})" if place.operation not in ("", who) else who


def _does(place: Place) -> str:
    inside = f" in {place.function}()" if place.function else ""
    return f"{_who(place)} does {place.call}{inside}"
