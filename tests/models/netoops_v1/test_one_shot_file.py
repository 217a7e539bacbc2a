"""
net_dump_one_shot, byte by byte: proc_dointvec() of 2.6.36 (kernel/sysctl.c) on an int, patch 08.

Comments cite what a row follows from in __do_proc_dointvec() and proc_get_long().
"""

import pytest

from netsim.results import Options
from netsim.run import check
from netsim_models.netoops_v1 import NETOOPS_V1, NETOOPS_V1_I386
from tests.models.netoops_v1.writes import besides_promises, call, perform

#: What the file has before, from `one-shot 1`.
BEFORE = 1


@pytest.mark.parametrize(
    ("text", "result", "value"),
    [
        (b"0", "1", 0),
        (b"0\n", "2", 0),
        (b"5", "1", 5),
        # proc_skip_spaces() before and behind the number
        (b"\t\n 5 \n", "6", 5),
        (b"\xa05", "2", 5),
        # perm_tr is " \t\n": a blank of another kind may not follow
        (b"5\r", "-EINVAL", BEFORE),
        # one int only (vleft): the rest is left to the next write(2)
        (b"0 2\n", "2", 0),
        (b"0 x", "2", 0),
        # a minus, if something follows it; no plus
        (b"-3", "2", -3),
        (b"-", "-EINVAL", BEFORE),
        (b"--3", "-EINVAL", BEFORE),
        (b"- 3", "-EINVAL", BEFORE),
        (b"+3", "-EINVAL", BEFORE),
        # if (!*lenp): nothing is done; blanks alone are no number (first is still 1)
        (b"", "0", BEFORE),
        (b"\n", "-EINVAL", BEFORE),
        (b"no", "-EINVAL", BEFORE),
        (b"0x", "-EINVAL", BEFORE),
        (b"3x", "-EINVAL", BEFORE),
        # a NUL is none of perm_tr, and no end
        (b"3\0", "-EINVAL", BEFORE),
        (b"\0", "-EINVAL", BEFORE),
        # simple_strtoul(p, &p, 0)
        (b"0x1F\n", "5", 31),
        (b"010\n", "4", 8),
        (b"08\n", "-EINVAL", BEFORE),
        # int takes the lower half of a long, which wraps round itself
        (b"4294967295", "10", -1),
        (b"4294967296", "10", 0),
        (b"2147483648", "10", -(2**31)),
        (b"18446744073709551616", "20", 0),
        # len == TMPBUFLEN - 1: who knows what would follow
        (b"0" * 20 + b"7", "-EINVAL", BEFORE),
        (b"0" * 19 + b"7", "20", 7),
        (b"-" + b"0" * 19 + b"7", "-EINVAL", BEFORE),
        (b"0" * 40, "-EINVAL", BEFORE),
        # left = PAGE_SIZE - 1; *lenp -= left counts from the size of the whole
        (b"7" + b" " * 5000, "5001", 7),
        (b" " * 4095 + b"7", "-EINVAL", BEFORE),
    ],
)
def test_write(text: bytes, result: str, value: int) -> None:
    operation = call("write-one-shot", text)
    done = check("netoops-v1", f"{operation}; read-one-shot")
    (outcome,) = done.outcomes
    observed = dict(outcome.observed)

    assert besides_promises(done) == []
    assert observed[f"flow 1: {operation}"] == result
    shown = "-18446744071562067968" if value == -(2**31) else value
    assert observed["flow 1: read-one-shot"] == repr(f"{shown}\n")


@pytest.mark.parametrize(
    ("design", "shown"),
    # do_proc_dointvec_conv(): (unsigned long)-val, where -INT_MIN is INT_MIN, sign and all
    [(NETOOPS_V1, "-18446744071562067968\n"), (NETOOPS_V1_I386, "-2147483648\n")],
    ids=["x86_64", "i386"],
)
def test_the_smallest_int(design: object, shown: str) -> None:
    done = check(design, "write-one-shot -2147483648; read-one-shot")  # type: ignore[arg-type]
    (outcome,) = done.outcomes
    assert dict(outcome.observed)["flow 1: read-one-shot"] == repr(shown)


@pytest.mark.parametrize(
    ("size", "shown"), [("0", ""), ("1", "-"), ("3", "-12"), ("4", "-12\n"), ("9", "-12\n")]
)
def test_read(size: str, shown: str) -> None:
    """proc_put_long() cuts off; the newline only if there is room."""
    assert perform(f"read-one-shot {size}", "write-one-shot -12").result == repr(shown)


@pytest.mark.parametrize(
    ("text", "dumps"), [("0", 2), ("00", 2), ("1", 1), ("-1", 1), ("4294967296", 2)]
)
def test_anything_but_zero_is_one_shot(text: str, dumps: int) -> None:
    done = perform("oops", f"set 10.0.0.1; write-one-shot {text}; oops")
    assert done.then["dumps"].count("OOPS dump") == dumps


def test_no_page_no_write() -> None:
    result = check("netoops-v1", "write-one-shot 0; read-one-shot", options=Options(faults=1))
    seen = {
        tuple(value for what, value in o.observed if what.startswith("flow 1"))
        for o in result.outcomes
    }
    assert seen == {("1", repr("0\n")), ("-ENOMEM", repr("1\n"))}


def test_it_takes_what_one_shot_takes() -> None:
    for flag in "01":
        assert perform(f"one-shot {flag}").result == perform(f"write-one-shot {flag}").result == "1"
