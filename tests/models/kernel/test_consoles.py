"""Who prints whose text: console_sem of 2.6.36, tried by printk(), whose holder prints for all."""

from __future__ import annotations

import pytest

from netsim.sync.sleep import schedule_point
from netsim_models.kernel.console_list import register_console, unregister_console
from netsim_models.kernel.consoles import (
    VERBOSE,
    Console,
    Consoles,
    Message,
    console_unblank,
    console_verbose,
)
from netsim_models.kernel.oops import die
from netsim_models.kernel.printk import LOG_BUF_LEN, log_raw, printk
from netsim_models.machine import Machine
from netsim_models.world import log
from tests.models.drive import Driven, run

ENABLED = b"console [test0] enabled\n"


async def said(m: Machine, text: str) -> int:
    return await printk(m, text)


async def filled(m: Machine, text: bytes) -> int:
    return await log_raw(m, text)


class Screen:
    """A console that keeps what it is asked to write, and who asked; each write is a step."""

    def __init__(self, m: Machine, name: str = "test") -> None:
        self.m = m
        self.console = Console(name, self.write)
        self.texts: list[bytes] = []
        self.by: list[str] = []
        self.masked: list[bool] = []

    async def write(self, message: Message) -> None:
        thread = self.m.sim.current
        assert thread is not None
        self.masked.append(thread.irqs_off > 0)
        await schedule_point("write")
        self.texts.append(message.text)
        self.by.append(thread.name)


@pytest.fixture
def screen(m: Machine) -> Screen:
    """A machine with one console, on which nothing has been written yet."""
    m.log.consoles = Consoles(m.sim, m.log.log_end)
    made = Screen(m)
    run(m, register_console(m, made.console))
    assert made.texts == [ENABLED]  # and nothing of what was printed before
    made.texts.clear()
    made.by.clear()
    return made


def test_without_consoles_printk_is_one_step(m: Machine) -> None:
    task = Driven(m, said(m, "<3>text\n"))
    before = m.sim.steps
    task.finish()

    assert m.sim.steps - before == 2  # "start" is the other


def test_a_message_is_printed_by_who_gets_the_semaphore(m: Machine, screen: Screen) -> None:
    run(m, said(m, "<3>one\n<c>two\n"))

    assert screen.texts == [b"one\n", b"<c>two\n"]
    assert all(screen.masked)
    assert m.log.peek(m.log.log_end - 13, 13).endswith(b"<3><c>two\n")
    assert not m.log.consoles.console_sem.is_locked()


def test_who_finds_it_taken_leaves_his_text(m: Machine, screen: Screen) -> None:
    first = Driven(m, said(m, "<3>one\n")).until("write")
    second = Driven(m, said(m, "<3>two\n"))
    second.finish()
    assert screen.texts == []

    first.finish()
    assert screen.texts == [b"one\n", b"two\n"]
    assert screen.by == [first.thread.name] * 2
    assert first.thread.irqs_off == first.thread.preempt_count == 0


def test_what_comes_before_it_is_given_back_is_still_printed(m: Machine, screen: Screen) -> None:
    """con_start == log_end is asked, and up() done, under logbuf_lock: no text falls between."""
    first = Driven(m, said(m, "<3>one\n")).until("write")
    first.step()  # it now stands before it looks again
    Driven(m, said(m, "<3>two\n")).finish()
    first.finish()

    assert screen.texts == [b"one\n", b"two\n"]


def test_what_a_console_prints_itself_is_printed_after_it(m: Machine) -> None:
    m.log.consoles = Consoles(m.sim, m.log.log_end)
    texts = []

    async def write(message: Message) -> None:
        texts.append(message.text)
        if message.text == b"one\n":
            await printk(m, "<3>inner\n")

    m.log.consoles.console_drivers.items = (Console("test", write),)
    run(m, said(m, "<3>one\n<3>two\n"))

    assert texts == [b"one\n", b"<3>two\n", b"inner\n"]


@pytest.mark.parametrize(
    ("loglevel", "shown"), [(7, [b"info\n"]), (8, [b"info\n", b"debug\n"]), (6, []), (1, [])]
)
def test_levels_below_console_loglevel_are_shown(
    m: Machine, screen: Screen, loglevel: int, shown: list[bytes]
) -> None:
    m.log.consoles.data.console_loglevel = loglevel
    run(m, said(m, "<6>info\n"))
    run(m, said(m, "<7>debug\n"))

    assert screen.texts == shown


def test_an_oops_shows_everything_from_then_on(m: Machine, screen: Screen) -> None:
    """oops_begin() calls console_verbose()."""
    run(m, die(m))
    run(m, said(m, "<7>debug\n"))

    assert m.log.consoles.data.console_loglevel == VERBOSE
    assert screen.texts[0].startswith(b"BUG: unable to handle kernel NULL pointer")
    assert screen.texts[-1] == b"debug\n"


def test_console_verbose_lets_zero_be(m: Machine, screen: Screen) -> None:
    m.log.consoles.data.console_loglevel = 0
    console_verbose(m)

    assert m.log.consoles.data.console_loglevel == 0


def test_the_level_is_asked_when_it_is_printed(m: Machine, screen: Screen) -> None:
    """ "code which calls printk() and then changes console_loglevel may break" """
    first = Driven(m, said(m, "<3>one\n")).until("write")
    run(m, said(m, "<6>two\n"))
    m.log.consoles.data.console_loglevel = 4
    first.finish()

    assert screen.texts == [b"one\n"]


def test_a_line_that_wraps_is_written_in_two_parts(m: Machine, screen: Screen) -> None:
    m.log.emit(b"x" * (LOG_BUF_LEN - m.log.log_end % LOG_BUF_LEN - 5) + b"\n")
    m.log.consoles.con_start = m.log.log_end
    run(m, said(m, "<3>text\n"))

    assert screen.texts == [b"t", b"ext\n"]  # four bytes are left: the tag and one


def test_what_was_overwritten_is_not_printed(m: Machine, screen: Screen) -> None:
    """emit_log_char() pushes con_start forward."""
    first = Driven(m, said(m, "<3>one\n")).until("write")
    run(m, filled(m, b"x" * (LOG_BUF_LEN + 100) + b"\n"))
    first.finish()

    assert sum(map(len, screen.texts)) == len(b"one\n") + LOG_BUF_LEN


def test_raw_text_has_the_default_level(m: Machine, screen: Screen) -> None:
    before = m.log.log_end
    run(m, filled(m, b"raw\n" * 1000))
    assert m.log.log_end == before + 4000  # neither cut nor tagged
    m.log.consoles.data.console_loglevel = 4
    run(m, filled(m, b"raw\n"))

    assert len(screen.texts) == 1000


@pytest.mark.parametrize("size", ["0", "1", "51", "5000"])
def test_what_fills_the_ring_takes_as_many_bytes_as_it_says(m: Machine, size: str) -> None:
    """The operation `log` is for who counts bytes: no levels, and nothing cut at 1023."""
    before = m.log.log_end
    run(m, log(m, size))

    assert m.log.log_end == before + int(size)
    assert b"<4>" not in m.log.peek(before, int(size))


def test_consoles_come_and_go_under_the_semaphore(m: Machine, screen: Screen) -> None:
    printing = Driven(m, said(m, "<3>one\n")).until("write")
    leaving = Driven(m, unregister_console(m, screen.console)).until_blocked()
    assert leaving.waits_for().startswith("console_sem")
    printing.finish()
    assert leaving.finish() == 0

    run(m, said(m, "<3>two\n"))
    assert screen.texts == [b"one\n"]
    assert run(m, unregister_console(m, screen.console)) == 1
    assert m.log.consoles.con_start == m.log.log_end  # none is there, yet all is printed


def test_every_console_is_written_to(m: Machine, screen: Screen) -> None:
    other = Screen(m, "other")
    run(m, register_console(m, other.console))
    run(m, said(m, "<3>one\n"))

    assert screen.texts == [b"console [other0] enabled\n", b"one\n"]
    assert other.texts == screen.texts


def test_bust_spinlocks_prints_what_others_leave(m: Machine, screen: Screen) -> None:
    """console_unblank() tries console_sem, and release_console_sem() prints."""
    task = Driven(m, console_unblank(m)).until("release_console_sem")
    Driven(m, said(m, "<3>left\n")).finish()
    assert screen.texts == []
    task.finish()

    assert screen.texts == [b"left\n"]
    held = Driven(m, said(m, "<3>one\n")).until("write")
    run(m, console_unblank(m))  # it does not wait
    held.finish()
