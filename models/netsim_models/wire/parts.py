"""What has come of one dump: the data of its packets, each as often and in as many versions."""

from __future__ import annotations

import attrs

from netsim_models.wire.layout import DATA_BYTES
from netsim_models.wire.packet import Packet


@attrs.define
class Version:
    """Contents with which a packet came, and how often; less than 1024 bytes if it was cut off."""

    data: bytes
    copies: int = 1

    def covers(self, data: bytes) -> bool:
        """Whether `data` is the same as far as both are known."""
        known = min(len(self.data), len(data))
        return self.data[:known] == data[:known]


@attrs.define(eq=False)
class Parts:
    """
    The packets of one dump so far.

    `header` is any of its packets, without data.  No packet number has more than `versions_max`
    versions; copies of further ones are only counted.
    """

    source: str
    header: Packet
    versions_max: int
    #: By packet number.
    versions: dict[int, list[Version]] = attrs.Factory(dict)
    copies: int = 0
    #: Packet numbers of which only the beginning is known.
    cut: int = 0
    #: When the latest packet came, in seconds.
    time: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether each packet came, and none only cut off."""
        return len(self.versions) == self.header.packet_count and not self.cut

    def add(self, packet_no: int, data: bytes) -> int:
        """Take the data of a packet; return how many bytes more are kept."""
        self.copies += 1
        known = self.versions.get(packet_no)
        if known is None:
            self.versions[packet_no] = [Version(data)]
            self.cut += len(data) < DATA_BYTES
            return len(data)
        for version in known:
            if version.covers(data):
                return self._grow(known, version, data)
        if len(known) == self.versions_max:
            return 0
        self.cut -= _cut(known)
        known.append(Version(data))
        self.cut += _cut(known)
        return len(data)

    def _grow(self, known: list[Version], version: Version, data: bytes) -> int:
        version.copies += 1
        more = len(data) - len(version.data)
        if more <= 0:
            return 0
        self.cut -= _cut(known)
        version.data = data
        self.cut += _cut(known)
        return more

    def best(self, packet_no: int) -> bytes:
        """Return the contents to show: whole ones first, then those that came most often."""
        versions = self.versions[packet_no]
        return max(versions, key=lambda one: (len(one.data) == DATA_BYTES, one.copies)).data

    def conflicts(self) -> tuple[int, ...]:
        """Return the packet numbers that came with different contents."""
        return tuple(sorted(no for no, versions in self.versions.items() if len(versions) > 1))


def _cut(versions: list[Version]) -> bool:
    return all(len(version.data) < DATA_BYTES for version in versions)
