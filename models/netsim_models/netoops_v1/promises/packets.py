"""Promises about the packets of one dump."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from netsim.promise import KEPT, VOID, Answer, Broken, Promise, Shown
from netsim_models.net.arp_operations import mac_of
from netsim_models.net.netpoll import NO_MAC
from netsim_models.netoops_v1.promises.evidence import NETOOPS_DATA_BYTES, Dump, Evidence, Sending
from netsim_models.netoops_v1.promises.story import unicast

ROUNDS = 3
#: What tells a neighbour whose address is not known yet, or not known any more, from one lost.
UNRESOLVED = ("unresolved",)


def _each(check: Callable[[Dump], Answer | Broken | None]) -> Callable[[Shown], Answer | Broken]:
    """Ask of every dump that left the machine; None says that one is not put to the test."""

    def of_all(shown: Shown) -> Answer | Broken:
        seen: Evidence = shown.evidence
        answers = [answer for dump in seen.judged() if (answer := check(dump)) is not None]
        broken = [answer for answer in answers if isinstance(answer, Broken)]
        return broken[0] if broken else KEPT if KEPT in answers else VOID

    return of_all


def _packets(check: Callable[[Sending], str]) -> Callable[[Shown], Answer | Broken]:
    """Ask of every packet; a text says what is wrong with one."""

    def of_dump(dump: Dump) -> Answer | Broken:
        wrong = [text for sending in dump.sent if (text := check(sending))]
        return Broken(wrong[0]) if wrong else KEPT

    return _each(of_dump)


def log_arrives(dump: Dump) -> Answer | Broken | None:
    """Put the data together, last packet first, as a catcher that has them all."""
    first = {sending.number: sending.data for sending in reversed(dump.sent)}
    if dump.cut or sorted(first) != list(range(dump.sent[0].count)):
        return None  # which packets are sent is another promise
    arrived = b"".join(first[number].rstrip(b"\0") for number in sorted(first, reverse=True))
    text = dump.asked.text
    if arrived == text:
        return KEPT
    what = f"of {len(text)} bytes of log {len(arrived)} arrive"
    empty = [number for number in sorted(first) if not first[number].strip(b"\0")]
    if empty:
        return Broken(
            f"{what}: packet {empty[0]} of {len(first)} is all zero, the last of a part of the log "
            f"that fills it to the last of its {NETOOPS_DATA_BYTES} bytes",
            ("full last packet",),
        )
    return Broken(what if len(arrived) != len(text) else f"{what}, but not as they were", ("log",))


def three_times(dump: Dump) -> Answer | Broken | None:
    """Count how often each packet was handed to the network."""
    if dump.cut:
        return None
    sent = Counter(sending.number for sending in dump.sent)
    for number in range(dump.sent[0].count):
        if sent[number] != ROUNDS:
            return Broken(f"packet {number} is sent {sent[number]} times", (str(sent[number]),))
    return KEPT


def tail_first(dump: Dump) -> Answer | Broken | None:
    """In each round the packets come in the order of their numbers, and number 0 is the tail."""
    count = dump.sent[0].count
    for at, sending in enumerate(dump.sent):
        if sending.number != at % count:
            return Broken(f"packet {sending.number} comes where packet {at % count} should")
    tail = dump.sent[0].data.rstrip(b"\0")
    if not tail:
        return None  # what is missing there is another promise
    if dump.asked.text.endswith(tail):
        return KEPT
    return Broken("the packet that is sent first does not have the end of the log")


def zero_padded(dump: Dump) -> Answer | Broken | None:
    """In the tail packet nothing but zeros follows the end of the log."""
    answer: Answer | None = None
    for sending in dump.sent:
        tail = sending.data.rstrip(b"\0")
        if sending.number == 0 and tail:  # what is missing from an empty one is another promise
            if not dump.asked.text.endswith(tail):
                return Broken("what follows the log in the tail packet is not zero")
            answer = KEPT
    return answer


def critical_data(dump: Dump) -> Answer | Broken | None:
    """Every packet says of which kernel it is, of which dump, and that it is one."""
    first = dump.sent[0]
    for sending in dump.sent:
        if sending.constant != first.constant:
            return Broken(f"the header of packet {sending.number} differs in more than packet_no")
    return KEPT if first.field(25, 64) else Broken("no packet says which kernel it is of")


def _unicast(sending: Sending) -> str:
    address = sending.packet.destination_ip
    return "" if unicast(address) else f"a packet is sent to {address}"


def _layout(sending: Sending) -> str:
    version, size, _arch, dump_id = sending.head[:4]
    raw = sending.packet.payload
    if version != 2 or raw[:2] != b"\x02\0":
        return "the version does not stand at offset 0"
    if int.from_bytes(raw[6:8], "little") != dump_id:
        return "the dump id does not stand at offset 6"
    data = len(raw) - size
    return "" if data == NETOOPS_DATA_BYTES else f"{data} bytes follow a header of {size} bytes"


def neighbour_used(shown: Shown) -> Answer | Broken:
    """Every packet goes to an address that the target has answered with."""
    seen: Evidence = shown.evidence
    answered: dict[str, list[str]] = {}
    for done in shown.operations:
        if done.call.name == "neigh-reply":
            address, *mac = done.call.arguments
            answered.setdefault(address, []).append(mac[0] if mac else mac_of(address))
    tested = False
    for dump in seen.judged():
        for sending in dump.sent:
            packet = sending.packet
            if sending.device.startswith("lo") or not unicast(packet.destination_ip):
                continue
            tested = True
            if packet.destination_mac == NO_MAC:
                what = f"a packet to {packet.destination_ip} is sent to {NO_MAC}"
                if dump.handled.neighbour == "none":
                    return Broken(f"{what}: no neighbour is held for it any more", ("lost",))
                return Broken(f"{what}: its neighbour is not valid", UNRESOLVED)
            # A host answers with its own address also where no operation says so (--choose arp).
            own = mac_of(packet.destination_ip)
            if packet.destination_mac not in (own, *answered.get(packet.destination_ip, ())):
                what = f"a packet to {packet.destination_ip} is sent to {packet.destination_mac}"
                return Broken(f"{what}, which it never answered with", ("foreign",))
    return KEPT if tested else VOID


def registers(dump: Dump) -> Answer | Broken | None:
    """What was passed to kmsg_dump() stands in every packet, where patch 06 has it."""
    size, words = dump.sent[0].head[1], dump.asked.registers
    if not dump.crash or size <= HEADER_05 or words is None:
        return None
    word = (size - HEADER_05) // len(words)
    passed = b"".join(value.to_bytes(word, "little") for value in words)
    for sending in dump.sent:
        if sending.packet.payload[HEADER_05:size] != passed:
            return Broken(f"packet {sending.number} does not have the registers that were passed")
    return KEPT


def registers_size(dump: Dump) -> Answer | Broken | None:
    """The header grows by the registers of patch 06."""
    size = dump.sent[0].head[1] - HEADER_05
    if not size:
        return None
    return KEPT if size in (60, 168) else Broken(f"regs is {size} bytes", (str(size),))


def processor(dump: Dump) -> Answer | Broken | None:
    """Family, model and stepping of patch 06 stand at 22."""
    if dump.sent[0].head[1] <= HEADER_05:
        return None
    if all(sending.packet.payload[22] for sending in dump.sent):
        return KEPT
    return Broken("a packet does not tell the family of the processor")


#: Bytes of the header of patch 05, behind which registers stand.
HEADER_05 = 217

PROMISES = (
    Promise(
        "log-arrives",
        "On a crash, the kernel spits out the contents of the kernel message buffer",
        "patch 05, description",
        "always",
        _each(log_arrives),
        "Whoever catches every packet of a dump, a soft one too, can put together the log as it "
        "was when kmsg_dump() was called; zeros are padding.",
    ),
    Promise(
        "three-times",
        "Each packet is sent a total of three times to deal with packet loss on the connection.",
        "patch 05, description",
        "always",
        _each(three_times),
        "Of each dump that the machine lives to send.",
    ),
    Promise(
        "tail-first",
        "In the same vein, we send packet in reverse order to handle cases where the kernel "
        "fatally crashes before transmission can be completed",
        "patch 05, description",
        "always",
        _each(tail_first),
        "In each of the three rounds.",
    ),
    Promise(
        "zero-padded",
        "Packets are sent in reverse order, with the tail packet (the first one transmitted) "
        "zero-padded.",
        "patch 05, comment on netoops_send_segment()",
        "always",
        _each(zero_padded),
        "Of a tail that does not fill its packet; one that does is what log-arrives is about.",
    ),
    Promise(
        "critical-data",
        "Furthermore a small amount critical data is present in every packet, so even if only a "
        "single packet gets through, we still witness the crash.",
        "patch 05, description",
        "always",
        _each(critical_data),
        "Headers of a dump differ in packet_no only, and name the kernel.",
    ),
    Promise(
        "unicast",
        "contents of the printk buffer via udp w/o checksum to a unicast address.",
        "patch 05, comment at the top of netoops.c",
        "always",
        _packets(_unicast),
    ),
    Promise(
        "offsets",
        "MUST be @ offset 0",
        "patch 05, comments in struct netoops_msg (version; dump_id: offset 6; header_size)",
        "always",
        _packets(_layout),
    ),
    Promise(
        "neighbour-used",
        "It uses this information when invoked via kmsg_dump() to fire off UDP packets via the "
        "netpoll interface.",
        "cover letter",
        "always",
        neighbour_used,
        "This information is that of the neighbour: packets go to an address that it answered "
        "with.  The comment in netoops() asks: Where are we sending the packets if the neighbor "
        "isn't valid?",
    ),
    Promise(
        "registers-recorded",
        "Pass the register values along if available.",
        "patch 02, description",
        "always",
        _each(registers),
        "A crash dump for which registers were passed has them in every packet.",
    ),
    Promise(
        "registers-size",
        "NOTE: regs is 60 or 168 bytes",
        "patch 06, comment in struct netoops_msg",
        "always",
        _each(registers_size),
    ),
    Promise(
        "processor-recorded",
        "We need to be able to gather information about the CPUs that caused the crash.",
        "patch 06, description",
        "always",
        _each(processor),
    ),
)
