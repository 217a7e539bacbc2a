"""Packets: against bytes written by hand, against the C layout of ctypes, and there and back."""

import ctypes
import random
import re
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsim_models.wire import v1, v3
from netsim_models.wire.layout import DATA_BYTES, Layout
from netsim_models.wire.packet import (
    REASONS,
    DecodeError,
    Packet,
    decode,
    dump_id,
    encode,
    header,
    numbered,
)
from tests.models.wire import vectors
from tests.models.wire.vectors import DATA

LAYOUTS = (*v1.LAYOUTS, *v3.LAYOUTS)
USER: dict[str, Any] = {
    "packet_no": 1,
    "packet_count": 2,
    "dump_id": 65535,
    "soft": True,
    "kernel_version": b"k" * 64,
    "boot_id": 0x12345678,
    "x86_family": 6,
    "x86_model": 23,
    "x86_stepping": 10,
    "bios_version": b"BIOS 1.0",
    "motherboard_type": b"Board",
    "data": DATA,
}
V3 = {
    "packet_no": 0,
    "packet_count": 5,
    "dump_id": 0x1234,
    "soft": True,
    "kernel_version": b"2.6.37",
    "boot_id": 0xDEADBEEF,
    "x86_vendor": 2,
    "x86_family": 6,
    "x86_model": 23,
    "x86_stepping": 10,
    "data": DATA,
}
BLOB = {**V3, "user_blob": b"\0rack 7\xff"}
I386 = {"registers": vectors.I386_VALUES}
X86_64 = {"registers": vectors.X86_64_VALUES}

BY_HAND: list[tuple[bytes, Layout, Mapping[str, Any]]] = [
    (
        vectors.V1_CORE,
        v1.CORE,
        {
            "packet_no": 0x01020304,
            "packet_count": 0x01020305,
            "dump_id": 0x1234,
            "kernel_version": b"2.6.36",
            "data": DATA,
        },
    ),
    (vectors.V1_USER_I386, v1.USER_I386, {**USER, **I386}),
    (vectors.V1_USER_X86_64, v1.USER_X86_64, {**USER, **X86_64}),
    (
        vectors.V3_FIRST,
        v3.FIRST,
        {
            "packet_no": 4,
            "packet_count": 5,
            "dump_id": 0x1234,
            "kernel_version": b"2.6.37-rc3",
            "data": DATA,
        },
    ),
    (vectors.V3_I386, v3.BOOT_ID_I386, {**V3, **I386}),
    (vectors.V3_X86_64, v3.BOOT_ID_X86_64, {**V3, **X86_64}),
    (vectors.V3_BLOB_I386, v3.BLOB_I386, {**BLOB, **I386}),
    (vectors.V3_BLOB_X86_64, v3.BLOB_X86_64, {**BLOB, **X86_64}),
]


@pytest.mark.parametrize(("written", "layout", "fields"), BY_HAND, ids=lambda x: str(x)[:20])
def test_bytes_written_by_hand(written: bytes, layout: Layout, fields: Mapping[str, Any]) -> None:
    packet = Packet(layout=layout, **fields)

    assert encode(packet) == written
    assert decode(written, LAYOUTS) == packet


def test_patch_06_sends_what_07_sends_with_empty_user_fields() -> None:
    x86 = {**USER, **X86_64, "boot_id": 0, "bios_version": b"", "motherboard_type": b""}
    of_06 = Packet(layout=v1.X86_X86_64, **x86)
    head = bytearray(vectors.V1_USER_X86_64)
    head[18:22] = bytes(4)  # __reserved1
    head[89:217] = bytes(128)  # __reserved2, __reserved3

    assert encode(of_06) == bytes(head)
    assert decode(bytes(head), [v1.X86_X86_64]) == of_06
    assert decode(bytes(head), v1.LAYOUTS) == attrs.evolve(of_06, layout=v1.USER_X86_64)
    with pytest.raises(DecodeError, match="expected 0 in __reserved1"):
        decode(vectors.V1_USER_X86_64, [v1.X86_X86_64])


class TestAgainstCtypes:
    """An independent implementation of C layouts, given the declarations in its own words."""

    BYTE, WORD, LONG = ctypes.c_uint8, ctypes.c_uint16, ctypes.c_uint32
    TEXT = ctypes.c_char * 64

    def regs(self, machine: str) -> Any:
        # The natural alignment of pt_regs: it is not packed itself.
        word, count = {"i386": (ctypes.c_uint32, 17), "x86_64": (ctypes.c_uint64, 21)}[machine]
        names = [(f"word{n}", word) for n in range(count)]
        return type("pt_regs", (ctypes.LittleEndianStructure,), {"_fields_": names})

    def struct(self, *fields: tuple[str, Any]) -> Any:
        members = {"_pack_": 1, "_layout_": "ms", "_fields_": list(fields)}
        return type("header", (ctypes.LittleEndianStructure,), members)

    def compare(self, header: Any, layout: Layout) -> None:
        assert layout.header_bytes == ctypes.sizeof(header)
        for mine in layout.fields:
            theirs = getattr(header, mine.name)
            assert (mine.offset, mine.size) == (theirs.offset, theirs.size), mine.name

    def v1(self, fourth: str, small: list[str], texts: list[str], *rest: tuple[str, Any]) -> Any:
        words = ["version", "header_size", "arch", "dump_id", "type"]
        return self.struct(
            *((name, self.WORD) for name in words),
            *((name, self.LONG) for name in ("packet_count", "packet_no", fourth)),
            *((name, self.BYTE) for name in small),
            *((name, self.TEXT) for name in texts),
            *rest,
        )

    def test_patch_05(self) -> None:
        reserved = [f"__reserved{n}" for n in (2, 3, 4)]
        texts = ["kernel_version", "__reserved5", "__reserved6"]
        self.compare(self.v1("__reserved1", reserved, texts), v1.CORE)

    @pytest.mark.parametrize("machine", ["i386", "x86_64"])
    def test_patches_06_and_07(self, machine: str) -> None:
        x86 = ["x86_family", "x86_model", "x86_stepping"]
        regs = ("regs", self.regs(machine))
        of = {layout.name: layout for layout in v1.LAYOUTS}
        self.compare(
            self.v1("__reserved1", x86, ["kernel_version", "__reserved2", "__reserved3"], regs),
            of[f"v1-06/{machine}"],
        )
        texts = ["kernel_version", "bios_version", "motherboard_type"]
        self.compare(self.v1("blog_boot_id", x86, texts, regs), of[f"v1-07/{machine}"])

    @pytest.mark.parametrize("machine", ["i386", "x86_64"])
    def test_v3(self, machine: str) -> None:
        words = ["version", "dump_id", "data_offset", "arch", "arch_offset", "type"]
        core = [
            *((name, self.WORD) for name in words),
            *((name, self.LONG) for name in ("packet_count", "packet_no")),
        ]
        boot, version = ("boot_id", self.LONG), ("kernel_version", self.TEXT)
        arch = [
            *((f"x86_{name}", self.BYTE) for name in ("vendor", "family", "model", "stepping")),
            ("regs", self.regs(machine)),
        ]
        blob = ("user_blob", ctypes.c_char * 128)
        of = {layout.name: layout for layout in v3.LAYOUTS}
        self.compare(self.struct(*core, version), of["v3-first"])
        self.compare(self.struct(*core, boot, version, *arch), of[f"v3-boot-id/{machine}"])
        self.compare(self.struct(*core, boot, version, blob, *arch), of[f"v3-blob/{machine}"])


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_constants_say_where_the_data_is(layout: Layout) -> None:
    stated = layout.constants.get("header_size", layout.constants.get("data_offset"))
    assert stated == layout.header_bytes
    assert layout.packet_bytes == layout.header_bytes + 1024
    assert layout.packet_bytes + 28 <= 1500  # with IP and UDP headers it fits one Ethernet frame


def test_dump_id_counts_seconds_and_wraps() -> None:
    assert dump_id(5_999, 1000) == 5
    assert dump_id(65_536 * 250, 250) == 0
    # INITIAL_JIFFIES on i386: five minutes before the counter wraps.
    assert dump_id((1 << 32) - 300 * 1000, 1000) == (4_294_967 - 300) % 65_536


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_a_header_is_made_once_and_numbered(layout: Layout) -> None:
    packets = [
        Packet(layout=layout, packet_no=number, packet_count=1 << 20, data=DATA)
        for number in (0, 1, 70_000)
    ]
    head = header(packets[0])
    assert [numbered(head, layout, one.packet_no) + DATA for one in packets] == [
        encode(one) for one in packets
    ]


# ---- there and back


def numbers(size: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << 8 * size) - 1)


def texts(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(max_size=size).map(lambda value: value.replace(b"\0", b"x"))


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    layout = draw(st.sampled_from(LAYOUTS))
    count = draw(st.integers(1, (1 << 32) - 1))
    fields: dict[str, Any] = {
        "packet_count": count,
        "packet_no": draw(st.integers(0, count - 1)),
        "dump_id": draw(numbers(2)),
        "soft": draw(st.booleans()),
        "data": draw(st.binary(min_size=1, max_size=64)).ljust(DATA_BYTES, b"\0"),
    }
    for field in layout.fields:
        name = field.name.replace("blog_", "")
        if name == "regs":
            words = st.lists(
                numbers(field.size // len(layout.registers)),
                min_size=len(layout.registers),
                max_size=len(layout.registers),
            )
            fields["registers"] = draw(words)
        elif name in ("boot_id", "x86_vendor", "x86_family", "x86_model", "x86_stepping"):
            fields[name] = draw(numbers(field.size))
        elif name == "user_blob":
            fields[name] = draw(st.binary(max_size=128))
        elif name in ("kernel_version", "bios_version", "motherboard_type"):
            fields[name] = draw(texts(64))
    return Packet(layout=layout, **fields)


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(packets())
def test_decoding_what_was_encoded(packet: Packet) -> None:
    payload = encode(packet)

    assert len(payload) == packet.layout.packet_bytes
    assert decode(payload, [packet.layout]) == packet


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(packets(), st.data())
def test_what_is_accepted_is_what_would_be_sent(packet: Packet, data: st.DataObject) -> None:
    payload = bytearray(encode(packet))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, packet.layout.header_bytes - 1))
        payload[at] = data.draw(st.integers(0, 255))
    try:
        found = decode(bytes(payload), LAYOUTS)
    except DecodeError:
        return
    assert encode(found) == payload


# ---- refusals


def test_arbitrary_bytes_raise_nothing_else() -> None:
    source = random.Random(4)
    reasons = set()
    valid = [written for written, _, _ in BY_HAND]
    for number in range(5000):
        payload = bytearray(source.choice(valid))
        if number % 2:
            payload = payload[: source.randrange(len(payload) + 1)]
        for _ in range(source.randrange(4)):
            if payload:
                payload[source.randrange(min(len(payload), 400))] = source.randrange(256)
        payload += bytes(source.randrange(2))
        try:
            decode(bytes(payload), LAYOUTS, cut=bool(number % 3))
        except DecodeError as error:
            reasons.add(error.reason)
    assert reasons == set(REASONS)


@pytest.mark.parametrize(
    ("change", "reason", "message"),
    [
        ({0: 4}, "version", "expected version 2 or 3 at byte 0, found 4"),
        ({2: 277 - 256, 3: 1}, "layout", "expected header_size 217 or 285 or 385 at byte 2"),
        ({4: 3}, "layout", "expected arch 2 at byte 4, found 3"),
        ({8: 2}, "type", "v1-05: expected type 1 or 3, found 2"),
        ({10: 4}, "number", "expected a packet_no below packet_count, found 16909060 of 16909060"),
        ({24: 1}, "reserved", "v1-05: expected 0 in __reserved4"),
        ({60: 65}, "text", "v1-05: expected NULs up to the end of kernel_version"),
    ],
)
def test_each_refusal_says_what_was_expected(
    change: dict[int, int], reason: str, message: str
) -> None:
    payload = bytearray(vectors.V1_CORE)
    for at, value in change.items():
        payload[at] = value
    with pytest.raises(DecodeError, match=re.escape(message)) as refused:
        decode(bytes(payload), LAYOUTS)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("size", "reason", "message"),
    [
        (0, "truncated", "expected version at byte 0, found 0 bytes"),
        (3, "truncated", "expected header_size at byte 2, found 3 bytes"),
        (217, "truncated", "v1-05: expected 1241 bytes, found 217"),
        (1240, "truncated", "v1-05: expected 1241 bytes, found 1240"),
        (1242, "too-long", "v1-05: expected 1241 bytes, found 1242"),
    ],
)
def test_the_size_must_be_right(size: int, reason: str, message: str) -> None:
    payload = (vectors.V1_CORE + b"x")[:size]
    with pytest.raises(DecodeError, match=message) as refused:
        decode(payload, LAYOUTS)
    assert refused.value.reason == reason


def test_a_capture_may_lack_data_but_not_header() -> None:
    assert decode(vectors.V1_CORE[:300], LAYOUTS, cut=True).data == DATA[: 300 - 217]
    assert decode(vectors.V1_CORE[:217], LAYOUTS, cut=True).data == b""
    with pytest.raises(DecodeError, match="at least 217 bytes, found 216"):
        decode(vectors.V1_CORE[:216], LAYOUTS, cut=True)


@pytest.mark.parametrize(
    ("layout", "fields", "message"),
    [
        (v1.CORE, {"boot_id": 1}, "v1-05 has no field for boot_id"),
        (v1.CORE, {"registers": (1,)}, "v1-05 has no field for registers"),
        (v1.USER_I386, {"registers": (1,) * 21}, "expected 17 registers, found 21"),
        (v1.USER_I386, {"registers": (1 << 32,) + (0,) * 16}, "does not fit"),
        (v1.USER_I386, {"x86_family": 256}, "does not fit"),
        (v1.USER_I386, {"dump_id": -1}, "does not fit"),
        (v1.USER_I386, {"bios_version": b"a\0b"}, "expected no NUL in bios_version"),
        (v1.USER_I386, {"user_blob": b"a"}, "has no field for user_blob"),
        (v3.BLOB_I386, {"user_blob": b"a" * 129}, "at most 128 bytes"),
        (v3.FIRST, {"data": b"short"}, "expected 1024 bytes of data, found 5"),
    ],
)
def test_what_has_no_place_is_not_encoded(
    layout: Layout, fields: dict[str, Any], message: str
) -> None:
    whole = {"packet_no": 0, "packet_count": 1, "data": DATA, **fields}
    with pytest.raises(ValueError, match=message):
        encode(Packet(layout=layout, **whole))


def test_a_text_longer_than_its_field_is_cut_as_strncpy_cuts() -> None:
    release = b"2.6.36-" + b"x" * 58  # utsname holds 64 and a NUL
    packet = Packet(layout=v1.CORE, packet_no=0, packet_count=1, data=DATA, kernel_version=release)
    assert decode(encode(packet), LAYOUTS).kernel_version == release[:64]
