"""
An opaque blob of the user instead of three fields.

Patch 07, TODO: "This would probably be better handled by havin the kernel accept some blob of data.
It doesn't need to know what the data itself is, as long as it is delivered in each packet."  Here
it takes the 128 bytes of the two texts of patch 07, which stand side by side; v3 has a field of as
many.  The version stays 2: a catcher of patch 07 takes the blob for two texts, and refuses one that
cannot be, such as "a", NUL, "b".  That is the price of a format without a field for it.
"""

from __future__ import annotations

from netsim.core.memory import KObject, shared
from netsim.sync.marked import rcu_assign, rcu_dereference
from netsim_models.errno import EFBIG
from netsim_models.wire.layout import Layout

BLOB_BYTES = 128


@shared
class BlobData(KObject):
    """The pointer to the blob: published whole, and read once by a dump."""

    blob: bytes = b""


def with_blob(header: bytes, layout: Layout, blob: bytes) -> bytes:
    """Return a header of patch 07 whose user fields are a blob, padded with NULs."""
    boot_id = layout.field("blog_boot_id")
    first, last = layout.field("bios_version"), layout.field("motherboard_type")
    assert boot_id is not None
    assert first is not None
    assert last is not None
    head = header[: boot_id.offset] + bytes(boot_id.size) + header[boot_id.end : first.offset]
    return head + blob.ljust(BLOB_BYTES, b"\0") + header[last.end :]


class Blob:
    """The blob of one driver."""

    def __init__(self, data: BlobData) -> None:
        self.data = data

    async def read(self) -> bytes:
        """Return it.  Context: any, irqs off: an RCU-bh reader."""
        blob: bytes = await rcu_dereference(self.data, "blob")
        return blob

    async def write(self, blob: bytes) -> int:
        """Replace it; -EFBIG if it is too large.  Context: process.  Locks: none."""
        if len(blob) > BLOB_BYTES:
            return -EFBIG
        await rcu_assign(self.data, "blob", blob)
        return len(blob)
