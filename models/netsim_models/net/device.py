"""
struct net_device and its life cycle: net/core/dev.c of 2.6.36.

Left out: namespaces, bonding and bridges, the qdisc layer, NAPI.  `dev->state` bits are marked
accesses; fields that the kernel changes under rtnl and reads without it are plain.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from netsim.core.access import READ
from netsim.core.fsm import StateMachine
from netsim.core.memory import KObject, bind, constant, shared
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform
from netsim.sync.marked import SharedList, read_once, test_and_change
from netsim.sync.notifier import NOTIFY_STOP_MASK
from netsim.sync.refcount import RefCount
from netsim.sync.sleep import might_sleep
from netsim_models.errno import EBUSY, EEXIST, EINVAL
from netsim_models.net import events

if TYPE_CHECKING:
    from netsim_models.machine import Ifaddr, Machine


class RegState(Enum):
    """dev->reg_state."""

    UNINITIALIZED = "NETREG_UNINITIALIZED"
    REGISTERED = "NETREG_REGISTERED"
    UNREGISTERING = "NETREG_UNREGISTERING"
    UNREGISTERED = "NETREG_UNREGISTERED"


IFNAMSIZ = 16

REGISTRATION = StateMachine(
    "net_device registration",
    RegState,
    [
        ("register", [RegState.UNINITIALIZED], RegState.REGISTERED),
        ("rollback", [RegState.REGISTERED], RegState.UNREGISTERING),
        ("todo", [RegState.UNREGISTERING], RegState.UNREGISTERED),
    ],
    RegState.UNINITIALIZED,
)


#: Who holds the reference of register_netdevice().
REGISTRATION_REF = "registration"


@shared
class NetDevice(KObject):
    """struct net_device, with what netpoll, ARP and link watch use of it."""

    refs: RefCount = constant()
    #: in_dev's addresses; a fresh device has none.
    ifaddrs: tuple[Ifaddr, ...] = ()
    #: dev->ip_ptr: the device has an in_device; goes with inetdev_destroy().
    ip_ptr: bool = True
    #: in_dev->arp_parms->dead; arp_tbl.lock protects it.
    arp_parms_dead: bool = False
    name: str = ""
    #: IFF_UP
    up: bool = False
    #: IFF_ALLMULTI and other flags whose change only notifies; a counter stands for them.
    other_flags: int = 0
    #: __LINK_STATE_START: netif_running()
    start: bool = False
    #: __LINK_STATE_NOCARRIER: !netif_carrier_ok()
    nocarrier: bool = True
    #: __LINK_STATE_LINKWATCH_PENDING
    linkwatch_pending: bool = False
    reg_state: RegState = RegState.UNINITIALIZED
    dev_addr: str = ""
    npinfo: Any = None
    loopback: bool = constant(default=False)


def is_loopback(dev: NetDevice) -> bool:
    """IFF_LOOPBACK."""
    return dev.loopback


class Counted(Protocol):
    """Something with a reference count."""

    @property
    def refs(self) -> RefCount:
        """Return its count."""
        ...


class FindAndHold(Op):
    """
    Search a list and take a reference to what was found, in one step: an RCU read section.

    What unlinks the item waits for a grace period before it drops its own reference, so nothing
    can come between the two.
    """

    __slots__ = ("by", "call_name", "items", "matches", "target")

    name = "find_and_hold"

    def __init__(
        self,
        items: SharedList,
        call_name: str,
        matches: Callable[[Any], bool],
        target: Callable[[Any], Counted],
        by: str = "",
    ) -> None:
        self.items = items
        self.call_name = call_name
        self.matches = matches
        self.target = target
        self.by = by

    def call(self) -> str:
        """Return the kernel's name of the look-up."""
        return self.call_name

    def label(self) -> str:
        """Return the list."""
        return self.items.name

    def apply(self, sim: Sim, thread: SimThread) -> Any:
        """Return the first item that matches, its target held; or None."""
        key = self.items.key
        sim.touch(key, READ, sim.versions.get(key, 0))
        sim.value_read(key)
        sim.acquire_edge(key)
        for item in self.items.items:
            if self.matches(item):
                self.target(item).refs.take(self.by)
                return item
        return None


async def dev_hold(dev: NetDevice, by: str = "") -> None:
    """include/linux/netdevice.h:dev_hold().  Context: any.  Locks: none."""
    await dev.refs.get(by)


async def dev_put(dev: NetDevice, by: str = "") -> None:
    """include/linux/netdevice.h:dev_put(), a bare decrement.  Context: any.  Locks: none."""
    await dev.refs.put(by)


async def netif_running(dev: NetDevice) -> bool:
    """include/linux/netdevice.h:netif_running().  Context: any.  Locks: none."""
    return bool(await read_once(dev, "start"))


async def netif_carrier_ok(dev: NetDevice) -> bool:
    """include/linux/netdevice.h:netif_carrier_ok().  Context: any.  Locks: none."""
    return not await read_once(dev, "nocarrier")


async def dev_get_by_name(m: Machine, name: str, by: str = "") -> NetDevice | None:
    """
    net/core/dev.c:dev_get_by_name(): look-up and reference in one RCU section, so one step.

    Context: any.  Locks: none (RCU); a reference is taken for `by`.
    """
    dev: NetDevice | None = await perform(
        FindAndHold(m.dev_base, "dev_get_by_name", lambda d: d.name == name, lambda d: d, by)
    )
    return dev


async def __dev_get_by_name(m: Machine, name: str) -> NetDevice | None:
    """net/core/dev.c:__dev_get_by_name().  Context: process.  Locks: caller holds rtnl."""
    dev: NetDevice | None = await m.dev_base.find(lambda d: d.name == name)
    return dev


async def call_netdevice_notifiers(m: Machine, event: int, dev: NetDevice) -> int:
    """net/core/dev.c:call_netdevice_notifiers().  Context: process.  Locks: rtnl held."""
    return await m.netdev_chain.call_chain(event, dev)


async def dev_open(m: Machine, dev: NetDevice) -> int:
    """
    net/core/dev.c:dev_open(), __dev_open().

    The kernel asks netif_device_present(), which is about suspend: a device that is being
    unregistered is opened like any other.

    Context: process; may sleep.  Locks: rtnl held.
    """
    if dev.up:
        return 0
    answer = await call_netdevice_notifiers(m, events.NETDEV_PRE_UP, dev)
    if answer & NOTIFY_STOP_MASK:
        return -EINVAL
    await test_and_change(dev, "start", True)
    dev.up = True
    await call_netdevice_notifiers(m, events.NETDEV_UP, dev)
    return 0


async def dev_close(m: Machine, dev: NetDevice) -> None:
    """
    net/core/dev.c:dev_close(), __dev_close().

    Context: process; may sleep.  Locks: rtnl held.
    """
    if not dev.up:
        return
    await call_netdevice_notifiers(m, events.NETDEV_GOING_DOWN, dev)
    await test_and_change(dev, "start", False)
    await m.rcu.synchronize("synchronize_rcu")
    dev.up = False
    await call_netdevice_notifiers(m, events.NETDEV_DOWN, dev)


def new_device(m: Machine, name: str, dev_addr: str, **fields: Any) -> NetDevice:
    """Make a device object, not registered, held by nobody; labels tell incarnations apart."""
    count = m.incarnations[name] = m.incarnations.get(name, 0) + 1
    label = name if count == 1 else f"{name}#{count}"
    refs = m.refcount(label, REGISTRATION_REF)
    dev = NetDevice(refs=refs, name=name, dev_addr=dev_addr, **fields)
    m.sim.heap[label] = dev
    return bind(m.sim, dev, label)


async def register_netdevice(m: Machine, name: str, dev_addr: str) -> int:
    """
    net/core/dev.c:register_netdevice() for a new device, as alloc_netdev() made it.

    Context: process; may sleep.  Locks: rtnl held.
    """
    if await __dev_get_by_name(m, name) is not None:
        return -EEXIST
    dev = new_device(m, name, dev_addr)
    await call_netdevice_notifiers(m, events.NETDEV_POST_INIT, dev)
    REGISTRATION.fire(m.sim, dev, "reg_state", "register")
    await dev_hold(dev, REGISTRATION_REF)
    await m.dev_base.add(dev)
    await call_netdevice_notifiers(m, events.NETDEV_REGISTER, dev)
    return 0


async def unregister_netdevice(m: Machine, dev: NetDevice) -> None:
    """
    net/core/dev.c:rollback_registered_many(), net_set_todo().

    Context: process; may sleep.  Locks: rtnl held.
    """
    await dev_close(m, dev)
    await m.dev_base.remove(dev)
    REGISTRATION.fire(m.sim, dev, "reg_state", "rollback")
    await m.rcu.synchronize("synchronize_net")
    await call_netdevice_notifiers(m, events.NETDEV_UNREGISTER, dev)
    await call_netdevice_notifiers(m, events.NETDEV_UNREGISTER_BATCH, dev)
    await might_sleep("rcu_barrier")
    await dev_put(dev, REGISTRATION_REF)
    m.core.net_todo_list = (*m.core.net_todo_list, dev)


async def dev_change_name(m: Machine, dev: NetDevice, name: str) -> int:
    """
    net/core/dev.c:dev_change_name().

    Context: process; may sleep.  Locks: rtnl held.
    """
    if dev.up:
        return -EBUSY
    if dev.name == name:
        return 0
    if await __dev_get_by_name(m, name) is not None:
        return -EEXIST
    old = dev.name
    dev.name = name
    await m.dev_base.remove(dev)
    await m.rcu.synchronize("synchronize_rcu")
    await m.dev_base.add(dev)
    answer = await call_netdevice_notifiers(m, events.NETDEV_CHANGENAME, dev)
    if answer & NOTIFY_STOP_MASK:
        dev.name = old
        await call_netdevice_notifiers(m, events.NETDEV_CHANGENAME, dev)
        return -EINVAL
    return 0


async def dev_change_flags(m: Machine, dev: NetDevice) -> None:
    """
    net/core/dev.c:dev_change_flags(), __dev_notify_flags(), for a flag other than UP.

    Context: process; may sleep.  Locks: rtnl held.
    """
    dev.other_flags = dev.other_flags ^ 1
    if dev.up:
        await call_netdevice_notifiers(m, events.NETDEV_CHANGE, dev)


async def dev_set_mac_address(m: Machine, dev: NetDevice, mac: str) -> int:
    """
    net/core/dev.c:dev_set_mac_address().

    Context: process; may sleep.  Locks: rtnl held.
    """
    dev.dev_addr = mac
    await call_netdevice_notifiers(m, events.NETDEV_CHANGEADDR, dev)
    return 0
