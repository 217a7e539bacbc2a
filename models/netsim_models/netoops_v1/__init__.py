"""
netoops v1: the crash-dump driver proposed in November 2010 (twelve patches on 2.6.36).

What is modelled of each patch, and what is left out, stands in `parts`.  The designs: the driver on
the kernel it was posted for; on the kernel before it, whose netpoll takes no rtnl; with unlocked
netpoll calls on its notifier paths, as commit 3b410a31 did for netconsole; on i386, which differs
in the size of a word alone; with other dumpers beside it; built in; and without the exports of
patches 10 and 11.  The first three have a uniprocessor build (+up).
"""

import re
from collections.abc import Sequence

import attrs

from netsim.caught import Catching
from netsim.core.sim import Sim
from netsim.design import AcceptedLoss, Design, StartingPoint, System
from netsim.sync.uniprocessor import uniprocessor
from netsim_models import errno
from netsim_models.kernel.printk import TEXT_MAX
from netsim_models.net import netpoll
from netsim_models.netoops_v1.driver import Paths
from netsim_models.netoops_v1.operations import operations
from netsim_models.netoops_v1.packet import NETOOPS_PORT
from netsim_models.netoops_v1.parts import PARTS
from netsim_models.netoops_v1.promises import PROMISES, evidence
from netsim_models.netoops_v1.promises.configuration import DEAD
from netsim_models.netoops_v1.promises.crashes import ONE_SHOT
from netsim_models.netoops_v1.promises.packets import UNRESOLVED
from netsim_models.netoops_v1.symbols import unknown
from netsim_models.netoops_v1.system import MODULE, Build, NetoopsSystem
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

#: Where a restart finds no route any more.
PROMISE_STARTS = (
    StartingPoint("route-gone", "route-add 192.0.2.1 eth0; set 192.0.2.1; route-del 192.0.2.1"),
)

NOT_LOADED = (StartingPoint("not-loaded", ""),)

LOCKS = (
    ("rtnl_mutex", "devices, their flags and notifiers", "netoops_lock, lweventlist_lock"),
    ("netoops_lock", "np, netoops_neighbour, network_dumper_disabled", "nothing"),
    ("dump_list_lock", "the list of kmsg dumpers, and every dump", "netoops_lock (trylock)"),
    ("module_mutex", "the state of the module", "nothing"),
    ("arp_tbl.lock", "the hash of neighbours", "neighbour locks"),
    ("sysrq_key_table_lock", "the magic keys, and what they do", "dump_list_lock, die_lock"),
    ("die_lock", "one oops at a time", "kexec_mutex (trylock), dump_list_lock (kexec)"),
    ("kexec_mutex", "the crash kernel", "dump_list_lock"),
    ("pause_on_oops_lock", "who may print an oops (pause-on-oops)", "nothing"),
)

LEFT_OUT = (
    "handlers of interrupts: nothing strikes unless the scenario says so (!)",
    "the parsing of what set, off and one-shot write; write-device and write-one-shot show it",
    "positions in files (each call opens its file), permissions (root calls), and -EFAULT",
    "what lies beside a buffer; what is on the stack reads as 0xAA, or NUL (--choose stack)",
    "values of registers: each tells its place; the processor is family 6, model 26, stepping 5",
    "namespaces, bonding and bridges; the receive side of netpoll and NAPI",
    "consoles, but for the one of +stream; what a crash kernel does",
    "weak memory: interleavings are sequentially consistent",
)


def catcher() -> Catcher:
    """Return a catcher of what the patches of this series send."""
    return Catcher(v1.LAYOUTS)


UP_SOURCES = (
    "include/linux/spinlock_api_up.h, spinlock_up.h (no CONFIG_DEBUG_SPINLOCK): locks do not lock",
    "kernel/sched.c:preempt_schedule(): not with a preempt count or irqs off",
)
UP_LEFT_OUT = (
    "CONFIG_PREEMPT=n",
    "a preemption, or an interrupt without !, between two plain accesses of one step",
    "a strike (!) amid a work item: it strikes flows",
    "timers that fire, and ARP answers that come, by themselves (--choose)",
)

#: Ways of breaking a promise that the series takes back, or is in doubt about, and its words.
TAKEN_BACK = (
    "each-crash-emitted",
    (ONE_SHOT,),
    (
        'patch 08: "we do not want the network dumper get called over and over again, as we may '
        'only be interested in the first Oops that a kernel emits"'
    ),
)
NOT_VALID = (
    "neighbour-used",
    UNRESOLVED,
    (
        'patch 05, comment in netoops(): "This looks a little suspicious? Where are we sending the '
        "packets if the neighbor isn't valid?\""
    ),
)
INCOMPLETE = (
    "neighbour-held",
    DEAD,
    (
        'the cover letter: "The netdev event handling is probably incomplete to handle reloading '
        'of the neighbor."'
    ),
)
ACCEPTED = tuple(
    AcceptedLoss(f"promise:{name}", (), words, objects)
    for name, objects, words in (TAKEN_BACK, NOT_VALID, INCOMPLETE)
)


#: In what is told of dumps: one that came to somebody.
ARRIVES = re.compile(r"delivered(?! to nobody)")
OFF = repr(",0x00000000,0x00000000\n")


def tell(what: str, expected: str, found: str) -> str:
    """Say what a difference between two outcomes means to the owner of the target."""
    if what == "then read":
        if expected == OFF:
            return "the configuration is back"
        return "the configuration is lost" if found == OFF else "the configuration is another"
    if what == "dumps" and found == "none":
        return "the dump is not sent"
    if what == "then soft-dump" and "dump to" in expected and not ARRIVES.search(found):
        return "a dump now would not arrive"
    return ""


def foresee(system: NetoopsSystem, operations: Sequence[tuple[str, ...]]) -> None:
    """Tell the log how much flows will print at most."""
    system.machine.log.foresee(
        sum(int(words[0]) if name == "log" else TEXT_MAX for name, *words in operations)
    )


def _design(
    name: str,
    summary: str,
    release: str = "2.6.36",
    in_notifier: Paths = LOCKED,
    arch: Arch = X86_64,
    build: Build = MODULE,
    neighbours: bool = False,
) -> Design:
    def boot(sim: Sim) -> NetoopsSystem:
        return NetoopsSystem(sim, release, LOCKED, in_notifier, arch, build, neighbours)

    return Design(
        name=name,
        summary=summary,
        boot=boot,
        operations=operations(neighbours),
        starts=NOT_LOADED if build.unknown else STARTS,
        probes=("read", "soft-dump"),
        locks=LOCKS,
        sources=(
            "drivers/net/netoops.c of the patch series [PATCH v1 00/12], 2010-11-03",
            f"net/core/netpoll.c of {release}",
            "net/core/{dev,link_watch,neighbour}.c, net/ipv4/{arp,route,fib_frontend}.c of 2.6.36",
            "kernel/{printk,panic,kexec,module,sysctl}.c, drivers/char/sysrq.c of 2.6.36",
            "fs/proc/proc_sysctl.c, fs/sysfs/{file,dir,group}.c, lib/{string,vsprintf}.c of 2.6.36",
        ),
        left_out=LEFT_OUT,
        parts=PARTS,
        errors=errno.NAMES,
        environment=("arp", "stack", "timers"),
        tell=tell,
        accepted=ACCEPTED,
        promise_starts=() if build.unknown else PROMISE_STARTS,
        promises=tuple(one for one in PROMISES if build.module or one.name != "module"),
        evidence=evidence,
        tally=lambda system: tally(
            system.machine, system.driver.format.numbers, system.driver.spacing > 0
        ),
        foresee=foresee,
        variants=(*VARIANTS, *POLICIES),
        catching=Catching(NETOOPS_PORT, catcher),
    )


def _up(design: Design) -> Design:
    """Return the uniprocessor build of a design."""

    def boot(sim: Sim) -> System:
        uniprocessor(sim)
        return design.boot(sim)

    return attrs.evolve(
        design,
        name=f"{design.name}+up",
        summary=f"{design.name} on one CPU (CONFIG_SMP=n, CONFIG_PREEMPT=y): spin_trylock succeeds",
        boot=boot,
        sources=(*design.sources, *UP_SOURCES),
        left_out=(*design.left_out, *UP_LEFT_OUT),
        environment=(),
    )


NETOOPS_V1 = _design("netoops-v1", "netoops as posted, on the 2.6.36 it was posted for")
NETOOPS_V1_2_6_35 = _design(
    "netoops-v1@2.6.35", "the same driver on 2.6.35, whose netpoll takes no rtnl", "2.6.35"
)
NETOOPS_V1_UNLOCKED = _design(
    "netoops-v1+unlocked",
    "netoops with unlocked netpoll calls on notifier paths, as commit 3b410a31 did for netconsole",
    in_notifier=UNLOCKED,
)
NETOOPS_V1_I386 = _design(
    "netoops-v1@i386", "netoops as posted, on i386: the same but for the size of a word", arch=I386
)
NETOOPS_V1_NEIGHBOURS = _design(
    "netoops-v1+neighbours",
    "netoops as posted, with ramoops and mtdoops before it on the list of dumpers",
    neighbours=True,
)
NETOOPS_V1_BUILT_IN = _design(
    "netoops-v1+built-in",
    "netoops built in, as it has to be without patch 12: never loaded, never unloaded",
    build=Build(module=False),
)
NETOOPS_V1_WITHOUT_10 = _design(
    "netoops-v1-10",
    "netoops as a module without patch 10: it misses kmsg_dump, and is not loaded",
    build=Build(unknown=unknown(10)),
)
NETOOPS_V1_WITHOUT_11 = _design(
    "netoops-v1-11",
    "netoops as a module without patch 11: it misses arp_bind_neighbour, and is not loaded",
    build=Build(unknown=unknown(11)),
)
NETOOPS_V1_UP = _up(NETOOPS_V1)
NETOOPS_V1_2_6_35_UP = _up(NETOOPS_V1_2_6_35)
NETOOPS_V1_UNLOCKED_UP = _up(NETOOPS_V1_UNLOCKED)

__all__ = [
    "NETOOPS_V1",
    "NETOOPS_V1_2_6_35",
    "NETOOPS_V1_2_6_35_UP",
    "NETOOPS_V1_BUILT_IN",
    "NETOOPS_V1_I386",
    "NETOOPS_V1_NEIGHBOURS",
    "NETOOPS_V1_UNLOCKED",
    "NETOOPS_V1_UNLOCKED_UP",
    "NETOOPS_V1_UP",
    "NETOOPS_V1_WITHOUT_10",
    "NETOOPS_V1_WITHOUT_11",
]
