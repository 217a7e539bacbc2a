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
from netsim_models.kernel.printk import Segment
from netsim_models.netoops_v1.driver import Message
from netsim_models.netoops_v1.promises import PROMISES
from netsim_models.wire.segments import packet_count_from_length
from tests.explorer.brute import class_of

AS_POSTED = "netoops-v1"
ON_2_6_35 = "netoops-v1@2.6.35"
DOCS = Path(__file__).parents[3] / "docs"
PAGE = DOCS / "promises-netoops-v1.md"
CLAIMS = DOCS / "claims-netoops-v1.md"


def verdict(result: Result, name: str) -> str:
    return next(p.verdict for p in result.promises if p.name == name)


@pytest.mark.parametrize(
    ("name", "broken", "kept", "design"),
    [
        # netoops_send_segment(): data_length of a full last packet is l % 1024, which is 0.
        ("log-arrives", "log 728; soft-dump", "log 727; soft-dump", AS_POSTED),
        ("log-arrives", "log 1752; soft-dump", "log 1753; soft-dump", AS_POSTED),
        # proc_netoops_device() ends a text at 55 bytes, and nothing ends it before.
        ("u32-taken", "write-device 167772162", 'write-device "167772162\\0"', AS_POSTED),
        ("u32-taken", 'write-device "167772162\\n"', 'write-device "0\\0"', AS_POSTED),
        # proc_dointvec() takes any int.
        ("boolean", 'write-one-shot "2\\n"', 'write-one-shot "1\\n"', AS_POSTED),
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
        ("zero-padded", "log 3000; oops", AS_POSTED),
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
    assert any("dump_list_lock is held by flow 2 (soft-dump)" in f.message for f in result.findings)

    result = check(AS_POSTED, "{ set 10.0.0.1 } panic || read")
    objects = {f.objects for f in result.findings if f.kind == "promise:crash-emitted"}
    assert objects == {("netoops_lock",)}
    assert any("netoops_lock is held by flow 2 (read)" in f.message for f in result.findings)


GONE = "route-add 192.0.2.1 eth0; set 192.0.2.1; route-del 192.0.2.1"


@pytest.mark.parametrize(
    ("scenario", "broken"),
    [
        # Without a route restore_netoops() fails before it comes to rtnl: set_netoops_dest() calls
        # disable_netoops(), which finds np put aside and lets go of the neighbour.
        (f"{{ {GONE} }} flags eth0", {"existing-kept": "neighbour", "neighbour-held": "none"}),
        # off finds np put aside, too: what it did is undone.
        (f"{{ {GONE} }} off || flags eth0", {"off-disables": "back", "neighbour-held": "none"}),
        # The MAC was known; of the neighbour that is gone nothing was copied.
        (
            f"{{ {GONE}; neigh-reply 192.0.2.1 02:00:00:00:00:42 }} flags eth0; soft-dump",
            {"existing-kept": "neighbour", "neighbour-held": "none", "neighbour-used": "lost"},
        ),
        # Nobody restarts anything: all is as it was.
        (f"{{ {GONE} }} flags eth1", {}),
    ],
)
def test_a_restart_that_finds_no_route(scenario: str, broken: dict[str, str]) -> None:
    result = check(AS_POSTED, scenario)

    found = {
        f.kind.removeprefix("promise:"): f.objects[0]
        for f in result.findings
        if f.kind.startswith("promise:")
    }
    assert found == broken
    assert not any(f.accepted for f in result.findings)


def test_a_restart_through_a_route_is_the_promise_of_any() -> None:
    scenario = "{ route-add 192.0.2.1 eth1; set 192.0.2.1 } flags eth1"
    for name in ("restored", "existing-kept", "neighbour-held"):
        assert verdict(check(ON_2_6_35, scenario), name) == "kept"


class TestAccepted:
    """Only what the series says itself, and only that way of breaking a promise."""

    @pytest.mark.parametrize(
        ("scenario", "kind", "accepted", "red"),
        [
            ("{ set 10.0.0.1; oops } panic", "each-crash-emitted", {"one-shot"}, set()),
            (
                "{ set 10.0.0.1 } oops || oops",
                "each-crash-emitted",
                {"one-shot"},
                {"dump_list_lock"},
            ),
            ("{ set 10.0.0.1 } soft-dump", "neighbour-used", {"unresolved"}, set()),
            (f"{{ {GONE} }} flags eth0; soft-dump", "neighbour-used", set(), {"lost"}),
            (f"{{ {GONE} }} flags eth0; soft-dump", "neighbour-held", set(), {"none"}),
        ],
    )
    def test_what_is(self, scenario: str, kind: str, accepted: set[str], red: set[str]) -> None:
        found = [f for f in check(AS_POSTED, scenario).findings if f.kind == f"promise:{kind}"]

        assert {f.objects[0] for f in found if f.accepted} == accepted
        assert {f.objects[0] for f in found if not f.accepted} == red

    def test_each_cites_the_series(self) -> None:
        for loss in load(AS_POSTED).accepted:
            assert re.match(r'(the cover letter|patch \d\d)[^"]*: "', loss.reason)


class TestPlanted:
    """Faults put into the driver, which promises that it keeps must tell."""

    def test_a_tail_that_is_not_padded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without its memset() the tail packet would end in what the packet before it had."""

        async def unpadded(self: Message, packet_offset: int, s: Segment) -> None:
            for i in range(packet_count_from_length(s.length) - 1, -1, -1):
                text = s.bytes(i * 1024, min(1024, s.length - i * 1024))
                self.data[: len(text)] = text
                await self.send_packet(packet_count_from_length(s.length) - i - 1 + packet_offset)

        scenario = "{ set 10.0.0.1 } log 3000; soft-dump"
        assert verdict(check(AS_POSTED, scenario), "zero-padded") == "kept"
        monkeypatch.setattr(Message, "send_segment", unpadded)
        assert verdict(check(AS_POSTED, scenario), "zero-padded") == "broken"


def test_the_panic_of_an_oops_is_told_from_an_earlier_crash() -> None:
    result = check(AS_POSTED, "{ set 10.0.0.1; panic-on-oops 1 } oops")
    (found,) = [f for f in result.findings if f.kind == "promise:each-crash-emitted"]
    assert "the panic that oops ends in: the dump of the oops itself has used up" in found.message

    result = check(AS_POSTED, "{ set 10.0.0.1; oops } oops")
    (found,) = [f for f in result.findings if f.kind == "promise:each-crash-emitted"]
    assert "nothing is sent of the oops: an earlier crash has used up" in found.message


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

    def rows(self) -> dict[str, list[str]]:
        """Return the cells of the table, by the name of the promise."""
        lines = PAGE.read_text(encoding="utf-8").splitlines()
        table = [line for line in lines if line.startswith("| ")][1:]
        cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table]
        return {cell[0].split()[0]: cell[1:] for cell in cells}

    def designs(self) -> list[str]:
        title = PAGE.read_text(encoding="utf-8").splitlines()[0]
        return title.removeprefix("# Promises of ").split(", ")

    def test_it_has_every_promise_and_its_sentence(self) -> None:
        rows = self.rows()

        assert list(rows) == [promise.name for promise in PROMISES]
        for promise in PROMISES:
            assert promise.sentence in [cell.replace("\\", "") for cell in rows[promise.name]]

    def test_every_counterexample_still_shows_its_promise_broken(self) -> None:
        text = PAGE.read_text(encoding="utf-8")
        schedules = re.findall(
            r"^\[\d+\] ([a-z0-9-]+)(?: \(on .*?\))?: .*?^    netsim replay '(.*?)'$",
            text,
            re.M | re.S,
        )

        broken = {name for name, row in self.rows().items() if "**broken**" in " ".join(row)}
        assert {name for name, _ in schedules} == broken
        for name, schedule in schedules:
            again = replay(Schedule.parse(schedule))
            assert f"promise:{name}" in [f.kind for f in again.findings], schedule

    def test_what_it_calls_kept_is_kept_by_every_operation_alone(self) -> None:
        assert self.designs()[0] == AS_POSTED
        kept = {name for name, row in self.rows().items() if row[0].startswith("kept in")}
        result = matrix([AS_POSTED], flows=1)

        assert kept
        assert all(p.verdict in ("kept", "void") for p in result.promises if p.name in kept)


def test_every_promise_stands_among_the_claims_and_nothing_else_does() -> None:
    lines = CLAIMS.read_text(encoding="utf-8").splitlines()
    cells = [line.strip("| ").split(" | ")[2] for line in lines if line.startswith("| ")][1:]
    named = [name for cell in cells for name in re.findall(r"`([a-z0-9-]+)`", cell)]

    others = {"leak", "sleep-in-atomic", "write-device", "blob"}
    assert set(named) - others == {promise.name for promise in PROMISES}
    assert all("none" in cell or "`" in cell for cell in cells)
