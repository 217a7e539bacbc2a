"""What a cut search leaves undecided, tried again by directed search: reached, or undecided."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from netsim.core.memory import KObject, bind, shared
from netsim.core.sim import Sim
from netsim.core.thread import Context
from netsim.design import Design, Operation, StartingPoint
from netsim.results import Bounds, Plan, Result, Verdict
from netsim.run import check, matrix, replay
from netsim.run.confirm import TRIES
from netsim.sync.completion import Completion
from netsim.sync.mutex import Mutex
from netsim.sync.sleep import schedule_point
from netsim.sync.spinlock import SpinLock
from netsim.sync.workqueue import Work


@shared
class Cell(KObject):
    x: int = 0
    flag: bool = False


class System:
    """Locks, a work item, a completion, plain data, and much to do beside them."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.a, self.b, self.c = Mutex(sim, "a"), Mutex(sim, "b"), Mutex(sim, "c")
        self.gate = Mutex(sim, "gate")
        self.irq = SpinLock(sim, "irq_lock")
        self.done = Completion(sim, "done")
        self.cell = bind(sim, Cell(), "cell")
        self.work = Work(sim, "work", lambda: lock(self.a))

    def dumps(self) -> Sequence[str]:
        return ()

    def roots(self) -> Sequence[Any]:
        return (self.cell,)

    def counts(self) -> Sequence[Any]:
        return ()


async def lock(*locks: Mutex) -> None:
    """Take locks one inside the other, then give them back."""
    for one in locks:
        await one.mutex_lock()
    for one in reversed(locks):
        await one.mutex_unlock()


def nest(*names: str) -> Callable[[System], Awaitable[None]]:
    return lambda s: lock(*(getattr(s, name) for name in names))


async def busy(s: System) -> None:
    for _ in range(6):
        await lock(s.c)


async def write_then_lock(s: System) -> None:
    await schedule_point("write")
    s.cell.x = 1
    await lock(s.a)


async def lock_then_read(s: System) -> None:
    await lock(s.a)
    await schedule_point("read")
    assert s.cell.x >= 0


async def write_locked(s: System) -> None:
    async with s.a.held():
        s.cell.x = 1


async def read_locked(s: System) -> None:
    async with s.a.held():
        assert s.cell.x >= 0


async def publish(s: System) -> None:
    await schedule_point("write")
    s.cell.x = 1
    async with s.a.held():
        s.cell.flag = True


async def consume(s: System) -> None:
    async with s.a.held():
        published = s.cell.flag
    if published:
        await schedule_point("read")
        assert s.cell.x == 1


async def write_and_complete(s: System) -> None:
    await schedule_point("write")
    s.cell.x = 1
    await s.done.complete()


async def wait_and_read(s: System) -> None:
    await s.done.wait_for_completion()
    assert s.cell.x == 1


async def queue(s: System) -> None:
    await s.work.schedule_work()


async def flush(s: System) -> None:
    async with s.a.held():
        await s.work.flush_work()


async def wait(s: System) -> None:
    async with s.a.held():
        await s.done.wait_for_completion()


async def complete(s: System) -> None:
    await lock(s.a)
    await s.done.complete()


async def handler(s: System) -> None:
    async with s.irq.held():
        pass


OPERATIONS: dict[str, Callable[[System], Awaitable[None]]] = {
    "ab": nest("a", "b"),
    "ba": nest("b", "a"),
    "bc": nest("b", "c"),
    "ca": nest("c", "a"),
    "a": nest("a"),
    "gate-ab": nest("gate", "a", "b"),
    "gate-ba": nest("gate", "b", "a"),
    "busy": busy,
    "write-then-lock": write_then_lock,
    "lock-then-read": lock_then_read,
    "write-locked": write_locked,
    "read-locked": read_locked,
    "publish": publish,
    "consume": consume,
    "write-and-complete": write_and_complete,
    "wait-and-read": wait_and_read,
    "queue": queue,
    "flush": flush,
    "wait": wait,
    "complete": complete,
    "handler": handler,
    "careless": handler,
}


def design() -> Design:
    return Design(
        name="toy",
        summary="has something to predict",
        boot=System,
        operations={
            name: Operation(
                name,
                name,
                run,
                contexts=(Context.HARDIRQ if name == "handler" else Context.PROCESS,),
                samples=((),) if name in ("ab", "ba") else (),
            )
            for name, run in OPERATIONS.items()
        },
        starts=(StartingPoint("empty", ""),),
        probes=(),
    )


def cut(scenario: str, executions: int = 1, **more: Any) -> Result:
    return check(design(), scenario, bounds=Bounds(executions=executions), **more)


#: Scenario, executions after which the search is cut, kind of finding, lock order confirmed.
REACHED = [
    ("ab || ba", 1, "deadlock", ("a -> b -> a",)),
    ("ab; busy || ba; busy", 5, "deadlock", ("a -> b -> a",)),
    ("a; ab; busy || a; ba; a || busy", 5, "deadlock", ("a -> b -> a",)),
    ("ab || bc || ca", 1, "deadlock", ("a -> b -> c -> a",)),
    ("complete || wait", 1, "hung", ("a -> wait_for_completion(done) -> a",)),
    ("complete; busy || wait; busy", 5, "hung", ("a -> wait_for_completion(done) -> a",)),
    ("busy; careless || !1 handler || busy", 1, "deadlock", ("irq_lock",)),
    ("write-then-lock || lock-then-read", 1, "data-race", ()),
    ("busy; write-then-lock || busy; lock-then-read || ab", 1, "data-race", ()),
]


@pytest.mark.parametrize(("scenario", "executions", "kind", "confirms"), REACHED)
class TestReached:
    def test_the_search_alone_leaves_it_open(
        self,
        scenario: str,
        executions: int,
        kind: str,
        confirms: tuple[str, ...],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("netsim.run.search.confirm", lambda *_: None)
        result = cut(scenario, executions)

        assert result.verdict is Verdict.UNKNOWN
        assert all(found.status == "undecided" for found in result.findings)

    def test_directed_search_reaches_it(
        self, scenario: str, executions: int, kind: str, confirms: tuple[str, ...]
    ) -> None:
        result = cut(scenario, executions)
        found = [f for f in result.findings if (f.kind, f.confirms) == (kind, confirms)]

        assert result.verdict is Verdict.VIOLATED
        assert [f.status for f in found] == ["reached"]
        again = replay(found[0].schedule, design=design())
        assert (again.reproduced, again.diverged) == (True, None)
        assert found[0].id in [f.id for f in again.findings]

    def test_it_does_not_count_as_part_of_the_search(
        self, scenario: str, executions: int, kind: str, confirms: tuple[str, ...]
    ) -> None:
        result = cut(scenario, executions)

        assert (result.executions, result.complete, result.cut_by) == (
            executions,
            False,
            "executions",
        )
        assert any("directed at them" in note for note in result.notes)

    def test_the_same_request_gives_the_same_result(
        self, scenario: str, executions: int, kind: str, confirms: tuple[str, ...]
    ) -> None:
        assert cut(scenario, executions) == cut(scenario, executions)

    def test_as_a_strategy(
        self, scenario: str, executions: int, kind: str, confirms: tuple[str, ...]
    ) -> None:
        result = cut(scenario, 40, strategy=Plan("directed", seed=1))

        assert (kind, "reached") in [(f.kind, f.status) for f in result.findings]


class TestNotReached:
    def test_what_a_gate_prevents_stays_undecided(self) -> None:
        result = cut("gate-ab || gate-ba")

        assert [(f.kind, f.status) for f in result.findings] == [("lock-order", "undecided")]
        assert result.verdict is Verdict.UNKNOWN
        assert any(f"{TRIES} further executions directed at them" in note for note in result.notes)

    def test_a_flag_under_a_lock_is_suspected_and_stays_undecided(self) -> None:
        result = cut("publish || consume")
        (found,) = result.findings

        assert (found.kind, found.status, found.objects) == ("data-race", "undecided", ("cell.x",))
        assert found.schedule == ""
        assert "under no lock that both hold" in found.message
        assert result.verdict is Verdict.UNKNOWN

    def test_a_complete_search_knows_that_it_is_none(self) -> None:
        result = check(design(), "publish || consume")

        assert (result.findings, result.verdict) == ((), Verdict.HOLDS)

    @pytest.mark.parametrize(
        "scenario",
        ["write-locked || read-locked", "write-and-complete || wait-and-read", "read || read"],
    )
    def test_what_a_lock_or_a_wait_orders_is_not_suspected(self, scenario: str) -> None:
        scenario = scenario.replace("read || read", "lock-then-read || lock-then-read")
        result = cut(f"busy; {scenario}")

        assert result.findings == ()
        assert not any("predictions" in note for note in result.notes)

    def test_an_undecided_race_has_the_id_that_it_would_have_if_reached(self) -> None:
        undecided = cut("publish || consume").findings[0].id
        (reached,) = cut("write-then-lock || lock-then-read").findings

        assert undecided == reached.id  # of one field, in one design

    def test_nothing_is_tried_when_the_time_is_over(self) -> None:
        result = check(design(), "ab || ba", bounds=Bounds(seconds=1e-9))

        assert result.cut_by == "seconds"
        assert not any("directed" in note for note in result.notes)

    def test_nothing_is_tried_once_the_first_was_asked_for_and_found(self) -> None:
        result = cut("write-then-lock || lock-then-read || busy; ab || ba", 400, first=True)

        assert [f.status for f in result.findings if f.status == "reached"] == ["reached"]
        assert not any("directed at them" in note for note in result.notes)

    def test_a_matrix_directs_nothing(self) -> None:
        result = matrix([design()], bounds=Bounds(executions=1))

        assert not any(cell.verdict is Verdict.VIOLATED for cell in result.cells)

    def test_an_interrupt_keeps_what_was_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: Any) -> bool:
            raise KeyboardInterrupt

        monkeypatch.setattr("netsim.run.confirm._try", interrupted)
        result = cut("ab || ba")

        assert (result.verdict, result.cut_by) == (Verdict.UNKNOWN, "interrupt")
        assert result.executions == 1
