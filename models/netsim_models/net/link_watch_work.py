"""The worker of link watch (link_watch.c, 2.6.36), apart from its queue because it takes rtnl."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim_models.net.link_watch import linkwatch_run_queue
from netsim_models.net.rtnetlink import rtnl_lock, rtnl_unlock

if TYPE_CHECKING:
    from netsim_models.machine import Machine


async def linkwatch_event(m: Machine) -> None:
    """
    net/core/link_watch.c:linkwatch_event().

    Context: process (worker); may sleep.  Locks: takes rtnl.
    """
    await rtnl_lock(m)
    await linkwatch_run_queue(m)
    await rtnl_unlock(m)
