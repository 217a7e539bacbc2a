"""Capture files: against bytes written by hand from the formats, and what is refused."""

import random
import re
import struct
from pathlib import Path

import pytest

from netsim.catch.frames import datagram, ipv4
from netsim.catch.pcap import RECORD_MAX, Capture, Writer
from netsim.caught import Datagram
from netsim.errors import FileError

#: UDP from 192.168.0.1:2004 to 192.168.0.199:2004, payload "dump": 20 + 8 + 4 bytes.
IP = bytes.fromhex(
    "45 00 0020"  # version 4, 5 words; total length 32
    "0000 0000"  # id; no flags, offset 0
    "40 11 f8b4"  # ttl 64, UDP, checksum: the words sum up to 2_0749, 0749 + 2 = 074b, inverted
    "c0a80001 c0a800c7"  # 192.168.0.1, 192.168.0.199
    "07d4 07d4 000c 0000"  # ports 2004, UDP length 12, no checksum
    "64756d70"  # "dump"
)
EXPECTED = Datagram("192.168.0.1:2004", b"dump", 1.5, "192.168.0.199:2004")
ETHERNET = bytes.fromhex("020000000002 020000000001 0800")
VLAN = bytes.fromhex("020000000002 020000000001 8100 0007 0800")
TWO_VLANS = bytes.fromhex("020000000002 020000000001 88a8 0007 8100 0008 0800")
#: Packet type, ARPHRD_ETHER, address length 6, address in 8 bytes, protocol.
COOKED = bytes.fromhex("0000 0001 0006 020000000001 0000 0800")
#: Protocol, reserved, interface, ARPHRD_ETHER, packet type, address length, address in 8 bytes.
COOKED_2 = bytes.fromhex("0800 0000 00000002 0001 00 06 020000000001 0000")
LOOPBACK = bytes.fromhex("02000000")


def capture(
    *frames: bytes,
    link: int = 101,
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    fraction: int = 500_000,
) -> bytes:
    """Write a file as libpcap documents it (man 5 pcap-savefile)."""
    made = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    for frame in frames:
        made += struct.pack(f"{order}IIII", 1, fraction, len(frame), len(frame)) + frame
    return made


def read(tmp_path: Path, data: bytes) -> tuple[list[Datagram], Capture]:
    path = tmp_path / "a.pcap"
    path.write_bytes(data)
    found = Capture(path)
    return list(found.datagrams()), found


@pytest.mark.parametrize(
    ("link", "head"),
    [
        (1, ETHERNET),
        (1, VLAN),
        (1, TWO_VLANS),
        (113, COOKED),
        (276, COOKED_2),
        (0, LOOPBACK),
        (101, b""),
        (12, b""),
        (14, b""),
        (228, b""),
    ],
)
def test_link_types(link: int, head: bytes, tmp_path: Path) -> None:
    padding = bytes(18)  # Ethernet fills small frames up
    assert read(tmp_path, capture(head + IP, head + IP + padding, link=link))[0] == [EXPECTED] * 2


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "fraction"), [(0xA1B2C3D4, 500_000), (0xA1B23C4D, 500_000_000)])
def test_byte_orders_and_clocks(order: str, magic: int, fraction: int, tmp_path: Path) -> None:
    data = capture(IP, order=order, magic=magic, fraction=fraction)
    assert read(tmp_path, data)[0] == [EXPECTED]


def test_ip_options_are_skipped() -> None:
    longer = b"\x46" + IP[1:2] + b"\x00\x24" + IP[4:20] + b"\x01\x01\x01\x00" + IP[20:]
    assert datagram(longer, 101, len(longer), 1.5) == EXPECTED


def test_frame_check_sequences_are_left_alone(tmp_path: Path) -> None:
    """Bits 28 to 31 of the link type say 4 bytes, bit 26 that they are there."""
    data = capture(ETHERNET + IP + b"\xde\xad\xbe\xef", link=0x4400_0001)
    assert read(tmp_path, data)[0] == [EXPECTED]


def test_what_is_no_datagram_is_counted(tmp_path: Path) -> None:
    arp = ETHERNET[:-2] + b"\x08\x06" + bytes(28)
    tcp = ETHERNET + IP[:9] + b"\x06" + IP[10:]
    fragment = ETHERNET + IP[:6] + b"\x20\x00" + IP[8:]
    later = ETHERNET + IP[:6] + b"\x00\x10" + IP[8:]
    version_6 = ETHERNET + b"\x60" + IP[1:]
    liar = ETHERNET + IP[:24] + b"\x00\xff" + IP[26:]
    short = ETHERNET + IP[:24] + b"\x00\x07" + IP[26:]
    frames = [
        arp,
        tcp,
        fragment,
        later,
        version_6,
        liar,
        short,
        ETHERNET + IP[:20],
        b"",
        ETHERNET,
        IP,
    ]
    found, opened = read(tmp_path, capture(*frames, link=1))

    assert found == []
    assert dict(opened.skipped) == {
        "not IPv4": 3,  # ARP, nothing, and an IP header taken for one of Ethernet
        "not UDP": 1,
        "a fragment of a datagram": 2,
        "no IPv4 header with a UDP header after it": 2,
        "a UDP length that does not fit its frame": 2,
        "too short for an IPv4 header": 1,
    }


def test_a_frame_that_was_captured_in_part(tmp_path: Path) -> None:
    head = struct.pack("<IIII", 1, 500_000, len(IP) - 2, len(IP))
    (found,), _ = read(tmp_path, capture() + head + IP[:-2])

    assert (found.payload, found.whole) == (b"du", False)


@pytest.mark.parametrize("kept", range(1, 16 + len(IP)))
def test_a_file_that_ends_in_a_record_is_read_up_to_it(kept: int, tmp_path: Path) -> None:
    whole = capture(IP, IP)
    found, opened = read(tmp_path, whole[: 24 + 16 + len(IP) + kept])

    assert found == [EXPECTED]
    assert opened.notes == ["the capture ends in the middle of record 2"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected a pcap file, whose header is 24 bytes long; found 0 bytes"),
        (b"netsim-schedule 1 netoops-v1", "its first bytes are a1b2c3d4), found 6e657473"),
        (struct.pack("<I", 0x0A0D0D0A) + bytes(60), "it is pcapng: convert it with `editcap -F"),
        (capture()[:6] + b"\x03" + capture()[7:], "expected pcap version 2.4, found 2.3"),
        (capture(link=105), "expected a link type of 0, 1, 12, 14, 101, 113, 228, 276, found 105"),
        (
            capture() + struct.pack("<IIII", 0, 0, RECORD_MAX + 1, RECORD_MAX + 1),
            f"record 1: expected at most {RECORD_MAX} captured bytes",
        ),
        (capture() + struct.pack("<IIII", 0, 0, 5, 4), "found 5 of 4"),
    ],
)
def test_what_is_no_capture(data: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=re.escape(message)):
        read(tmp_path, data)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for name in ("missing", ".", "nul\0byte"):
        with pytest.raises(FileError, match="cannot be read"):
            list(Capture(tmp_path / name).datagrams())


def test_arbitrary_bytes_give_datagrams_or_a_fault(tmp_path: Path) -> None:
    source = random.Random(5)
    whole = capture(ETHERNET + IP, ETHERNET + IP, link=1)
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(source.randint(1, 6)):
            data[source.randrange(len(data))] = source.randrange(256)
        try:
            found, _ = read(tmp_path, bytes(data[: source.randrange(len(data) + 1)]))
        except FileError:
            continue
        assert len(found) <= 2


def test_what_is_written_is_the_packet_of_the_rfcs(tmp_path: Path) -> None:
    path = tmp_path / "out.pcap"
    with Writer(path) as writer:
        writer.write(EXPECTED)

    head = bytes.fromhex("d4c3b2a1 0200 0400 00000000 00000000 00000400 65000000")
    record = bytes.fromhex("01000000 20a10700 20000000 20000000")  # 1 s, 500000 us, 32 bytes twice
    assert path.read_bytes() == head + record + IP
    assert list(Capture(path).datagrams()) == [EXPECTED]


def test_the_checksum_of_a_published_header() -> None:
    """RFC 1071 arithmetic; `IP` with its checksum sums up to all ones, as a receiver tests it."""
    total = sum(struct.unpack(">10H", IP[:20]))
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF
    # Known from many textbooks: 4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7, DF set.  Ours
    # has no DF, so that its checksum is 0x4000 more.
    made = ipv4(Datagram("192.168.0.1:1", bytes(0x73 - 28), 0.0, "192.168.0.199:1"))
    assert made[10:12] == bytes.fromhex("f861")


@pytest.mark.parametrize(
    "odd",
    [
        Datagram("host:1", b"", 0, "1.2.3.4:1"),
        Datagram("1.2.3.4:65536", b"", 0, "1.2.3.4:1"),
        Datagram("1.2.3.4:1", bytes(65508), 0, "1.2.3.4:1"),
    ],
)
def test_what_is_no_datagram_is_not_written(odd: Datagram) -> None:
    with pytest.raises(ValueError, match=r"expected|Expected|Octet"):
        ipv4(odd)


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written"):
        Writer(tmp_path)
