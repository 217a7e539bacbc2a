"""Promises about the target: written, taken away, and kept through events of devices."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netsim.promise import KEPT, VOID, Answer, Broken, Performed, Promise, Shown
from netsim_models.errno import EBUSY, EEXIST, ENOENT, NAMES
from netsim_models.netoops_v1.promises.evidence import Evidence
from netsim_models.netoops_v1.promises.story import (
    CONFIGURES,
    LINK,
    NEUTRAL,
    OWN,
    ROUTES,
    Story,
    killed,
    on_link,
    succeeded,
    unicast,
    written,
)


def address_configures(shown: Shown) -> Answer | Broken:
    """After a write that returned no error the driver has that target."""
    story, seen = Story(shown), shown.evidence
    target = story.target()
    if target is None or not story.operations[target[1]].flow or not unicast(target[0]):
        return VOID
    address = target[0]
    if seen.target is not None and seen.target.address == address and seen.target.attached:
        return KEPT
    write = story.operations[target[1]]
    found = f"the target is {seen.target.address}" if seen.target else "there is no target"
    return Broken(f"{write.call} succeeded with {write.result}, yet {found}", ("silent failure",))


def off_disables(shown: Shown) -> Answer | Broken:
    """After "off", and no other write, there is no target, and nothing is sent."""
    seen: Evidence = shown.evidence
    writers = dict.fromkeys(
        o.flow for o in shown.operations if o.flow and o.call.name in CONFIGURES
    )
    if len(writers) != 1:
        return VOID
    (flow,) = writers
    mine = [o for o in shown.operations if o.flow == flow]
    at = max(i for i, o in enumerate(mine) if o.call.name in CONFIGURES)
    off = mine[at]
    writes_off = off.call.name == "off" or (
        off.call.name == "write-device" and off.call.arguments[0].startswith("off")
    )
    if not writes_off or not succeeded(off):
        return VOID
    sent = [d for d in seen.of(flow) if d.place > at and d.sent]
    if sent:
        return Broken(f"after off a dump for {sent[0].asked.reason.name} is sent", ("sends",))
    if shown.halted or seen.target is None or killed(shown):
        return KEPT
    return Broken(f"off returned success, yet {seen.target.address} is configured", ("back",))


def others_disable(shown: Shown) -> Answer | Broken:
    """After a write of a broadcast or multicast address there is no target."""
    story, seen = Story(shown), shown.evidence
    target = story.target()
    if target is None or not story.operations[target[1]].flow or unicast(target[0]):
        return VOID
    if seen.target is None:
        return KEPT
    return Broken(f"{target[0]} is configured, and dumps go there", ("configured",))


#: Events through which a target stays, even if no device is there for it.
ANY_EVENT = (*LINK, "down", "unregister", "register", "mac", "route-add", "route-del")


def _through_events(shown: Shown, events: tuple[str, ...]) -> str:
    """
    Return the target that was written before the link came, "" if it is not known, or did not.

    Until it was written nothing had touched the devices, and it is a host on one of their networks,
    or one that a route was added for: so it was configured.  After it nothing but `events` comes,
    in any flow.
    """
    if killed(shown):
        return ""
    flows = [o for o in shown.operations if o.flow]
    writers = dict.fromkeys(o.flow for o in flows if o.call.name in CONFIGURES)
    if len(writers) > 1 or (writers and len(dict.fromkeys(o.flow for o in flows)) > 1):
        return ""
    writes = [i for i, o in enumerate(shown.operations) if o.call.name in CONFIGURES]
    if not writes or not succeeded(shown.operations[writes[-1]]):
        return ""
    before, after = shown.operations[: writes[-1]], shown.operations[writes[-1] + 1 :]
    if any(o.call.name not in (*NEUTRAL, *CONFIGURES, *ROUTES) for o in before):
        return ""
    if any(o.call.name not in (*NEUTRAL, *events) for o in after):
        return ""
    address = written(shown.operations[writes[-1]])
    device = _device(address, before) if address else ""
    return address if address and device and _link_comes(after, device) else ""


def _device(address: str, before: Sequence[Performed]) -> str:
    """Return the Ethernet device that a target is reached through, "" if it is not."""
    if not unicast(address) or address in OWN:
        return ""
    routes: dict[str, str] = {}
    for done in before:
        if done.call.name == "route-add" and succeeded(done):
            routes[done.call.arguments[0]] = done.call.arguments[1]
        elif done.call.name == "route-del" and succeeded(done):
            routes.pop(done.call.arguments[0], None)
    found = routes.get(address) or (_network(address) if on_link(address) else "")
    return found if found in ("eth0", "eth1") else ""


def _network(address: str) -> str:
    return "eth0" if address.startswith("10.0.0.") else "eth1"


def _link_comes(operations: Sequence[Performed], device: str) -> bool:
    """Tell whether, in this order, a flow has the driver notified of a link that then stays."""
    there = up = carrier = True
    comes = False
    for done in operations:
        name, arguments = done.call.name, done.call.arguments
        if not arguments or arguments[0] != device:
            continue
        changed = name == "flags" or (name == "carrier-on" and not carrier)
        carrier = {"carrier-on": there, "carrier-off": False, "register": False}.get(name, carrier)
        up = {"up": there, "down": False, "register": False, "unregister": False}.get(name, up)
        there = {"register": True, "unregister": False}.get(name, there)
        comes = comes or bool(done.flow and changed and there and up and carrier)
        comes = comes and there and up and carrier  # what has gone again may not have been seen
    return comes


def restored(shown: Shown) -> Answer | Broken:
    """After events of the link the driver is attached for the target that it had."""
    address, seen = _through_events(shown, LINK), shown.evidence
    if not address:
        return VOID
    if seen.target is None or seen.target.address != address:
        return Broken(f"after an event of the link {address} is no target any more", ("lost",))
    if not seen.target.attached:
        return Broken(f"{address} is still the target, but no device is", ("detached",))
    if not seen.target.neighbour:
        return Broken(f"{address} is still the target, but no neighbour is held", ("neighbour",))
    return KEPT


def existing_kept(shown: Shown) -> Answer | Broken:
    """
    Whether or not the restart can work, the target is the one that was written.

    So are its device and its neighbour, unless that device was unregistered meanwhile.
    """
    address, seen = _through_events(shown, ANY_EVENT), shown.evidence
    if not address:
        return VOID
    if seen.target is None or seen.target.address != address:
        return Broken(f"after an event of the link {address} is no target any more", ("lost",))
    if any(o.call.name == "unregister" for o in shown.operations):
        return KEPT
    still = f"after an event of the link {address} is still the target"
    if not seen.target.attached:
        return Broken(f"{still}, but without its device", ("detached",))
    if not seen.target.neighbour:
        return Broken(f"{still}, but its neighbour is not held any more", ("neighbour",))
    return KEPT


#: A number below 2 to the 32, in digits, with what shells and C programs write behind it.
_U32 = re.compile(r"([0-9]{1,10})(\n?)(\0?)")


def u32_taken(shown: Shown) -> Answer | Broken:
    """A write of a u32 in ascii returns no error."""
    tested = False
    for done in shown.operations:
        if done.call.name != "write-device" or not done.flow or done.ended != "returned":
            continue
        text = _U32.fullmatch(done.call.arguments[0])
        if text is None or int(text[1]) >= 1 << 32 or done.result == -ENOENT:
            continue  # with -ENOENT there is no such file: the driver is not there
        tested = True
        if not succeeded(done):
            ends = "a new line" if text[2] else "its last digit"
            error = NAMES.get(-done.result, str(-done.result))
            what = f"{done.call}, which ends with {ends}, returns -{error}"
            return Broken(f"{what}, and no target is left", (ends,))
    return KEPT if tested else VOID


def neighbour_held(shown: Shown) -> Answer | Broken:
    """Who is attached for a target holds its neighbour, which the table still knows."""
    seen: Evidence = shown.evidence
    flows = [o.call.name for o in shown.operations if o.flow]
    if shown.halted or all(name in NEUTRAL for name in flows) or killed(shown):
        return VOID
    if seen.target is None or not seen.target.attached:
        return VOID
    if not seen.target.neighbour:
        return Broken(f"{seen.target.address} is configured without a neighbour", ("none",))
    if seen.target.dead:
        what = f"the neighbour that is held for {seen.target.address} is gone from the table"
        return Broken(f"{what}: nobody asks for its address again", DEAD)
    return KEPT


def module(shown: Shown) -> Answer | Broken:
    """The module can be loaded: it finds every symbol (short memory is no fault of its)."""
    loads = [
        o
        for o in shown.operations
        if o.flow and o.call.name == "insmod" and o.ended == "returned" and o.result not in LOADED
    ]
    if not loads:
        return VOID
    wrong = [o for o in loads if o.result == -ENOENT]
    return Broken("insmod fails: a symbol that it needs is not exported") if wrong else KEPT


#: What tells a neighbour that the table has dropped from one that the driver has.
DEAD = ("dead",)

#: What insmod returns if the module is loaded, or being loaded or unloaded.
LOADED = (-EBUSY, -EEXIST)

PROMISES = (
    Promise(
        "address-configures",
        "CASE 2) configure for unicast netoopss to that address.",
        "patch 05, comment in proc_netoops_device()",
        "eventually",
        address_configures,
        "A write of a unicast address that returns no error leaves that target configured.",
    ),
    Promise(
        "u32-taken",
        "Takes a u32 in ascii representing the destination ipv4 address for dumps.",
        "patch 05, description",
        "always",
        u32_taken,
        "With or without a new line or a NUL behind it.",
    ),
    Promise(
        "off-disables",
        "CASE 1) netoopss are disabled",
        "patch 05, comment in proc_netoops_device()",
        "always",
        off_disables,
        'Once a write of "off" has returned, and nobody writes anything else, nothing is sent.',
    ),
    Promise(
        "others-disable",
        "Supplying a broadcast or multicast address to case 2 or a unicast address to case 3 will "
        "result in netoopss being disabled.",
        "patch 05, comment in proc_netoops_device()",
        "eventually",
        others_disable,
    ),
    Promise(
        "restored",
        "Restart the netoops configuration using the previous target IP",
        "patch 05, comment in restore_netoops()",
        "eventually",
        restored,
        "After events of the link, and no others, the driver is attached for the same target, and "
        "holds a neighbour.",
    ),
    Promise(
        "existing-kept",
        "Check to see if that worked at all, if not, silently continue trying to use the existing "
        "configuration.",
        "patch 05, comment in restore_netoops()",
        "eventually",
        existing_kept,
        "When the link of its device has come, whatever has become of routes and addresses, the "
        "target is the one that was written; with its device and a neighbour, unless the device "
        "was unregistered.",
    ),
    Promise(
        "neighbour-held",
        "When configured with an IPv4 address, netoops will initiate an ARP and hold a reference "
        "to the associated neighbor.",
        "cover letter",
        "eventually",
        neighbour_held,
        "At rest, while it is attached to a device; one that the table has dropped is none.",
    ),
    Promise(
        "module",
        "it can be compiled as a module.",
        "patch 12, description",
        "eventually",
        module,
        "When it is loaded it finds every symbol that it needs: those of patches 10 and 11, too.",
    ),
)
