"""Schedules as text: round trips, damage, hostile sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim.errors import FileError, TraceVersionError
from netsim.results import Options
from netsim.trace.schedule import Schedule

THREADS = st.text("abc012._:()/+-@", min_size=1, max_size=8)
SCHEDULES = st.builds(
    Schedule,
    design=st.sampled_from(["netoops-v1", "netoops-v1@2.6.35", "netoops-v1+unlocked"]),
    scenario=st.sampled_from(["off", "{ set 10.0.0.1 } off || unregister eth0", 'a "x -- y"']),
    options=st.builds(
        Options,
        faults=st.integers(0, 9),
        choose=st.sampled_from([(), ("arp",), ("arp", "timers")]),
    ),
    choices=st.lists(st.tuples(THREADS, st.integers(0, 3)), max_size=12).map(tuple),
    digest=st.sampled_from(["", "0123abcd"]),
)


@given(SCHEDULES)
def test_round_trip(schedule: Schedule) -> None:
    assert Schedule.parse(str(schedule)) == schedule


def test_looks() -> None:
    schedule = Schedule(
        "d", "a || b", Options(1), (("1", 0), ("1", 0), ("2", 0), ("1", 1)), "00ff00ff"
    )

    assert str(schedule) == "netsim-schedule 1 d faults=1 1*2,2,1?1 #00ff00ff -- a || b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "netsim-schedule",
        "netsim-schedule 1",
        "netsim-schedule 1 d 1*2",
        "netsim-schedule 1 d -- a",
        "netsim-schedule 1 d 1*0 -- a",
        "netsim-schedule 1 d 1*9999999 -- a",
        "netsim-schedule 1 d 1*99999999999999999999 -- a",
        "netsim-schedule 1 d 1 2 3 -- a",
        "netsim-schedule 1 d \x00 -- a",
        "netsim-schedule one d 1 -- a",
        "netsim-schedule ² d 1 -- a",
        "netsim-schedule \u0661 d 1 -- a",
        "netsim-schedule " + "9" * 5000 + " d 1 -- a",
        "netsim-schedule 1 d 1 -- a\nnetsim-schedule 1 d 1 -- b",
        "netsim-schedule 1 d 1*\u0663 -- a",
        "netsim-schedule 1 d " + "1," * 600_000 + "1 -- a",
    ],
)
def test_damage_is_refused(text: str) -> None:
    with pytest.raises(FileError) as caught:
        Schedule.parse(text)

    assert "expected" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_another_version() -> None:
    with pytest.raises(TraceVersionError):
        Schedule.parse("netsim-schedule 2 d 1 -- a")
