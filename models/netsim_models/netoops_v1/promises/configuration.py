"""Promises about the target: written, taken away, and kept through events of devices."""

from __future__ import annotations

from collections.abc import Sequence

from netsim.promise import KEPT, VOID, Answer, Broken, Performed, Promise, Shown
from netsim_models.errno import EBUSY, EEXIST, ENOENT
from netsim_models.netoops_v1.promises.evidence import Evidence
from netsim_models.netoops_v1.promises.story import (
    CONFIGURES,
    LINK,
    NEUTRAL,
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

    Until it was written nothing had touched the devices, and it is a host on one of their networks:
    so it was configured.  After it nothing but `events` comes, in any flow.
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
    if any(o.call.name not in (*NEUTRAL, *CONFIGURES) for o in before):
        return ""
    if any(o.call.name not in (*NEUTRAL, *events) for o in after):
        return ""
    address = written(shown.operations[writes[-1]])
    if not address or not on_link(address):
        return ""
    device = "eth0" if on_link(address) and address.startswith("10.0.0.") else "eth1"
    return address if _link_comes(after, device) else ""


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
    if seen.target.attached:
        return KEPT
    return Broken(f"{address} is still the target, but no device is", ("detached",))


def existing_kept(shown: Shown) -> Answer | Broken:
    """Whether or not the restart can work, the target is the one that was written."""
    address, seen = _through_events(shown, ANY_EVENT), shown.evidence
    if not address:
        return VOID
    if seen.target is not None and seen.target.address == address:
        return KEPT
    return Broken(f"after an event of the link {address} is no target any more", ("lost",))


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
        return Broken(f"{what}: nobody asks for its address again", ("dead",))
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
        "After events of the link, and no others, the driver is attached for the same target.",
    ),
    Promise(
        "existing-kept",
        "Check to see if that worked at all, if not, silently continue trying to use the existing "
        "configuration.",
        "patch 05, comment in restore_netoops()",
        "eventually",
        existing_kept,
        "When the link of its device has come, whatever has become of routes and addresses, the "
        "target is the one that was written.",
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
