"""The catcher: lost, repeated, reordered, truncated and foreign packets, and what it says."""

import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsim.caught import Catch, CaughtDump, Datagram, Gap
from netsim_models.wire import v1, v3
from netsim_models.wire.catcher import Catcher, Limits
from netsim_models.wire.layout import Layout
from netsim_models.wire.packet import Packet, encode
from netsim_models.wire.segments import cut

MACHINE = "10.0.0.100:2004"
LAYOUTS = (*v1.LAYOUTS, *v3.LAYOUTS)


def text(length: int, offset: int = 0) -> bytes:
    """Text in which every place is another one: numbered lines of 16 bytes."""
    lines = b"".join(b"line %10d\n" % n for n in range(offset, offset + length // 16 + 1))
    return lines[:length]


def dump(
    log: bytes, older: bytes = b"", layout: Layout = v1.USER_X86_64, **fields: object
) -> list[bytes]:
    """The packets of one round; the index is the packet number."""
    data = cut(older, log)
    return [
        encode(
            Packet(
                layout=layout,
                packet_no=number,
                packet_count=len(data),
                data=part,
                kernel_version=b"2.6.36",
                dump_id=7,
                **fields,  # type: ignore[arg-type]
            )
        )
        for number, part in enumerate(data)
    ]


def feed(
    payloads: Iterable[bytes], catcher: Catcher | None = None, source: str = MACHINE
) -> Catcher:
    catcher = catcher or Catcher(LAYOUTS)
    for payload in payloads:
        catcher.feed(Datagram(source, payload))
    return catcher


def only(catch: Catch) -> CaughtDump:
    (found,) = catch.dumps
    return found


# ---- what the code sends


def test_packets_by_hand() -> None:
    """2500 bytes: two full parts and one of 452; the last one is packet 0."""
    log = text(2500)
    assert cut(b"", log) == [
        log[2048:] + bytes(1024 - 452),
        log[1024:2048],
        log[:1024],
    ]


def test_packets_of_a_ring_that_wrapped() -> None:
    """The newer segment has the lower numbers; each is padded at its own end."""
    older, newer = text(1030), text(100, offset=900)
    assert cut(older, newer) == [newer + bytes(924), older[1024:] + bytes(1018), older[:1024]]


def test_a_last_part_that_is_full_is_sent_empty() -> None:
    log = text(2048)
    assert cut(b"", log) == [bytes(1024), log[:1024]]
    assert cut(text(1024), b"x") == [b"x" + bytes(1023), bytes(1024)]
    assert cut(b"", b"") == []


# ---- whole dumps


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("length", [1, 1023, 1025, 3000, 5000])
def test_three_rounds(layout: Layout, length: int) -> None:
    catcher = feed(dump(text(length), layout=layout) * 3)
    found = only(catcher.caught())

    assert found.log() == text(length)
    assert found.whole
    assert catcher.complete == 1
    assert (found.gaps, found.missing, found.notes) == ((), (), ())
    assert found.copies == 3 * found.packets
    assert dict(found.about)["kernel"] == "2.6.36"


@pytest.mark.parametrize("newer", [0, 1, 1023, 1025, 2000, 4000])
def test_a_ring_that_wrapped(newer: int) -> None:
    """A ring of 4096 bytes."""
    log = text(4096)
    found = only(feed(dump(log[4096 - newer :], older=log[: 4096 - newer])).caught())

    if newer % 1024:
        assert found.log() == log
        assert found.whole
    else:  # then the older segment is a multiple of 1024 bytes long, too
        assert found.gaps == (Gap(3072, 4096, (0, 0), "not-sent"),)


@pytest.mark.parametrize("length", range(1024, 6000, 1024))
def test_the_end_of_some_logs_is_never_sent(length: int) -> None:
    catcher = feed(dump(text(length)) * 3)
    found = only(catcher.caught())

    assert catcher.complete == 1
    assert not found.whole
    assert found.gaps == (Gap(length - 1024, length, (0, 0), "not-sent"),)
    assert found.log() == text(length)[:-1024]
    assert "leaves out the last part" in found.notes[0]


def test_every_length() -> None:
    """From 1 to 5000 bytes: what comes is the log, but for multiples of 1024 bytes."""
    log = text(5000)
    short = []
    for length in range(1, 5001):
        found = only(feed(dump(log[:length], layout=v1.CORE)).caught())
        assert log[:length].startswith(found.log())
        assert found.whole == (found.log() == log[:length])
        if not found.whole:
            short.append((length, len(found.log())))

    assert short == [(length, length - 1024) for length in range(1024, 5001, 1024)]
    assert feed(dump(b"")).caught().dumps == ()


def test_the_older_segment_alone_may_lack_its_end() -> None:
    """As after the log was cleared: then the ring wraps before it is full."""
    newer = text(100, offset=900)
    found = only(feed(dump(newer, older=text(2048))).caught())

    assert found.gaps == (Gap(1024, 2048, (1, 1), "not-sent"),)
    assert found.log(b"?") == text(1024) + b"?" * 1024 + newer


def test_both_segments_may_lack_their_ends() -> None:
    log = text(4096)
    found = only(feed(dump(log[2048:], older=log[:2048])).caught())

    assert [(gap.start, gap.end, gap.packets) for gap in found.gaps] == [
        (1024, 2048, (2, 2)),
        (3072, 4096, (0, 0)),
    ]
    assert found.log(b"?") == log[:1024] + b"?" * 1024 + log[2048:3072] + b"?" * 1024


# ---- what the network does


@settings(deadline=None, derandomize=True, database=None, max_examples=200)
@given(st.integers(1, 6000), st.integers(0, 3), st.randoms(use_true_random=False))
def test_any_order_any_repetition_any_loss(length: int, rounds: int, source: random.Random) -> None:
    """Against the log itself: a byte is there if, and only if, a packet that holds it came."""
    if length % 1024 == 0:
        length += 1
    log = text(length)
    packets = dump(log)
    count = len(packets)
    numbers = [n for n in range(count) for _ in range(rounds + 1) if source.random() < 0.6]
    source.shuffle(numbers)
    catch = feed(packets[n] for n in numbers).caught()

    came = sorted(set(numbers))
    if not came:
        assert catch.dumps == ()
        return
    found = only(catch)
    assert (found.received, found.copies) == (len(came), len(numbers))
    expected = bytearray(log.ljust(count * 1024, b"?") if 0 not in came else log)
    for number in set(range(count)) - set(came):
        start = (count - 1 - number) * 1024
        expected[start : start + 1024] = b"?" * 1024
    assert found.log(b"?") == expected
    missing = {n for first, last in found.missing for n in range(first, last + 1)}
    assert missing == set(range(count)) - set(came)
    assert found.whole == (not missing)
    assert all(
        gap.end - gap.start == 1024 * (gap.packets[1] - gap.packets[0] + 1) for gap in found.gaps
    )


def test_a_part_in_the_middle_says_where_the_seam_is() -> None:
    log = text(4096)
    packets = dump(log[1500:], older=log[:1500])  # packets 0-2 newer, 3 and 4 older
    found = only(feed([packets[0], packets[1], packets[3], packets[4]]).caught())

    assert found.exact
    assert found.gaps == (Gap(1500, 2524, (2, 2), "missing"),)
    assert found.log(b"?") == log[:1500] + b"?" * 1024 + log[2524:]


def test_without_the_seam_places_are_upper_bounds() -> None:
    log = text(4096)
    packets = dump(log[1500:], older=log[:1500])
    found = only(feed([packets[0], packets[1], packets[2], packets[4]]).caught())

    assert not found.exact
    assert found.gaps == (Gap(1024, 2048, (3, 3), "missing"),)
    assert "up to 1023 bytes earlier" in " ".join(found.notes)


def test_the_end_of_the_log_may_be_missing() -> None:
    found = only(feed(dump(text(2500))[1:]).caught())

    assert found.gaps == (Gap(2048, 3072, (0, 0), "missing"),)
    assert "its last part may be shorter" in found.notes[0]


def test_truncated_packets_of_a_capture() -> None:
    log = text(2500)
    packets = dump(log)
    head = v1.USER_X86_64.header_bytes
    catcher = Catcher(LAYOUTS)
    catcher.feed(Datagram(MACHINE, packets[0][: head + 452 + 10], whole=False))
    catcher.feed(Datagram(MACHINE, packets[1][: head + 24], whole=False))
    catcher.feed(Datagram(MACHINE, packets[2][:head], whole=False))
    found = only(catcher.caught())

    assert found.gaps == (
        Gap(0, 1024, (2, 2), "truncated"),
        Gap(1048, 2048, (1, 1), "truncated"),
    )
    assert found.log(b"?") == b"?" * 1024 + log[1024:1048] + b"?" * 1000 + log[2048:]
    assert catcher.complete == 0

    feed(packets[1:], catcher)
    found = only(catcher.caught())
    assert found.log() == log
    assert found.conflicts == ()
    # Packet 0 is still cut, but behind its first NUL only NULs follow.
    assert found.whole
    assert catcher.complete == 0
    feed(packets[:1], catcher)
    assert catcher.complete == 1


def test_a_whole_packet_is_shown_before_a_cut_one() -> None:
    packets, other = dump(text(2500)), dump(text(2500, offset=500))
    catcher = feed([packets[0], packets[2]])
    for _ in range(2):
        catcher.feed(Datagram(MACHINE, other[1][: v1.USER_X86_64.header_bytes + 100], whole=False))
    assert catcher.complete == 0
    feed([packets[1]], catcher)

    found = only(catcher.caught())
    assert catcher.complete == 1
    assert found.log() == text(2500)
    assert found.conflicts == (1,)


def test_ranges_of_packets_go_upwards() -> None:
    packets = dump(text(7000))  # 0 to 6
    found = only(feed([packets[1], packets[4]]).caught())

    assert found.missing == ((0, 0), (2, 3), (5, 6))
    assert [gap.packets for gap in found.gaps] == [(5, 6), (2, 3), (0, 0)]


def test_foreign_datagrams_are_counted_by_reason() -> None:
    catcher = feed([b"", b"GET / HTTP/1.1\r\n\r\n", *dump(text(100)), bytes(1241)])
    catch = catcher.caught()

    assert only(catch).whole
    assert catch.datagrams == 4
    refused = [(one.reason, one.packets) for one in catch.refused]
    assert refused == [("truncated", 1), ("version", 2)]
    assert catch.refused[1].first == "expected version 2 or 3 at byte 0, found 17735"  # "GE"


def test_a_dump_may_not_claim_any_size() -> None:
    huge = Packet(layout=v1.CORE, packet_no=0, packet_count=1 << 31, data=bytes(1024))
    catch = feed([encode(huge)]).caught()

    assert catch.dumps == ()
    assert "at most 65536 packets" in catch.refused[0].first


# ---- what cannot be told apart


def test_each_sender_has_its_own_dumps() -> None:
    catcher = feed(dump(text(2000)), source="10.0.0.1:2004")
    feed(dump(text(2000, offset=500)), catcher, source="10.0.0.2:2004")

    assert [one.log() for one in catcher.caught().dumps] == [text(2000), text(2000, offset=500)]
    assert all(one.notes == () for one in catcher.caught().dumps)


def test_after_a_reboot_the_same_second_looks_the_same() -> None:
    """Without a boot id two boots that crash after 7 s with as much log are one dump."""
    first, second = dump(text(2000)), dump(text(2000, offset=500))
    found = only(feed([*first * 3, *second * 3]).caught())

    assert found.conflicts == (0, 1)
    assert not found.whole
    assert found.log() == text(2000)  # as often as the other, and earlier
    assert "two dumps have the same header" in found.notes[0]


def test_the_same_text_twice_shows_only_by_its_number() -> None:
    found = only(feed(dump(text(2000)) * 6).caught())

    assert found.whole
    (note,) = found.notes
    assert note.startswith("a packet came 6 times and is sent 3 times")


def test_time_keeps_dumps_apart() -> None:
    catcher = Catcher(LAYOUTS)
    for time, log in ((0.0, text(2000)), (5.0, text(2000)), (605.1, text(2000, offset=500))):
        for payload in dump(log):
            catcher.feed(Datagram(MACHINE, payload, time))
    first, second = catcher.caught().dumps

    assert (first.log(), first.copies) == (text(2000), 4)
    assert (second.log(), second.copies) == (text(2000, offset=500), 2)
    assert all("have this dump id" in one.notes[-1] for one in (first, second))


def test_an_oops_and_the_panic_after_it() -> None:
    """Both have type 1 and, within a second, one dump id; their lengths or registers differ."""
    oops = dump(text(2000), registers=(1,) * 21)
    panic = dump(text(2100))
    dumps = feed([*oops, *panic]).caught().dumps

    assert [one.log() for one in dumps] == [text(2000), text(2100)]
    assert [one.whole for one in dumps] == [True, True]
    namesakes = "2 dumps of this source have this dump id"
    assert all(one.notes[-1].startswith(namesakes) for one in dumps)
    assert "registers" in dict(dumps[0].about)
    assert "registers" not in dict(dumps[1].about)


def test_a_boot_id_tells_boots_apart() -> None:
    catcher = feed(dump(text(2000), layout=v3.BOOT_ID_X86_64, boot_id=1))
    feed(dump(text(2000, offset=500), layout=v3.BOOT_ID_X86_64, boot_id=2), catcher)
    dumps = catcher.caught().dumps

    assert [dict(one.about)["boot id"] for one in dumps] == ["1", "2"]
    assert [one.notes for one in dumps] == [(), ()]


def test_a_log_that_is_written_to_meanwhile() -> None:
    """The second and third round find other text where the ring was overwritten."""
    packets, later = dump(text(3000)), dump(text(3000, offset=700))
    rounds = [*packets, *packets[:2], later[2], *packets[:2], later[2]]
    found = only(feed(rounds).caught())

    assert found.conflicts == (2,)
    assert found.log() == text(3000, offset=700)[:1024] + text(3000)[1024:]


def test_nuls_in_several_parts_are_kept() -> None:
    log = text(1020) + bytes(4) + text(1020) + bytes(4) + text(500)
    found = only(feed(dump(log)).caught())

    assert found.log() == log
    assert "2 packets before the last part end in NULs" in found.notes[0]


# ---- limits


def flood(source: random.Random, senders: Sequence[str], count: int) -> Iterable[Datagram]:
    for _ in range(count):
        packet = Packet(
            layout=v1.CORE,
            packet_no=source.randrange(4),
            packet_count=4,
            dump_id=source.randrange(40),
            data=source.randbytes(4) * 256,
        )
        yield Datagram(source.choice(senders), encode(packet))


def test_memory_is_bounded() -> None:
    limits = Limits(dumps=20, bytes=100_000)
    catcher = Catcher(LAYOUTS, limits)
    for datagram in flood(random.Random(1), [f"192.0.2.{n}:9" for n in range(30)], 3000):
        catcher.feed(datagram)
        assert catcher.cost <= limits.bytes
        assert len(catcher.caught().dumps) <= limits.dumps if not catcher.datagrams % 100 else True

    catch = catcher.caught()
    assert catch.forgotten > 100
    assert not catch.whole
    assert all(len(one.conflicts) <= 4 for one in catch.dumps)


def test_a_flood_of_one_source_costs_only_its_own_dumps() -> None:
    catcher = feed(dump(text(5000)), Catcher(LAYOUTS, Limits(dumps=8)))
    for datagram in flood(random.Random(2), ["192.0.2.1:9"], 3000):
        catcher.feed(datagram)

    catch = catcher.caught()
    assert catch.forgotten > 0
    (mine,) = (one for one in catch.dumps if one.source == MACHINE)
    assert mine.whole


def test_the_dump_that_was_silent_longest_goes_first() -> None:
    catcher = Catcher(LAYOUTS, Limits(dumps=16))
    for boot in range(1, 17):
        feed(dump(text(2000), boot_id=boot)[:1], catcher)
    feed(dump(text(2000), boot_id=1)[1:], catcher)
    feed(dump(text(2000), boot_id=17), catcher)  # one too many: down to 15

    boots = [dict(one.about)["boot id"] for one in catcher.caught().dumps]
    assert boots == ["1", *map(str, range(4, 18))]
    assert catcher.caught().forgotten == 2


def test_what_was_forgotten_does_not_count_against_a_source() -> None:
    catcher = Catcher(LAYOUTS, Limits(dumps=16))
    for sender in ("192.0.2.1:9", "192.0.2.2:9"):
        for boot in range(60):
            feed(dump(text(100), boot_id=boot), catcher, source=sender)

    held = [one.source for one in catcher.caught().dumps]
    assert abs(held.count("192.0.2.1:9") - held.count("192.0.2.2:9")) <= 2


def test_contents_of_one_packet_are_bounded() -> None:
    packets = [dump(text(100, offset=n))[0] for n in range(50)]
    catcher = feed(packets)
    (held,) = catcher._sources[MACHINE].dumps.values()

    assert len(held.parts.versions[0]) == Limits().versions
    assert only(catcher.caught()).copies == 50
