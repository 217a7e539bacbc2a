"""
The bytes of a dump: `msg` of patches 05 to 07, its rounds, its order, its numbers.

Offsets are those of struct netoops_msg with all patches: packed, so the sums of sizes before.
"""

import struct

import attrs
import pytest

from netsim_models.kernel.panic import soft_dump
from netsim_models.kernel.printk import LOG_BUF_LEN
from netsim_models.netoops_v1.system import NetoopsSystem
from netsim_models.wire import v1
from netsim_models.wire.layout import Layout
from netsim_models.wire.packet import Packet, decode
from netsim_models.x86 import I386, X86_64, Arch
from tests.models.drive import run
from tests.models.netoops_v1.machine import packets, system


def logged(made: NetoopsSystem, text: bytes, older: int = 0) -> None:
    """Let the log be `text`, `older` bytes of it before the end of the ring (as after dmesg -c)."""
    log = made.machine.log
    log.log_end, log.logged_chars = -older % LOG_BUF_LEN, 0
    log.emit(text)


def dumped(text: bytes, older: int = 0) -> list[bytes]:
    """Return the payloads of a soft dump of a log."""
    made = system("set 10.0.0.1")
    logged(made, text, older)
    run(made.machine, soft_dump(made.machine))
    return packets(made)


def text_of(length: int) -> bytes:
    return b"".join(b"%06d.\n" % n for n in range(length // 8 + 1))[:length]


@pytest.mark.parametrize(("arch", "size", "words"), [(X86_64, 385, "<21Q"), (I386, 285, "<17I")])
def test_header(arch: Arch, size: int, words: str) -> None:
    """sizeof(struct pt_regs) is 168 on x86_64, and on i386 17 words: the comment says 60."""
    made = system("set 10.0.0.1", arch=arch)
    made.sim.jiffies = 0x12345 * 1000 + 999
    system("oops", made)

    for payload in packets(made):
        assert len(payload) == size + 1024
        version, header_size, machine, dump_id, type_, count, _ = struct.unpack_from(
            "<HHHHHII", payload
        )
        assert (version, header_size, machine) == (2, size, 2)
        assert dump_id == 0x2345  # (jiffies / HZ) & 0xffff
        assert (type_, count) == (1, 1)
        assert payload[22:25] == bytes((6, 26, 5))  # family, model, stepping
        assert payload[25:89] == b"2.6.36".ljust(64, b"\0")
        registers = struct.unpack_from(words, payload, 217)
        assert len(set(registers)) == len(registers)
        assert 0 not in registers
        assert payload[size:].startswith(b"<5>Linux version 2.6.36")


@pytest.mark.parametrize(
    ("arch", "layout"), [(X86_64, v1.USER_X86_64), (I386, v1.USER_I386)], ids=["x86_64", "i386"]
)
def test_a_catcher_reads_it(arch: Arch, layout: Layout) -> None:
    made = system("set 10.0.0.1", arch=arch)
    made.sim.jiffies = 70_000_123
    system("one-shot 0; oops; soft-dump", made)
    expected = Packet(
        layout=layout,
        packet_no=0,
        packet_count=1,
        dump_id=70_000 - 65_536,
        kernel_version=b"2.6.36",
        x86_family=6,
        x86_model=26,
        x86_stepping=5,
        registers=tuple(range(0x1000, 0x1000 + len(layout.registers))),
        data=b"",
    )
    soft = attrs.evolve(expected, soft=True, registers=())

    sent = [attrs.evolve(decode(one, v1.LAYOUTS), data=b"") for one in packets(made)]
    assert sent == 3 * [expected] + 3 * [soft]


@pytest.mark.parametrize(("operation", "type_"), [("panic", 1), ("soft-dump", 3)])
def test_without_registers_there_are_zeros(operation: str, type_: int) -> None:
    """if (regs != NULL) memcpy(): panic() and sysrq pass NULL; memset(&msg, 0) before that."""
    for payload in packets(system(f"set 10.0.0.1; {operation}")):
        assert payload[217:385] == bytes(168)
        assert payload[8] == type_


def test_registers_of_one_dump_are_not_in_the_next() -> None:
    made = system("set 10.0.0.1; one-shot 0; oops")
    assert all(any(payload[217:385]) for payload in packets(made))
    made.machine.wire.sent.clear()
    system("soft-dump", made)
    assert not any(any(payload[217:385]) for payload in packets(made))


@pytest.mark.parametrize(
    ("older", "newer"), [(0, 1), (0, 1023), (0, 1025), (0, 2500), (700, 1500), (3000, 10)]
)
def test_rounds_order_and_numbers(older: int, newer: int) -> None:
    """Three rounds; in each s2 before s1, and the last part first: netoops_send_segment()."""
    text = text_of(older + newer)
    sent = dumped(text, older)
    s1, s2 = text[:older], text[older:]
    parts = [s[i : i + 1024] for s in (s1, s2) for i in range(0, len(s), 1024)]
    expected = [part.ljust(1024, b"\0") for part in reversed(parts)]

    assert [payload[385:] for payload in sent] == 3 * expected
    assert [payload[14] for payload in sent] == 3 * list(range(len(expected)))
    assert {payload[10] for payload in sent} == {len(expected)}


@pytest.mark.parametrize(
    ("older", "newer", "empty"),
    [
        (0, 1024, {0}),
        (0, 3072, {0}),
        (1024, 5, {1}),
        (5, 2048, {0}),
        (2048, 1024, {0, 1}),
        (0, 1023, set()),
        (1023, 1025, set()),
    ],
)
def test_a_last_part_that_is_full_is_sent_empty(older: int, newer: int, empty: set[int]) -> None:
    """data_length = l % NETOOPS_DATA_BYTES is 0: memset() of all of it, memcpy() of nothing."""
    sent = dumped(text_of(older + newer), older)

    assert {payload[14] for payload in sent if not any(payload[385:])} == empty


def test_an_empty_log_sends_nothing() -> None:
    assert dumped(b"") == []
