"""Which outcomes a set of sequential orders explains, and how many orders are walked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from netsim.core.sim import Sim
from netsim.core.thread import Context
from netsim.design import Design, Operation, StartingPoint
from netsim.notation import parse
from netsim.results import Options
from netsim.run import serial
from netsim.run.outcome import Observed
from netsim.run.program import ScenarioProgram
from netsim.run.serial import Faults, Order, Orders, SerialReference, sequential_orders
from netsim.sync.completion import Completion
from netsim.sync.sleep import schedule_point
from tests.run.bare import BareSystem
from tests.run.posts import design

OUT_OF_MEMORY: Faults = (("1", 0, 1),)


def seen(*values: str | None, **changes: Any) -> Observed:
    """Return an outcome: what each flow's one operation returned, None if it never ended."""
    results = tuple((flow, f"op{flow}", value) for flow, value in enumerate(values, 1))
    hung = tuple(flow for flow, value in enumerate(values, 1) if value is None)
    given: dict[str, Any] = {"dumps": (), "probes": (("read", "off"),), "halted": False}
    given |= {"failed": ()} | changes
    return Observed(results=results, hung=hung, **given)


class Reference(SerialReference):
    """A reference whose orders are given."""

    def __init__(
        self,
        *orders: Observed,
        faults: Faults = (),
        without: dict[tuple[int, ...], list[Observed]] | None = None,
        killers: tuple[str, ...] = (),
    ) -> None:
        self.all = Orders(tuple(Order((), order, faults) for order in orders), True, 0)
        self.complete = True
        self._without = without or {}
        program: Any = SimpleNamespace(killers=killers)
        self._program = program

    def explains(self, observed: Observed, faults: Faults = ()) -> bool:
        return super().explains(observed, faults)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"dumps": ("OOPS",)}, False),
        ({"probes": (("read", "on"),)}, False),
    ],
)
def test_all_that_shows_must_be_the_same(changes: dict[str, Any], same: bool) -> None:
    assert Reference(seen("0", "1"), seen("1", "0")).explains(seen("1", "0", **changes)) is same


def test_an_order_in_which_the_environment_chose_otherwise_explains_nothing() -> None:
    assert not Reference(seen("0"), faults=OUT_OF_MEMORY).explains(seen("0"))
    assert Reference(seen("0"), faults=OUT_OF_MEMORY).explains(seen("0"), OUT_OF_MEMORY)


@pytest.mark.parametrize("complete", [True, False])
def test_nothing_is_refuted_by_some_orders_of_many(complete: bool) -> None:
    reference = Reference(seen("0"))
    reference.complete = complete
    assert reference.refutes(seen("1"), ()) is complete
    assert not reference.refutes(seen("0"), ())


class TestFailure:
    """An operation that failed must have had no effect."""

    @pytest.mark.parametrize(
        ("changes", "same"),
        [
            ({}, True),
            ({"dumps": ("OOPS",)}, False),
            ({"probes": (("read", "on"),)}, False),
            ({"halted": True}, False),
        ],
    )
    def test_the_others_alone_give_the_same(self, changes: dict[str, Any], same: bool) -> None:
        other = seen("0", **changes)
        reference = Reference(seen("0", "0"), without={(1,): [other]})
        assert reference.explains(seen("0", "-ENOMEM", failed=(1,))) is same

    def test_another_result_is_another_outcome(self) -> None:
        reference = Reference(seen("0", "0"), without={(1,): [seen("7")]})
        assert not reference.explains(seen("0", "-ENOMEM", failed=(1,)))


class TestHalt:
    """After a halt only what left the machine counts."""

    @pytest.mark.parametrize(
        ("dumps", "killers", "order", "same"),
        [
            (("a",), (), {"halted": True, "dumps": ("a",)}, True),
            (("a",), (), {"halted": True, "dumps": ("b",)}, False),
            (("a",), (), {"dumps": ("a",)}, False),
            (("a",), ("2",), {"halted": True, "dumps": ("a",)}, True),
            (("a", "p"), ("2",), {"halted": True, "dumps": ("a",)}, False),
            # A strike ends the machine by its place alone, and its panic adds a dump.
            (("a",), ("2",), {"dumps": ("a",)}, True),
            (("a", "p"), ("2",), {"dumps": ("a",)}, True),
            (("a", "b", "p"), ("2",), {"dumps": ("a",)}, False),
            (("b", "p"), ("2",), {"dumps": ("a",)}, False),
            (("p",), ("2",), {"dumps": ()}, False),
            ((), ("2",), {"dumps": ()}, True),
        ],
    )
    def test_what_left_the_machine(
        self, dumps: tuple[str, ...], killers: tuple[str, ...], order: dict[str, Any], same: bool
    ) -> None:
        reference = Reference(seen("0", dumps=("z",)), seen("0", **order), killers=killers)
        assert reference.explains(seen(halted=True, dumps=dumps)) is same


class TestHang:
    """Who waits for ever does so in some order, too."""

    def test_the_same_flows_wait_and_the_others_ended_alike(self) -> None:
        reference = Reference(seen(None, "0"), seen("0", None))
        assert reference.explains(seen(None, "0"))
        assert not reference.explains(seen(None, "1"))
        assert not reference.explains(seen(None, "0", probes=(("read", "on"),)))

    def test_an_order_in_which_more_wait_will_do(self) -> None:
        assert Reference(seen(None, None)).explains(seen(None, "0"))
        assert not Reference(seen("0", "0")).explains(seen(None, "0"))
        assert not Reference(seen("0", None)).explains(seen(None, "0"))

    def test_what_the_waiting_flow_did_before_is_not_compared(self) -> None:
        first = (1, "op1", None), (1, "op2", None), (2, "op3", "0")
        second = (1, "op1", "0"), (1, "op2", None), (2, "op3", "0")
        order = attrs.evolve(seen(None), results=first)
        assert Reference(order).explains(attrs.evolve(order, results=second))
        other = attrs.evolve(order, results=(*second[:2], (2, "op3", "7")))
        assert not Reference(order).explains(other)


@pytest.mark.parametrize("cut", [False, True])
def test_a_walk_without_the_failed_that_is_cut_decides_nothing(
    cut: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = design()
    program = ScenarioProgram(made, parse("post a || post b", made.operations), Options())
    reference = SerialReference(program, 100, 1000)
    walked = Orders((), not cut, 0, endless=cut)
    monkeypatch.setattr(serial, "sequential_orders", lambda *_: walked)
    assert reference.refutes(seen("x", "-ENOMEM", failed=(1,)), ()) is not cut
    assert reference.endless is cut


class System(BareSystem):
    """Somebody waits, somebody ends that, and an interrupt."""

    def __init__(self, sim: Sim) -> None:
        super().__init__(sim)
        self.done = Completion(sim, "done")


async def wait(s: System) -> None:
    await s.done.wait_for_completion()


async def end(s: System) -> None:
    await s.done.complete()


async def handler(_s: System) -> None:
    await schedule_point("handler")


WAITING = Design(
    name="waiting",
    summary="waits",
    boot=System,
    operations={
        "wait": Operation("wait", "waits", wait),
        "end": Operation("end", "ends that", end),
        "handler": Operation("handler", "an interrupt", handler, contexts=(Context.HARDIRQ,)),
    },
    starts=(StartingPoint("empty", ""),),
    probes=(),
)


def begun(scenario: str) -> set[str]:
    """Return the flows in order of their begin, for each sequential order."""
    program = ScenarioProgram(WAITING, parse(scenario, WAITING.operations), Options())
    walked = sequential_orders(program, 1000, 1000)
    assert walked.complete
    return {"".join(one[0] for one in order.begins) for order in walked.orders}


def test_who_waits_is_not_struck_while_another_can_go_on() -> None:
    assert begun("wait || end || handler") == {"123", "132", "213", "231", "312", "321"}
    assert begun("wait || end || !1 handler") == {"123", "213", "231", "312", "321"}


def test_who_waits_for_ever_is_struck() -> None:
    assert begun("wait || !1 handler") == {"12", "21"}


class TestWalk:
    """Orders of two operations: two."""

    def orders(self, orders_max: int, steps_max: int = 1000, late: Any = None) -> Orders:
        made = design()
        program = ScenarioProgram(made, parse("post a || post b", made.operations), Options())
        return sequential_orders(program, orders_max, steps_max, late)

    def test_every_order_is_walked(self) -> None:
        walked = self.orders(100)
        assert (walked.complete, walked.endless) == (True, False)
        begins = [order.begins for order in walked.orders]
        assert begins == [("1: post a", "2: post b"), ("2: post b", "1: post a")]

    @pytest.mark.parametrize(("orders_max", "complete"), [(1, False), (2, True), (3, True)])
    def test_at_most_so_many(self, orders_max: int, complete: bool) -> None:
        walked = self.orders(orders_max)
        assert (walked.complete, walked.endless) == (complete, False)
        assert len(walked.orders) == min(orders_max, 2)

    @pytest.mark.parametrize("late", [True, False])
    def test_until_it_is_late(self, late: bool) -> None:
        assert self.orders(100, late=lambda: late).complete is not late

    def test_an_order_that_is_too_long_ends_the_walk(self) -> None:
        whole = self.orders(1)
        assert self.orders(1, whole.steps).endless is False
        cut = self.orders(100, whole.steps - 1)
        assert (cut.orders, cut.complete, cut.endless) == ((), False, True)
        assert cut.steps == whole.steps - 1
        assert self.orders(100).steps == 2 * whole.steps
