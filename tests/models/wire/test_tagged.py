"""Dumps as tagged text: packets by hand, through the driver and the catcher, and hostile ones."""

from __future__ import annotations

from random import Random

import pytest

from netsim.caught import CaughtDump, Datagram
from netsim.errors import UsageError
from netsim.notation import parse
from netsim.results import Options
from netsim.run.program import ScenarioProgram, settle
from netsim.run.registry import load
from netsim_models.wire import tagged, v1
from netsim_models.wire.packet import DecodeError, Packet
from netsim_models.wire.tagged_catcher import TaggedCatcher
from tests.models.policies.storms import READY, between, compared

TEXT = b"log\n".ljust(1024, b"\0")
BY_HAND = (
    b"netoops=tagged\ntype=soft\ndump_id=65535\npacket_count=3\npacket_no=1\nhead=1\n\n" + TEXT
)
#: An Ethernet frame less the headers of IP and UDP.
ROOM = 1500 - 20 - 8


def sent(operations: str, design: str = "netoops-v1+every+tagged") -> tuple[list[bytes], bytes]:
    """Run operations; return the packets, and the log."""
    scenario = parse(f"{{ {READY} }} {operations}")
    program = ScenarioProgram(load(design), scenario, Options())
    settle(program.start())
    machine = program.run.system.machine  # type: ignore[attr-defined]
    packets = [one.packet.payload for one in machine.wire.sent]
    return packets, machine.log.peek(0, machine.log.log_end)


def caught(packets: list[bytes]) -> CaughtDump:
    """Feed packets of one dump."""
    catcher = TaggedCatcher()
    for payload in packets:
        catcher.feed(Datagram("10.0.0.100:2004", payload))
    (dump,) = catcher.caught().dumps
    return dump


class TestPacket:
    def test_by_hand(self) -> None:
        assert tagged.prefix(True, 65535, 3, 1, 1) + TEXT == BY_HAND
        piece = tagged.read(BY_HAND)
        packet = piece.packet
        assert (packet.soft, packet.dump_id, packet.packet_count, packet.packet_no) == (
            True,
            65535,
            3,
            1,
        )
        assert (piece.head, packet.data) == (1, TEXT)

    def test_all_packets_of_a_dump_are_alike_but_for_their_number(self) -> None:
        lines = tagged.prefix(False, 7, 12, 0, 1)
        kept = {tagged.read(tagged.numbered(lines, no) + TEXT).kept for no in range(12)}
        assert len(kept) == 1

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            (b"netoops=tagged", b"netoops=packed", "version"),
            (b"type=soft", b"type=hard", "layout"),
            (b"dump_id=65535", b"dump_id=65536", "number"),
            (b"dump_id=65535", b"dump_id=065535", "layout"),
            (b"packet_no=1", b"packet_no=3", "number"),
            (b"packet_no=1", b"packet_no=-1", "layout"),
            (b"head=1", b"head=0", "number"),
            (b"head=1", b"head=4", "number"),
            (b"packet_count=3\npacket_no=1", b"packet_no=1\npacket_count=3", "layout"),
            (b"\0" * 8, b"", "truncated"),
            (TEXT, TEXT + b"x", "too-long"),
            (b"_no=1\nhead=1\n\n" + TEXT, b"", "truncated"),
        ],
    )
    def test_what_is_none_is_refused(self, old: bytes, new: bytes, reason: str) -> None:
        payload = BY_HAND.replace(old, new, 1)
        with pytest.raises(DecodeError) as error:
            tagged.read(payload)
        assert error.value.reason == reason

    def test_values_are_printable(self) -> None:
        packet = Packet(
            layout=v1.USER_X86_64,
            packet_no=0,
            packet_count=1,
            data=b"",
            kernel_version=b"2.6\n\\x",
            user_blob=b"a\0\xff",
            x86_family=6,
        )
        assert tagged.header(packet) == (
            b"kernel_version=2.6\\x0a\\x5cx\nboot_id=0\nx86_family=6\nx86_model=0\n"
            b"x86_stepping=0\nuser_blob=a\\x00\\xff\n"
        )


class TestDump:
    @pytest.mark.parametrize("size", [0, 1, 600, 3000])
    def test_header_and_log_arrive(self, size: int) -> None:
        packets, log = sent(f"log {size}; oops")
        dump = caught(packets)

        assert dump.whole
        assert dump.log() == log
        about = dict(dump.about)
        assert about["type"] == "crash"
        assert about["kernel_version"] == "2.6.36"
        assert (about["x86_family"], about["x86_model"], about["x86_stepping"]) == ("6", "26", "5")
        assert [name for name in about if name.startswith("regs.")] == [
            f"regs.{name}" for name in v1.USER_X86_64.registers
        ]

    def test_the_log_has_its_levels(self) -> None:
        packets, _ = sent("oops")
        assert b"<1>BUG: unable to handle" in caught(packets).log()

    def test_a_soft_dump_has_no_registers(self) -> None:
        packets, _ = sent("soft-dump")
        about = dict(caught(packets).about)
        assert about["type"] == "soft"
        assert not [name for name in about if name.startswith("regs.")]

    def test_it_fits_a_frame(self) -> None:
        packets, _ = sent("log 5000; oops")
        assert max(map(len, packets)) <= ROOM

    def test_the_header_comes_first_and_has_the_highest_number(self) -> None:
        packets, _ = sent("log 3000; oops")
        numbers = [tagged.read(payload).packet.packet_no for payload in packets]
        assert numbers == [4, 0, 1, 2, 3] * 3

    def test_a_header_that_is_lost(self) -> None:
        packets, log = sent("log 3000; oops")
        dump = caught([one for one in packets if b"packet_no=4\n" not in one])

        assert dump.log() == log
        assert dump.missing == ((4, 4),)
        assert "the header did not come, or not all of it" in dump.notes
        assert dict(dump.about) == {"layout": "tagged", "type": "crash", "dump id": "0"}

    def test_a_log_that_is_lost(self) -> None:
        packets, _ = sent("log 3000; oops")
        dump = caught([one for one in packets if b"packet_no=4\n" in one])

        assert dict(dump.about)["kernel_version"] == "2.6.36"
        assert not dump.whole
        assert dump.missing == ((0, 3),)

    def test_in_any_order_with_losses(self) -> None:
        packets, log = sent("log 3000; oops")
        random = Random(4)
        for _ in range(20):
            some = [one for one in packets if random.random() > 0.3]
            random.shuffle(some)
            dump = caught(some)
            assert dump.whole is (
                len(
                    {
                        tagged.read(one).packet.packet_no
                        for one in some
                        if b"packet_no=4\n" not in one
                    }
                )
                == 4
            )
            if dump.whole:
                assert dump.log() == log

    def test_a_blob_stands_in_place_of_three_fields(self) -> None:
        packets, _ = sent("user-blob rack-7; oops", "netoops-v1+blob+tagged")
        assert dict(caught(packets).about)["user_blob"] == "rack-7"

    def test_tallies_count_it(self) -> None:
        cell = compared("netoops-v1+every+tagged", f"{{ {READY} }} oops; panic")
        assert between(cell, "dumps delivered whole") == (2, 2)
        assert between(cell, "packets sent") == (12, 12)  # a header and a log, three times, twice


def test_hostile_packets() -> None:
    """Bytes of real packets, changed at random: refused, or part of some dump; never an error."""
    packets, _ = sent("log 3000; oops")
    random = Random(2010)
    catcher = TaggedCatcher()
    for number in range(5000):
        payload = bytearray(random.choice(packets))
        for _ in range(random.randrange(1, 6)):
            payload[random.randrange(min(len(payload), 160))] = random.randrange(256)
        if random.random() < 0.2:
            del payload[random.randrange(len(payload)) :]
        catcher.feed(Datagram(f"s{number % 3}:1", bytes(payload), whole=random.random() < 0.9))
    done = catcher.caught()
    assert done.datagrams == 5000
    assert sum(one.packets for one in done.refused) > 1000
    assert {one.reason for one in done.refused} >= {"version", "layout", "number", "truncated"}


def test_two_formats_at_once_are_refused() -> None:
    with pytest.raises(UsageError, match=r"'\+tagged' cannot be added"):
        load("netoops-v1+tagged+tagged")
