"""
What the series [PATCH v1 00/12] says about itself: patch descriptions, comments, Kconfig, cover.

Each promise cites its sentence.  They look at results of operations, at the packets as they left
the machine, at the calls of kmsg_dump() in the order of each thread, and at the target that is
configured at the end; dumps of `{ }` and of probes put none of them to the test.
"""

from netsim_models.netoops_v1.promises import configuration, crashes, fields, packets
from netsim_models.netoops_v1.promises.evidence import evidence

PROMISES = (
    *packets.PROMISES,
    *crashes.PROMISES,
    *configuration.PROMISES,
    *fields.PROMISES,
)

__all__ = ["PROMISES", "evidence"]
