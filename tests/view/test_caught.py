"""A catch for reading, whole, as golden text."""

from collections.abc import Callable

from netsim.caught import Catch, CaughtDump, Gap, Refused
from netsim.view.caught import catch_report

WHOLE = CaughtDump(
    source="10.0.0.100:2004",
    about=(("layout", "v1-05"), ("type", "crash"), ("kernel", "2.6.36")),
    packets=1,
    received=1,
    copies=3,
    missing=(),
    pieces=((0, b"<4>first\n<0>caf\xc3\xa9 \xff\x1b[2J\n"),),
    gaps=(),
    exact=True,
    conflicts=(),
    notes=(),
)
BROKEN = CaughtDump(
    source="10.0.0.101:2004",
    about=(("layout", "v3-boot-id/i386"), ("kernel", "2.6.37\x1b[31m")),
    packets=6,
    received=2,
    copies=2,
    missing=((2, 4), (0, 0)),
    pieces=((0, b"beginning of the log\n"), (4096, b"middle\n")),
    gaps=(Gap(1024, 4096, (2, 4), "missing"), Gap(5120, 6144, (0, 0), "missing")),
    exact=False,
    conflicts=(5,),
    notes=("the end of the log did not come; its last part may be shorter than is said here",),
)


def test_report(golden: Callable[[str, str], None]) -> None:
    catch = Catch(
        datagrams=9,
        dumps=(WHOLE, BROKEN),
        refused=(Refused("version", 4, "expected version 2 at byte 0, found 17735"),),
        forgotten=1,
        notes=("the capture ends in the middle of record 9",),
    )
    report = catch_report("netoops-v1", catch)

    assert "\x1b" not in report
    golden("catch.txt", report)


def test_many_gaps_are_counted() -> None:
    import attrs

    gaps = tuple(Gap(n * 1024, n * 1024 + 1, (n, n), "truncated") for n in range(1000))
    report = catch_report("d", Catch(1, (attrs.evolve(WHOLE, gaps=gaps),), ()))

    assert "and 980 more gaps" in report


def test_nothing_came() -> None:
    assert catch_report("netoops-v1", Catch(0, (), ())) == "netoops-v1: 0 dumps in 0 datagrams"
