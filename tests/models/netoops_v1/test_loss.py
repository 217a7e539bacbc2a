"""Bytes of the log that reach no receiver, against the texts that were printed."""

from __future__ import annotations

import pytest

from netsim.notation import parse
from netsim.results import Options
from netsim.run.program import ScenarioProgram, settle
from netsim.run.registry import load
from netsim_models.kernel.oops import OOPS_TEXT
from netsim_models.kernel.panic import END_MARKER
from netsim_models.kernel.printk import LOG_BUF_LEN
from netsim_models.world import BOOT_TEXT
from tests.models.netoops_v1.machine import system
from tests.models.policies.storms import READY, between, compared

BOOT = len(BOOT_TEXT)
#: An oops after text that does not end its line begins a new one.
LINE = 1
#: With the tag of a level that each line has.
OOPS = len(OOPS_TEXT) + len(f"<4>{END_MARKER.removeprefix('<4>')}")
PANIC = len("<0>Kernel panic - not syncing: netsim\n")


def lost(operations: str, initial: str = READY, design: str = "netoops-v1") -> int:
    """Run operations one after the other; return how many bytes of log are lost."""
    loaded = load(design)
    program = ScenarioProgram(loaded, parse(f"{{ {initial} }} {operations}"), Options())
    settle(program.start())
    assert loaded.tally is not None
    return loaded.tally(program.run.system)["bytes of log lost"]


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ("oops", 0),
        ("log 5000; soft-dump", 0),  # no crash found it
        ("oops; log 70", 0),  # what is printed later is no log of a crash
        ("oops; oops", OOPS),  # one shot
        ("oops; oops; panic", 2 * OOPS + PANIC - OOPS),
        ("soft-dump; carrier-off eth0; oops", OOPS),  # a soft dump brought what was there before
        ("carrier-off eth0; oops", BOOT + OOPS),
        ("off; oops", BOOT + OOPS),
        # The end of a segment that is a multiple of 1024 bytes is not sent.
        (f"log {2048 - BOOT - LINE - OOPS}; oops", 1024),
        (f"log {2047 - BOOT - LINE - OOPS}; oops", 0),
        # A full ring: the crash finds 128 kB, and what is older is gone anyway.
        ("log 131072; oops", 0),
        (f"log {LOG_BUF_LEN - BOOT - LINE - OOPS}; oops", 1024),
        ("log 131072; off; oops", LOG_BUF_LEN),
    ],
)
def test_what_is_lost(operations: str, expected: int) -> None:
    assert lost(operations) == expected


def test_what_goes_to_nobody_is_lost() -> None:
    assert lost("oops", initial="set 10.0.0.1") == BOOT + OOPS
    assert lost("neigh-reply 10.0.0.1; oops", initial="set 10.0.0.1") == 0
    (told,) = system("set 10.0.0.1; oops").dumps()
    assert told.endswith("at 00:00:00:00:00:00 through eth0: delivered to nobody")


def test_text_that_comes_over_the_log_is_not_lost_alone() -> None:
    """What is overwritten before it is sent is lost, and no byte beside it."""
    program = ScenarioProgram(
        load("netoops-v1"), parse(f"{{ {READY}; log 131072 }} oops || log 1500"), Options()
    )
    sim = program.start()
    one, two = sim.by_name["1"], sim.by_name["2"]
    for _ in range(60):
        sim.step(one)
    while two.pending is not None:
        sim.step(two)
    while one.pending is not None:
        sim.step(one)
    tally = program.design.tally
    assert tally is not None
    # Of 1500 bytes some are those that were there, such as blanks in the same column.
    assert 1000 < tally(program.run.system)["bytes of log lost"] <= 1500


@pytest.mark.parametrize("design", ["netoops-v1+tagged", "netoops-v1@i386", "netoops-v1+blob"])
def test_other_layouts_bring_the_same(design: str) -> None:
    assert lost("log 3000; oops", design=design) == 0
    assert lost("log 131072; oops", design=design) == 0
    assert lost(f"log {2048 - BOOT - LINE - OOPS}; oops", design=design) == 1024


def test_an_oops_that_a_policy_keeps_back_is_lost_unless_another_follows() -> None:
    design = "netoops-v1+every+oops-once"
    for storm, expected in (("oops; oops", OOPS), ("oops; oops; panic", 0)):
        cell = compared(design, f"{{ {READY} }} {storm}")
        assert between(cell, "bytes of log lost") == (expected, expected)
