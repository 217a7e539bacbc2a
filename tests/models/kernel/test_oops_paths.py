"""
The die() of each architecture of patch 01: what is dumped, and what comes before it.

What is expected is read off the functions that `OopsPath.function` names.
"""

from typing import Any

import pytest

from netsim.core.memory import peek
from netsim.core.sim import Sim
from netsim.design import Design
from netsim.notation import parse
from netsim.results import Verdict
from netsim_models import dumpers
from netsim_models.kernel.oops import OOPS_PATHS, PARISC, SH, X86, OopsPath, Stage, bug_on
from netsim_models.kernel.operations import crashes
from netsim_models.kernel.printk import KmsgDumper, KmsgDumpReason, Segment
from netsim_models.machine import Machine
from netsim_models.netoops_v1 import NETOOPS_V1, NETOOPS_V1_NEIGHBOURS
from netsim_models.world import boot
from netsim_models.x86 import PtRegs, registers
from tests.models.drive import Driven
from tests.models.outcomes import reasons, results, values

#: die() dumps before it looks at in_interrupt() and panic_on_oops.
DUMPS_FIRST = (dumpers.ARM, dumpers.SH, NETOOPS_V1_NEIGHBOURS)
#: die() panics before it comes to oops_exit().
PANICS_FIRST = (dumpers.PARISC, dumpers.POWERPC, dumpers.S390)
ALL = (*DUMPS_FIRST, *PANICS_FIRST)
NAME: Any = {"ids": lambda value: getattr(value, "name", value)}


def in_ramoops(design: Design, scenario: str) -> list[str]:
    """The reasons of the records of ramoops, which are written at once, in their order."""
    (found,) = {
        tuple(line.split()[0] for line in dumps.split("; ") if "ramoops" in line)
        for dumps in values(results(design, scenario), "dumps")
    }
    return list(found)


@pytest.mark.parametrize("design", ALL, **NAME)
def test_an_oops_that_kills_its_task_is_dumped(design: Design) -> None:
    assert in_ramoops(design, "oops") == ["OOPS"]


@pytest.mark.parametrize("design", DUMPS_FIRST, **NAME)
def test_an_oops_is_dumped_before_it_panics(design: Design) -> None:
    assert in_ramoops(design, "{ panic-on-oops 1 } oops") == ["OOPS", "PANIC"]


@pytest.mark.parametrize("design", PANICS_FIRST, **NAME)
def test_an_oops_that_panics_is_never_dumped_as_an_oops(design: Design) -> None:
    assert in_ramoops(design, "{ panic-on-oops 1 } oops") == ["PANIC"]


@pytest.mark.parametrize("design", DUMPS_FIRST, **NAME)
def test_in_interrupt_dump_then_panic(design: Design) -> None:
    assert "OOPS PANIC" in {
        " ".join(line.split()[0] for line in dumps.split("; ") if "ramoops" in line)
        for dumps in values(results(design, "hardirq: soft-dump || !oops"), "dumps")
    }


@pytest.mark.parametrize("design", PANICS_FIRST, **NAME)
def test_in_interrupt_panic_without_a_dump_of_the_oops(design: Design) -> None:
    seen = values(results(design, "hardirq: soft-dump || !oops"), "dumps")

    for dumps in seen:
        made = [line.split()[0] for line in dumps.split("; ") if "ramoops" in line]
        # Between the operations the task itself is hit, and only dies.
        assert not {"OOPS", "PANIC"} <= set(made)
    assert any("PANIC in record" in dumps for dumps in seen)


@pytest.mark.parametrize("design", [dumpers.ARM, dumpers.POWERPC, NETOOPS_V1_NEIGHBOURS], **NAME)
def test_a_crash_kernel_takes_over_before_anything_is_dumped(design: Design) -> None:
    """x86 and arm: crash_kexec() under die_lock; powerpc: behind it, before the panics."""
    assert in_ramoops(design, "{ panic-on-oops 1; kexec-load } oops") == ["KEXEC"]


def test_on_sh_the_crash_kernel_takes_over_behind_the_dump() -> None:
    scenario = "{ panic-on-oops 1; kexec-load } oops"

    assert in_ramoops(dumpers.SH, scenario) == ["OOPS", "KEXEC"]


@pytest.mark.parametrize(
    ("design", "error"), [(dumpers.PARISC, "-ENOSYS"), (dumpers.S390, "-EINVAL")], **NAME
)
def test_no_crash_kernel(design: Design, error: str) -> None:
    """parisc has no CONFIG_KEXEC; machine_kexec_prepare() of s390 takes one type of image only."""
    assert values(results(design, "kexec-load"), "flow 1: kexec-load") == [error]
    assert in_ramoops(design, "{ panic-on-oops 1; kexec-load } oops") == ["PANIC"]


@pytest.mark.parametrize("design", ALL, **NAME)
def test_without_panic_on_oops_no_crash_kernel_takes_over(design: Design) -> None:
    """kexec_should_crash(): not in interrupt, not idle, not init, no panic_on_oops."""
    scenario = "{ kexec-load } oops"

    assert in_ramoops(design, scenario) == ["OOPS"]


@pytest.mark.parametrize("path", OOPS_PATHS, ids=lambda path: path.name)
def test_two_oopses_print_one_after_the_other(path: OopsPath) -> None:
    """All but parisc, which has no die_lock, hold it around what they print."""
    m = boot(Sim(), "2.6.36", oops_path=path)
    first = oops_on(m).until("printk")
    other = oops_on(m)
    if path.name == "parisc":
        other.until("printk")
    else:
        assert "die_lock" in other.until_blocked().waits_for()
    first.finish()
    other.finish()


@pytest.mark.parametrize("design", [dumpers.ARM, dumpers.S390, dumpers.SH], **NAME)
def test_an_oops_inside_an_oops_waits_for_ever(design: Design) -> None:
    """spin_lock_irq(&die_lock) knows no nesting; x86 and powerpc look whose CPU has it."""
    result = results(design, "process: oops || !oops")

    assert "deadlock" in {finding.kind for finding in result.findings}


def test_an_oops_inside_an_oops_nests_on_x86() -> None:
    result = results(NETOOPS_V1, "process: oops || !oops")

    assert result.verdict is Verdict.HOLDS


def oops_on(m: Machine) -> Driven[None]:
    """Let a task oops, step by step."""

    async def one() -> None:
        await crashes()[0].run(m)

    return Driven(m, one())


def regs_seen(scenario: str, path: OopsPath = X86) -> list[tuple[KmsgDumpReason, PtRegs | None]]:
    """What a dumper gets: operations of the kernel, one after the other, alone."""
    m = boot(Sim(), "2.6.36", oops_path=path)
    seen: list[tuple[KmsgDumpReason, PtRegs | None]] = []

    async def dump(reason: KmsgDumpReason, regs: PtRegs | None, _: Segment, __: Segment) -> None:
        seen.append((reason, regs))

    m.log.dump_list.items = (KmsgDumper("test", dump),)
    for call in parse(scenario).flows[0].calls:
        operation = NETOOPS_V1.validate(call)

        class System:
            machine = m

        async def run() -> None:
            await operation.run(System, *call.arguments)  # noqa: B023  run at once

        task = Driven(m, run(), operation.contexts[-1])
        while task.thread.pending is not None and not m.sim.halted:
            task.step()
    return seen


REGS = registers(boot(Sim(), "2.6.36").arch)


@pytest.mark.parametrize(
    ("scenario", "seen"),
    [
        # Patch 01: oops_exit(regs); patch 02: kmsg_dump(KMSG_DUMP_OOPS, regs).
        ("oops", [("OOPS", True)]),
        # Patch 02: kmsg_dump(KMSG_DUMP_PANIC, NULL).
        ("panic", [("PANIC", False)]),
        # Patches 04 and 09: kmsg_dump(KMSG_DUMP_SOFT, NULL).
        ("sysrq-trigger y", [("SOFT", False)]),
        ("soft-dump", [("SOFT", False)]),
        # Patch 02: kmsg_dump(KMSG_DUMP_KEXEC, &fixed_regs), behind crash_setup_regs(), which
        # makes some if panic() has none.
        ("kexec-load; panic", [("KEXEC", True)]),
        ("kexec-load; kexec", [("KEXEC", True)]),
        ("panic-on-oops 1; oops", [("OOPS", True), ("PANIC", False)]),
    ],
)
def test_who_passes_registers(scenario: str, seen: list[tuple[str, bool]]) -> None:
    got = regs_seen(scenario)

    assert [(reason.name, regs is not None) for reason, regs in got] == seen
    assert all(regs in (None, REGS) for _, regs in got)


def test_oops_in_progress_is_over_when_an_oops_is_dumped() -> None:
    """bust_spinlocks(0) comes before oops_exit(); parisc sets it and never clears it."""
    for path, left in ((X86, 0), (SH, 0), (PARISC, 1)):
        m = boot(Sim(), "2.6.36", oops_path=path)
        oops_on(m).finish()
        assert m.log.oops_in_progress == left


def test_pause_on_oops_stalls_the_second_oops_until_the_seconds_are_over() -> None:
    """do_oops_enter_exit(): the first to come prints, the next one counts, others wait for it."""
    m = boot(Sim(), "2.6.36")
    m.policy.pause_on_oops = 2
    first = oops_on(m).until("printk")
    second = oops_on(m).until("spin_msec")
    third = oops_on(m).until_blocked()

    assert "spin_counter" in third.waits_for()
    assert peek(m.policy, "spin_counter") == 2
    # The first finds the counter running at its oops_exit(), and waits, too.
    assert "spin_counter" in first.until_blocked().waits_for()
    second.until("printk")
    assert peek(m.policy, "spin_counter") == 0


def test_pause_on_oops_delays_the_dump_of_a_single_oops() -> None:
    m = boot(Sim(), "2.6.36")
    m.policy.pause_on_oops = 1
    task = oops_on(m).until("spin_msec")

    assert task.thread.irqs_off  # the CPU spins with irqs off, before the dump
    assert m.log.dumps == 0
    task.finish()
    assert m.log.dumps == 1


def test_stages_of_every_path_are_those_that_exist() -> None:
    assert [path.name for path in OOPS_PATHS] == ["arm", "parisc", "powerpc", "s390", "sh", "x86"]
    for path in OOPS_PATHS:
        assert path.stages[0] is Stage.ENTER
        assert path.stages[-1] is Stage.EXIT
        locks = [one for one in path.stages if one in (Stage.LOCK, Stage.UNLOCK)]
        assert locks == ([] if path.name == "parisc" else [Stage.LOCK, Stage.UNLOCK])


def test_netoops_gives_up_behind_one_oops_that_panics() -> None:
    """One-shot (patch 08) is spent on the OOPS dump: the panic of the same oops is not sent."""
    assert reasons(NETOOPS_V1, "{ set 10.0.0.1; panic-on-oops 1 } oops") == [["OOPS"]]
    assert reasons(NETOOPS_V1, "{ set 10.0.0.1; one-shot 0; panic-on-oops 1 } oops") == [
        ["OOPS", "PANIC"]
    ]


def test_a_bug_that_panics_is_found_all_the_same() -> None:
    m = boot(Sim(), "2.6.36")
    m.policy.panic_on_oops = 1
    task = Driven(m, bug_on(m, True, "it is so", ()))
    while task.thread.pending is not None and not m.sim.halted:
        task.step()

    assert m.sim.halted
    assert [report.kind for report in m.sim.reports] == ["bug-on"]
