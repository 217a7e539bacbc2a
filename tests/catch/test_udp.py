"""Receiving over real UDP on loopback: what the simulated driver sends, losses, and ends."""

import random
import runpy
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netsim.catch.session import catch_file, catch_udp
from netsim.catch.udp import Receiver, parse_address
from netsim.caught import Catch, Catching
from netsim.errors import UsageError
from netsim_models.netoops_v1 import NETOOPS_V1
from netsim_models.wire.layout import DATA_BYTES
from netsim_models.wire.packet import decode
from netsim_models.wire.v1 import LAYOUTS

EXAMPLE = Path(__file__).parents[2] / "examples" / "send_dump.py"
#: Nobody waits so long: the tests end by what was received.
FAR = 60.0
#: Bytes that the log has after the boot messages; the last packet is not full.
SIZE = 5000


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLE), run_name="send_dump")


@pytest.fixture(scope="module")
def dump(example: dict[str, Any]) -> tuple[bytes, list[bytes]]:
    """The log, and what the driver sends of it: three rounds."""
    log, payloads = example["driven"](example["text"](SIZE))
    return log, payloads


def catching() -> Catching:
    made = NETOOPS_V1.catching
    assert made is not None
    return made


def ending_after(count: int) -> Callable[[int, int], None]:
    """Interrupt, as Ctrl-C would, once so many datagrams have come."""

    def progress(datagrams: int, _: int) -> None:
        if datagrams >= count:
            raise KeyboardInterrupt

    return progress


def over_loopback(
    example: dict[str, Any], payloads: list[bytes], loss: float, seed: int, record: Path | None
) -> Catch:
    with Receiver("127.0.0.1", 0) as receiver:
        port = int(receiver.address.rpartition(":")[2])
        count = example["send"](example["through"](payloads, loss, seed), "127.0.0.1", port)
        return catch_udp(
            catching(), receiver, seconds=FAR, record=record, progress=ending_after(count)
        )


def kept(count: int, loss: float, seed: int) -> list[bool]:
    """Which of the packets get through: the draws of the sender, made again."""
    source = random.Random(seed)
    return [source.random() >= loss for _ in range(count)]


def test_the_driver_sends_three_rounds_newest_first(dump: tuple[bytes, list[bytes]]) -> None:
    log, payloads = dump
    packets = [decode(payload, LAYOUTS) for payload in payloads]
    count = -(-len(log) // DATA_BYTES)

    assert len(payloads) == 3 * count
    assert [packet.packet_no for packet in packets] == 3 * list(range(count))
    assert {packet.packet_count for packet in packets} == {count}
    assert packets[0].data.rstrip(b"\0") == log[(count - 1) * DATA_BYTES :]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_dump_through_a_loss_of_30_percent(
    seed: int, example: dict[str, Any], dump: tuple[bytes, list[bytes]], tmp_path: Path
) -> None:
    log, payloads = dump
    came = kept(len(payloads), 0.3, seed)
    rounds = [came[n :: len(payloads) // 3] for n in range(len(payloads) // 3)]
    assert not all(came)
    assert all(any(one) for one in rounds)  # each packet in one round at least

    catch = over_loopback(example, payloads, 0.3, seed, tmp_path / "a.pcap")

    (found,) = catch.dumps
    assert found.whole
    assert found.log() == log
    assert found.copies == sum(came)
    assert catch_file(catching(), tmp_path / "a.pcap") == catch


def test_what_is_lost_in_each_round_is_named(
    example: dict[str, Any], dump: tuple[bytes, list[bytes]]
) -> None:
    log, payloads = dump
    count = len(payloads) // 3
    came = kept(len(payloads), 0.3, seed=6)
    (lost,) = (n for n in range(count) if not any(came[n::count]))

    (found,) = over_loopback(example, payloads, 0.3, 6, None).dumps

    assert found.missing == ((lost, lost),)
    start = (count - 1 - lost) * DATA_BYTES
    assert [(gap.start, gap.end) for gap in found.gaps] == [(start, start + DATA_BYTES)]
    assert found.log(b"?") == log[:start] + b"?" * DATA_BYTES + log[start + DATA_BYTES :]


def test_it_ends_when_enough_dumps_are_complete(
    example: dict[str, Any], dump: tuple[bytes, list[bytes]]
) -> None:
    _, payloads = dump
    with Receiver("127.0.0.1", 0) as receiver:
        port = int(receiver.address.rpartition(":")[2])
        example["send"](iter(payloads), "127.0.0.1", port)
        catch = catch_udp(catching(), receiver, seconds=FAR, dumps=1)

    assert catch.datagrams == len(payloads) // 3  # the first round is enough
    assert catch.whole


def test_it_ends_when_time_is_over() -> None:
    with Receiver("127.0.0.1", 0) as receiver:
        catch = catch_udp(catching(), receiver, seconds=0.01)

    assert (catch.datagrams, catch.dumps, catch.whole) == (0, (), False)


def test_an_address_in_use_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot receive at 127.0.0.1:{port}"):
            Receiver("127.0.0.1", port)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("127.0.0.1", 2004)),
        ("0.0.0.0", ("0.0.0.0", 2004)),
        (":0", ("127.0.0.1", 0)),
        ("10.0.0.1:65535", ("10.0.0.1", 65535)),
    ],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    assert parse_address(text, 2004) == expected


@pytest.mark.parametrize(
    "text",
    ["localhost", "::1", "1.2.3", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:x", "1.2.3.4:²", ":"],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="--bind: expected ADDRESS:PORT"):
        parse_address(text, 2004)
