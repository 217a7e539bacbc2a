"""Dumps of logs of any length against the log: what differs, and where."""

from pathlib import Path

import pytest

from benchmarks.logs import (
    NOTHING,
    Dumps,
    Lengths,
    compare,
    faults,
    full,
    log_of,
    survey,
    told,
    unwrapped,
    wrapped,
)
from netsim.promise import KEPT, VOID, Answer, Broken

#: netoops_send_segment(): a last part that is full is sent empty, of either segment.
END = "1024 bytes before the end of the log are not sent"
RING = "1024 bytes before the end of the ring are not sent"
#: The same as findings; a log of no bytes is no log that could arrive, but no dump either.
ARRIVES = "promise:log-arrives (full last packet)"
FORCES = "promise:soft-forces (not asked)"


@pytest.fixture(scope="module")
def dumps() -> Dumps:
    return Dumps()


def test_without_wrap(dumps: Dumps) -> None:
    """Every length around borders, and some between; all of them: `python -m benchmarks logs`."""
    near = {b + d for b in range(0, 4097, 1024) for d in (-2, -1, 0, 1, 2)} | {5000}
    lengths = [pair for pair in unwrapped(5000) if pair[1] in near or pair[1] % 97 == 0]
    found = survey(lengths, dumps)

    multiples = [(0, 1024), (0, 2048), (0, 3072), (0, 4096)]
    assert found.logs == len(lengths) > 70
    assert found.differ() == 5
    assert found.faults == {NOTHING: [(0, 0)], END: multiples}
    assert found.broken == {FORCES: [(0, 0)], ARRIVES: multiples}


def test_with_wrap(dumps: Dumps) -> None:
    near = {2, 3, 1025, 1500, 2048, 2049, 3072, 3500, 4097, 5000}
    lengths = [pair for pair in wrapped(5000) if sum(pair) in near]
    found = survey(lengths, dumps)

    assert found.logs == len(lengths) > 100
    assert found.faults == {
        END: [pair for pair in lengths if pair[1] % 1024 == 0],
        RING: [pair for pair in lengths if pair[0] % 1024 == 0],
    }
    assert found.broken == {
        ARRIVES: [pair for pair in lengths if pair[0] % 1024 == 0 or pair[1] % 1024 == 0],
    }
    assert any(pair[0] % 1024 and not pair[1] % 1024 for pair in lengths), "one segment alone"


def test_in_a_full_ring_both_segments_lose_their_ends_or_none(dumps: Dumps) -> None:
    """128 kB are a multiple of 1024 bytes, so that one segment is one if the other is."""
    lengths = [pair for pair in full() if pair[1] in (0, 1, 511, 1023, 1024)]
    found = survey(lengths, dumps)

    assert found.faults == {END: [(131072, 0), (130048, 1024)], RING: [(130048, 1024)]}
    assert found.broken == {ARRIVES: [(131072, 0), (130048, 1024)]}


def test_the_cuts_that_are_tried() -> None:
    lengths = list(wrapped(3000))
    assert len(set(lengths)) == len(lengths)
    assert {sum(pair) for pair in lengths} == set(range(2, 3001))
    assert {(1976, 1024), (1024, 1976), (952, 2048), (1, 2999), (1500, 1500)} <= set(lengths)
    assert all(min(pair) > 0 for pair in lengths)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda _: [], "nothing is sent"),
        (lambda sent: sent[: len(sent) // 3], "packets are not sent three times each"),
        # Packet 1 with the data of packet 2.
        (lambda sent: [_like(one, 1, sent[2]) for one in sent], "stands at another place"),
        # Packet 1 empty.
        (lambda sent: [_like(one, 1, bytes(2000)) for one in sent], "before another place"),
    ],
)
def test_a_dump_that_is_spoiled_is_noticed(dumps: Dumps, spoil: object, fault: str) -> None:
    text = log_of(4000)
    sent = dumps.dump(text, 0)
    assert list(faults(text, 0, sent)) == []
    assert any(fault in one for one in faults(text, 0, spoil(sent)))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("wrong", "answer", "agree"),
    [
        ([], KEPT, True),
        ([], Broken("what"), False),
        ([], VOID, False),
        ([END], Broken("what"), True),
        ([END], KEPT, False),
        ([NOTHING], VOID, True),
        ([NOTHING], KEPT, False),
    ],
)
def test_a_promise_that_says_another_thing_is_a_mistake(
    wrong: list[str], answer: Answer | Broken, agree: bool
) -> None:
    answers = {"log-arrives": answer, "soft-forces": Broken("what")}
    if agree:
        compare(wrong, answers)
    else:
        with pytest.raises(AssertionError):
            compare(wrong, answers)


def _like(packet: bytes, number: int, other: bytes) -> bytes:
    return packet[:385] + other[385:1409] if packet[14] == number else packet


def test_lengths_are_told_by_what_decides() -> None:
    tried: list[Lengths] = [(a, b) for a in range(4) for b in range(4)]
    assert told([(a, 2) for a in range(4)], tried) == "newer = 2"
    assert told([(1, b) for b in range(4)] + [(3, b) for b in range(4)], tried) == "older = 1, 3"
    assert told([(1, 1), (2, 2)], tried) == "older+newer = 1+1, 2+2"
    assert told([(a, a) for a in range(4)] * 2, tried).endswith("and 2 more")
    assert told([(1, b) for b in range(4)] + [(a, 3) for a in range(4) if a != 1], tried) == (
        "newer = 3 or older = 1"
    )
    assert told(tried, tried) == "every length"
    assert told([pair for pair in tried if pair[1] != 2], tried) == "every length but newer = 2"


def test_the_page_has_these_findings() -> None:
    """What is lost hangs on the lengths modulo 1024 alone, as the code says and samples show."""
    page = (Path(__file__).parents[2] / "docs" / "wire.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if "`promise:" in line]
    ring, told_there = "", {}
    for row in rows:
        ring = row[0] if len(row) == 5 else ring
        told_there[ring, row[-3].partition("`")[2].partition("`")[0]] = row[-2:]
    multiples = {"not wrapped": unwrapped(5000), "wrapped": wrapped(5000), "full": full()}
    for ring, lengths in multiples.items():
        tried = list(lengths)
        bad = [p for p in tried if any(n and n % 1024 == 0 for n in p)]
        assert told_there[ring, "promise:log-arrives"] == [f"{len(bad):,}", told(bad, tried)]
    assert told_there["not wrapped", "promise:soft-forces"] == ["1", "newer = 0"]
