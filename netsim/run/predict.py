"""Lock orders of one search as findings: what confirms one, what none confirmed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs

from netsim.checkers.lockdep import Decision, LockDep
from netsim.checkers.lockorder import Prediction
from netsim.checkers.waitfor import Stuck
from netsim.core.fault import Report
from netsim.core.label import class_of
from netsim.core.step import Choice
from netsim.results import Finding
from netsim.run.judge import Judged, finding
from netsim.run.program import ScenarioProgram


@attrs.define(eq=False)
class LockOrders:
    """
    The predictions of one search, and which findings confirm them.

    A deadlock that was predicted and reached is one finding, the deadlock, which names the order
    that it confirms.
    """

    lockdep: LockDep = attrs.Factory(LockDep)
    #: For each ending with blocked threads the first execution, and who was found waiting there.
    _endings: dict[Stuck, tuple[Sequence[Choice], dict[str, frozenset[str]]]] = attrs.Factory(dict)

    def ended(
        self, stuck: Stuck | None, schedule: Sequence[Choice], judged: Iterable[Judged]
    ) -> None:
        """Note what was found in an execution that ended with blocked threads."""
        if stuck is None:
            return
        waits = self._endings.setdefault(stuck, (schedule, {}))[1]
        for one in judged:
            if one.report.kind in ("deadlock", "hung"):
                waits[one.id] = frozenset(map(class_of, one.report.objects))

    def confirms(self, identity: str) -> tuple[str, ...]:
        """Return the orders that a finding confirms."""
        if not any(identity in waits for _, waits in self._endings.values()):
            return ()
        return tuple(
            prediction.path()
            for prediction in self.lockdep.predictions()
            if any(identity in ids for _, ids in self._reached(prediction))
        )

    def findings(
        self, program: ScenarioProgram, operations: tuple[str, ...], complete: bool
    ) -> Iterator[tuple[Finding, Sequence[Choice]]]:
        """
        Yield the predictions that no other finding confirms, each with the execution, if any.

        `complete` tells whether every class was explored.
        """
        for prediction in self.lockdep.predictions():
            status = self.lockdep.decide(prediction, complete=complete, strikers=program.striking)
            schedule: Sequence[Choice] = ()
            if status == "reached":
                reached = list(self._reached(prediction))
                if any(ids for _, ids in reached):
                    continue
                schedule = reached[0][0]
            yield _finding(prediction, status, program, operations), schedule

    def _reached(self, prediction: Prediction) -> Iterator[tuple[Sequence[Choice], list[str]]]:
        """Yield the endings that reach a prediction, with the findings that tell of it."""
        labels = {node.label for node in prediction.nodes}
        for stuck, (schedule, waits) in self._endings.items():
            if self.lockdep.reaches(stuck, prediction):
                yield schedule, [i for i, objects in waits.items() if objects <= labels]


def _finding(
    prediction: Prediction, status: Decision, program: ScenarioProgram, operations: tuple[str, ...]
) -> Finding:
    message = prediction.words()
    if prediction.uses and status == "undecided":
        message += f"; explore {prediction.uses[0].title} as a strike ('!') to decide it"
    report = Report(
        prediction.kind,
        message,
        tuple(map(str, prediction.nodes)),
        prediction.sites,
        prediction.threads[0],
        "",
        0,
        False,
    )
    made = finding(Judged(report, "flows", ()), program.design, operations, "", 0, 0)
    return attrs.evolve(made, status=status)
