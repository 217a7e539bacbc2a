"""The operation `log`: no line comes twice, and none hangs on what others print meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from netsim.notation import parse
from netsim.promise import KEPT, Answer, Broken
from netsim.results import Options
from netsim.run.outcome import observe
from netsim.run.program import ScenarioProgram
from netsim.run.promises import ask
from netsim.run.registry import load
from netsim_models.kernel.printk import LOG_BUF_LEN
from netsim_models.world import BOOT_TEXT

READY = "set 10.0.0.1; neigh-reply 10.0.0.1"
FULL = f"{READY}; log {LOG_BUF_LEN}"
#: Steps of a dump of a full ring until some packets of the first round are sent: 129 are.
AMID = 60


def program(scenario: str) -> ScenarioProgram:
    return ScenarioProgram(load("netoops-v1"), parse(scenario), Options())


def run(made: ScenarioProgram, order: Sequence[tuple[str, int]]) -> None:
    """Let flows make so many steps each, in this order; 0 steps are all that are left."""
    sim = made.start()
    for flow, steps in order:
        thread = sim.by_name[flow]
        made_steps = 0
        while thread.pending is not None and (not steps or made_steps < steps):
            sim.step(thread)
            made_steps += 1


def lines(made: ScenarioProgram) -> list[bytes]:
    log: Any = made.run.system.machine.log  # type: ignore[attr-defined]
    assert log.logged_chars < LOG_BUF_LEN
    text: bytes = log.peek(0, log.logged_chars)
    return text.removeprefix(BOOT_TEXT).splitlines(keepends=True)


def test_no_line_comes_twice() -> None:
    made = program("{ log 40000; log 27; log 3003 } log 2001; log 9; log 20000 || log 20000")
    run(made, [("1", 0), ("2", 0)])

    found = lines(made)
    assert len(found) > 1000  # where a text ends amid a line, the next one follows on it
    assert len(set(found)) == len(found)


def test_what_a_flow_prints_is_the_same_in_every_order() -> None:
    """printk() says that the order of two texts cannot be told (its footprint is INC)."""
    made = program("log 104; log 52 || log 156; oops")
    texts: list[list[bytes]] = []
    for order in ([("1", 0), ("2", 0)], [("2", 0), ("1", 0)], [("1", 3), ("2", 0), ("1", 0)]):
        run(made, order)
        texts.append(lines(made))

    assert texts[0] != texts[1] != texts[2]
    assert sorted(texts[0]) == sorted(texts[1]) == sorted(texts[2])


def arrives(scenario: str, steps: int) -> Answer | Broken:
    """Run flow 1 for so many steps, then flow 2, then flow 1 to its end: does its log arrive?"""
    made = program(scenario)
    run(made, [("1", steps), ("2", 0), ("1", 0)])
    return ask(made, observe(made))["log-arrives"]


@pytest.mark.parametrize("other", ["log 1500", "log 52", "oops", "soft-dump"])
def test_text_that_comes_over_a_log_while_it_is_dumped_shows(other: str) -> None:
    """Segments point into the live ring (kmsg_dump()); the oldest text is read last."""
    broken = arrives(f"{{ {FULL} }} soft-dump || {other}", AMID)

    assert isinstance(broken, Broken)
    assert broken.message == "of 131072 bytes of log 131072 arrive, but not as they were"


def test_a_full_ring_that_nobody_prints_to_arrives() -> None:
    assert arrives(f"{{ {FULL} }} soft-dump || read", AMID) is KEPT


def test_where_the_ring_is_not_full_nothing_is_lost() -> None:
    room = LOG_BUF_LEN - len(BOOT_TEXT)
    assert arrives(f"{{ {READY}; log {room - 100} }} soft-dump || log 99", AMID) is KEPT
    assert arrives(f"{{ {READY}; log {room - 100} }} soft-dump || log 200", AMID) is not KEPT
