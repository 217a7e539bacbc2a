"""
The survey of a starting point: every operation alone, then in pairs, then in threes; or every
sequence of operations in one flow.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import combinations, combinations_with_replacement
from typing import Any

import attrs

from netsim.design import Design, StartingPoint
from netsim.notation import Call, Flow, Scenario, parse
from netsim.results import Bounds, Cell, Count, Finding, Options, Verdict
from netsim.run.awaited import all_awaited
from netsim.run.boot import Boots
from netsim.run.cascade import PREEMPTIONS_MAX, Searched
from netsim.run.cascade import search as search_cell
from netsim.run.program import ScenarioProgram
from netsim.run.promises import Tally
from netsim.run.search import Search
from netsim.run.tallies import Counting, count
from netsim.run.walk import Candidate, Listener, Progress

Ids = tuple[str, ...]
Size = tuple[int, int, int, int, str]
"""What makes a counterexample small: flows, switches, steps, how long the scenario is, and it."""


@attrs.define(eq=False)
class Best:
    """
    The smallest scenario, and in it the smallest execution, that shows a finding.

    It holds no machine: the finding is made of it once it is the smallest of all.
    """

    size: Size
    scenario: Scenario
    identity: str
    candidate: Candidate
    #: The lock orders that it confirms.
    confirms: tuple[str, ...]

    def finding(self, design: Design, options: Options, hurried: bool) -> tuple[Finding, bool]:
        """
        Return the finding with its schedule normalised, or if `hurried` as it was found.

        Returns also whether it was: by then Ctrl-C may have come.
        """
        program = ScenarioProgram(design, self.scenario, options)
        search = Search(program, Bounds(), candidates={self.identity: self.candidate})
        search.hurried = hurried
        try:
            search.refer()
        except KeyboardInterrupt:
            search.hurried = True
            search.refer()
        found = attrs.evolve(search.finding(self.identity), confirms=self.confirms)
        return found, search.hurried


@attrs.define(eq=False)
class Surveyed:
    """
    What some cells of one starting point showed; `best` and `predicted` by finding id.

    All findings of a cell stand in its `findings`: see `inherit`.
    """

    cells: list[Cell] = attrs.Factory(list)
    best: dict[str, Best] = attrs.Factory(dict)
    #: Lock orders that no other finding confirms, and that are not refuted.
    predicted: dict[str, Finding] = attrs.Factory(dict)
    #: What the cells say about each promise, by name.
    promised: dict[str, Tally] = attrs.Factory(dict)
    #: Sequences whose last operation never returns, or ends the machine, in every execution.
    ended: list[tuple[Call, ...]] = attrs.Factory(list)
    executions: int = 0
    steps: int = 0
    interrupted: bool = False


@attrs.define(eq=False)
class Survey:
    """The survey of some `groups` of operations from one starting point of a design, under way."""

    design: Design
    start: StartingPoint
    groups: Sequence[tuple[Call, ...]]
    options: Options
    bounds: Bounds
    progress: Listener | None = None
    done: Surveyed = attrs.Factory(Surveyed)
    boots: Boots = attrs.Factory(Boots)
    #: Whether the operations of a group stand in one flow, in their order.
    in_a_row: bool = False
    #: Scenarios to survey instead, each with what it comes to in numbers.
    scenarios: Sequence[Scenario] = ()

    def run(self) -> Surveyed:
        """Decide every cell; after Ctrl-C return those that were."""
        try:
            with all_awaited():
                for scenario in self.scenarios:
                    self._cell(scenario, tuple(map(str, scenario.flows)))
                    if self.done.interrupted:
                        break
                for group in self.groups:
                    initial = initial_of(self.start, group[0])
                    split = [group] if self.in_a_row else [(call,) for call in group]
                    flows = tuple(Flow(calls=part, strike=None, context=None) for part in split)
                    scenario = Scenario(initial=initial, flows=flows)
                    self._cell(scenario, tuple(str(call) for call in group))
                    if self.done.interrupted:
                        break
        except KeyboardInterrupt:
            self.done.interrupted = True
        return self.done

    def _cell(self, scenario: Scenario, operations: tuple[str, ...]) -> None:
        """Decide one cell and keep it."""
        done = self.done
        program = ScenarioProgram(
            self.design, scenario, self.options, boots=self.boots, halts_last=True
        )
        unreached = False
        if not self.boots.reached(scenario.initial, program.sites):
            program.start()
            unreached = bool(program.run.unreached)
        searched = Searched(Search(program, self.bounds), "start", 0, 0)
        if not unreached:
            searched = search_cell(program, self.bounds, orders_always=len(scenario.flows) > 1)
        search, decided = searched.search, searched.decided
        if not unreached:
            for name, tally in search.promised().items():
                done.promised.setdefault(name, Tally()).add(tally)
            if self.in_a_row and search.complete and not search.goes_on:
                done.ended.append(scenario.flows[0].calls)
        done.executions += searched.executions
        done.steps += searched.steps
        done.interrupted = done.interrupted or searched.interrupted
        found = sorted(search.candidates)
        for identity, candidate in search.candidates.items():
            text = str(scenario)
            size = (len(operations), *candidate.size(), len(text), text)
            known = done.best.get(identity)
            if known is None or size < known.size:
                confirms = search.orders.confirms(identity)
                done.best[identity] = Best(size, scenario, identity, candidate, confirms)
        red = [i for i in found if not search.accepted(i)]
        if decided is not None and not unreached:  # what a cut search did not decide is no news
            for one in search.predicted():
                if one.status == "unreachable":
                    continue  # here; where it can happen its cell tells
                found.append(one.id)
                if one.status == "undecided":
                    decided = None
                red += [one.id] if one.status == "reached" and not one.accepted else []
                done.predicted.setdefault(one.id, one)
        if unreached or not (decided or red):
            verdict = Verdict.UNKNOWN
        else:
            verdict = Verdict.VIOLATED if red else Verdict.HOLDS
        tallies: tuple[Count, ...] = ()
        counted: Counting | None = None
        if self.scenarios and not unreached and not done.interrupted:
            tallies, counted = count(program, self.bounds)
        if counted is not None:
            done.executions += counted.executions
            done.steps += counted.steps
            done.interrupted = done.interrupted or counted.cut_by == "interrupt"
        made = Cell(
            design=self.design.name,
            start=self.start.name,
            operations=operations,
            scenario=str(scenario),
            verdict=verdict,
            complete=decided in ("classes", "start"),
            executions=searched.executions,
            findings=tuple(found),
            decided=decided,
            preemptions=PREEMPTIONS_MAX if decided == "preemptions" else None,
            tallies=tallies,
            tallied=counted is not None and counted.complete,
        )
        done.cells.append(made)
        if self.progress is not None:
            self.progress(Progress(len(done.cells), None, str(scenario)))


@attrs.define(eq=False)
class Shared:
    """
    Texts and tuples of cells, each kept once: surveys of sequences have half a million cells.

    Every operation stands in thousands of them, and most have the same few findings.
    """

    known: dict[object, object] = attrs.Factory(dict)

    def part(self, part: Surveyed) -> Surveyed:
        """Keep what the cells share with others once."""
        part.cells = [
            attrs.evolve(
                cell,
                design=self._text(cell.design),
                start=self._text(cell.start),
                operations=tuple(map(self._text, cell.operations)),
                findings=self._ids(cell.findings),
                decided=cell.decided and self._text(cell.decided),
            )
            for cell in part.cells
        ]
        return part

    def _text(self, text: Any) -> Any:
        return self.known.setdefault(text, text)

    def _ids(self, ids: Ids) -> Ids:
        found = self.known.get(ids)
        if found is None:
            found = self.known[ids] = tuple(map(self._text, ids))
        assert isinstance(found, tuple)
        return found


def inherit(
    cells: Iterable[Cell],
    longest: int,
    gone: Container[tuple[str, str, tuple[str, ...]]] = (),
) -> Iterator[Cell]:
    """
    Move the findings that a part of a cell's operations shows from the same start to `alone`.

    Cells come after their parts, none of more than `longest` operations.  One whose parts are not
    all there, for Ctrl-C came before, is left out: what is its own is not known.  The parts in
    `gone`, by design, start and operations, have no cells: they show what their beginnings show.
    """
    shown: dict[tuple[str, str, tuple[str, ...]], Ids] = {}
    for cell in cells:
        inherited: set[str] = set()
        parts = [
            (cell.design, cell.start, part)
            for size in range(1, len(cell.operations))
            for part in combinations(cell.operations, size)
        ]
        parts = [part for part in parts if part not in gone]
        if all(part in shown for part in parts):
            inherited.update(i for part in parts for i in shown[part])
            if len(cell.operations) < longest:  # nothing has the longest as a part
                shown[cell.design, cell.start, cell.operations] = cell.findings
            own = tuple(i for i in cell.findings if i not in inherited)
            if own == cell.findings:
                yield cell
            elif not own:
                yield attrs.evolve(cell, findings=(), alone=cell.findings)
            else:
                alone = tuple(i for i in cell.findings if i in inherited)
                yield attrs.evolve(cell, findings=own, alone=alone)


def sample_calls(design: Design, *, alone: bool = False) -> Iterator[Call]:
    """
    Yield the calls that a design declares for its matrix, in order of declaration.

    With `alone` also those that only surveys of one flow use.
    """
    for operation in design.operations.values():
        for arguments in operation.samples + (operation.alone if alone else ()):
            yield Call(operation.name, arguments)


def groups(calls: Sequence[Call], flows: int) -> Iterator[tuple[Call, ...]]:
    """Yield the operations of each cell: all that run alone, then all pairs, and so on."""
    for size in range(1, flows + 1):
        yield from combinations_with_replacement(calls, size)


def initial_of(start: StartingPoint, call: Call) -> tuple[Call, ...]:
    """Return the initial operations of a starting point; `call` is any of its design."""
    text = f"{{ {start.initial} }} {call}" if start.initial else str(call)
    return parse(text).initial
