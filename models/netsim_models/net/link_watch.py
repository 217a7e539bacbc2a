"""
Link watch: carrier changes become NETDEV_CHANGE in a worker that takes rtnl (link_watch.c, 2.6.36).

Left out: the limit of one full run per second (the worker may start at any moment, see
`netsim.sync.workqueue`), and the operstate policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.sync.marked import test_and_change
from netsim_models.net import events
from netsim_models.net.device import NetDevice, call_netdevice_notifiers, dev_hold, dev_put

if TYPE_CHECKING:
    from netsim_models.machine import Machine

LWEVENTLIST = "lweventlist"


async def netif_carrier_on(m: Machine, dev: NetDevice) -> None:
    """net/sched/sch_generic.c:netif_carrier_on().  Context: any.  Locks: lweventlist_lock."""
    if await test_and_change(dev, "nocarrier", False):
        await linkwatch_fire_event(m, dev)


async def netif_carrier_off(m: Machine, dev: NetDevice) -> None:
    """net/sched/sch_generic.c:netif_carrier_off().  Context: any.  Locks: lweventlist_lock."""
    if not await test_and_change(dev, "nocarrier", True):
        await linkwatch_fire_event(m, dev)


async def linkwatch_fire_event(m: Machine, dev: NetDevice) -> None:
    """
    net/core/link_watch.c:linkwatch_fire_event(), linkwatch_add_event().

    Context: any.  Locks: lweventlist_lock, irqsave.
    """
    if not await test_and_change(dev, "linkwatch_pending", True):
        async with m.lweventlist_lock.irqsave():
            if dev not in m.core.lweventlist:
                m.core.lweventlist = (*m.core.lweventlist, dev)
                await dev_hold(dev, LWEVENTLIST)
    await m.linkwatch_work.schedule_delayed_work(0)


async def linkwatch_run_queue(m: Machine) -> None:
    """
    net/core/link_watch.c:__linkwatch_run_queue(0).

    Context: process; may sleep.  Locks: rtnl held; lweventlist_lock, dropped around each device.
    """
    async with m.lweventlist_lock.irqsave():
        devices = m.core.lweventlist
        m.core.lweventlist = ()
    for dev in devices:
        await linkwatch_do_dev(m, dev)


async def linkwatch_do_dev(m: Machine, dev: NetDevice) -> None:
    """
    net/core/link_watch.c:linkwatch_do_dev().

    Context: process; may sleep.  Locks: rtnl held if the device is up.
    """
    await test_and_change(dev, "linkwatch_pending", False)
    if dev.up:
        await call_netdevice_notifiers(m, events.NETDEV_CHANGE, dev)
    await dev_put(dev, LWEVENTLIST)


async def linkwatch_forget_dev(m: Machine, dev: NetDevice) -> None:
    """
    net/core/link_watch.c:linkwatch_forget_dev().

    Context: process; may sleep.  Locks: lweventlist_lock.
    """
    mine = False
    async with m.lweventlist_lock.irqsave():
        if dev in m.core.lweventlist:
            m.core.lweventlist = tuple(d for d in m.core.lweventlist if d is not dev)
            mine = True
    if mine:
        await linkwatch_do_dev(m, dev)
