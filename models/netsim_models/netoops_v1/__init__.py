"""
netoops v1: the crash-dump driver proposed in November 2010 (twelve patches on 2.6.36).

Modelled: patches 05 to 09, with the soft dump of 03 and 04 and the registers of 01 and 02.  Four
designs: the driver on the kernel it was posted for, on the kernel before it, whose netpoll takes no
rtnl, with the unlocked netpoll calls on its notifier paths, as commit 3b410a31 did for netconsole,
and on i386, which differs in the size of a word alone.
"""

from netsim.caught import Catching
from netsim.core.sim import Sim
from netsim.design import Design, StartingPoint
from netsim_models import errno
from netsim_models.net import netpoll
from netsim_models.netoops_v1.driver import Paths
from netsim_models.netoops_v1.operations import operations
from netsim_models.netoops_v1.packet import NETOOPS_PORT
from netsim_models.netoops_v1.system import NetoopsSystem
from netsim_models.netoops_v1.tally import tally
from netsim_models.netoops_v1.variants import VARIANTS
from netsim_models.policies.variants import POLICIES
from netsim_models.wire import v1
from netsim_models.wire.catcher import Catcher
from netsim_models.x86 import I386, X86_64, Arch

LOCKED = Paths(netpoll.netpoll_setup, netpoll.netpoll_cleanup)
UNLOCKED = Paths(netpoll.netpoll_setup_rtnl_held, netpoll.netpoll_cleanup_rtnl_held)

STARTS = (
    StartingPoint("off", ""),
    StartingPoint("set", "set 10.0.0.1"),
    StartingPoint("answered", "set 10.0.0.1; neigh-reply 10.0.0.1"),
    StartingPoint("no-carrier", "set 10.0.0.1; carrier-off eth0"),
    StartingPoint("device-gone", "set 10.0.0.1; unregister eth0"),
    StartingPoint("spent", "set 10.0.0.1; oops"),
)

LOCKS = (
    ("rtnl_mutex", "devices, their flags and notifiers", "netoops_lock, lweventlist_lock"),
    ("netoops_lock", "np, netoops_neighbour, network_dumper_disabled", "nothing"),
    ("dump_list_lock", "the list of kmsg dumpers, and every dump", "netoops_lock (trylock)"),
    ("module_mutex", "the state of the module", "nothing"),
    ("arp_tbl.lock", "the hash of neighbours", "neighbour locks"),
    ("die_lock", "one oops at a time", "nothing"),
)

LEFT_OUT = (
    "handlers of interrupts: nothing strikes unless the scenario says so (!)",
    "the parsing of what set, off and one-shot write; write-device and write-one-shot show it",
    "positions in files (each call opens its file), permissions (root calls), and -EFAULT",
    "what lies beside a buffer; what is on the stack reads as 0xAA, or NUL (--choose stack)",
    "values of registers: each tells its place; the processor is family 6, model 26, stepping 5",
    "namespaces, bonding and bridges; the receive side of netpoll and NAPI",
    "consoles; crash kernels; panic_on_oops (off)",
    "weak memory: interleavings are sequentially consistent",
)


def catcher() -> Catcher:
    """Return a catcher of what the patches of this series send."""
    return Catcher(v1.LAYOUTS)


OFF = repr(",0x00000000,0x00000000\n")


def tell(what: str, expected: str, found: str) -> str:
    """Say what a difference between two outcomes means to the owner of the target."""
    if what == "then read":
        if expected == OFF:
            return "the configuration is back"
        return "the configuration is lost" if found == OFF else "the configuration is another"
    if what == "dumps" and found == "none":
        return "the dump is not sent"
    if what == "then soft-dump" and "dump to" in expected and "delivered" not in found:
        return "a dump now would not arrive"
    return ""


def _design(
    name: str, summary: str, release: str, in_notifier: Paths, arch: Arch = X86_64
) -> Design:
    def boot(sim: Sim) -> NetoopsSystem:
        return NetoopsSystem(sim, release, LOCKED, in_notifier, arch)

    return Design(
        name=name,
        summary=summary,
        boot=boot,
        operations=operations(),
        starts=STARTS,
        probes=("read", "soft-dump"),
        locks=LOCKS,
        sources=(
            "drivers/net/netoops.c of the patch series [PATCH v1 00/12], 2010-11-03",
            f"net/core/netpoll.c of {release}",
            "net/core/{dev,link_watch,neighbour}.c, net/ipv4/{arp,route,fib_frontend}.c of 2.6.36",
            "kernel/{printk,panic,module,sysctl}.c of 2.6.36",
            "fs/proc/proc_sysctl.c, fs/sysfs/{file,dir,group}.c, lib/{string,vsprintf}.c of 2.6.36",
        ),
        left_out=LEFT_OUT,
        errors=errno.NAMES,
        environment=("arp", "stack", "timers"),
        tell=tell,
        tally=lambda system: tally(system.machine, system.driver.spacing > 0),
        variants=(*VARIANTS, *POLICIES),
        catching=Catching(NETOOPS_PORT, catcher),
    )


NETOOPS_V1 = _design(
    "netoops-v1", "netoops as posted, on the 2.6.36 it was posted for", "2.6.36", LOCKED
)
NETOOPS_V1_2_6_35 = _design(
    "netoops-v1@2.6.35", "the same driver on 2.6.35, whose netpoll takes no rtnl", "2.6.35", LOCKED
)
NETOOPS_V1_UNLOCKED = _design(
    "netoops-v1+unlocked",
    "netoops with unlocked netpoll calls on notifier paths, as commit 3b410a31 did for netconsole",
    "2.6.36",
    UNLOCKED,
)
NETOOPS_V1_I386 = _design(
    "netoops-v1@i386",
    "netoops as posted, on i386: the same but for the size of a word",
    "2.6.36",
    LOCKED,
    I386,
)

__all__ = ["NETOOPS_V1", "NETOOPS_V1_2_6_35", "NETOOPS_V1_I386", "NETOOPS_V1_UNLOCKED"]
