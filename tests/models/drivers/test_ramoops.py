"""drivers/char/ramoops.c:ramoops_do_dump()."""

import pytest

from netsim_models.kernel.printk import LOG_BUF_LEN
from netsim_models.netoops_v1 import NETOOPS_V1_NEIGHBOURS
from tests.models.drivers.machine import Led
from tests.models.outcomes import results, values


@pytest.mark.parametrize(
    ("operation", "reason"),
    [("oops", "OOPS"), ("soft-dump", "SOFT"), ("sysrq y", "SOFT"), ("panic", "PANIC")],
)
def test_a_record_for_every_reason(operation: str, reason: str) -> None:
    """It refuses an oops if dump_oops is 0, and nothing else."""
    (line,) = Led().run(operation).neighbours.ramoops.lines()

    assert line == f"{reason} in record 0 of ramoops"


def test_a_soft_dump_overwrites_the_crash_that_was_kept() -> None:
    """count = (count + 1) % max_count, whatever the reason."""
    result = results(NETOOPS_V1_NEIGHBOURS, "{ oops; soft-dump } ramoops-read")
    again = results(NETOOPS_V1_NEIGHBOURS, "{ oops; soft-dump; soft-dump } ramoops-read")

    assert values(result, "flow 1: ramoops-read") == ["'0: OOPS; 1: SOFT'"]
    assert values(again, "flow 1: ramoops-read") == ["'0: SOFT; 1: SOFT'"]


def record(led: Led, number: int = 0) -> bytes:
    kept = led.neighbours.ramoops.records[number]
    assert kept is not None
    return kept.text


def test_a_record_is_a_header_and_the_end_of_the_log() -> None:
    """sprintf("===="), sprintf("%lu.%lu\\n"); then as much as fits, the end of it."""
    led = Led()
    led.sim.jiffies = 12_034
    led.run("log 5000")
    log = led.machine.log.peek(0, led.machine.log.log_end)
    text = record(led.run("soft-dump"))

    assert len(text) == 4096
    assert text.startswith(b"====12.34000\n")
    assert text[len(b"====12.34000\n") :] == log[-(4096 - len(b"====12.34000\n")) :]


def test_a_short_log_is_padded() -> None:
    """memset(buf, '\\0', RECORD_SIZE)."""
    led = Led()
    log = led.machine.log.peek(0, led.machine.log.log_end)
    led.run("soft-dump")

    assert record(led) == (b"====0.0\n" + log).ljust(4096, b"\0")


def test_a_log_that_has_wrapped_is_put_together() -> None:
    """memcpy(buf, s1 + s1_start, l1_cpy), then s2: the older segment before the newer one."""
    led = Led()
    log = led.machine.log
    log.emit(b"a" * (LOG_BUF_LEN - log.log_end - 1000))
    log.emit(b"b" * 1000 + b"c" * 500)
    led.run("soft-dump")

    room = 4096 - len(b"====0.0\n")
    assert record(led)[-room:] == (b"a" * 4096 + b"b" * 1000 + b"c" * 500)[-room:]


def test_netoops_is_told_behind_its_neighbours() -> None:
    """They are built in and registered at boot, before a module can be: list_add_tail()."""
    result = results(NETOOPS_V1_NEIGHBOURS, "{ set 10.0.0.1 } panic")

    (dumps,) = values(result, "dumps")
    assert dumps.startswith("PANIC dump to 10.0.0.1")
    assert "PANIC in record 0 of ramoops" in dumps
    assert "PANIC by panic_write in page 0 of mtdoops" in dumps
