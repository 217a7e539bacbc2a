"""
Levels of messages, as kernel/printk.c of 2.6.36 writes them into the ring and reads them there.

A message begins with `<N>`; vprintk() puts its level before each line of it, and
call_console_drivers() takes it off again.  Pure functions of bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

KERN_EMERG = "<0>"
KERN_ALERT = "<1>"
KERN_CRIT = "<2>"
KERN_ERR = "<3>"
KERN_WARNING = "<4>"
KERN_NOTICE = "<5>"
KERN_INFO = "<6>"
KERN_DEBUG = "<7>"

DEFAULT_MESSAGE_LOGLEVEL = 4
#: Everything more important than KERN_DEBUG; trees of vendors have other values.
DEFAULT_CONSOLE_LOGLEVEL = 7
#: sizeof(printk_buf): a longer message is cut.
PRINTK_BUF = 1024

_TAG_BYTES = len(KERN_EMERG)
_LEVELS = b"01234567"

Marking: TypeAlias = Callable[[bytes, int], int]
"""(text of a message, its level) to the level that it gets."""


def tagged(message: bytes, new_text_line: bool, mark: Marking | None = None) -> tuple[bytes, int]:
    """
    kernel/printk.c:vprintk(): put the level of a message before each of its lines.

    `new_text_line` tells whether it begins a line.  Returns what it adds to the ring, and what
    printk() returns: the bytes of the message, its level and its tags included.

    Without a level it gets the default, and goes on with the line before it, if that has not ended;
    so does one with `<c>`.  A message with a level never does.  CONFIG_PRINTK_TIME is off.
    """
    text = message.partition(b"\0")[0][: PRINTK_BUF - 1]
    printed_len = len(text)
    level = DEFAULT_MESSAGE_LOGLEVEL
    made = bytearray()
    kind = text[1:2] if text[:1] == b"<" and text[2:3] == b">" else b""
    if kind in _LEVELS_OF or kind in (b"d", b"c"):
        if kind != b"c" and not new_text_line:
            made += b"\n"
            new_text_line = True
        level = _LEVELS_OF.get(kind, level)
        text = text[_TAG_BYTES:]
    if mark is not None:
        level = mark(text, level)
    for line in _lines(text):
        if new_text_line:
            made += b"<%d>" % level
            printed_len += _TAG_BYTES
        made += line
        new_text_line = line.endswith(b"\n")
    return bytes(made), printed_len


class Piece(NamedTuple):
    """A line or a part of one, without its tag: from `start` to `end`, and its level."""

    start: int
    end: int
    level: int


def pieces(text: bytes, level: int) -> tuple[list[Piece], int]:
    """
    kernel/printk.c:call_console_drivers(): cut text into what consoles are asked to write.

    `level` is that of the line that has begun before, -1 if none has; the same of what is left
    comes back.  A line whose tag was overwritten has the default level, a part of one -1.
    """
    found: list[Piece] = []
    at = 0
    for line in _lines(text):
        begin, end = at, at + len(line)
        if level < 0 and len(text) - begin > 2 and _is_tag(text[begin : begin + _TAG_BYTES]):
            level = text[begin + 1] - ord("0")
            begin += _TAG_BYTES
        ended = line.endswith(b"\n")
        if ended and level < 0:
            level = DEFAULT_MESSAGE_LOGLEVEL
        if begin != end:
            found.append(Piece(begin, end, level))
        if ended:
            level = -1
        at = end
    return found, level


_LEVELS_OF = {bytes([digit]): digit - ord("0") for digit in _LEVELS}


def _is_tag(text: bytes) -> bool:
    return text[:1] == b"<" and text[1:2] in _LEVELS_OF and text[2:3] == b">"


def _lines(text: bytes) -> list[bytes]:
    """Split behind each newline, and nowhere else."""
    *ended, rest = text.split(b"\n")
    return [line + b"\n" for line in ended] + ([rest] if rest else [])
