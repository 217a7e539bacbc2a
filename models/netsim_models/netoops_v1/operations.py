"""The operations of netoops v1: its files in /proc, its module, and the crashes it is for."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from netsim.core.thread import Context
from netsim.design import Operation, Parameter
from netsim.sync.interrupt import do_exit, in_interrupt
from netsim.sync.sleep import might_sleep
from netsim_models.errno import ENOENT
from netsim_models.kernel.panic import die, panic
from netsim_models.world import ADDR
from netsim_models.world import operations as world_operations

if TYPE_CHECKING:
    from netsim_models.netoops_v1.system import NetoopsSystem


def _is_flag(text: str) -> str | None:
    return None if text in ("0", "1") else "0 or 1"


async def _in_proc(s: NetoopsSystem, handler: Callable[[], Awaitable[Any]]) -> Any:
    """fs/proc/proc_sysctl.c:proc_sys_call_handler(): no file, no call."""
    if not await s.ctl_table.grab():
        return -ENOENT
    result = await handler()
    await s.ctl_table.finish()
    return result


async def set_(s: NetoopsSystem, address: str) -> Any:
    """
    drivers/net/netoops.c:proc_netoops_device(), a write of the address in decimal and a NUL.

    Context: process; may sleep.  Locks: none of its own.  Returns the bytes written, whatever
    became of the configuration.
    """

    async def write() -> int:
        await might_sleep("copy_from_user")
        await s.driver.set_netoops_dest(address, s.driver.in_process)
        return len(str(int(ipaddress.IPv4Address(address)))) + 1

    return await _in_proc(s, write)


async def off(s: NetoopsSystem) -> Any:
    """
    drivers/net/netoops.c:proc_netoops_device(), a write of "off".

    Context: process; may sleep.  Locks: none of its own.
    """

    async def write() -> int:
        await might_sleep("copy_from_user")
        await s.driver.disable_netoops(s.driver.in_process)
        return len("off")

    return await _in_proc(s, write)


async def read(s: NetoopsSystem) -> Any:
    """
    drivers/net/netoops.c:proc_netoops_device(), a read.

    Context: process; may sleep.  Locks: netoops_lock.
    """

    async def show() -> str:
        name, dest, src = await s.driver.get_netoops_dest()
        await might_sleep("copy_to_user")
        return f"{name},0x{_number(dest):08X},0x{_number(src):08X}\n"

    return await _in_proc(s, show)


def _number(address: str) -> int:
    return int(ipaddress.IPv4Address(address))


async def one_shot(s: NetoopsSystem, value: str) -> Any:
    """
    kernel/sysctl.c:proc_dointvec() on network_dumper_one_shot, patch 08.

    Context: process; may sleep.  Locks: none.
    """

    async def write() -> int:
        await might_sleep("copy_from_user")
        s.driver.data.network_dumper_one_shot = int(value)
        return len(value)

    return await _in_proc(s, write)


async def oops(s: NetoopsSystem) -> Any:
    """
    A task oopses and dies: arch/x86/kernel/dumpstack.c:die(), oops_end().

    Context: NMI-like.  Locks: die_lock, then as kmsg_dump().
    """
    await die(s.machine)
    if in_interrupt(s.sim):
        await panic(s.machine)  # "Fatal exception in interrupt"
    do_exit(s.sim)
    return None


async def crash(s: NetoopsSystem) -> Any:
    """
    kernel/panic.c:panic().

    Context: NMI-like.  Locks: as kmsg_dump().
    """
    await panic(s.machine)


async def insmod(s: NetoopsSystem) -> Any:
    """kernel/module.c:sys_init_module() of netoops.  Context: process; may sleep.  Locks: module_mutex, rtnl."""  # noqa: E501
    return await s.insmod()


async def rmmod(s: NetoopsSystem) -> Any:
    """kernel/module.c:sys_delete_module() of netoops.  Context: process; may sleep.  Locks: module_mutex, rtnl."""  # noqa: E501
    return await s.rmmod()


CRASH = (Context.NMI, Context.PROCESS)


def operations() -> Mapping[str, Operation]:
    """Return the operations of the design: the driver's own, then the world's."""
    own = [
        Operation(
            "set",
            "write ADDR in decimal to net_dump_device: dumps go there from now on",
            set_,
            (ADDR,),
            samples=(("10.0.0.1",), ("10.0.1.1",), ("192.0.2.1",), ("10.0.0.100",)),
            source="drivers/net/netoops.c, patch 05",
        ),
        Operation(
            "off",
            'write "off" to net_dump_device: no more dumps',
            off,
            source="drivers/net/netoops.c, patch 05",
        ),
        Operation(
            "read",
            "read net_dump_device: device, destination, source",
            read,
            source="drivers/net/netoops.c, patch 05",
        ),
        Operation(
            "one-shot",
            "write net_dump_one_shot: stop after one dump that is not soft (1, default), or not",
            one_shot,
            (Parameter("FLAG", "0 or 1", _is_flag),),
            samples=(("0",),),
            source="drivers/net/netoops.c, patch 08",
        ),
        Operation(
            "oops",
            "a task of this flow oopses and dies; the flow goes on (as a strike: the struck dies)",
            oops,
            contexts=CRASH,
            dies=True,
            source="arch/x86/kernel/dumpstack.c, patch 01",
        ),
        Operation(
            "panic",
            "the kernel panics: it dumps, then every CPU stops",
            crash,
            contexts=CRASH,
            halts=True,
            source="kernel/panic.c, patch 02",
        ),
        Operation(
            "insmod",
            "load the module",
            insmod,
            source="drivers/net/netoops.c, patches 05 and 12",
        ),
        Operation(
            "rmmod",
            "unload the module",
            rmmod,
            source="drivers/net/netoops.c, patches 05 and 12",
        ),
    ]
    table = {operation.name: operation for operation in own}
    for name, operation in world_operations().items():
        table[name] = _on_machine(operation)
    return table


def _on_machine(operation: Operation) -> Operation:
    import attrs

    run = operation.run

    def on_machine(s: NetoopsSystem, *arguments: str) -> Awaitable[Any]:
        return run(s.machine, *arguments)

    return attrs.evolve(operation, run=on_machine)
