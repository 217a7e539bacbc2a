"""Sections that mask an interrupt are ordered with it, others race with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netsim.core.memory import KObject, bind, shared
from netsim.core.sim import Sim
from netsim.core.thread import Context
from netsim.design import Design, Operation, StartingPoint
from netsim.run import check
from netsim.sync.interrupt import (
    local_bh_disable,
    local_bh_enable,
    local_irq_disable,
    local_irq_enable,
    local_irq_restore,
    local_irq_save,
)
from netsim.sync.sleep import schedule_point
from netsim.sync.spinlock import SpinLock
from tests.run.bare import BareSystem


@shared
class Count(KObject):
    """A number that nothing protects."""

    number: int = 0


class System(BareSystem):
    """A number, and a lock beside it."""

    def __init__(self, sim: Sim) -> None:
        super().__init__(sim)
        self.count = bind(sim, Count(), "count")
        self.lock = SpinLock(sim, "lock")


def adds(s: System) -> None:
    s.count.number += 1


def between(
    enter: Callable[[], Awaitable[Any]], leave: Callable[[], Awaitable[Any]]
) -> Callable[[System], Awaitable[None]]:
    async def section(s: System) -> None:
        await enter()
        adds(s)
        await schedule_point("amid")
        adds(s)
        await leave()

    return section


async def bare(s: System) -> None:
    await schedule_point("before")
    adds(s)
    await schedule_point("behind")


async def too_early(s: System) -> None:
    await local_irq_disable()
    await local_irq_enable()
    adds(s)
    await schedule_point("behind")


async def nested(s: System) -> None:
    outer = await local_irq_save()
    inner = await local_irq_save()
    await local_irq_restore(inner)
    adds(s)
    await local_irq_restore(outer)


async def irqsave(s: System) -> None:
    async with s.lock.irqsave():
        adds(s)


async def locked(s: System) -> None:
    async with s.lock.held():
        adds(s)


async def handler(s: System) -> None:
    await schedule_point("handler")
    adds(s)


SECTIONS = {
    "bare": bare,
    "too-early": too_early,
    "irqs-off": between(local_irq_disable, local_irq_enable),
    "bh-off": between(local_bh_disable, local_bh_enable),
    "nested": nested,
    "irqsave": irqsave,
    "locked": locked,
}
DESIGN = Design(
    name="masked",
    summary="counts",
    boot=System,
    operations={
        **{name: Operation(name, name, run) for name, run in SECTIONS.items()},
        "handler": Operation(
            "handler",
            "an interrupt",
            handler,
            contexts=(Context.HARDIRQ, Context.SOFTIRQ, Context.NMI),
        ),
    },
    starts=(StartingPoint("empty", ""),),
    probes=(),
)


@pytest.mark.parametrize(
    ("section", "races"),
    [
        ("bare", {"hardirq", "softirq", "nmi"}),
        ("too-early", {"hardirq", "softirq", "nmi"}),
        ("locked", {"hardirq", "softirq", "nmi"}),
        ("bh-off", {"hardirq", "nmi"}),
        ("irqs-off", {"nmi"}),
        ("nested", {"nmi"}),
        ("irqsave", {"nmi"}),
    ],
)
def test_what_races_with_an_interrupt(section: str, races: set[str]) -> None:
    found = {
        context
        for context in ("hardirq", "softirq", "nmi")
        for finding in check(DESIGN, f"{section} || !1 {context}:handler").findings
        if finding.kind == "data-race"
    }
    assert found == races
