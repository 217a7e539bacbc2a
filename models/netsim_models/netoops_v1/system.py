"""A machine with netoops v1 loaded: what the engine boots, and what it may look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from netsim.core.memory import bind, kfree, kmalloc
from netsim.core.sim import Sim
from netsim.sync.alloc import kzalloc
from netsim.sync.choose import fails
from netsim.sync.mutex import Mutex
from netsim_models.drivers.neighbours import Neighbours
from netsim_models.errno import EBUSY, ENOENT, ENOMEM
from netsim_models.fs.sysfs import Kobject, SysfsDirent
from netsim_models.kernel.console_list import register_console, unregister_console
from netsim_models.kernel.module import (
    Module,
    ModuleState,
    delete_module,
    init_module,
    simplify_symbols,
)
from netsim_models.kernel.printk import kmsg_dump_register, kmsg_dump_unregister
from netsim_models.kernel.sysctl import CtlTableHeader
from netsim_models.net import events
from netsim_models.net.rtnetlink import rtnl_lock, rtnl_unlock
from netsim_models.netoops_v1.driver import Netoops, Paths
from netsim_models.netoops_v1.packet import NETOOPS_PORT
from netsim_models.netoops_v1.sysfs import ATTRIBUTES
from netsim_models.world import boot
from netsim_models.x86 import X86_64, Arch


@attrs.frozen
class Build:
    """
    How netoops got into the kernel: as a module (patch 12), which is loaded at boot, or built in.

    `unknown` are the symbols that a module does not find: it is then not loaded, and never is.
    """

    module: bool = True
    unknown: tuple[str, ...] = ()


MODULE = Build()


class NetoopsSystem:
    """One booted system: the machine, the driver, and the kernel's books about its module."""

    def __init__(
        self,
        sim: Sim,
        release: str,
        in_process: Paths,
        in_notifier: Paths,
        arch: Arch = X86_64,
        build: Build = MODULE,
        neighbours: bool = False,
    ) -> None:
        self.sim = sim
        self.machine = m = boot(sim, release, arch)
        #: The driver has targets that one can stream to.
        self.streaming = self.driver = Netoops(m, in_process, in_notifier)
        self.module_mutex = Mutex(sim, "module_mutex")
        self.build = build
        loaded = not build.unknown
        state = ModuleState.LIVE if build.module and loaded else ModuleState.ABSENT
        self.module = bind(sim, Module(state), "module(netoops)")
        self.ctl_table = CtlTableHeader(sim, "net_dump_device")
        #: /sys/kernel/netdump, by name of the attribute.
        self.sysfs = {name: SysfsDirent(sim, name) for name in ATTRIBUTES}
        self.driver.loaded = loaded
        if loaded:
            self._boot_with_driver()
        else:
            kfree(self.driver.data)
        if neighbours:
            m.neighbours = Neighbours(m)

    def _boot_with_driver(self) -> None:
        """What netoops_init() leaves behind."""
        m, driver = self.machine, self.driver
        self.ctl_table.registered = True
        for dirent in self.sysfs.values():
            dirent.there = True
        driver.data.netoops_kobj = kmalloc(self.sim, Kobject(name="netdump"), "kobject")
        m.netdev_chain.blocks = (*m.netdev_chain.blocks, driver.netoops_notifier)
        m.log.dump_list.items = (driver.netoops_dumper,)

    async def insmod(self) -> int:
        """
        kernel/module.c:sys_init_module(), load_module().

        A driver that is built in has no file that could be loaded.

        Context: process; may sleep.  Locks: module_mutex.
        """
        if not self.build.module:
            return -ENOENT
        error = await simplify_symbols(self.machine, "netoops", self.build.unknown)
        if error:
            return error
        return await init_module(self.sim, self.module_mutex, self.module, self.netoops_init)

    async def rmmod(self) -> int:
        """
        kernel/module.c:sys_delete_module().

        Context: process; may sleep.  Locks: module_mutex.
        """
        return await delete_module(self.sim, self.module_mutex, self.module, self.netoops_exit)

    async def netoops_init(self) -> int:
        """
        drivers/net/netoops.c:netoops_init(), patches 05 and 07, with its unwinding.

        Context: process; may sleep.  Locks: dump_list_lock; rtnl.
        """
        driver = self.driver
        driver.data = driver.fresh_data()
        retval = await self._init()
        if retval:
            kfree(driver.data)  # the module's memory goes with it
        return retval

    async def _init(self) -> int:
        m, driver = self.machine, self.driver
        kobj = await kzalloc(self.sim, Kobject(name="netdump"), "kobject")
        if kobj is None:  # kobject_create_and_add()
            return -ENOMEM
        driver.data.netoops_kobj = kobj
        retval = await self._sysfs_create_group()
        if not retval:
            retval = await kmsg_dump_register(m, driver.netoops_dumper)
            if not retval:
                await self._register_netdevice_notifier()
                if not await fails("register_sysctl_table", may_sleep=True):
                    await self.ctl_table.register()
                    if driver.console is not None:
                        await register_console(m, driver.console)
                    return 0
                retval = -EBUSY
                await self._unregister_netdevice_notifier()
                await kmsg_dump_unregister(m, driver.netoops_dumper)
            await self._sysfs_remove_group()
        kfree(driver.data.netoops_kobj)  # kobject_put(): nobody else refers to it
        return retval

    async def netoops_exit(self) -> None:
        """
        drivers/net/netoops.c:netoops_exit(), patches 05 and 07.

        Context: process; may sleep.  Locks: rtnl; netoops_lock; dump_list_lock.
        """
        m, driver = self.machine, self.driver
        if driver.console is not None:
            await unregister_console(m, driver.console)
        await self.ctl_table.unregister()
        await self._unregister_netdevice_notifier()
        await driver.disable_netoops(driver.in_process)
        await kmsg_dump_unregister(m, driver.netoops_dumper)
        await self._sysfs_remove_group()
        kfree(driver.data.netoops_kobj)
        kfree(driver.data)

    async def _sysfs_create_group(self) -> int:
        """
        fs/sysfs/group.c:sysfs_create_group(): one file after the other; all or none.

        Context: process; may sleep.  Locks: sysfs_mutex in the steps.
        """
        for dirent in self.sysfs.values():
            if await fails("sysfs_new_dirent", may_sleep=True):
                await self._sysfs_remove_group()
                return -ENOMEM
            await dirent.create()
        return 0

    async def _sysfs_remove_group(self) -> None:
        """
        fs/sysfs/group.c:sysfs_remove_group(): waits for the users of each file that is there.

        Context: process; may sleep.  Locks: sysfs_mutex in the steps.
        """
        for dirent in self.sysfs.values():
            if dirent.there:
                await dirent.remove()

    async def _register_netdevice_notifier(self) -> None:
        """
        net/core/dev.c:register_netdevice_notifier(): links, then replays REGISTER and UP.

        Context: process; may sleep.  Locks: takes rtnl.
        """
        m, block = self.machine, self.driver.netoops_notifier
        await rtnl_lock(m)
        await m.netdev_chain.register(block)
        for dev in await m.dev_base.snapshot():
            await block.call(events.NETDEV_REGISTER, dev)
            if dev.up:
                await block.call(events.NETDEV_UP, dev)
        await rtnl_unlock(m)

    async def _unregister_netdevice_notifier(self) -> None:
        """
        net/core/dev.c:unregister_netdevice_notifier(): unlinks, and replays nothing.

        Context: process; may sleep.  Locks: takes rtnl.
        """
        await rtnl_lock(self.machine)
        await self.machine.netdev_chain.unregister(self.driver.netoops_notifier)
        await rtnl_unlock(self.machine)

    # -- what the engine looks at ----------------------------------------------------------------

    def dumps(self) -> Sequence[str]:
        """
        One line for each dump and place it was sent to, with the fates of its packets.  What is
        streamed is none: it leaves message by message, of which an operation may print several.

        What neighbours keep outlives the machine, too: one line for each record at the end.
        """
        fates: dict[tuple[int, str], set[str]] = {}
        for one in self.machine.wire.sent:
            packet = one.packet
            if packet.streamed is not None:
                continue
            reason = packet.reason.name if packet.reason is not None else "?"
            port = f":{packet.port}" if packet.port != NETOOPS_PORT else ""
            line = (
                f"{reason} dump to {packet.destination_ip}{port} at {packet.destination_mac} "
                f"through {one.device}"
            )
            fates.setdefault((packet.dump, line), set()).add(one.fate)
        sent = [f"{line}: {' and '.join(sorted(some))}" for (_, line), some in fates.items()]
        neighbours = self.machine.neighbours
        return [*sent, *neighbours.lines()] if neighbours is not None else sent

    def roots(self) -> Sequence[Any]:
        """Live configuration: the driver's data, the devices, the tables of the network."""
        m = self.machine
        return [
            self.driver.data,
            *m.dev_base.items,
            m.core,
            *m.arp_tbl.entries.items,
            *m.routes.live(),
        ]

    def counts(self) -> Sequence[Any]:
        """Every reference count ever made."""
        return self.machine.refcounts
