"""The clocks of the detector against the definition, and what its reports say."""

from __future__ import annotations

import random
from collections.abc import Coroutine
from typing import Any, TypeAlias

import pytest

from netsim.checkers.datarace import DataRaces
from netsim.core.access import WRITE, Key
from netsim.core.fault import Report
from netsim.core.memory import KObject, bind, shared
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.step import Step
from netsim.sync.sleep import schedule_point
from netsim.sync.spinlock import SpinLock
from tests.explorer.programs import PRIMITIVES, Interpreter, generate

#: A point of an execution: the n-th synchronisation of a step, or what follows them all.
Point: TypeAlias = tuple[int, int]


@shared
class Thing(KObject):
    """Plain data."""

    x: int = 0


def unordered(steps: list[Step]) -> set[Key]:
    """
    Return where a data race is, by the definition: no path from one access to the other.

    Paths lead along each thread, and from a release to every later acquire of the same location.
    """
    points: list[tuple[Point, str, bool | None, Key]] = []
    for number, step in enumerate(steps):
        points += [
            ((number, i), step.thread, acquires, key) for i, (acquires, key) in enumerate(step.sync)
        ]
        points.append(((number, len(step.sync)), step.thread, None, ("", "")))
    after: dict[Point, set[Point]] = {}
    for i in range(len(points) - 1, -1, -1):
        point, thread, acquires, key = points[i]
        after[point] = {point}
        for later, other, its, where in points[i + 1 :]:
            if other == thread or (acquires is False and its is True and where == key):
                after[point] |= after[later]
    places = [
        ((number, len(step.sync)), step.thread, key, mode)
        for number, step in enumerate(steps)
        for key, mode, _ in step.plain
    ]
    return {
        key
        for i, (point, thread, key, mode) in enumerate(places)
        for later, other, where, its in places[i + 1 :]
        if key == where and thread != other and WRITE in (mode, its) and later not in after[point]
    }


def run(sim: Sim, order: random.Random | str) -> list[Step]:
    """Make steps, at random or by the names of threads, under the detector."""
    detector = DataRaces()
    detector.begin(sim, 0)
    steps: list[Step] = []
    names = iter(order) if isinstance(order, str) else iter(())
    while enabled := sim.enabled():
        thread = sim.by_name[next(names)] if isinstance(order, str) else order.choice(enabled)
        steps.append(sim.step(thread))
        detector.stepped(sim, steps[-1])
    return steps


def found(sim: Sim) -> list[str]:
    return [r.objects[0] for r in sim.reports if r.kind == "data-race"]


class TestDefinition:
    @pytest.mark.parametrize("part", range(8))
    def test_random_executions(self, part: int) -> None:
        racing = clean = 0
        for seed in range(part * 100, part * 100 + 100):
            sim = Interpreter(generate(seed)).start()
            steps = run(sim, random.Random(seed))
            wanted = {f"{key[0]}.{key[1]}" for key in unordered(steps)}
            assert sorted(wanted) == sorted(found(sim)), f"seed {seed}"
            racing += bool(wanted)
            clean += not wanted and any(step.plain for step in steps)
        assert racing > 5
        assert clean > 5

    @pytest.mark.parametrize("primitive", sorted(PRIMITIVES))
    def test_data_around_each_primitive(self, primitive: str) -> None:
        """A thread writes before its instructions, and the others after theirs."""
        rng = random.Random(primitive)
        for _ in range(40):
            calls = [[(rng.choice(PRIMITIVES[primitive]), rng.randrange(2))] for _ in range(3)]
            program = Interpreter(
                (
                    (("plain_write", 1), *calls[0]),
                    (*calls[1], ("plain_write", 1)),
                    (*calls[2], ("plain_read", 1)),
                )
            )
            sim = program.start()
            steps = run(sim, rng)
            wanted = {f"{key[0]}.{key[1]}" for key in unordered(steps)}
            assert sorted(wanted) == sorted(found(sim)), program.program


class TestReport:
    def report(self, order: str, **bodies: str) -> list[Report]:
        """Run threads that read (r), write (w), or write under a lock (l)."""
        sim = Sim()
        sim.recording = True
        thing, lock = bind(sim, Thing(), "thing"), SpinLock(sim, "lock")

        async def body(text: str) -> None:
            for letter in text:
                if letter == "l":
                    async with lock.held():
                        thing.x = 1
                    continue
                await schedule_point("point")
                if letter == "r":
                    _ = thing.x
                else:
                    thing.x = 1

        for number, text in enumerate(bodies.values(), 1):
            coroutine: Coroutine[Op, Any, Any] = body(text)
            sim.spawn(str(number), coroutine, flow=number)
        run(sim, order)
        return sim.reports

    @pytest.mark.parametrize(
        ("first", "then", "words"),
        [
            ("r", "w", ("reads", "writes")),
            ("w", "r", ("writes", "reads")),
            ("w", "w", ("writes", "writes")),
        ],
    )
    def test_who_does_what(self, first: str, then: str, words: tuple[str, str]) -> None:
        (report,) = self.report("12", one=first, two=then)

        assert report.message == (
            f"thing.x: flow 1 {words[0]} and flow 2 {words[1]} it with no synchronisation "
            "between them"
        )
        assert report.objects == ("thing.x",)
        assert [(s.role, s.thread, s.step) for s in report.sites] == [
            (words[0], "1", 1),
            (words[1], "2", 2),
        ]
        assert (report.thread, report.step, report.fatal) == ("2", 2, False)

    def test_two_reads_are_no_race(self) -> None:
        assert not self.report("12", one="r", two="r")

    def test_a_location_is_reported_once(self) -> None:
        assert len(self.report("1212", one="ww", two="ww")) == 1

    def test_a_lock_orders_what_is_under_it(self) -> None:
        assert not self.report("1122", one="l", two="l")

    def test_what_follows_the_release_is_not_ordered_by_it(self) -> None:
        (report,) = self.report("11122", one="lw", two="l")

        assert [s.step for s in report.sites] == [3, 4]

    def test_an_access_before_everything_is_the_first_of_its_thread(self) -> None:
        """A thread that has synchronised with nobody knows of nobody, first steps included."""
        (report,) = self.report("122", one="w", two="l")

        assert [s.step for s in report.sites] == [1, 2]
