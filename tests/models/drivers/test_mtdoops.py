"""drivers/mtd/mtdoops.c: one buffer, two works, and a flash that has to be erased."""

import pytest

from netsim_models.drivers.mtdoops import MTDOOPS_HEADER_SIZE, RECORD_SIZE
from netsim_models.netoops_v1 import NETOOPS_V1_NEIGHBOURS
from tests.models.drivers.machine import Led
from tests.models.outcomes import results, values

MAGIC = bytes.fromhex("005d005d")  # 0x5d005d00, as x86 stores it


def pages(led: Led) -> list[str]:
    return [led.neighbours.mtdoops.mtd.told(page) for page in range(4)]


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        # reason == KMSG_DUMP_OOPS: schedule_work(&cxt->work_write).
        ("oops", "OOPS by write"),
        # reason != KMSG_DUMP_OOPS: "Panics must be written immediately".
        ("panic", "PANIC by panic_write"),
        ("soft-dump", "SOFT by panic_write"),
        ("sysrq-trigger y", "SOFT by panic_write"),
        ("kexec-load; panic", "KEXEC by panic_write"),
    ],
)
def test_how_each_reason_is_written(operation: str, told: str) -> None:
    assert pages(Led().dump(operation)) == [told, "erased", "erased", "erased"]


def test_an_oops_is_not_written_before_its_work_runs() -> None:
    led = Led().run("oops")

    assert pages(led)[0] == "erased"
    assert pages(led.settle())[0] == "OOPS by write"


def test_a_record_is_a_header_and_the_end_of_the_log() -> None:
    """hdr[0] = nextcount, hdr[1] = magic; behind the log the buffer is blank (0xff)."""
    led = Led()
    log = led.machine.log.peek(0, led.machine.log.log_end)
    led.run("soft-dump")
    record = led.neighbours.mtdoops.mtd.pages[0]

    assert record is not None
    assert record.text == (b"\1\0\0\0" + MAGIC + log).ljust(RECORD_SIZE, b"\xff")
    assert len(b"\1\0\0\0" + MAGIC) == MTDOOPS_HEADER_SIZE


def test_counts_go_up_and_pages_go_round() -> None:
    """mtdoops_inc_counter(): a page that is used is erased by work, its whole block with it."""
    led = Led()
    for _ in range(4):
        led.dump("soft-dump")
    # The next page, 0, was used: its block of two went.
    assert pages(led) == ["erased", "erased", "SOFT by panic_write", "SOFT by panic_write"]
    assert led.dump("soft-dump").neighbours.mtdoops.mtd.pages[0] is not None
    count = [p.text[0] if p else 0 for p in led.neighbours.mtdoops.mtd.pages]
    assert count == [5, 0, 3, 4]


def test_soft_dumps_erase_the_crash_that_was_kept() -> None:
    led = Led().dump("oops")
    for _ in range(3):
        led.dump("soft-dump")

    assert not any("OOPS" in told for told in pages(led))


def test_a_soft_dump_before_the_work_runs_loses_the_oops() -> None:
    """One buffer without a lock: overwritten, made blank by panic_write, then written by work."""
    led = Led().run("oops; soft-dump").settle()

    assert pages(led) == ["SOFT by panic_write", "nothing by write", "erased", "erased"]
    # The work writes its header all the same: to find_next_position() this is a record.
    last = led.neighbours.mtdoops.mtd.pages[1]
    assert last is not None
    assert last.text == (b"\2\0\0\0" + MAGIC).ljust(RECORD_SIZE, b"\xff")


def test_the_lost_oops_is_found() -> None:
    result = results(NETOOPS_V1_NEIGHBOURS, "oops || soft-dump")

    assert any("OOPS in record" in d and "nothing by write" in d for d in values(result, "dumps"))
    races = {f.message.split(":")[0] for f in result.findings if f.kind == "data-race"}
    assert "mtdoops.oops_buf" in races


def test_two_oopses_before_the_work_runs_are_one_record() -> None:
    """schedule_work() of what is pending does nothing; the buffer holds the second."""
    led = Led().run("oops; oops").settle()

    assert pages(led) == ["OOPS by write", "erased", "erased", "erased"]


def test_a_dump_on_a_page_that_waits_to_be_erased_is_spoiled() -> None:
    """Programming flash clears bits only; the work that erases it has not run."""
    led = Led()
    for _ in range(4):
        led.run("soft-dump")  # the last of them queues the work
    led.run("panic")

    assert pages(led)[0] == "PANIC by panic_write over SOFT"
    record = led.neighbours.mtdoops.mtd.pages[0]
    assert record is not None
    assert record.text[0] == 5 & 1  # the count


def test_an_oops_alone_is_kept() -> None:
    result = results(NETOOPS_V1_NEIGHBOURS, "oops")

    assert result.findings == ()
    assert "OOPS by write in page 0 of mtdoops" in values(result, "dumps")[0]
