"""Dumps of logs of any length against the log: what differs, and where."""

import pytest

from benchmarks.logs import Dumps, Lengths, faults, log_of, survey, told, unwrapped, wrapped

#: netoops_send_segment(): a last part that is full is sent empty, of either segment.
END = "1024 bytes before the end of the log are not sent"
RING = "1024 bytes before the end of the ring are not sent"


@pytest.fixture(scope="module")
def dumps() -> Dumps:
    return Dumps()


def test_without_wrap(dumps: Dumps) -> None:
    """Every length around borders, and some between; all of them: `python -m benchmarks logs`."""
    near = {b + d for b in range(0, 4097, 1024) for d in (-2, -1, 0, 1, 2)} | {5000}
    lengths = [pair for pair in unwrapped(5000) if pair[1] in near or pair[1] % 97 == 0]
    count, found = survey(lengths, dumps)

    assert count == len(lengths) > 70
    assert found == {
        "nothing is sent": [(0, 0)],
        END: [(0, 1024), (0, 2048), (0, 3072), (0, 4096)],
    }


def test_with_wrap(dumps: Dumps) -> None:
    near = {2, 3, 1025, 1500, 2048, 2049, 3072, 3500, 4097, 5000}
    lengths = [pair for pair in wrapped(5000) if sum(pair) in near]
    count, found = survey(lengths, dumps)

    assert count == len(lengths) > 100
    assert found == {
        END: [pair for pair in lengths if pair[1] % 1024 == 0],
        RING: [pair for pair in lengths if pair[0] % 1024 == 0],
    }


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


def _like(packet: bytes, number: int, other: bytes) -> bytes:
    return packet[:385] + other[385:1409] if packet[14] == number else packet


def test_lengths_are_told_by_what_decides() -> None:
    tried: list[Lengths] = [(a, b) for a in range(4) for b in range(4)]
    assert told([(a, 2) for a in range(4)], tried) == "newer = 2"
    assert told([(1, b) for b in range(4)] + [(3, b) for b in range(4)], tried) == "older = 1, 3"
    assert told([(1, 1), (2, 2)], tried) == "older+newer = 1+1, 2+2"
    assert told([(a, a) for a in range(4)] * 2, tried).endswith("and 2 more")
