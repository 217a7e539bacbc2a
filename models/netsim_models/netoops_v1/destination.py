"""
How netoops keeps what it must know to send: a MAC address, and ports.

As posted it pins a neighbour, and ports are fixed.  The others are what the TODOs of patch 05 ask
for: "it may not make sense to actually pin the neighbor, but instead just keep a copy of the MAC
around"; "UDP port numbers shouldn't be hardcoded like this".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import attrs

from netsim.core.memory import KObject, shared
from netsim.sync.marked import read_once, write_once
from netsim_models.net.neighbour import Neighbour, neigh_clone, neigh_release

if TYPE_CHECKING:
    from netsim_models.machine import Machine
    from netsim_models.net.neighbour import Nud

NEIGHBOUR_HOLDER = "netoops_neighbour"


@attrs.frozen
class MacCopy:
    """What a neighbour was when it was looked at."""

    nud_state: Nud
    ha: str


Destination: TypeAlias = Neighbour | MacCopy


class Keeping(Protocol):
    """How the driver keeps a destination."""

    async def take(self, neigh: Neighbour) -> Destination:
        """Return what is to be kept of a neighbour.  Context: process."""
        ...

    def keep(self, destination: Destination) -> None:
        """Note that `netoops_neighbour` has it now.  Locks: netoops_lock held."""

    async def drop(self, destination: Destination) -> None:
        """Let go of what `netoops_neighbour` had.  Context: process.  Locks: none."""


class Pinned:
    """A reference to the neighbour, as posted: what becomes of it is seen at each dump."""

    def __init__(self, m: Machine) -> None:
        self.m = m

    async def take(self, neigh: Neighbour) -> Destination:
        """neigh_clone()."""
        return await neigh_clone(neigh)

    def keep(self, destination: Destination) -> None:
        """The reference is that of the driver's data from now on."""
        assert isinstance(destination, Neighbour)
        destination.refs.hand_over("", NEIGHBOUR_HOLDER)

    async def drop(self, destination: Destination) -> None:
        """neigh_release()."""
        assert isinstance(destination, Neighbour)
        destination.refs.hand_over(NEIGHBOUR_HOLDER, "")
        await neigh_release(self.m, destination)


class Copied:
    """
    A copy of the MAC, made when the target is configured, and of whether it was known then.

    Nothing tells the driver of a later one: an address that was not resolved stays unknown, and
    one that changed stays the old one, until the target is configured again.
    """

    async def take(self, neigh: Neighbour) -> Destination:
        """Copy under neigh->lock."""
        async with neigh.lock.reading():
            return MacCopy(neigh.nud_state, neigh.ha)

    def keep(self, destination: Destination) -> None:
        """Nothing is referenced."""

    async def drop(self, destination: Destination) -> None:
        """Nothing is referenced."""


class FixedPorts:
    """UDP ports as posted."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def read(self) -> tuple[int, int]:
        """Return (local, remote)."""
        return self.port, self.port


@shared
class PortsData(KObject):
    """The ports that the next target gets, by marked accesses."""

    local: int
    remote: int


class Ports:
    """UDP ports that can be set; a target that is configured keeps those that it has."""

    def __init__(self, data: PortsData) -> None:
        self.data = data

    async def read(self) -> tuple[int, int]:
        """Return (local, remote)."""
        local = await read_once(self.data, "local")
        return local, await read_once(self.data, "remote")

    async def write(self, local: int, remote: int) -> None:
        """Set both.  Context: any.  Locks: none."""
        await write_once(self.data, "local", local)
        await write_once(self.data, "remote", remote)
