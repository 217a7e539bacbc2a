"""lib/vsprintf.c and lib/string.c on buffers, against descriptions that share nothing with them."""

import re
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netsim.core.buffer import Buffer
from netsim.core.sim import Sim
from netsim_models.errno import EINVAL
from netsim_models.lib.string import (
    skip_spaces,
    strcmp,
    strlen,
    strncmp,
    strncpy,
    strsep,
)
from netsim_models.lib.vsprintf import sscanf_d, strict_strtoul, to_int
from netsim_models.x86 import I386, X86_64, Arch

_T = TypeVar("_T")


def on(text: bytes, use: Callable[[Buffer], _T], size: int = 0) -> tuple[_T, list[str]]:
    """Return what `use` makes of a buffer that holds `text`, and the kinds of what was found."""
    sim = Sim()
    sim.current = sim.spawn("1", _nothing())
    buffer = Buffer(sim, "b", size or len(text))
    buffer.put(text)
    return use(buffer), [report.kind for report in sim.reports]


async def _nothing() -> None:
    pass


def strtoul(text: bytes, arch: Arch = X86_64) -> tuple[int, int]:
    """Return (error, value) of strict_strtoul(text, 0, &value)."""

    def use(buffer: Buffer) -> tuple[int, int]:
        res = Buffer(buffer.sim, "res", arch.long_bytes)
        error = strict_strtoul(arch, buffer, 0, res)
        return error, int.from_bytes(res.get(arch.long_bytes), "little")

    value, found = on(text + b"\0", use)
    assert found == []
    return value


#: 0x and digits, or 0 and octal digits, or decimal digits; one newline may follow.
NUMBER = re.compile(rb"(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)\n?")
TEXTS = st.one_of(
    st.binary(max_size=30),
    st.text("0123456789abxX \n-", max_size=30).map(str.encode),
    st.from_regex(NUMBER, fullmatch=True),
)


@given(TEXTS)
@example(b"")
@example(b"\n")
@example(b"0x\n")
@example(b"18446744073709551617\n")
def test_strict_strtoul(text: bytes) -> None:
    text = text.partition(b"\0")[0]
    match = NUMBER.fullmatch(text)
    for arch, bits in ((X86_64, 64), (I386, 32)):
        if match is None:
            assert strtoul(text, arch) == (-EINVAL, 0)
        else:
            digits = match[1].decode()
            base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
            assert strtoul(text, arch) == (0, int(digits, base) % 2**bits)


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_comparisons(one: bytes, other: bytes) -> None:
    other = other.partition(b"\0")[0]
    mine = one.partition(b"\0")[0]
    order = (mine > other) - (mine < other)
    assert on(one + b"\0", lambda s: strcmp(s, other)) == (order, [])
    for count in range(4):
        a, b = mine[:count], other[:count]
        found = on(one + b"\0", partial(_compare, other, count))
        assert found == ((a > b) - (a < b), [])


def _compare(text: bytes, count: int, s: Buffer) -> int:
    return strncmp(s, 0, text, count)


@given(st.binary(max_size=20))
def test_tokens(text: bytes) -> None:
    def use(s: Buffer) -> tuple[int | None, bytes]:
        rest = strsep(s, 0, b",")
        return rest, s.get(len(text) + 1)

    head, comma, _ = text.partition(b"\0")[0].partition(b",")
    (rest, after), found = on(text + b"\0", use)
    assert rest == (len(head) + 1 if comma else None)
    assert after == (head + b"\0" + text[len(head) + 1 :] + b"\0" if comma else text + b"\0")
    assert found == []


def test_a_token_without_end_is_looked_for_beyond_what_was_written() -> None:
    def use(s: Buffer) -> int | None:
        s[7] = 0
        return strsep(s, 0, b",")

    assert on(b"off", use, 8) == (None, ["uninitialised"])


def test_a_text_without_end_ends_outside() -> None:
    assert on(b"abcd", strlen) == (4, ["out-of-bounds"])


@given(st.binary(max_size=90), st.integers(1, 90))
def test_strncpy(text: bytes, count: int) -> None:
    copy = strncpy(text, count)
    head = text.partition(b"\0")[0]
    assert len(copy) == count
    assert copy == (head + b"\0" * count)[:count]


def test_blanks_are_those_of_the_kernel() -> None:
    """lib/ctype.c: _ctype[] has Latin-1, in which 0xA0 is a blank."""
    blanks = bytes(c for c in range(1, 256) if on(bytes((c, 0)), lambda s: skip_spaces(s, 0))[0])
    assert blanks == b"\t\n\v\f\r \xa0"


def test_strlen() -> None:
    assert on(b"abc\0d\0", strlen) == (3, [])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"7", 7), (b"  7", 7), (b"-7x", -7), (b"7u", 7), (b"010", 10), (b"0x10", 0),
        (b"", None), (b" ", None), (b"x", None), (b"- 7", None), (b"+7", None),
        (b"4294967295", -1), (b"2147483648", -(2**31)),
    ],
)  # fmt: skip
def test_sscanf(text: bytes, value: int | None) -> None:
    """lib/vsprintf.c:vsscanf(), "%d": base 10, a sign of minus only, (int)simple_strtol()."""
    assert on(text + b"\0", lambda s: sscanf_d(X86_64, s)) == (value, [])


@given(st.integers())
def test_an_int_has_32_bits(value: int) -> None:
    assert to_int(value) == int.from_bytes(
        (value % 2**32).to_bytes(4, "little"), "little", signed=True
    )
