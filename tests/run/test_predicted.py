"""Lock orders in a check and in a matrix: refuted, confirmed by a deadlock, or undecided."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import netsim
from netsim.core.sim import Sim
from netsim.core.thread import Context
from netsim.design import Design, Operation, StartingPoint
from netsim.results import Bounds, Verdict
from netsim.run import check, matrix, replay
from netsim.sync.completion import Completion
from netsim.sync.halt import halt
from netsim.sync.mutex import Mutex
from netsim.sync.spinlock import SpinLock
from netsim.sync.workqueue import Work
from netsim.trace.documents import dump_check, dump_matrix
from netsim.view.matrix import matrix_report
from netsim.view.report import check_report, verdict_line


class System:
    """Two locks, one around them, a work item, and a lock that an interrupt takes."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.a, self.b, self.gate = Mutex(sim, "a"), Mutex(sim, "b"), Mutex(sim, "gate")
        self.irq = SpinLock(sim, "irq_lock")
        self.done = Completion(sim, "done")
        self.work = Work(sim, "work", self._work)
        self.sleeper = Work(sim, "sleeper", self._sleep)

    async def _work(self) -> None:
        async with self.a.held():
            pass

    async def _sleep(self) -> None:
        await self.done.wait_for_completion()

    def dumps(self) -> Sequence[str]:
        return ()

    def roots(self) -> Sequence[Any]:
        return ()

    def counts(self) -> Sequence[Any]:
        return ()


async def forth(s: System) -> None:
    async with s.a.held(), s.b.held():
        pass


async def back(s: System) -> None:
    async with s.b.held(), s.a.held():
        pass


async def gated_forth(s: System) -> None:
    async with s.gate.held():
        await forth(s)


async def gated_back(s: System) -> None:
    async with s.gate.held():
        await back(s)


async def queue(s: System) -> None:
    await s.work.schedule_work()


async def flush(s: System) -> None:
    async with s.a.held():
        await s.work.flush_work()


async def settle(s: System) -> None:
    await s.work.schedule_work()
    await s.work.flush_work()


async def flush_sleeper(s: System) -> None:
    await s.sleeper.schedule_work()
    async with s.a.held():
        await s.sleeper.flush_work()


async def wait(s: System) -> None:
    async with s.a.held():
        await s.done.wait_for_completion()


async def complete(s: System) -> None:
    async with s.a.held():
        pass
    await s.done.complete()


async def interrupt(s: System) -> None:
    async with s.irq.held():
        pass


async def panic(s: System) -> None:
    await halt("panic")


async def panic_with_a(s: System) -> None:
    await s.a.mutex_lock()
    await halt("panic")


OPERATIONS = {
    "panic": panic,
    "panic-with-a": panic_with_a,
    "forth": forth,
    "back": back,
    "gated-forth": gated_forth,
    "gated-back": gated_back,
    "queue": queue,
    "flush": flush,
    "settle": settle,
    "flush-sleeper": flush_sleeper,
    "wait": wait,
    "complete": complete,
    "handler": interrupt,
    "careless": interrupt,
}


def _contexts(name: str) -> tuple[Context, ...]:
    if name == "panic":
        return (Context.PROCESS, Context.NMI)
    return (Context.HARDIRQ if name == "handler" else Context.PROCESS,)


def design(*samples: str) -> Design:
    return Design(
        name="toy",
        summary="takes locks",
        boot=System,
        operations={
            name: Operation(
                name,
                name,
                run,
                contexts=_contexts(name),
                halts=name.startswith("panic"),
                samples=((),) if name in samples else (),
            )
            for name, run in OPERATIONS.items()
        },
        starts=(StartingPoint("empty", ""),),
        probes=(),
    )


def valid(document: str, name: str) -> Any:
    data = json.loads(document)
    folder = Path(netsim.__file__).parent / "schemas"
    schema = json.loads((folder / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(data)
    return data


def test_an_order_that_can_deadlock_is_one_finding() -> None:
    result = check(design(), "forth || back")
    (found,) = result.findings

    assert result.verdict is Verdict.VIOLATED
    assert (found.kind, found.status) == ("deadlock", "reached")
    assert found.confirms == ("a -> b -> a",)
    assert replay(found.schedule, design=design()).findings[0].id == found.id
    assert "confirms the lock order a -> b -> a" in check_report(result)


@pytest.mark.parametrize("end", ["panic", "!1 panic", "panic-with-a"])
def test_a_halt_that_comes_later_hides_no_deadlock(end: str) -> None:
    (found,) = check(design(), "forth || back").findings
    result = check(design(), f"forth || back || {end}")

    assert result.verdict is Verdict.VIOLATED
    assert [(f.kind, f.id, f.confirms) for f in result.findings] == [
        ("deadlock", found.id, found.confirms)
    ]
    assert replay(result.findings[0].schedule, design=design()).findings[0].id == found.id


def test_waiting_for_who_halts_the_machine_is_no_finding() -> None:
    result = check(design(), "panic-with-a || forth")

    assert result.verdict is Verdict.HOLDS
    assert not result.findings


def test_an_order_under_a_gate_is_refuted_and_the_check_holds() -> None:
    result = check(design(), "gated-forth || gated-back")
    (found,) = result.findings

    assert result.verdict is Verdict.HOLDS
    assert (found.kind, found.status, found.schedule) == ("lock-order", "unreachable", "")
    assert found.objects == ("a", "b")
    assert found.flows == ("1", "2")
    text = " ".join(check_report(result).split())
    assert "1 predicted deadlock refuted" in text
    assert "unreachable: predicted, but no execution of this model reaches it" in text
    assert "only under gate" in text
    assert "CPU0" not in text
    assert "1 predicted" not in verdict_line(check(design(), "forth || forth"))


def test_a_gate_on_one_side_does_not_help() -> None:
    assert check(design(), "gated-forth || back").verdict is Verdict.VIOLATED


def test_a_cut_search_leaves_it_undecided() -> None:
    result = check(design(), "gated-forth || gated-back", bounds=Bounds(executions=1))
    (found,) = result.findings

    assert result.verdict is Verdict.UNKNOWN
    assert found.status == "undecided"
    text = check_report(result)
    assert "possible circular locking dependency detected" in text
    assert "CPU0 (flow 1)" in text
    assert "nothing found so far" in text


def test_waiting_for_work_with_its_lock_held() -> None:
    result = check(design(), "queue || flush")
    (found,) = result.findings

    assert (found.kind, found.status) == ("deadlock", "reached")
    assert found.confirms == ("a -> wait_for_work(work) -> a",)
    assert check(design(), "flush || forth").findings == ()  # nothing is queued


def test_waiting_for_work_that_has_run_is_refuted() -> None:
    result = check(design(), "settle; flush || forth")
    (found,) = result.findings

    assert result.verdict is Verdict.HOLDS
    assert (found.kind, found.status) == ("lock-order", "unreachable")
    assert found.objects == ("a", "wait_for_work(work)")


def test_what_ended_in_the_initial_part_makes_no_order() -> None:
    assert check(design(), "{ queue } flush || forth").findings == ()


def test_waiting_for_work_that_waits_for_who_needs_the_lock() -> None:
    """Lockdep knows lock -> work; that the work sleeps on a completion it does not know."""
    result = check(design(), "flush-sleeper || complete")

    assert result.verdict is Verdict.VIOLATED
    assert [(f.kind, f.confirms) for f in result.findings] == [
        ("hung", ("a -> wait_for_work(sleeper) -> wait_for_completion(done) -> a",))
    ]


def test_waiting_for_a_completion_with_the_lock_of_who_completes_it() -> None:
    result = check(design(), "wait || complete")
    (found,) = result.findings

    assert (found.kind, found.status) == ("hung", "reached")
    assert found.confirms == ("a -> wait_for_completion(done) -> a",)


def test_a_lock_of_an_interrupt_is_undecided_until_it_strikes() -> None:
    result = check(design(), "handler || careless")
    (found,) = result.findings

    assert (found.kind, found.status) == ("irq-lock-order", "undecided")
    assert result.complete
    assert result.verdict is Verdict.UNKNOWN
    assert "explore flow 1 (handler) as a strike ('!')" in found.message


@pytest.mark.parametrize(
    "scenario",
    ["forth || back", "gated-forth || gated-back", "handler || careless", "wait || complete"],
)
def test_documents(scenario: str) -> None:
    result = check(design(), scenario)
    (found,) = valid(dump_check(result), "check")["findings"]

    assert found["status"] == result.findings[0].status
    assert found["confirms"] == list(result.findings[0].confirms)


def test_the_matrix_leaves_out_what_is_refuted_and_shows_what_is_not() -> None:
    refuted = matrix([design("gated-forth", "gated-back")])

    assert refuted.findings == ()
    assert {cell.verdict for cell in refuted.cells} == {Verdict.HOLDS}
    reached = matrix([design("forth", "back")])
    (found,) = reached.findings
    assert found.finding.confirms == ("a -> b -> a",)
    undecided = matrix([design("handler", "careless")])
    (cell,) = [cell for cell in undecided.cells if cell.findings]
    assert (cell.operations, cell.verdict) == (("handler", "careless"), Verdict.UNKNOWN)
    assert not cell.complete
    assert not undecided.complete
    assert valid(dump_matrix(undecided), "matrix")["findings"][0]["status"] == "undecided"
    assert "irq-lock-order" in matrix_report(undecided)


def test_what_can_be_struck_takes_locks_as_ever() -> None:
    (alone,) = check(design(), "gated-forth || gated-back").findings
    (found,) = check(design(), "gated-forth || gated-back || !1 handler").findings

    assert (found.kind, found.status, found.id) == ("lock-order", "unreachable", alone.id)


def test_an_interrupt_that_strikes_decides_the_order() -> None:
    (found,) = check(design(), "careless || !1 handler").findings

    assert (found.kind, found.status) == ("deadlock", "reached")
    assert len(found.confirms) == 1


def test_a_halt_does_not_bring_about_what_cannot_happen() -> None:
    """Whatever is halted is the beginning of an execution that is not, and none of those hangs."""
    for scenario in ("settle; flush || forth", "settle; flush || forth || panic"):
        result = check(design(), scenario)

        assert [f.status for f in result.findings] == ["unreachable"]
        assert result.verdict is Verdict.HOLDS


def test_a_halt_leaves_open_who_would_have_ended_a_wait() -> None:
    assert [f.status for f in check(design(), "wait || complete").findings] == ["reached"]

    result = check(design(), "wait || complete || panic")

    assert [f.status for f in result.findings] == ["undecided"]
    assert result.verdict is Verdict.UNKNOWN
