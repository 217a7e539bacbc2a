"""What became of a schedule that was adapted to an edited design."""

from __future__ import annotations

from netsim.results import Departure, ReplayResult
from netsim.view.report import fill, plural, replay_command


def adapted_text(replay: ReplayResult, recorded: str | None) -> str:
    """
    Tell every departure, whether the finding of the recording (its id) shows again, and the
    adapted schedule if nothing else names it.
    """
    adapted = replay.adapted
    assert adapted is not None
    if not adapted.departures:
        lines = [f"ADAPTED: all {plural(adapted.recorded, 'recorded step')} fit as they were."]
    else:
        count = plural(adapted.recorded, "recorded step")
        lines = [f"ADAPTED, not verified: {adapted.followed} of {count} followed."]
    lines += [fill(_departure(one, adapted.recorded), "  ", "    ") for one in adapted.departures]
    if replay.diverged is not None:
        return "\n".join(lines)
    if recorded is not None:
        again = "shows again" if replay.reproduced else "does not show any more"
        ids = [finding.id for finding in replay.findings]
        if replay.reproduced and recorded not in ids:
            again += ", the same kind on the same objects in other functions"
        lines.append(fill(f"Under the adapted schedule finding {recorded} {again}.", "", "  "))
    if not replay.findings:
        lines += ["", f"    {replay_command(adapted.schedule)}"]
    return "\n".join(lines)


def _departure(one: Departure, recorded: int) -> str:
    where = f"step {one.step}" if one.step <= recorded else "after the recorded steps"
    expected, found = one.expected, one.found
    if one.what == "new":
        found = f"it does {found} first" if one.step <= recorded else f"it does {found}"
    elif one.what == "gone":
        found = f"it does not, and {found}"
    elif one.what in ("moved", "replaced"):
        found = f"it {found}"
    return f"{where}: expected {expected}; {found}"
