"""A dump and text printed meanwhile conflict where that text may come over the log, only there."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from netsim.core.sim import ModelError
from netsim.design import Design
from netsim.notation import parse
from netsim.results import Options, Result
from netsim.run import check, load
from netsim.run.program import ScenarioProgram
from netsim_models.kernel.printk import LOG_BUF_LEN, TEXT_MAX, printk
from netsim_models.world import BOOT_TEXT
from tests.models.drive import machine, run
from tests.models.policies.storms import READY

DESIGN = load("netoops-v1+every")
#: The same, with footprints as if any text could come over any other.
BLIND = attrs.evolve(DESIGN, foresee=None)
ROOM = LOG_BUF_LEN - len(BOOT_TEXT)


def reads_the_ring(scenario: str) -> bool:
    """Tell whether the packets of a dump depend on what is printed meanwhile."""
    program = ScenarioProgram(DESIGN, parse(scenario), Options())
    sim = program.start()
    log: Any = program.run.system.machine.log  # type: ignore[attr-defined]
    touched = []
    while sim.is_enabled(thread := sim.by_name["1"]):
        step = sim.step(thread)
        if step.op.name == "ndo_start_xmit":
            touched.append(log.key in step.footprint)
    return any(touched)


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        (f"{{ {READY} }} soft-dump; read || oops", False),
        (f"{{ {READY} }} soft-dump; read || log {ROOM - 2 * TEXT_MAX}", False),
        (f"{{ {READY} }} soft-dump; read || log {ROOM - 2 * TEXT_MAX + 1}", True),
        (f"{{ {READY} }} soft-dump; log 66000 || log 66000", True),
        (f"{{ {READY}; log {ROOM - 3 * TEXT_MAX} }} soft-dump; read || oops", False),
        (f"{{ {READY}; log {ROOM - 3 * TEXT_MAX + 1} }} soft-dump; read || oops", True),
        (f"{{ {READY}; log 131072 }} soft-dump; read || oops", True),
    ],
)
def test_a_dump_reads_what_others_print_if_it_may_come_over_its_text(
    scenario: str, expected: bool
) -> None:
    """`read` after the dump, so that a packet whose text was read is followed by another step."""
    assert reads_the_ring(scenario) is expected


def found(design: Design, scenario: str) -> tuple[Any, Result]:
    result = check(design, scenario)
    assert result.complete
    findings = sorted((f.id, f.status, f.preemptions, f.steps) for f in result.findings)
    return (result.verdict, findings, {(o.observed, o.serial) for o in result.outcomes}), result


@pytest.mark.parametrize(
    "flows",
    ["soft-dump || oops", "oops || oops", "oops || panic", "panic || panic", "soft-dump || log 60"],
)
def test_nothing_is_missed(flows: str) -> None:
    """The same findings, as small, and the same outcomes as where every text conflicts."""
    with_it, fewer = found(DESIGN, f"{{ {READY} }} {flows}")
    without, more = found(BLIND, f"{{ {READY} }} {flows}")

    assert with_it == without
    assert 2 * fewer.executions < more.executions


def test_more_than_was_foreseen_is_refused() -> None:
    m = machine()
    m.log.foresee(100)

    async def prints(size: int) -> None:
        await printk(m, "x" * size + "\n")

    run(m, prints(90))
    m.log.emit(b"y" * (ROOM - 200))
    with pytest.raises(ModelError, match="expected at most 4096 bytes of an operation"):
        run(m, prints(200))
