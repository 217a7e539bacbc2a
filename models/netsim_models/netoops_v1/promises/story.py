"""What a scenario has done to the configuration, as its user sees it: operations and results."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from netsim.promise import Performed, Shown

#: Operations that write the configuration, or throw it away.
CONFIGURES = ("set", "off", "write-device", "rmmod", "insmod")
#: Operations that leave configuration, devices and routes alone.
NEUTRAL = (
    "read",
    "one-shot",
    "write-one-shot",
    "read-one-shot",
    "oops",
    "panic",
    "crash",
    "read-crash",
    "soft-dump",
    "log",
    "neigh-reply",
    "neigh-fail",
    "neigh-age",
    "fw-version",
    "read-fw-version",
    "board-name",
    "read-board-name",
    "boot-number",
    "read-boot-number",
    "panic-on-oops",
    "pause-on-oops",
    "kexec-load",
    "kexec-unload",
    "kexec",
    "sysrq",
    "sysrq-trigger",
    "sysrq-mask",
    "ramoops-read",
    "mtdoops-read",
    "wait",
    "rearm",
    "rate",
    "dump-flag",
    "ports",
    "user-blob",
    "stream",
    "console-level",
    "kmsg",
)
#: Operations that change how a target is reached, and nothing else.
ROUTES = ("route-add", "route-del")
#: Events of the link, which leave device and address where they are.
LINK = ("carrier-on", "carrier-off", "flags", "up")
#: The networks of the world (netsim_models.world), and what in them is this host itself.
NETWORKS = (ipaddress.IPv4Network("10.0.0.0/24"), ipaddress.IPv4Network("10.0.1.0/24"))
OWN = ("10.0.0.100", "10.0.1.100")

_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|[0-9]+)\n?")


def written(done: Performed) -> str | None:
    """
    Return the address that a write asks for, "" if it asks for none; None if it is no such write.

    Of `write-device` only what strict_strtoul() takes counts: a number, perhaps a new line.
    """
    name, arguments = done.call.name, done.call.arguments
    if name == "set":
        return arguments[0]
    if name in ("off", "rmmod"):
        return ""
    if name != "write-device":
        return None
    text = arguments[0].partition("\0")[0].partition(",")[0]
    if text.startswith("off"):
        return ""
    if not _NUMBER.fullmatch(text):
        return ""  # refused, and no target is left
    number = text.strip()
    base = 16 if number[:2] in ("0x", "0X") else 8 if number[0] == "0" else 10
    try:
        return str(ipaddress.IPv4Address(int(number, base) & 0xFFFF_FFFF))
    except ValueError:
        return ""


def succeeded(done: Performed) -> bool:
    """Tell whether an operation returned, and no error."""
    return done.ended == "returned" and not (isinstance(done.result, int) and done.result < 0)


def killed(shown: Shown) -> bool:
    """Tell whether a strike killed an operation: what it leaves half done is no fault of theirs."""
    return any(done.ended == "killed" for done in shown.operations)


def unicast(address: str) -> bool:
    """Tell whether an address is neither multicast nor broadcast."""
    found = ipaddress.IPv4Address(address)
    ends = {end for net in NETWORKS for end in (net.network_address, net.broadcast_address)}
    return not (found.is_multicast or found in ends or str(found) in ("255.255.255.255", "0.0.0.0"))


def on_link(address: str) -> bool:
    """Tell whether a host of the world's networks is meant, other than this one."""
    found = ipaddress.IPv4Address(address)
    return unicast(address) and address not in OWN and any(found in net for net in NETWORKS)


class Story:
    """
    The operations of `{ }`, then those of the flow that writes the configuration, in order.

    `sole` tells that no other flow writes it or does anything that may change it by itself: what is
    configured is then known from this order alone.
    """

    def __init__(self, shown: Shown, *, events: bool = False) -> None:
        flows = dict.fromkeys(o.flow for o in shown.operations if o.flow)
        allowed = (*NEUTRAL, *LINK) if events else NEUTRAL
        busy = [
            flow
            for flow in flows
            if any(o.flow == flow and o.call.name not in allowed for o in shown.operations)
        ]
        self.sole = len(busy) <= 1
        #: The flow whose order counts; 0 if it does not matter which.
        self.flow = busy[0] if busy else next(iter(flows)) if len(flows) == 1 else 0
        self.lone = len(flows) == 1
        self.operations: Sequence[Performed] = [
            o for o in shown.operations if o.flow in (0, self.flow)
        ]

    def last_write(self) -> int | None:
        """Return where the last write of the configuration stands; None if there is none."""
        places = [i for i, o in enumerate(self.operations) if o.call.name in CONFIGURES]
        return places[-1] if places else None

    def target(self) -> tuple[str, int] | None:
        """
        Return the address that was written last, and where; None if that was none, or failed.

        What stands after that write leaves the configuration alone.
        """
        at = self.last_write()
        if at is None or not self.sole or not succeeded(self.operations[at]):
            return None
        address = written(self.operations[at])
        if not address or any(o.call.name not in NEUTRAL for o in self.operations[at + 1 :]):
            return None
        return address, at
