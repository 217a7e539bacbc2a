"""What promises look at: the dumps asked for, what left the machine of each, the target."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import attrs

from netsim.core.memory import is_freed, peek
from netsim.core.sim import Sim
from netsim.core.thread import Life
from netsim_models.kernel.printk import Asked, KmsgDumpReason
from netsim_models.net.neighbour import Neighbour
from netsim_models.net.netpoll import Packet
from netsim_models.netoops_v1.destination import NEIGHBOUR_HOLDER
from netsim_models.netoops_v1.driver import Handled
from netsim_models.netoops_v1.packet import NETOOPS_DATA_BYTES

if TYPE_CHECKING:
    from netsim_models.netoops_v1.system import NetoopsSystem

#: version, header_size, arch, dump_id, type, packet_count, packet_no, boot number: as patches 05 to
#: 07 lay them out, packed and little-endian.
_HEAD = struct.Struct("<HHHHHIII")
_PACKET_NO = slice(14, 18)
CRASHES = (KmsgDumpReason.OOPS, KmsgDumpReason.PANIC)


@attrs.frozen
class Sending:
    """One packet as it was handed to the network the first time, and what became of it."""

    packet: Packet
    device: str
    fate: str

    @property
    def head(self) -> tuple[int, ...]:
        """The numbers at the start of the header."""
        return _HEAD.unpack_from(self.packet.payload)

    @property
    def number(self) -> int:
        """packet_no."""
        return self.head[6]

    @property
    def count(self) -> int:
        """packet_count."""
        return self.head[5]

    @property
    def constant(self) -> bytes:
        """The header without packet_no."""
        header = self.packet.payload[: self.head[1]]
        return header[: _PACKET_NO.start] + header[_PACKET_NO.stop :]

    @property
    def data(self) -> bytes:
        """What follows the header."""
        return self.packet.payload[self.head[1] :]

    def field(self, start: int, size: int) -> bytes:
        """Return a field of the header, without the zeros at its end; empty if there is none."""
        return self.packet.payload[start : min(start + size, self.head[1])].rstrip(b"\0")


@attrs.frozen
class Dump:
    """
    One call of kmsg_dump(), and what the driver sent of it.

    `place` is the number of the operation that made it among those of its flow, from 0.
    `cut` says that it may have been cut short: the machine stopped, or whoever made it was killed.
    `handled` is what the driver found; empty if it was not asked.
    """

    flow: int
    place: int
    asked: Asked
    sent: tuple[Sending, ...]
    cut: bool
    handled: Handled = attrs.field(factory=Handled)

    @property
    def crash(self) -> bool:
        """Tell whether it was made for an oops or a panic."""
        return self.asked.reason in CRASHES


@attrs.frozen
class Target:
    """
    What the driver is configured for at the end; `attached` to a device, holding a neighbour (or
    what it keeps in place of one).
    """

    address: str
    attached: bool
    neighbour: bool
    #: That neighbour is gone from the table: nobody will ask for its address again.
    dead: bool


@attrs.frozen
class Evidence:
    """
    What an execution shows beside results.

    `dumps` has those of `{ }` (flow 0) and of the flows, each in its order, and no probes; `order`
    the numbers of those of which something was sent, as it left the machine.
    """

    dumps: tuple[Dump, ...]
    order: tuple[int, ...]
    target: Target | None
    #: Names of the files in /sys/kernel/netdump; None if they are not modelled.
    files: tuple[str, ...] | None = None
    #: What /proc/sys/kernel/net_dump_one_shot contains.
    one_shot: int = 1

    def of(self, flow: int) -> tuple[Dump, ...]:
        """Return the dumps that a flow asked for."""
        return tuple(dump for dump in self.dumps if dump.flow == flow)

    def judged(self) -> tuple[Dump, ...]:
        """Return the dumps of the flows of which something was sent."""
        return tuple(dump for dump in self.dumps if dump.flow and dump.sent)


def evidence(system: NetoopsSystem) -> Evidence:
    """Read off a machine at rest what promises look at."""
    m, sim = system.machine, system.sim
    sendings: dict[int, list[Sending]] = {}
    queued: list[Packet] = []
    for sent in m.wire.sent:
        packet = sent.packet
        if packet.streamed is not None:
            continue  # no part of a dump
        if any(packet is waiting for waiting in queued):
            continue  # the worker has it: it was handed over before
        if sent.fate == "queued":
            queued.append(packet)
        sendings.setdefault(packet.dump, []).append(Sending(packet, sent.device, sent.fate))
    dumps = []
    for name, asks in m.log.asked.items():
        flow = _flow(name)
        if flow is None:
            continue
        for index, asked in enumerate(asks):
            mine = tuple(sendings.get(asked.dump, ())) if asked.dump else ()
            cut = index == len(asks) - 1 and _cut(sim, name)
            if sim.halted and cut and not mine:
                continue  # whether it was asked for before the halt says nothing
            # Each operation of { } has a thread of its own.
            place = asked.begun - 1 if flow else int(name.partition(".")[2] or 0)
            handled = system.driver.handled.get(asked.dump, Handled())
            dumps.append(Dump(flow, place, asked, mine, cut, handled))
    dumps.sort(key=lambda dump: (dump.flow, dump.place))  # threads begin to ask in any order
    data = system.driver.data
    return Evidence(
        dumps=tuple(dumps),
        order=tuple(sendings),
        target=_target(system),
        files=_files(system),
        one_shot=1 if is_freed(data) else peek(data, "network_dumper_one_shot"),
    )


def _flow(name: str) -> int | None:
    """Return the flow of a thread; None for what deferred work and probes ask for."""
    if name.isdigit():
        return int(name)
    return 0 if name.startswith("0.") else None


def _cut(sim: Sim, name: str) -> bool:
    thread = sim.by_name.get(name)
    if thread is None or not thread.operation:
        return False
    return thread.life is Life.KILLED or (sim.halted and thread.life is not Life.DONE)


def _target(system: NetoopsSystem) -> Target | None:
    data = system.driver.data
    np = None if is_freed(data) else peek(data, "np")
    if np is None or is_freed(np):
        return None
    neighbour: Any = peek(data, "netoops_neighbour")
    held, dead = neighbour is not None, False
    if isinstance(neighbour, Neighbour):
        held = not is_freed(neighbour) and NEIGHBOUR_HOLDER in neighbour.refs.holders
        dead = held and bool(peek(neighbour, "dead"))
    return Target(
        address=peek(np, "remote_ip"),
        attached=peek(np, "dev") is not None,
        neighbour=held,
        dead=dead,
    )


def _files(system: NetoopsSystem) -> tuple[str, ...] | None:
    files = getattr(system, "sysfs", None)
    return None if files is None else tuple(name for name, one in files.items() if one.there)


__all__ = ["CRASHES", "NETOOPS_DATA_BYTES", "Dump", "Evidence", "Sending", "Target", "evidence"]
