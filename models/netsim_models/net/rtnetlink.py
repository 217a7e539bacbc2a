"""
rtnl: the networking control mutex, and what unlocking it sets off (rtnetlink.c, dev.c, 2.6.36).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.core.memory import kfree
from netsim.sync.sleep import might_sleep
from netsim.sync.wait import wait_for_change
from netsim_models.net import events
from netsim_models.net.device import REGISTRATION, NetDevice, call_netdevice_notifiers
from netsim_models.net.link_watch import linkwatch_forget_dev, linkwatch_run_queue

if TYPE_CHECKING:
    from netsim_models.machine import Machine


async def rtnl_lock(m: Machine) -> None:
    """net/core/rtnetlink.c:rtnl_lock().  Context: process; may sleep.  Locks: takes rtnl."""
    await m.rtnl.mutex_lock()


async def __rtnl_unlock(m: Machine) -> None:
    """net/core/rtnetlink.c:__rtnl_unlock().  Context: process.  Locks: drops rtnl."""
    await m.rtnl.mutex_unlock()


async def rtnl_unlock(m: Machine) -> None:
    """
    net/core/rtnetlink.c:rtnl_unlock(), which is net/core/dev.c:netdev_run_todo().

    Context: process; may sleep, and wait for references without end.  Locks: drops rtnl.
    """
    todo = m.core.net_todo_list
    if todo:
        m.core.net_todo_list = ()
    await m.rtnl.mutex_unlock()
    for dev in todo:
        REGISTRATION.fire(m.sim, dev, "reg_state", "todo")
        await might_sleep("flush_backlog")
        await netdev_wait_allrefs(m, dev)
        kfree(dev)


async def netdev_wait_allrefs(m: Machine, dev: NetDevice) -> None:
    """
    net/core/dev.c:netdev_wait_allrefs().

    Context: process; may sleep.  Locks: takes and drops rtnl in each round, none while waiting.
    """
    await linkwatch_forget_dev(m, dev)
    while True:
        seen = m.sim.begin_round()
        try:
            if await dev.refs.is_zero():
                return
            await rtnl_lock(m)
            await call_netdevice_notifiers(m, events.NETDEV_UNREGISTER, dev)
            if dev.linkwatch_pending:
                await linkwatch_run_queue(m)
            await __rtnl_unlock(m)
            again = seen.changed()
        finally:
            m.sim.end_round()
        if not again:
            await wait_for_change(repr(dev), seen, lambda: _usage(dev))


def _usage(dev: NetDevice) -> str:
    holders = ", ".join(sorted(dev.refs.holders)) or "nobody"
    return f"{dev!r} to become free, usage count = {dev.refs.count}, held by {holders}"
