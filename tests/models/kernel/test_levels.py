"""vprintk() and call_console_drivers() of 2.6.36: levels go into the ring, and come off again."""

from __future__ import annotations

import pytest

from netsim_models.kernel.levels import pieces, tagged


@pytest.mark.parametrize(
    ("new", "message", "written"),
    [
        (True, b"text\n", b"<4>text\n"),  # default_message_loglevel
        (True, b"<1>text\n", b"<1>text\n"),
        (True, b"<6>one\ntwo\n", b"<6>one\n<6>two\n"),  # the token is output at each new line
        (True, b"<3>no end", b"<3>no end"),
        (False, b"more\n", b"more\n"),  # without a level it goes on
        (False, b"<3>text\n", b"\n<3>text\n"),  # "make sure we're on a new line"
        (False, b"<d>text\n", b"\n<4>text\n"),  # KERN_DEFAULT
        (False, b"<c>more\n", b"more\n"),  # KERN_CONT
        (True, b"<c>more\n", b"<4>more\n"),
        (True, b"<8>text\n", b"<4><8>text\n"),  # no level: text
        (True, b"<1 text\n", b"<4><1 text\n"),
        (True, b"", b""),
        (True, b"<1>", b""),
        (False, b"<1>", b"\n"),
        (True, b"one\0two\n", b"<4>one"),  # a C string
    ],
)
def test_the_level_stands_before_each_line(new: bool, message: bytes, written: bytes) -> None:
    assert tagged(message, new)[0] == written


@pytest.mark.parametrize(
    ("message", "length"),
    [(b"text\n", 8), (b"<1>text\n", 11), (b"one\ntwo\n", 14), (b"", 0)],
)
def test_printk_counts_the_level_and_the_tags(message: bytes, length: int) -> None:
    """vscnprintf() counts the level that the message has; 3 more for each tag that is output."""
    assert tagged(message, True)[1] == length


def test_a_long_message_is_cut() -> None:
    """vscnprintf() into printk_buf[1024]."""
    assert tagged(b"x" * 2000, True)[0] == b"<4>" + b"x" * 1023


@pytest.mark.parametrize(
    ("level", "text", "written", "left"),
    [
        (-1, b"<3>a\n<6>b\n", [(b"a\n", 3), (b"b\n", 6)], -1),
        (-1, b"<3>a", [(b"a", 3)], 3),  # what comes next belongs to that line
        (3, b"b\n<6>c\n", [(b"b\n", 3), (b"c\n", 6)], -1),
        (3, b"<6>b\n", [(b"<6>b\n", 3)], -1),  # a tag stands at the beginning of a line only
        (-1, b"torn\n<6>b\n", [(b"torn\n", 4), (b"b\n", 6)], -1),  # the tag was overwritten
        (-1, b"torn", [(b"torn", -1)], -1),
        (-1, b"<9>a\n", [(b"<9>a\n", 4)], -1),
        (-1, b"<3>", [], 3),
        (-1, b"", [], -1),
    ],
)
def test_consoles_get_lines_without_tags(
    level: int, text: bytes, written: list[tuple[bytes, int]], left: int
) -> None:
    found, rest = pieces(text, level)

    assert [(text[one.start : one.end], one.level) for one in found] == written
    assert rest == left
