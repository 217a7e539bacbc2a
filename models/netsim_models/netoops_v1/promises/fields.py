"""Promises about what userland plugs in (patch 07)."""

from __future__ import annotations

from netsim.promise import KEPT, VOID, Answer, Broken, Promise, Shown
from netsim_models.netoops_v1.promises.evidence import Dump, Evidence
from netsim_models.netoops_v1.promises.story import Story, succeeded

#: Where a field stands in the header of patch 07, and how many bytes it has.
FIELDS = {"fw-version": (89, 64), "board-name": (153, 64)}
NUMBER = "boot-number"
FILES = ("netdump_board_name", "netdump_fw_version", "netdump_boot_id")


def delivered(shown: Shown) -> Answer | Broken:
    """What was written last stands in the packets of later dumps."""
    story = Story(shown)
    seen: Evidence = shown.evidence
    if not story.lone:
        return VOID
    initial = sum(o.flow == 0 for o in story.operations)
    tested = False
    for dump in seen.judged():
        at = initial + dump.place
        last = {
            o.call.name: o.call.arguments[0]
            for o in story.operations[:at]
            if o.call.name in (*FIELDS, NUMBER) and succeeded(o)
        }
        if any(o.call.name in ("rmmod", "insmod") for o in story.operations[:at]):
            continue
        for name, text in last.items():
            if not text.strip():
                continue
            tested = True
            answer = _stands(dump, name, text)
            if answer:
                return Broken(answer, (name,))
    return KEPT if tested else VOID


def _stands(dump: Dump, name: str, text: str) -> str:
    for sending in dump.sent:
        if name == NUMBER:
            found = str(sending.head[7])
            wanted = text.strip()
        else:
            found = sending.field(*FIELDS[name]).decode("latin-1").rstrip("\n")
            wanted = text.encode("utf-8", "surrogateescape").decode("latin-1")
            wanted = wanted.rstrip("\n\0")[: FIELDS[name][1]]
        if found != wanted:
            return f"{name} was set to {wanted!r}, and a packet says {found!r}"
    return ""


def files(shown: Shown) -> Answer | Broken:
    """The files have the names that the description gives them."""
    seen: Evidence = shown.evidence
    fields = (*FIELDS, NUMBER)
    touched = [o for o in shown.operations if o.flow and o.call.name in fields and succeeded(o)]
    if not touched or not seen.files:
        return VOID
    missing = [name for name in FILES if name not in seen.files]
    if not missing:
        return KEPT
    return Broken(f"there is no {', '.join(missing)}; the files are {', '.join(seen.files)}")


PROMISES = (
    Promise(
        "fields-delivered",
        "plug this information into the netoops driver via files available in sysfs.",
        "patch 07, description",
        "always",
        delivered,
        "What was written to a file stands in the packets of later dumps.",
    ),
    Promise(
        "files",
        "Files introduced: /sys/kernel/netdump/netdump_board_name "
        "/sys/kernel/netdump/netdump_fw_version /sys/kernel/netdump/netdump_boot_id",
        "patch 07, description",
        "always",
        files,
    ),
)
