"""
Promises of the series: for each one a scenario that breaks it, and one close to it that does not.

What is expected is read off the patches: the comment beside each scenario says where.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netsim.core.step import Step
from netsim.notation import parse
from netsim.promise import Broken, Promise
from netsim.results import Options, Result
from netsim.run import check, load, matrix, replay
from netsim.run.outcome import observe
from netsim.run.program import ScenarioProgram
from netsim.run.promises import Answers, ask
from netsim.trace.schedule import Schedule
from netsim_models.netoops_v1.promises import PROMISES
from tests.explorer.brute import class_of

AS_POSTED = "netoops-v1"
ON_2_6_35 = "netoops-v1@2.6.35"
PAGE = Path(__file__).parents[3] / "docs" / "promises-netoops-v1.md"


def verdict(result: Result, name: str) -> str:
    return next(p.verdict for p in result.promises if p.name == name)


@pytest.mark.parametrize(
    ("name", "broken", "kept", "design"),
    [
        # netoops_send_segment(): data_length of a full last packet is l % 1024, which is 0.
        ("log-arrives", "log 728; soft-dump", "log 727; soft-dump", AS_POSTED),
        ("log-arrives", "log 1752; soft-dump", "log 1753; soft-dump", AS_POSTED),
        # proc_netoops_device() checks nothing; the FIB has a route to the broadcast address.
        ("unicast", "set 10.0.0.255; soft-dump", "set 10.0.0.2; soft-dump", AS_POSTED),
        ("others-disable", "set 10.0.0.255", "set 224.0.0.1", AS_POSTED),
        ("others-disable", "route-add 224.0.0.1 eth0; set 224.0.0.1", "", AS_POSTED),
        # np->remote_mac is all zero until the neighbour is valid.
        ("neighbour-used", "soft-dump", "neigh-reply 10.0.0.1; soft-dump", AS_POSTED),
        # patch 08: network_dumper_disabled is tested before anything is sent.
        ("each-crash-emitted", "oops; panic", "read; panic", AS_POSTED),
        ("soft-forces", "oops; soft-dump", "soft-dump; soft-dump", AS_POSTED),
        ("one-shot-off", "oops; one-shot 0; panic", "one-shot 0; oops; panic", AS_POSTED),
        # enable_netoops() clears network_dumper_disabled, from restore_netoops(), too.
        ("one-shot", "oops; flags eth0; panic", "oops; neigh-reply 10.0.0.1; panic", ON_2_6_35),
        # proc_netoops_now(): the last byte of what is written is overwritten.
        ("tokens", "crash pmuD", 'crash "pmuD\\n"', AS_POSTED),
        ("tokens", "crash elgooG", 'crash "elgooG\\n"', AS_POSTED),
        # set_netoops_dest() returns nothing; proc_netoops_device() returns 0.
        ("address-configures", "set 192.0.2.1", "set 10.0.1.1", AS_POSTED),
        # restore_netoops() has put the target aside while off looks, and brings it back.
        (
            "off-disables",
            "carrier-off eth0; carrier-on eth0; off",
            "flags eth0; off",
            ON_2_6_35,
        ),
        # neigh_flush_dev() drops what is held by others from the table.
        ("neighbour-held", "mac eth0 02:00:00:00:00:77", "flags eth0", ON_2_6_35),
        # netoops_store() knows names that no attribute has.
        ("fields-delivered", 'fw-version "1.2\\n"; soft-dump', "", AS_POSTED),
        ("files", "board-name x", "", AS_POSTED),
    ],
)
def test_what_breaks_a_promise_and_what_does_not(
    name: str, broken: str, kept: str, design: str
) -> None:
    result = check(design, f"{{ set 10.0.0.1 }} {broken}")
    (finding, *_) = (f for f in result.findings if f.kind == f"promise:{name}")

    assert verdict(result, name) == "broken"
    again = replay(Schedule.parse(finding.schedule))
    assert finding.id in [f.id for f in again.findings]
    if kept:
        assert verdict(check(design, f"{{ set 10.0.0.1 }} {kept}"), name) == "kept"


@pytest.mark.parametrize(
    ("name", "scenario", "design"),
    [
        ("three-times", "log 3000; oops", AS_POSTED),
        ("tail-first", "log 3000; oops", AS_POSTED),
        ("critical-data", "log 3000; oops", AS_POSTED),
        ("offsets", "oops", AS_POSTED),
        ("registers-recorded", "log 3000; oops", AS_POSTED),
        ("registers-size", "oops", AS_POSTED),
        ("processor-recorded", "oops", AS_POSTED),
        ("crash-emitted", "panic", AS_POSTED),
        ("soft-goes-on", "soft-dump", AS_POSTED),
        ("soft-keeps-the-shot", "soft-dump; oops", AS_POSTED),
        ("restored", "flags eth0", ON_2_6_35),
        ("existing-kept", "unregister eth0; register eth0; up eth0; carrier-on eth0", ON_2_6_35),
        ("module", "rmmod; insmod", AS_POSTED),
    ],
)
def test_what_is_kept(name: str, scenario: str, design: str) -> None:
    assert verdict(check(design, f"{{ set 10.0.0.1 }} {scenario}"), name) == "kept"


def test_a_dump_that_is_skipped_breaks_what_kconfig_says() -> None:
    """kmsg_dump() gives up where dump_list_lock is taken, netoops() where netoops_lock is."""
    result = check(AS_POSTED, "{ set 10.0.0.1 } panic || soft-dump")
    objects = {f.objects for f in result.findings if f.kind == "promise:crash-emitted"}
    assert objects == {("dump_list_lock",)}

    result = check(AS_POSTED, "{ set 10.0.0.1 } panic || read")
    objects = {f.objects for f in result.findings if f.kind == "promise:crash-emitted"}
    assert objects == {("driver",)}


def test_a_crash_kernel_takes_over_what_kconfig_says() -> None:
    """crash_kexec() dumps as KEXEC, which netoops() returns from at once, and never returns."""
    result = check(AS_POSTED, "{ set 10.0.0.1; kexec-load } panic")
    objects = {f.objects for f in result.findings if f.kind == "promise:crash-emitted"}
    assert objects == {("kexec",)}


def test_nothing_is_put_to_the_test_by_what_the_start_did() -> None:
    result = check(AS_POSTED, "{ set 10.0.0.1; oops } read")

    assert {p.name for p in result.promises if p.verdict != "void"} == set()


def test_a_restart_that_dies_leaves_the_promise_open() -> None:
    """The known recursion on rtnl: what is not restored follows from it."""
    result = check(AS_POSTED, "{ set 10.0.0.1 } flags eth0")

    assert verdict(result, "restored") == "undecided"
    (root,) = [f for f in result.findings if f.kind == "recursive-lock"]
    assert any("promise restored is not kept" in text for text in root.consequences)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda p: p.name)
def test_every_promise_cites_a_patch_or_the_cover_letter(promise: Promise) -> None:
    assert promise.sentence == " ".join(promise.sentence.split())
    assert re.match(r"cover letter|patch (0[1-9]|1[0-2]), ", promise.source)


@pytest.mark.parametrize(
    "scenario",
    ["{ set 10.0.0.1 } oops || read", "{ set 10.0.0.1 } oops || soft-dump", "set 10.0.0.1 || oops"],
)
def test_executions_of_a_class_agree(scenario: str) -> None:
    """Every class with one schedule for each of its linear extensions, up to a bound."""
    design = load(AS_POSTED)
    program = ScenarioProgram(design, parse(scenario, design.operations), Options())
    seen: dict[object, Answers] = {}
    shared = 0
    todo: list[list[str]] = [[]]
    for _ in range(700):
        if not todo:
            break
        prefix = todo.pop(len(todo) // 2)
        sim = program.start()
        steps: list[Step] = []
        while enabled := [thread.name for thread in sim.enabled()]:
            if len(steps) == len(prefix):
                todo += [[*prefix, other] for other in enabled[1:]]
                prefix = [*prefix, enabled[0]]
            steps.append(sim.step(sim.by_name[prefix[len(steps)]]))
        answers = ask(program, observe(program))
        known = seen.setdefault(class_of(steps), answers)
        shared += known is not answers
        assert known == answers
    assert shared > 50  # or nothing was compared
    assert any(isinstance(one, Broken) for answers in seen.values() for one in answers.values())


class TestPage:
    """docs/promises-netoops-v1.md, which `netsim promises` made, tells what this build finds."""

    def rows(self) -> dict[str, str]:
        lines = PAGE.read_text().splitlines()
        table = [line for line in lines if line.startswith("| ")][1:]
        return {line.split()[1]: line for line in table}

    def test_it_has_every_promise_and_its_sentence(self) -> None:
        rows = self.rows()

        assert list(rows) == [promise.name for promise in PROMISES]
        for promise in PROMISES:
            assert promise.sentence in rows[promise.name].replace("\\", ""), promise.name

    def test_every_counterexample_still_shows_its_promise_broken(self) -> None:
        text = PAGE.read_text()
        schedules = re.findall(
            r"^\[\d+\] ([a-z-]+): .*?^    netsim replay '(.*?)'$", text, re.M | re.S
        )

        broken = {name for name, row in self.rows().items() if "**broken**" in row}
        assert {name for name, _ in schedules} == broken
        for name, schedule in schedules:
            again = replay(Schedule.parse(schedule))
            assert f"promise:{name}" in [f.kind for f in again.findings], schedule

    def test_what_it_calls_kept_is_kept_by_every_operation_alone(self) -> None:
        kept = {name for name, row in self.rows().items() if "| kept in" in row}
        result = matrix([AS_POSTED], flows=1)

        assert kept
        assert all(p.verdict in ("kept", "void") for p in result.promises if p.name in kept)
