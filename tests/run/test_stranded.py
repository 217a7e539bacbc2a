"""Outcomes with a flow that waits for ever for the lock of a killed one: what is compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from netsim import Design, Operation, StartingPoint, check
from netsim.core.access import WRITE
from netsim.core.memory import KObject, bind, shared
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import Context, SimThread
from netsim.core.traps import perform
from netsim.notation import parse
from netsim.results import Options
from netsim.run.outcome import Observed
from netsim.run.program import ScenarioProgram
from netsim.run.serial import ORDERS_MAX, STEPS_MAX, SerialReference
from netsim.sync.interrupt import do_exit
from netsim.sync.marked import read_once, write_once
from netsim.sync.mutex import Mutex
from tests.run.bare import BareSystem


@shared
class Pair(KObject):
    """Two fields that belong together."""

    x: int = 0
    y: int = 0


class System(BareSystem):
    """A lock, a pair, and what was sent."""

    def __init__(self, sim: Sim) -> None:
        super().__init__(sim)
        self.lock = Mutex(sim, "lock")
        self.pair = bind(sim, Pair(), "pair")
        self.sent: list[str] = []

    def dumps(self) -> Sequence[str]:
        return self.sent


class _Send(Op):
    __slots__ = ("sent", "what")
    name = "send"
    leaves = True

    def __init__(self, sent: list[str], what: str) -> None:
        self.sent = sent
        self.what = what

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(("wire", ""), WRITE)
        self.sent.append(self.what)


async def hold(s: System) -> None:
    async with s.lock.held():
        pass


async def both(s: System) -> None:
    await write_once(s.pair, "x", 1)
    await perform(_Send(s.sent, "first"))
    async with s.lock.held():
        await write_once(s.pair, "y", 1)
        await perform(_Send(s.sent, "second"))


async def look(s: System) -> int:
    return 10 * await read_once(s.pair, "x") + await read_once(s.pair, "y")


async def send(s: System) -> None:
    await perform(_Send(s.sent, "later"))


async def oops(s: System) -> None:
    await perform(_Send(s.sent, "oops"))
    do_exit(s.sim)


RUN = (hold, both, look, send, oops)
TOY = Design(
    name="toy",
    summary="is killed",
    boot=System,
    operations={
        run.__name__: Operation(
            run.__name__,
            run.__name__,
            run,
            contexts=(Context.NMI,) if run is oops else (Context.PROCESS,),
        )
        for run in RUN
    },
    starts=(StartingPoint("empty", ""),),
    probes=("look",),
)
SCENARIO = "hold || both; send || look || !1 oops"


@pytest.fixture(scope="module")
def reference() -> SerialReference:
    program = ScenarioProgram(TOY, parse(SCENARIO, TOY.operations), Options())
    program.start()
    return SerialReference(program, ORDERS_MAX, STEPS_MAX)


def stranded(seen: str, *dumps: str, **changes: Any) -> Observed:
    """Flow 2 waits for the lock which flow 1 was killed with; flow 3 has seen something."""
    observed = Observed(
        results=(
            (1, "hold", "killed"),
            (2, "both", None),
            (2, "send", None),
            (3, "look", seen),
            (4, "oops", "done"),
        ),
        hung=(2,),
        dumps=dumps,
        probes=(("look", "never ends: waits for whatever"),),
        halted=False,
        failed=(3,) if seen.startswith("-") else (),
        killed=(0,),
        stranded=True,
    )
    return attrs.evolve(observed, **changes)


@pytest.mark.parametrize(
    ("seen", "dumps", "explained"),
    [
        ("0", ("oops",), True),  # as if `both` had never begun
        ("0", ("first", "oops"), True),  # what it sends may have left before
        ("0", ("oops", "first"), True),
        ("11", ("first", "second", "oops"), True),  # as if it had ended
        ("11", ("oops", "first"), True),
        ("10", ("first", "oops"), False),  # in no order one sees half of the pair
        ("1", ("oops",), False),
        ("0", (), False),  # nothing keeps what strikes from sending
        ("0", ("first",), False),
        ("0", ("oops", "oops"), False),
        ("0", ("oops", "later"), False),  # `send` has not begun
        ("11", ("first", "second", "oops", "later"), False),
        ("-EBUSY", ("oops",), True),  # whoever fails does as if it were not there
        ("-EBUSY", ("first", "oops"), True),
        ("-EBUSY", (), False),
    ],
)
def test_what_others_got_and_what_left_the_machine(
    reference: SerialReference, seen: str, dumps: tuple[str, ...], explained: bool
) -> None:
    assert reference.explains(stranded(seen, *dumps), ()) is explained


def test_work_that_never_ends_may_have_been_about_to_send(reference: SerialReference) -> None:
    assert reference.explains(stranded("0", undone=True), ())


def test_what_is_told_of_the_nearest_order_leaves_out_who_waits(
    reference: SerialReference,
) -> None:
    nearest = reference.nearest(stranded("0"))

    assert nearest is not None
    assert [difference.what for difference in nearest.differs] == ["dumps"]


def test_a_dump_that_is_lost_is_found_although_another_flow_hangs() -> None:
    """
    `off` waits for rtnl, with which the strike killed flow 1, as `unregister` took the device down.

    On 2.6.35 `off` does not need rtnl and ends, and the dump is dropped all the same.
    """
    scenario = "{ set 10.0.0.1 } unregister eth0 || off || !1 oops"
    found = check("netoops-v1", scenario).findings
    told = "unregister eth0 was killed amid its work, oops succeeded, yet dumps gives OOPS dump"

    assert any(f.kind == "not-serialisable" and f.message.startswith(told) for f in found)
