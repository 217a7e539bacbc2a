"""Counterexamples as columns: who did what, what changed, never too wide."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from netsim.results import Event
from netsim.view.columns import ROWS_MAX, columns
from tests.view.values import event, replayed

STORY = (
    event(1, call="begin a"),
    event(2, changes=("box.lid: 1 -> 0",)),
    event(3, "2", call="spin_lock B"),
    event(4, "events/0", call="begin work"),
    event(5, call="read box", findings=("use-after-free",)),
)


def test_golden(golden: Callable[[str, str], None]) -> None:
    golden("columns.txt", columns(replayed(*STORY)) + "\n")


def test_flows_come_first_then_workers() -> None:
    head = columns(replayed(*STORY)).splitlines()[0]

    assert head.split() == ["step", "flow", "1:", "a", "flow", "2:", "b", "events/0"]


def test_each_step_stands_in_the_column_of_its_thread() -> None:
    head, _, *rows = columns(replayed(*STORY)).splitlines()
    starts = {"1": head.index("flow 1"), "2": head.index("flow 2"), "e": head.index("events")}

    assert rows[0].index("look(): begin a") == starts["1"]
    assert rows[3].index("look(): spin_lock B") == starts["2"]
    assert rows[4].index("look(): begin work") == starts["e"]
    assert rows[-1].index("<== use-after-free") == starts["1"]


def test_no_step() -> None:
    assert columns(replayed()) == "(no step)"


def test_short_stories_are_told_in_full() -> None:
    text = columns(replayed(*(event(n + 1) for n in range(ROWS_MAX))))

    assert "more steps" not in text
    assert len(text.splitlines()) == 2 + ROWS_MAX


def test_long_quiet_runs_are_left_out_and_counted() -> None:
    events = [event(n + 1) for n in range(100)]
    events[50] = event(51, changes=("box.lid: 1 -> 0",))
    lines = columns(replayed(*events)).splitlines()

    assert [line for line in lines if "more steps" in line] == [
        "  ... (48 more steps)",
        "  ... (47 more steps)",
    ]
    assert any("box.lid: 1 -> 0" in line for line in lines)


def test_a_single_step_is_never_left_out() -> None:
    changed = ("box.lid: 1 -> 0",)
    events = [event(n + 1, changes=changed if n % 2 else ()) for n in range(101)]

    assert "..." not in columns(replayed(*events))


THREADS = st.sampled_from(["1", "2", "3", "8", *(f"worker/{n}" for n in range(40))])
EVENTS = st.builds(
    Event,
    step=st.integers(1, 99_999),
    thread=THREADS,
    operation=st.text("ab \x1b", max_size=150),
    function=st.text("xyz_", max_size=80),
    call=st.text("ab \n\x1b", max_size=150),
    changes=st.lists(st.text("abc -> ", max_size=150), max_size=2).map(tuple),
    enabled=st.just(()),
    findings=st.lists(st.sampled_from(["leak", "use-after-free"]), max_size=1).map(tuple),
)


@given(st.lists(EVENTS, max_size=90), st.sampled_from([72, 100]))
def test_no_line_is_wider_than_asked_for(events: list[Event], width: int) -> None:
    text = columns(replayed(*events), width)

    assert max(map(len, text.split("\n"))) <= width
    assert "\x1b" not in text


@given(st.lists(EVENTS, min_size=1, max_size=90))
def test_every_finding_is_shown(events: list[Event]) -> None:
    text = columns(replayed(*events))

    assert text.count("<== ") == sum(len(e.findings) for e in events)
