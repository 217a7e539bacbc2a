"""
The survey of one starting point: every operation alone, then in pairs, then in threes; or every
sequence of operations in one flow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, combinations_with_replacement, product

import attrs

from netsim.design import Design, StartingPoint
from netsim.notation import Call, Flow, Scenario, parse
from netsim.results import Bounds, Cell, Finding, Options, Verdict
from netsim.run.awaited import all_awaited
from netsim.run.boot import Boots
from netsim.run.program import ScenarioProgram
from netsim.run.promises import Tally
from netsim.run.search import Search
from netsim.run.walk import Listener, Progress

Size = tuple[int, int, int, str]
"""What makes a counterexample small: flows, switches, steps, scenario."""


@attrs.frozen
class Shape:
    """What a cell is made of: so many flows, each of one operation; or one of up to `length`."""

    flows: int
    length: int = 1


@attrs.define(eq=False)
class Best:
    """
    The smallest scenario, and in it the smallest schedule, that shows a finding.

    `told` is the finding once it has been made, which is only done for the smallest of all;
    `hurried` tells whether Ctrl-C has come before it was made small.
    """

    size: Size
    search: Search | None
    identity: str
    told: Finding | None = None
    hurried: bool = False

    def finding(self, hurried: bool = False) -> Finding:
        """Return the finding with its schedule normalised, or if `hurried` as it was found."""
        self.hurried = self.hurried or hurried
        if self.told is None:
            assert self.search is not None
            self.search.hurried = self.hurried
            self.told = self.search.finding(self.identity)
            self.hurried = self.search.hurried
        return self.told


@attrs.define(eq=False)
class Surveyed:
    """What the cells of one starting point showed; `best` and `predicted` by finding id."""

    cells: list[Cell] = attrs.Factory(list)
    best: dict[str, Best] = attrs.Factory(dict)
    #: Lock orders that no other finding confirms, and that are not refuted.
    predicted: dict[str, Finding] = attrs.Factory(dict)
    #: What the cells say about each promise, by name.
    promised: dict[str, Tally] = attrs.Factory(dict)
    #: Sequences that were left out because a beginning of theirs never ends, or ends the machine.
    ended: int = 0
    executions: int = 0
    steps: int = 0
    interrupted: bool = False


@attrs.define(eq=False)
class Survey:
    """The survey of one starting point of a design, under way."""

    design: Design
    start: StartingPoint
    shape: Shape
    options: Options
    bounds: Bounds
    progress: Listener | None = None
    done: Surveyed = attrs.Factory(Surveyed)
    _boots: Boots = attrs.Factory(Boots)
    #: Sequences whose last operation never returns.
    _ended: dict[tuple[Call, ...], None] = attrs.Factory(dict)

    def run(self) -> Surveyed:
        """Decide every cell; after Ctrl-C return those that were."""
        calls = list(sample_calls(self.design, alone=self.shape.flows == 1))
        initial = initial_of(self.start, calls)
        shown: dict[tuple[Call, ...], set[str]] = {}
        try:
            with all_awaited():
                for group in groups(calls, self.shape):
                    if group[:-1] in self._ended:  # it would show what its beginning shows
                        self._ended[group] = None
                        self.done.ended += 1
                        continue
                    inherited: set[str] = set()
                    for size in range(1, len(group)):
                        for part in combinations(group, size):
                            inherited |= shown.get(part, set())
                    cell = self._cell(initial, group, inherited)
                    if len(group) < max(self.shape.flows, self.shape.length):
                        shown[group] = {*cell.findings, *cell.alone}
                    if self.done.interrupted:
                        break
        except KeyboardInterrupt:
            self.done.interrupted = True
        return self.done

    def _cell(
        self, initial: tuple[Call, ...], calls: tuple[Call, ...], inherited: set[str]
    ) -> Cell:
        """Decide one cell and keep it."""
        done = self.done
        split = [calls] if self.shape.length > 1 else [(call,) for call in calls]
        flows = tuple(Flow(calls=part, strike=None, context=None) for part in split)
        scenario = Scenario(initial=initial, flows=flows)
        program = ScenarioProgram(
            self.design, scenario, self.options, boots=self._boots, halts_last=True
        )
        search = Search(program, self.bounds, orders_always=len(flows) > 1)
        program.start()
        unreached = program.run.unreached
        if not unreached:
            search.explore(first=False, progress=None)
            for name, tally in search.promised().items():
                done.promised.setdefault(name, Tally()).add(tally)
        if self.shape.length > 1 and search.complete and not search.goes_on:
            self._ended[calls] = None
        done.executions += search.executions
        done.steps += search.steps
        done.interrupted = done.interrupted or search.cut_by == "interrupt"
        found = sorted(search.candidates)
        for identity, candidate in search.candidates.items():
            size = (len(calls), *candidate.size(), str(scenario))
            known = done.best.get(identity)
            if known is None or size < known.size:
                done.best[identity] = Best(size, search, identity)
        decided = bool(unreached) or (
            search.complete and (search.reference is None or search.reference.complete)
        )
        red = [i for i in found if not search.accepted(i)]
        if decided and not unreached:  # what a cut search did not decide is no news
            for one in search.predicted():
                if one.status == "unreachable":
                    continue  # here; where it can happen its cell tells
                found.append(one.id)
                decided = decided and one.status != "undecided"
                red += [one.id] if one.status == "reached" and not one.accepted else []
                done.predicted.setdefault(one.id, one)
        if unreached or not (decided or red):
            verdict = Verdict.UNKNOWN
        else:
            verdict = Verdict.VIOLATED if red else Verdict.HOLDS
        made = Cell(
            design=self.design.name,
            start=self.start.name,
            operations=tuple(str(call) for call in calls),
            scenario=str(scenario),
            verdict=verdict,
            complete=decided,
            executions=search.executions,
            findings=tuple(i for i in found if i not in inherited),
            alone=tuple(i for i in found if i in inherited),
        )
        done.cells.append(made)
        if self.progress is not None:
            self.progress(Progress(len(done.cells), None, str(scenario)))
        return made


def sample_calls(design: Design, *, alone: bool = False) -> Iterator[Call]:
    """
    Yield the calls that a design declares for its matrix, in order of declaration.

    With `alone` also those that only surveys of one flow use.
    """
    for operation in design.operations.values():
        for arguments in operation.samples + (operation.alone if alone else ()):
            yield Call(operation.name, arguments)


def groups(calls: Sequence[Call], shape: Shape) -> Iterator[tuple[Call, ...]]:
    """
    Yield the operations of each cell: all that run alone, then all pairs, and so on.

    With a length of more than 1 they are sequences of one flow instead, shorter ones first.
    """
    if shape.length > 1:
        for size in range(1, shape.length + 1):
            yield from product(calls, repeat=size)
        return
    for size in range(1, shape.flows + 1):
        yield from combinations_with_replacement(calls, size)


def initial_of(start: StartingPoint, calls: Sequence[Call]) -> tuple[Call, ...]:
    """Return the initial operations of a starting point."""
    text = f"{{ {start.initial} }} {calls[0]}" if start.initial else str(calls[0])
    return parse(text).initial
