"""The history of events against definitions: happens-before, races, and what can be reversed."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from netsim.core.access import dependent
from netsim.core.sim import Sim
from netsim.core.step import Step
from netsim.explorer.events import Event, History, Races
from tests.explorer.programs import Interpreter, generate
from tests.explorer.test_strikes import PAIR, Striking
from tests.explorer.test_strikes import generate as generate_struck

SEEDS = 120


class Run:
    """One random execution, with the races found at each step."""

    def __init__(self, program: Interpreter, seed: int, steps_max: int = 40) -> None:
        self.program = program
        self.sim = program.start()
        self.history = History()
        self.steps: list[Step] = []
        self.races: list[Races] = []
        dice = random.Random(seed)
        while (enabled := self.sim.enabled()) and len(self.steps) < steps_max:
            thread = dice.choice(enabled)
            assert thread.pending is not None
            step = self.sim.step(thread, dice.randrange(thread.pending.options(self.sim)))
            self.steps.append(step)
            self.races.append(self.history.append(step)[1])
        self.after = self._after()

    def _after(self) -> list[set[int]]:
        """Return for each step those that happen after it, by the definition."""
        steps, after = self.steps, [set[int]() for _ in self.steps]
        for i in range(len(steps) - 1, -1, -1):
            for j in range(i + 1, len(steps)):
                if steps[i].thread == steps[j].thread or dependent(
                    steps[i].footprint, steps[j].footprint
                ):
                    after[i] |= {j} | after[j]
        return after

    def could_run(self, thread: str, end: int, *without: int) -> bool | None:
        """
        Tell whether a thread could go on if some of the first `end` steps had not been made.

        What happens after those goes with them.  None if the thread is then somewhere else.
        """
        dropped = {j for i in without for j in {i} | self.after[i]}
        if any(self.steps[j].thread == thread for j in dropped if j < end):
            return None
        sim = self.program.start()
        for j, step in enumerate(self.steps[:end]):
            if j not in dropped:
                sim.step(sim.by_name[step.thread], step.choice)
        return thread in sim.by_name and sim.is_enabled(sim.by_name[thread])

    def blocked(self) -> Iterator[tuple[str, Races, list[tuple[Event, Event]]]]:
        """Yield each thread that is blocked at the end, with its races."""
        sim: Sim = self.sim
        for thread in sim.threads:
            op = thread.pending
            if op is not None and not sim.halted and not op.enabled(sim, thread):
                name = thread.name
                yield name, self.history.blocked(name, op), self.history.blocked_twice(name, op)


def runs(part: int) -> Iterator[Run]:
    for seed in range(part * SEEDS, part * SEEDS + SEEDS):
        yield Run(Interpreter(generate(seed), seed % 2), seed)


def strikes(part: int) -> Iterator[Run]:
    for seed in range(part * SEEDS, part * SEEDS + SEEDS):
        yield Run(Striking(generate_struck(seed)), seed)


@pytest.mark.parametrize("part", range(2))
def test_clocks_are_happens_before(part: int) -> None:
    for run in runs(part):
        events = run.history.events
        run.history.validate()
        for i, earlier in enumerate(events):
            ordered = {j for j in range(i + 1, len(events)) if earlier.precedes(events[j].clock)}
            assert ordered == run.after[i]
            for end in (len(events), len(events) - 1):
                concurrent = [j for j in range(i + 1, end) if j not in run.after[i]]
                assert [e.index for e in run.history.notdep(earlier, end)] == concurrent
        last = len(events) - 1
        leads = {i + 1 for i in range(last) if last in run.after[i]} | {last + 1}
        assert {n for n in range(1, last + 2) if run.history.leads_to_end(n)} == leads


@pytest.mark.parametrize("part", range(2))
def test_races_are_what_no_third_step_orders(part: int) -> None:
    """Of operations that never block; all of these can be reversed."""
    seen = 0
    for run in runs(part):
        for j, step in enumerate(run.steps):
            if step.op.guard() or step.op.gate is not None:
                continue
            expected = [
                i
                for i in range(j)
                if run.steps[i].thread != step.thread
                and j in run.after[i]
                and not any(j in run.after[m] for m in run.after[i])
            ]
            assert sorted(event.index for event in run.races[j]) == expected
            assert all(run.races[j].values())
            seen += len(expected)
    assert seen > 100


def _ends(run: Run) -> Iterator[tuple[str, int, Races]]:
    """Yield each operation that may block, made or not: thread, where it stands, races."""
    for j, step in enumerate(run.steps):
        if step.op.guard() or step.op.gate is not None:
            yield step.thread, j, run.races[j]
    for name, races, _ in run.blocked():
        yield name, len(run.steps), races


@pytest.mark.parametrize("kind", [runs, strikes])
def test_what_blocks_could_run_before_what_it_surely_races_with(kind: object) -> None:
    certain = open_ = 0
    assert callable(kind)
    for run in kind(0):
        for thread, end, races in _ends(run):
            for event, sure in races.items():
                assert event.thread != thread
                if sure:
                    assert run.could_run(thread, end, event.index), (run.steps, event)
                certain += sure
                open_ += not sure
    assert certain > 20
    assert certain > 2 * open_


@pytest.mark.parametrize("kind", [runs, strikes])
def test_what_races_with_nothing_could_not_run_earlier(kind: object) -> None:
    """A step that is dropped with all after it enables nothing, unless a race tells of it."""
    looked = 0
    assert callable(kind)
    for run in kind(1):
        for thread, end, races in _ends(run):
            if end < len(run.steps):
                continue
            for i in range(end):
                later = {event.index for event in races} & ({i} | run.after[i])
                if not later and run.steps[i].thread != thread:
                    assert not run.could_run(thread, end, i), (i, thread)
                    looked += 1
    assert looked > 100


def test_what_is_blocked_twice_is_told_as_a_pair() -> None:
    """Two steps of which neither alone is in the way, but both are: no single race tells."""
    needed = 0
    pairs = (Run(Striking(PAIR), seed) for seed in range(60))
    for run in (*pairs, *strikes(0)):
        for thread, _, twice in run.blocked():
            end = len(run.steps)
            told = [{one.index, other.index} for one, other in twice]
            for one, other in twice:
                assert one.index < other.index
                assert not one.precedes(other.clock)
                assert thread not in (one.thread, other.thread)
            alone = [i for i in range(end) if run.could_run(thread, end, i) is False]
            for n, i in enumerate(alone):
                for j in alone[n + 1 :]:
                    if j not in run.after[i] and run.could_run(thread, end, i, j):
                        gone = [{i} | run.after[i], {j} | run.after[j]]
                        assert any(
                            pair & gone[0] and pair & gone[1] and pair <= gone[0] | gone[1]
                            for pair in told
                        ), (thread, i, j, told)
                        needed += 1
    assert needed > 0


def test_what_is_forgotten_can_be_added_again() -> None:
    for run in runs(0):
        steps, history = run.steps, run.history
        whole = [(e.index, e.thread, e.local, e.clock) for e in history.events]
        for length in (len(steps) // 2, 0):
            history.truncate(length)
            assert len(history.events) == length
            again = [history.append(step)[1] for step in steps[length:]]
            assert [(e.index, e.thread, e.local, e.clock) for e in history.events] == whole
            assert [[(event.index, sure) for event, sure in races.items()] for races in again] == [
                [(event.index, sure) for event, sure in races.items()]
                for races in run.races[length:]
            ]


class TestValidate:
    def history(self) -> History:
        return Run(Interpreter(((("plain_write", 1),) * 2, (("plain_write", 1),))), 1).history

    def test_a_wrong_index(self) -> None:
        history = self.history()
        history.events[1].index = 0
        with pytest.raises(AssertionError, match="stands at 1"):
            history.validate()

    def test_a_wrong_number(self) -> None:
        history = self.history()
        history.events[2].local += 1
        with pytest.raises(AssertionError, match="is misnumbered"):
            history.validate()

    def test_a_foreign_clock(self) -> None:
        history = self.history()
        history.events[2].clock[history.events[2].thread] += 1
        with pytest.raises(AssertionError, match="has a foreign clock"):
            history.validate()
