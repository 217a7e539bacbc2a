"""
net_dump_device, byte by byte: proc_netoops_device() of patch 05, and what it is built on.

Comments cite the line of the patch or the kernel function that a row follows from.
"""

import pytest

from netsim.errors import UsageError
from netsim.results import Options
from netsim.run import check
from netsim_models.netoops_v1 import NETOOPS_V1_I386
from tests.models.netoops_v1.writes import besides_promises, call, perform

ARMED = "set 10.0.1.1"
ETH0 = repr("eth0,0x0A000001,0x0A000064\n")
ETH1 = repr("eth1,0x0A000101,0x0A000164\n")
OFF = repr(",0x00000000,0x00000000\n")
#: strict_strtoul(buff2, 0, &dest) writes an unsigned long where a u32 is.
TOO_LONG = ("out-of-bounds", "dest")
#: copy_from_user() takes no NUL with it, and nothing else ends the text.
NO_END = ("uninitialised", "buff2")


@pytest.mark.parametrize(
    ("text", "result", "left", "found"),
    [
        # strncmp(s, "off", 3): the first three bytes decide.
        (b"off\0", "4", OFF, ()),
        (b"offline\0", "8", OFF, ()),
        (b"off,", "4", OFF, ()),
        # strsep() looks for a comma until it meets a NUL: here in what was on the stack.
        (b"off", "3", OFF, (NO_END,)),
        (b"off\n", "4", OFF, (NO_END,)),
        (b"of\0", "-EIO", OFF, (TOO_LONG,)),
        (b"OFF\0", "-EIO", OFF, (TOO_LONG,)),
        # strict_strtoul() with base 0: decimal, 0x, 0; one newline may follow.
        (b"167772161\0", "10", ETH0, (TOO_LONG,)),
        (b"167772161\n\0", "11", ETH0, (TOO_LONG,)),
        (b"0x0a000001\0", "11", ETH0, (TOO_LONG,)),
        (b"0X0A000001\0", "11", ETH0, (TOO_LONG,)),
        (b"01200000001\0", "12", ETH0, (TOO_LONG,)),
        (b"167772161\n\n\0", "-EIO", OFF, (TOO_LONG,)),
        (b" 167772161\0", "-EIO", OFF, (TOO_LONG,)),
        (b"+167772161\0", "-EIO", OFF, (TOO_LONG,)),
        (b"-167772161\0", "-EIO", OFF, (TOO_LONG,)),
        (b"08\0", "-EIO", OFF, (TOO_LONG,)),
        (b"0x\0", "-EIO", OFF, (TOO_LONG,)),
        (b"10.0.0.1\0", "-EIO", OFF, (TOO_LONG,)),
        (b"\0", "-EIO", OFF, (TOO_LONG,)),
        # The token ends at the comma, where strsep() puts a NUL.
        (b"167772161,eth0", "14", ETH0, (TOO_LONG,)),
        (b",167772161\0", "-EIO", OFF, (TOO_LONG,)),
        # u32 dest: the upper half of the number is lost; 2^32 and 2^64 more make no difference.
        (b"4462739457\0", "11", ETH0, (TOO_LONG,)),
        (b"18446744073877323777\0", "21", ETH0, (TOO_LONG,)),
        # No route to it: set_netoops_dest() disables, and the write succeeds.
        (b"16909060\0", "9", OFF, (TOO_LONG,)),
        # 55 bytes at most are copied; the rest is taken, too.  buff2[55] = 0 ends a long text.
        (b"167772161\0" + b"x" * 50, "60", ETH0, (TOO_LONG,)),
        (b"0" * 45 + b"1200000001", "55", ETH0, (TOO_LONG,)),
        (b"0" * 46 + b"1200000001", "56", OFF, (TOO_LONG,)),  # the last digit is cut off
        (b"0" * 44 + b"1200000001", "-EIO", OFF, (TOO_LONG, NO_END)),  # no NUL at byte 54
        # echo 167772161 > net_dump_device, as the patch's description has it.
        (b"167772161\n", "-EIO", OFF, (TOO_LONG, NO_END)),
        (b"167772161", "-EIO", OFF, (TOO_LONG, NO_END)),
        (b"", "-EIO", OFF, (TOO_LONG, NO_END)),
        (b"\xff\0", "-EIO", OFF, (TOO_LONG,)),
    ],
)
def test_write(text: bytes, result: str, left: str, found: tuple[tuple[str, str], ...]) -> None:
    done = perform(call("write-device", text), ARMED)

    assert done.result == result
    assert done.then["then read"] == left
    assert done.found == tuple(sorted(found))


def test_on_i386_an_unsigned_long_fits() -> None:
    for text, result in ((b"167772161\0", "10"), (b"4462739457\0", "11")):
        done = perform(call("write-device", text), ARMED, NETOOPS_V1_I386)
        assert (done.result, done.then["then read"], done.found) == (result, ETH0, ())


@pytest.mark.parametrize(
    ("text", "outcomes"),
    [
        (b"167772161\n", {("-EIO", OFF), ("10", ETH0)}),
        (b"167772161", {("-EIO", OFF), ("9", ETH0)}),
        # An empty text is no number, whatever the stack holds.
        (b"", {("-EIO", OFF)}),
        # What ends by itself does not hang on the stack.
        (b"167772161\0", {("10", ETH0)}),
        (b"off\n", {("4", OFF)}),
    ],
)
def test_the_stack_decides(text: bytes, outcomes: set[tuple[str, str]]) -> None:
    operation = call("write-device", text)
    result = check("netoops-v1", f"{{ {ARMED} }} {operation}", options=Options(choose=("stack",)))

    assert result.executions == 2
    seen = [dict(outcome.observed) for outcome in result.outcomes]
    assert {(one[f"flow 1: {operation}"], one["then read"]) for one in seen} == outcomes


def test_it_takes_what_set_and_off_take() -> None:
    """`set` and `off` are writes whose text ends: the same bytes, results and configuration."""
    for short, text in (("set 10.0.0.1", b"167772161\0"), ("set 192.0.2.1", b"3221225985\0")):
        one, other = perform(short, ARMED), perform(call("write-device", text), ARMED)
        assert one.result == other.result
        assert one.then["then read"] == other.then["then read"]
    assert perform("off", ARMED).result == perform("write-device off", ARMED).result


@pytest.mark.parametrize(
    ("size", "line"),
    [
        ("", "eth1,0x0A000101,0x0A000164\n"),
        # min(strlen(buff2), *lenp)
        (" 1", "e"),
        (" 26", "eth1,0x0A000101,0x0A000164"),
        (" 27", "eth1,0x0A000101,0x0A000164\n"),
        (" 4096", "eth1,0x0A000101,0x0A000164\n"),
        # if (!*lenp) return 0
        (" 0", ""),
    ],
)
def test_read(size: str, line: str) -> None:
    done = perform(f"read{size}", ARMED)

    assert (done.result, done.found) == (repr(line), ())


def test_a_read_of_nothing_takes_no_lock() -> None:
    result = check("netoops-v1", f"{{ {ARMED} }} read 0 || oops")

    assert besides_promises(result) == []  # a read that takes it costs the dump


def test_no_file_without_the_module() -> None:
    for operation in ("read", "read 3", "write-device off", "crash x", "read-one-shot"):
        assert perform(operation, "rmmod").result == "-ENOENT"


def test_sizes_are_numbers() -> None:
    for wrong in ("-1", "x", "1e3", "9999999999"):
        with pytest.raises(UsageError, match="a number of bytes"):
            check("netoops-v1", f"read {wrong}")
