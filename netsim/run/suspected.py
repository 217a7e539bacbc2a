"""Data races that may be, as findings: one for each class of locations, undecided."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

import attrs

from netsim.checkers.lockset import Access, Locksets, Suspect
from netsim.core.fault import Report, Site
from netsim.results import Finding
from netsim.run.judge import Judged, finding
from netsim.run.program import ScenarioProgram


@attrs.define(eq=False)
class Suspected:
    """The suspects of one search, by the id of the finding that each would be."""

    locksets: Locksets = attrs.Factory(Locksets)

    def left(self, found: Container[str]) -> dict[str, list[Suspect]]:
        """Return those that are no finding yet."""
        left: dict[str, list[Suspect]] = {}
        for some in self.locksets.suspects.values():
            for suspect in some:
                identity = _judged(suspect).id
                if identity not in found:
                    left.setdefault(identity, []).append(suspect)
        return left

    def findings(
        self, program: ScenarioProgram, operations: tuple[str, ...], found: Container[str]
    ) -> Iterator[Finding]:
        """Yield those that are no finding yet as such, undecided."""
        for some in self.left(found).values():
            made = finding(_judged(some[0]), program.design, operations, "", 0, 0)
            yield attrs.evolve(made, status="undecided")


def _judged(suspect: Suspect) -> Judged:
    pair: Sequence[Access] = (suspect.one, suspect.other)
    sites = tuple(Site(access.verb(), access.thread, 0, access.function, "") for access in pair)
    report = Report(
        "data-race", suspect.words(), (suspect.field,), sites, suspect.one.thread, "", 0, False
    )
    return Judged(report, "flows", ())
