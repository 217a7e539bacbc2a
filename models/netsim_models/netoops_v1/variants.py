"""What the author of netoops thought of doing otherwise, as variants of his driver."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from netsim.caught import Catching
from netsim.core.memory import bind
from netsim.core.sim import Sim
from netsim.design import Design, Operation, Parameter, System, Variant
from netsim_models.netoops_v1.blob import BLOB_BYTES, Blob, BlobData
from netsim_models.netoops_v1.destination import Copied, Ports, PortsData
from netsim_models.netoops_v1.formats import Tagged
from netsim_models.netoops_v1.packet import NETOOPS_PORT
from netsim_models.netoops_v1.system import NetoopsSystem
from netsim_models.wire.tagged_catcher import TaggedCatcher

#: The mail names no figure.
SPACING_MS = 10


def _changed(design: Design, change: Callable[[NetoopsSystem], None], source: str) -> Design:
    """Return the design with its driver changed before anything runs."""

    def boot(sim: Sim) -> System:
        system = design.boot(sim)
        assert isinstance(system, NetoopsSystem)
        change(system)
        return system

    return attrs.evolve(design, boot=boot, sources=(*design.sources, source))


def _every(design: Design) -> Design:
    def change(s: NetoopsSystem) -> None:
        s.driver.one_shot_default = 0
        s.driver.data.network_dumper_one_shot = 0

    made = _changed(design, change, "patch 08 with network_dumper_one_shot = 0 to begin with")
    # Nothing is limited to one crash by default.
    left = tuple(a for a in made.accepted if a.kind != "promise:each-crash-emitted")
    return attrs.evolve(made, accepted=left)


def _mac_copy(design: Design) -> Design:
    def change(s: NetoopsSystem) -> None:
        s.driver.keeping = Copied()

    return _changed(design, change, "patch 05, TODO on the neighbour")


def _spacing(design: Design) -> Design:
    def change(s: NetoopsSystem) -> None:
        s.driver.spacing = SPACING_MS

    return _changed(design, change, "Mike Waychison's mail of 2010-11-03 03:38")


def _ports(design: Design) -> Design:
    def change(s: NetoopsSystem) -> None:
        data = PortsData(local=NETOOPS_PORT, remote=NETOOPS_PORT)
        s.driver.ports = Ports(bind(s.sim, data, "ports"))

    made = _changed(design, change, "patch 05, TODO on port numbers")
    return attrs.evolve(made, operations={**made.operations, PORTS.name: PORTS})


async def ports(s: NetoopsSystem, local: str, remote: str) -> None:
    """Set the ports of the next target.  Context: process.  Locks: none."""
    assert isinstance(s.driver.ports, Ports)
    await s.driver.ports.write(int(local), int(remote))


def _is_port(text: str) -> str | None:
    if text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 1 << 16:
        return None
    return "a port from 1 to 65535"


PORTS = Operation(
    "ports",
    "the next target is sent to REMOTE from LOCAL, UDP",
    ports,
    (
        Parameter("LOCAL", "a port of this machine", _is_port),
        Parameter("REMOTE", "the port of the catcher", _is_port),
    ),
    samples=(("2004", "6666"),),
    source="variant ports",
)


def _blob(design: Design) -> Design:
    def change(s: NetoopsSystem) -> None:
        s.driver.blob = Blob(bind(s.sim, BlobData(), "user_blob"))

    made = _changed(design, change, "patch 07, TODO on user fields")
    return attrs.evolve(made, operations={**made.operations, USER_BLOB.name: USER_BLOB})


async def user_blob(s: NetoopsSystem, text: str) -> int:
    """Replace the blob.  Context: process.  Locks: none."""
    assert s.driver.blob is not None
    return await s.driver.blob.write(text.encode("utf-8", "surrogateescape"))


USER_BLOB = Operation(
    "user-blob",
    f"every packet of later dumps carries TEXT, any {BLOB_BYTES} bytes",
    user_blob,
    (Parameter("TEXT", "what is carried, byte by byte"),),
    samples=(("rack 7",),),
    source="variant blob",
)


def _tagged(design: Design) -> Design:
    def change(s: NetoopsSystem) -> None:
        s.driver.format = Tagged()

    made = _changed(design, change, "Greg KH's mail of 2010-11-03 18:16")
    return attrs.evolve(made, catching=Catching(NETOOPS_PORT, TaggedCatcher))


#: Promises about the header of patches 05 to 07, or checked by its numbers.
PACKED = (
    "log-arrives",
    "three-times",
    "tail-first",
    "zero-padded",
    "critical-data",
    "offsets",
    "registers-recorded",
    "registers-size",
    "processor-recorded",
    "fields-delivered",
)

VARIANTS = (
    Variant(
        "every",
        "one-shot is off to begin with: every crash is dumped",
        _every,
        {"one-shot": "it is off until 1 is written"},
    ),
    Variant(
        "mac-copy",
        "a copy of the MAC is kept, no neighbour is pinned",
        _mac_copy,
        {"neighbour-held": "no reference to a neighbour is held"},
    ),
    Variant("ports", "UDP ports can be set", _ports),
    Variant(
        "blob",
        "an opaque blob of the user instead of firmware, board and boot",
        _blob,
        {"fields-delivered": "the blob stands in their place"},
    ),
    Variant(
        "tagged",
        "dumps are tagged text: a header of lines name=value, the log",
        _tagged,
        dict.fromkeys(PACKED, "no packet has the packed header, by which it is checked"),
    ),
    Variant("spacing", f"{SPACING_MS} ms are spun after each packet", _spacing),
)
