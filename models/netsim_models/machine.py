"""
One booted machine: the kernel objects that every part of it shares.

This is the "kernel image": globals of 2.6.36 as attributes, so that two machines may be alive
at once.  It does nothing by itself; the functions are in the modules named as their files.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from netsim.core.memory import KObject, bind, shared
from netsim.core.sim import Sim
from netsim.sync.marked import SharedList
from netsim.sync.mutex import Mutex
from netsim.sync.notifier import NotifierChain
from netsim.sync.rcu import Rcu
from netsim.sync.refcount import RefCount
from netsim.sync.spinlock import SpinLock
from netsim.sync.workqueue import Work
from netsim_models.drivers.sysrq import SysrqSettings
from netsim_models.kernel.crashes import Crashes
from netsim_models.kernel.kexec import KexecImages
from netsim_models.kernel.oops import X86, OopsPath
from netsim_models.kernel.panic import PanicPolicy
from netsim_models.policies.policy import Policies
from netsim_models.x86 import X86_64, Arch

if TYPE_CHECKING:
    from netsim_models.net.device import NetDevice


@shared
class NetCore(KObject):
    """Globals of net/core/dev.c and link_watch.c that are plain data."""

    #: Devices whose unregistration the holder of rtnl will finish when it unlocks.
    net_todo_list: tuple[Any, ...] = ()
    #: Devices with link events to be handled; lweventlist_lock protects it.
    lweventlist: tuple[Any, ...] = ()


class Machine:
    """
    The globals of one kernel.

    `release` is "2.6.36" or "2.6.35"; only netpoll differs between them here.  `arch` is the layout
    of an x86 machine, `oops_path` how an oops ends, of another architecture, too.
    """

    def __init__(
        self, sim: Sim, release: str, arch: Arch = X86_64, oops_path: OopsPath = X86
    ) -> None:
        self.sim = sim
        self.release = release
        self.arch = arch
        self.oops_path = oops_path
        #: Every reference count ever made, for leak checking.
        self.refcounts: list[RefCount] = []
        # net/core/dev.c, rtnetlink.c, link_watch.c
        self.rtnl = Mutex(sim, "rtnl_mutex")
        self.core = bind(sim, NetCore(), "net_core")
        self.netdev_chain = NotifierChain(sim, "netdev_chain")
        self.dev_base = SharedList(sim, "dev_base_head")
        self.lweventlist_lock = SpinLock(sim, "lweventlist_lock")
        self.linkwatch_work: Work
        #: How many devices have had each name, so that incarnations can be told apart.
        self.incarnations: dict[str, int] = {}
        # net/core/neighbour.c, net/ipv4: set up by their modules
        self.arp_tbl: Any = None
        self.arp_answers: Any = None
        self.routes: Any = None
        # kernel/printk.c, net/core/netpoll.c: set up by their modules
        self.log: Any = None
        #: Other dumpers, if there are any.
        self.neighbours: Any = None
        # kernel/panic.c, kernel/kexec.c, drivers/char/sysrq.c
        self.die_lock = SpinLock(sim, "die_lock")
        self.policy = bind(sim, PanicPolicy(), "policy")
        self.pause_on_oops_lock = SpinLock(sim, "pause_on_oops_lock")
        self.kexec = bind(sim, KexecImages(), "kexec")
        self.kexec_mutex = Mutex(sim, "kexec_mutex")
        self.sysrq = bind(sim, SysrqSettings(), "sysrq")
        self.sysrq_key_table_lock = SpinLock(sim, "sysrq_key_table_lock")
        #: What crashed, for tallies.
        self.crashes = Crashes()
        #: What may keep dumpers from being called; nothing unless a variant adds it.
        self.policies = Policies()
        self.wire: Any = None
        self.rcu = Rcu(sim, "rcu_bh")

    def refcount(self, name: str, anchor: str) -> RefCount:
        """Make a reference count that leak checking knows; see `RefCount` for the anchor."""
        refs = RefCount(self.sim, name, anchor=anchor)
        self.refcounts.append(refs)
        return refs


Handler = Callable[[int, "NetDevice"], Coroutine[Any, Any, int]]
Ifaddr = tuple[str, int]
"""(address in dotted form, prefix length)"""
