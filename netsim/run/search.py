"""The search behind a check, and behind each cell of a matrix: executions of a scenario, judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import attrs

from netsim.checkers.ending import aftermath, unfinished
from netsim.core.step import Choice
from netsim.explorer.events import History
from netsim.explorer.loop import Execution, Exploration, execute
from netsim.explorer.normal import Recorder
from netsim.explorer.strategies import make
from netsim.promise import VOID, Broken
from netsim.results import Finding, Plan
from netsim.run.confirm import confirm, goals
from netsim.run.digest import Digest
from netsim.run.foreign import refuse_foreign
from netsim.run.judge import Judged, finding, judge, judge_run, operations_of
from netsim.run.outcome import Observed, observe
from netsim.run.predict import LockOrders
from netsim.run.program import ScenarioProgram
from netsim.run.promises import Answers, Tally, ask, report
from netsim.run.reach import Reach
from netsim.run.serial import ORDERS_MAX, STEPS_MAX, Faults, SerialReference, faults_of
from netsim.run.suspected import Suspected
from netsim.run.walk import Candidate, Listener, Walk, differs, shortest
from netsim.sync.timer import FIRINGS_MAX, spent
from netsim.trace.schedule import Schedule

#: How a search goes on unless another plan is made.
CLASSES = Plan("classes")


@attrs.define(eq=False)
class Search(Walk[ScenarioProgram]):
    """The state of one check: what the sequential orders give, and outcomes, beside the walk."""

    execution_steps_max = STEPS_MAX

    plan: Plan = CLASSES
    reference: SerialReference | None = None
    outcomes: dict[Observed, tuple[bool, Candidate]] = attrs.Factory(dict)
    orders: LockOrders = attrs.Factory(LockOrders)
    #: Data races that may be, if the search was cut.
    suspected: Suspected = attrs.Factory(Suspected)
    #: What killed flows leave behind, each sentence once.
    aftermath: dict[str, None] = attrs.Factory(dict)
    #: What the executions say about each promise, by name.
    tallies: dict[str, Tally] = attrs.Factory(dict)
    #: What the first execution showed that did not come to what should be reachable.
    unreached: dict[str, Broken] = attrs.Factory(dict)
    #: Timers that would have fired once more than one may.
    restless: dict[str, None] = attrs.Factory(dict)
    #: Ctrl-C came while schedules were made small: the rest are told as they were found.
    hurried: bool = False
    #: Whether the sequential orders are always walked; else not for the sake of one execution,
    #: the first, which is one of them: a thread goes on as long as it can.
    orders_always: bool = True
    #: Some execution came to the end of every flow, and the machine ran on.
    goes_on: bool = False
    #: The findings whose candidate is proved to be the smallest there is; see `run.minimal`.
    minimal: dict[str, None] = attrs.Factory(dict)

    def explore(self, first: bool, progress: Listener | None) -> None:
        """
        Explore until all is done, a bound cuts, or `first` and something is found.

        With strikes, this is repeated as long as they turn out to touch more than was known:
        each time they are tried at more places inside steps.  The last search counts; bounds hold
        for all of them together.
        """
        while True:
            reach = Reach(self.program.striking, self.program.reach)
            self.observers = (self.orders.lockdep,)
            if self.plan.strategy == "directed":
                self.observers += (self.suspected.locksets,)
            if self.program.striking:
                self.observers += (reach,)
            try:
                super().explore(first, progress)
            except AttributeError:
                refuse_foreign(self.program.run.sim)
                raise
            self._give_up()
            if self.cut_by is not None and self.spent_executions:
                earlier = f"{self.spent_executions} executions of earlier rounds"
                self.notes += (f"{earlier}, which struck at fewer places, are not counted",)
            if not (self.complete and reach.grew()) or (first and self.candidates):
                return
            self.complete = False
            self.cut_by = self.spent()
            if self.cut_by is not None:
                self.notes += ("strikes were still to be tried at more places inside steps",)
                return
            self.spent_executions += self.executions
            self.spent_steps += self.steps
            self.program.reach = reach.touched
            self.executions = self.blocked = self.deadlocked = self.steps = 0
            self.tallies.clear()
            self.unreached.clear()

    def _give_up(self) -> None:
        """Decide nothing if timers would not have come to rest."""
        if self.restless:
            self.complete = False
            self.cut_by = self.cut_by or "steps"
            text = (
                f"{', '.join(self.restless)} fired {FIRINGS_MAX} times in an execution and did "
                "something each time: what follows was not looked at"
            )
            self.notes += (text,)

    def _strategy(self) -> Exploration:
        return make(self.plan, self.bounds, self.program, self._roots, lambda: goals(self))

    def _roots(self) -> tuple[object, ...]:
        run = self.program.run
        return (run.system, run.results)

    def accepted(self, identity: str) -> str:
        """Return why the design accepts a finding, or ""."""
        judged = self.candidates[identity].judged
        assert judged is not None
        operations = operations_of(self.program.scenario)
        return self.program.design.accepts(judged.report.kind, operations, judged.report.objects)

    def refer(self) -> None:
        """Walk the sequential orders."""
        self.reference = SerialReference(self.program, ORDERS_MAX, STEPS_MAX, self.late)

    def findings(self) -> list[Finding]:
        """Return what was found, each with the smallest schedule known for it."""
        found = [self.finding(identity) for identity in self.candidates]
        return sorted(found, key=lambda f: (f.kind, f.preemptions, f.steps, f.id))

    def finding(self, identity: str) -> Finding:
        """
        Return one finding with the smallest schedule known for it, normalised.

        Ctrl-C ends that, for it and all that follow: they come as they were found.
        """
        try:
            small, judged, digest = self._small(identity)
        except KeyboardInterrupt:
            if self.hurried:
                raise
            self.hurried = True
            small, judged, digest = self._small(identity)
        made = finding(
            judged,
            self.program.design,
            operations_of(self.program.scenario),
            schedule_text(self.program, small.schedule, digest),
            len(small.schedule),
            small.weight,
        )
        return attrs.evolve(
            made, confirms=self.orders.confirms(identity), minimal=identity in self.minimal
        )

    def confirm(self, first: bool) -> None:
        """Try to reach what a bound left undecided; see `run.confirm`."""
        confirm(self, self._judge, first)

    def predicted(self) -> list[Finding]:
        """Return the predictions that no other finding confirms."""
        found = []
        operations = operations_of(self.program.scenario)
        for one, choices in self.orders.findings(self.program, operations, self.complete):
            if choices:
                digest = Digest()
                execute(self.program, Recorder(choices), (digest,))
                schedule = schedule_text(self.program, list(choices), digest.text)
                one = attrs.evolve(one, schedule=schedule, steps=len(choices))
            found.append(one)
        if not self.complete:  # one that was is exact
            found += self.suspected.findings(self.program, operations, self.candidates)
        return found + self._unreached()

    def _unreached(self) -> list[Finding]:
        """Return the promises of something reachable that no execution of a whole search kept."""
        design = self.program.design
        if all(promise.mode != "reachable" for promise in design.promises):
            return []
        operations = operations_of(self.program.scenario)
        promised = self.promised()
        found = []
        for promise in design.promises:
            if promised[promise.name].unreached:
                first = self.unreached[promise.name]
                told = f"{first.message} in any execution of '{self.program.scenario}'"
                answer = attrs.evolve(first, message=told)
                judged = Judged(report(promise, answer), "end", ())
                found.append(finding(judged, design, operations, "", 0, 0))
        return found

    def _count(self, answers: Answers, found: Sequence[Judged]) -> None:
        kinds = [judged.report.kind for judged in found]
        for promise in self.program.design.promises:
            answer = answers[promise.name]
            if answer is VOID:
                continue
            tally = self.tallies.setdefault(promise.name, Tally())
            if promise.mode == "reachable":
                tally.count(answer, False)
                if isinstance(answer, Broken):
                    self.unreached.setdefault(promise.name, answer)
            else:
                tally.count(answer, promise.kind not in kinds)

    def promised(self) -> dict[str, Tally]:
        """Say of each promise what all executions together tell, once the search has ended."""
        summed = {}
        text = str(self.program.scenario)
        for promise in self.program.design.promises:
            counted = self.tallies.get(promise.name)
            tally = summed[promise.name] = Tally(cut=int(not self.complete))
            if counted is None:
                continue
            tally.add(counted)
            if promise.mode == "reachable":
                tally.unreached = int(self.complete and not tally.kept)
                tally.broken = 0
            tally.scenarios = int(bool(tally.kept or tally.broken or tally.unreached))
            tally.first = text if tally.scenarios else ""
        return summed

    def _small(self, identity: str) -> tuple[Candidate, Judged, str]:
        """Find the best schedule of a candidate's class that shows the finding; re-judge that."""
        mine = self.program
        program = ScenarioProgram(
            mine.design, mine.scenario, mine.options, sites=True, boots=mine.boots
        )

        def shows(execution: Execution, history: History) -> Judged | None:
            at_end = judge_run(program.run)
            faults = faults_of(execution.sim)
            leads = history.leads_to_end
            judged = judge(observe(program), at_end, self.reference, faults, program, leads)
            return next((one for one in judged if one.id == identity), None)

        alone = self.hurried or identity in self.minimal or self.hurry()
        candidate = self.candidates[identity]
        best = shortest(program, candidate, shows, alone=alone, hurry=self.hurry)
        if best is None:
            raise differs(f"design {program.design.name}")
        return best

    def _explained(self, observed: Observed, faults: Faults) -> bool:
        return self.reference is None or self.reference.explains(observed, faults)

    def _leads_to_end(self, execution: Execution) -> Callable[[int], bool]:
        """Tell of which steps the last one is a consequence; uses the machine when asked."""

        @cache
        def history() -> History:
            recorder = Recorder(execution.schedule)
            execute(self.program, recorder)
            return recorder.history

        return lambda step: history().leads_to_end(step)

    def _judge(self, execution: Execution) -> None:
        self.executions += 1
        run = self.program.run
        armed = spent(run.sim)
        if armed:  # no rest: only what the steps have shown counts
            self.restless.update(dict.fromkeys(armed))
            for judged in judge_run(run):
                if judged.where == "flows":
                    self.note(judged, execution)
            return
        if unfinished(run.sim):
            self.deadlocked += 1
        stuck = self.orders.lockdep.finish(run.sim)
        at_end = judge_run(run)
        self.orders.ended(stuck, execution.schedule, at_end)
        self.aftermath.update(dict.fromkeys(aftermath(run.sim)))
        observed = observe(self.program)
        answers = ask(self.program, observed)
        self.goes_on = self.goes_on or not (observed.halted or observed.hung)
        faults = faults_of(execution.sim)
        if self.reference is None and (self.orders_always or self.executions > 1):
            self.refer()  # takes the machine: this execution has been observed
        leads = self._leads_to_end(execution)
        found = judge(observed, at_end, self.reference, faults, self.program, leads, answers)
        self._count(answers, found)
        known = self.outcomes.get(observed)
        candidate = Candidate(execution.schedule, execution.switches(), None)
        if known is None or candidate.beats(known[1]):
            serial = known[0] if known else self._explained(observed, faults)
            self.outcomes[observed] = (serial, candidate)
        for judged in found:
            self.note(judged, execution)


def schedule_text(program: ScenarioProgram, choices: Sequence[Choice], digest: str) -> str:
    """Write down a schedule of a scenario, self-contained."""
    return str(
        Schedule(
            program.design.name,
            str(program.scenario),
            program.options,
            tuple((choice.thread, choice.value) for choice in choices),
            digest,
        )
    )
