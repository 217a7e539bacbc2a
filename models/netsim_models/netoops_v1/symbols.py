"""
What netoops.ko needs of the kernel: each symbol that its code of patches 05 to 09 refers to.

Inline functions stand by what they call: neigh_event_send(), neigh_release(), ip_rt_put().  Which
of them 2.6.36 exports is from its sources where those are at hand, else from trees around it; two
are not, and patches 10 and 11 export them.  utsname() and current_cpu_data need no function.
"""

import attrs


@attrs.frozen
class Symbol:
    """A symbol: the patch whose code needs it, where it is exported, and by which patch if any."""

    name: str
    needed_by: int
    file: str
    exported_by: int | None = None


SYMBOLS = (
    Symbol("ip_route_output_key", 5, "net/ipv4/route.c"),
    Symbol("init_net", 5, "net/core/net_namespace.c"),
    Symbol("arp_bind_neighbour", 5, "net/ipv4/arp.c", exported_by=11),
    Symbol("__neigh_event_send", 5, "net/core/neighbour.c"),
    Symbol("neigh_destroy", 5, "net/core/neighbour.c"),
    Symbol("dst_release", 5, "net/core/dst.c"),
    Symbol("netpoll_setup", 5, "net/core/netpoll.c"),
    Symbol("netpoll_cleanup", 5, "net/core/netpoll.c"),
    Symbol("netpoll_send_udp", 5, "net/core/netpoll.c"),
    Symbol("register_netdevice_notifier", 5, "net/core/dev.c"),
    Symbol("unregister_netdevice_notifier", 5, "net/core/dev.c"),
    Symbol("kmsg_dump_register", 5, "kernel/printk.c"),
    Symbol("kmsg_dump_unregister", 5, "kernel/printk.c"),
    Symbol("register_sysctl_table", 5, "kernel/sysctl.c"),
    Symbol("unregister_sysctl_table", 5, "kernel/sysctl.c"),
    Symbol("touch_nmi_watchdog", 5, "kernel/watchdog.c"),
    Symbol("jiffies", 5, "kernel/time.c"),
    Symbol("cpu_info", 6, "arch/x86/kernel/smpboot.c"),
    Symbol("kernel_kobj", 7, "kernel/ksysfs.c"),
    Symbol("kobject_create_and_add", 7, "lib/kobject.c"),
    Symbol("kobject_put", 7, "lib/kobject.c"),
    Symbol("sysfs_create_group", 7, "fs/sysfs/group.c"),
    Symbol("sysfs_remove_group", 7, "fs/sysfs/group.c"),
    Symbol("proc_dointvec", 8, "kernel/sysctl.c"),
    Symbol("panic", 9, "kernel/panic.c"),
    Symbol("kmsg_dump", 9, "kernel/printk.c", exported_by=10),
)


def unknown(missing: int) -> tuple[str, ...]:
    """Return the symbols that a module of all the other patches does not find."""
    return tuple(
        symbol.name
        for symbol in SYMBOLS
        if symbol.exported_by == missing and symbol.needed_by != missing
    )
