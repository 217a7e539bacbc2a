"""The operations of netoops v1: its files in /proc, its module, and the crashes it is for."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from netsim.design import Operation, Parameter
from netsim.sync.sleep import might_sleep
from netsim_models.drivers.neighbours import operations as neighbour_operations
from netsim_models.fs.proc_sysctl import proc_sys_call_handler
from netsim_models.fs.sysfs import sysfs_read_file, sysfs_write_file
from netsim_models.kernel.operations import crashes, policies
from netsim_models.kernel.proc_dointvec import proc_dointvec_read, proc_dointvec_write
from netsim_models.netoops_v1.proc import (
    proc_netoops_device_read,
    proc_netoops_device_write,
    proc_netoops_now_read,
    proc_netoops_now_write,
)
from netsim_models.netoops_v1.sysfs import ATTRIBUTES, netoops_show, netoops_store
from netsim_models.world import ADDR
from netsim_models.world import operations as world_operations

if TYPE_CHECKING:
    from netsim_models.netoops_v1.system import NetoopsSystem


#: More bytes than any of the files has.
_ALL = "4096"


def _is_size(text: str) -> str | None:
    return None if text.isascii() and text.isdigit() and len(text) <= 9 else "a number of bytes"


def _is_flag(text: str) -> str | None:
    return None if text in ("0", "1") else "0 or 1"


def _bytes(text: str) -> bytes:
    """Return the bytes that an argument denotes."""
    return text.encode("utf-8", "surrogateescape")


# -- /proc/sys/kernel/net_dump_device --------------------------------------------------------------


async def set_(s: NetoopsSystem, address: str) -> Any:
    """
    drivers/net/netoops.c:proc_netoops_device(), a write of the address in decimal and a NUL.

    What `write-device` does with such a text, without its parsing.

    Context: process; may sleep.  Locks: none of its own.  Returns the bytes written, whatever
    became of the configuration.
    """

    async def write() -> int:
        await might_sleep("copy_from_user")
        await s.driver.set_netoops_dest(address, s.driver.in_process)
        return len(str(int(ipaddress.IPv4Address(address)))) + 1

    return await proc_sys_call_handler(s.ctl_table, write)


async def off(s: NetoopsSystem) -> Any:
    """
    drivers/net/netoops.c:proc_netoops_device(), a write of "off".

    What `write-device off` does, without its parsing.

    Context: process; may sleep.  Locks: none of its own.
    """

    async def write() -> int:
        await might_sleep("copy_from_user")
        await s.driver.disable_netoops(s.driver.in_process)
        return len("off")

    return await proc_sys_call_handler(s.ctl_table, write)


async def write_device(s: NetoopsSystem, text: str) -> Any:
    """
    fs/proc/proc_sysctl.c:proc_sys_write() on net_dump_device, patch 05.

    Context: process; may sleep.  Locks: none of its own.
    """
    return await proc_sys_call_handler(
        s.ctl_table, lambda: proc_netoops_device_write(s.driver, _bytes(text))
    )


async def read(s: NetoopsSystem, size: str | None = None) -> Any:
    """
    fs/proc/proc_sysctl.c:proc_sys_read() on net_dump_device, patch 05.

    Context: process; may sleep.  Locks: netoops_lock.
    """
    return await proc_sys_call_handler(
        s.ctl_table,
        lambda: proc_netoops_device_read(s.driver, None if size is None else int(size)),
    )


# -- /proc/sys/kernel/net_dump_one_shot ------------------------------------------------------------


async def one_shot(s: NetoopsSystem, value: str) -> Any:
    """
    kernel/sysctl.c:proc_dointvec() on network_dumper_one_shot, patch 08: one digit.

    What `write-one-shot` does with such a text, without its parsing.

    Context: process; may sleep.  Locks: none.
    """

    async def write() -> int:
        await might_sleep("copy_from_user")
        s.driver.data.network_dumper_one_shot = int(value)
        return len(value)

    return await proc_sys_call_handler(s.ctl_table, write)


async def write_one_shot(s: NetoopsSystem, text: str) -> Any:
    """
    fs/proc/proc_sysctl.c:proc_sys_write() on net_dump_one_shot, patch 08.

    Context: process; may sleep.  Locks: none.
    """

    def store(value: int) -> None:
        s.driver.data.network_dumper_one_shot = value

    return await proc_sys_call_handler(
        s.ctl_table, lambda: proc_dointvec_write(s.machine, _bytes(text), store)
    )


async def read_one_shot(s: NetoopsSystem, size: str = _ALL) -> Any:
    """
    fs/proc/proc_sysctl.c:proc_sys_read() on net_dump_one_shot, patch 08.

    Context: process; may sleep.  Locks: none.
    """

    async def handler() -> str:
        if size == "0":
            return ""
        value = s.driver.data.network_dumper_one_shot
        await might_sleep("copy_to_user")
        return proc_dointvec_read(s.machine, value, int(size))

    return await proc_sys_call_handler(s.ctl_table, handler)


# -- /proc/sys/kernel/net_dump_now -----------------------------------------------------------------


async def crash(s: NetoopsSystem, token: str) -> Any:
    """
    fs/proc/proc_sysctl.c:proc_sys_write() on net_dump_now, patch 09.

    Context: process; may sleep.  Locks: as kmsg_dump().
    """
    return await proc_sys_call_handler(
        s.ctl_table, lambda: proc_netoops_now_write(s.driver, _bytes(token))
    )


async def read_crash(s: NetoopsSystem, _size: str = _ALL) -> Any:
    """
    fs/proc/proc_sysctl.c:proc_sys_read() on net_dump_now, patch 09.

    Context: process.  Locks: none.
    """
    return await proc_sys_call_handler(s.ctl_table, lambda: proc_netoops_now_read(s.driver))


# -- /sys/kernel/netdump ---------------------------------------------------------------------------


def _writes(name: str) -> Callable[..., Awaitable[Any]]:
    async def write(s: NetoopsSystem, text: str) -> Any:
        """fs/sysfs/file.c:sysfs_write_file(), patch 07.  Context: process; may sleep."""
        return await sysfs_write_file(
            s.sysfs[name],
            _bytes(text),
            lambda page, count: netoops_store(s.driver, name, page, count),
        )

    return write


def _reads(name: str) -> Callable[..., Awaitable[Any]]:
    async def read(s: NetoopsSystem, size: str = _ALL) -> Any:
        """fs/sysfs/file.c:sysfs_read_file(), patch 07.  Context: process; may sleep."""
        return await sysfs_read_file(
            s.sysfs[name], int(size), lambda page: netoops_show(s.driver, name, page)
        )

    return read


# -- the module ------------------------------------------------------------------------------------


async def insmod(s: NetoopsSystem) -> Any:
    """kernel/module.c:sys_init_module() of netoops.  Context: process; may sleep.  Locks: module_mutex, rtnl."""  # noqa: E501
    return await s.insmod()


async def rmmod(s: NetoopsSystem) -> Any:
    """kernel/module.c:sys_delete_module() of netoops.  Context: process; may sleep.  Locks: module_mutex, rtnl."""  # noqa: E501
    return await s.rmmod()


TEXT = Parameter("TEXT", "what is written, byte by byte")
SIZE = Parameter("SIZE", "how many bytes are asked for; all if it is left out", _is_size, True)


def _user_fields() -> list[Operation]:
    """
    Return a write and a read for each file in sysfs.

    A write without TEXT could be taken for one of no bytes, so reads have names of their own.
    """
    made = []
    for attribute, name, text in zip(
        ATTRIBUTES,
        ("fw-version", "board-name", "boot-number"),
        ("1.2\n", "board\n", "7\n"),
        strict=True,
    ):
        made += [
            Operation(
                name,
                f"write TEXT, byte by byte, to /sys/kernel/netdump/{attribute}",
                _writes(attribute),
                (TEXT,),
                samples=(),
                alone=((text,),),
                source="drivers/net/netoops.c, patch 07",
            ),
            Operation(
                f"read-{name}",
                f"read SIZE bytes, or all, of /sys/kernel/netdump/{attribute}",
                _reads(attribute),
                (SIZE,),
                samples=(),
                alone=((),),
                source="drivers/net/netoops.c, patch 07",
            ),
        ]
    return made


def operations(neighbours: bool = False) -> Mapping[str, Operation]:
    """Return the operations of the design: the driver's own, the world's, those of neighbours."""
    own = [
        Operation(
            "set",
            "write ADDR in decimal to net_dump_device: dumps go there from now on; the write "
            "without its parsing, which write-device has",
            set_,
            (ADDR,),
            samples=(("10.0.0.1",), ("10.0.1.1",), ("192.0.2.1",), ("10.0.0.100",)),
            alone=(("10.0.0.255",), ("224.0.0.1",)),
            source="drivers/net/netoops.c, patch 05",
        ),
        Operation(
            "off",
            'write "off" to net_dump_device: no more dumps; without its parsing, as set',
            off,
            source="drivers/net/netoops.c, patch 05",
        ),
        Operation(
            "write-device",
            "write TEXT, byte by byte, to net_dump_device",
            write_device,
            (TEXT,),
            samples=(),
            alone=(("167772161",), ("167772161\n",), ("167772161\0",)),
            source="drivers/net/netoops.c, patch 05",
        ),
        Operation(
            "read",
            "read SIZE bytes, or all, of net_dump_device: device, destination, source",
            read,
            (SIZE,),
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
            "write-one-shot",
            "write TEXT, byte by byte, to net_dump_one_shot",
            write_one_shot,
            (TEXT,),
            samples=(),
            alone=(("2\n",), ("no\n",)),
            source="kernel/sysctl.c, patch 08",
        ),
        Operation(
            "read-one-shot",
            "read SIZE bytes, or all, of net_dump_one_shot",
            read_one_shot,
            (SIZE,),
            samples=(),
            alone=((),),
            source="kernel/sysctl.c, patch 08",
        ),
        *_user_fields(),
        Operation(
            "crash",
            "write TOKEN to net_dump_now: elgooG and guB kill the task, cinaP panics, pmuD dumps; "
            "its last byte is lost",
            crash,
            (Parameter("TOKEN", 'what is written, such as "elgooG\\n"'),),
            samples=(),
            alone=(("elgooG\n",), ("cinaP\n",), ("pmuD\n",), ("pmuD",)),
            source="drivers/net/netoops.c, patch 09",
        ),
        Operation(
            "read-crash",
            "read net_dump_now: nothing",
            read_crash,
            (SIZE,),
            samples=(),
            source="drivers/net/netoops.c, patch 09",
        ),
        *map(_on_machine, crashes()),
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
    others = neighbour_operations() if neighbours else []
    for operation in (*world_operations().values(), *policies(), *others):
        table[operation.name] = _on_machine(operation)
    return table


def _on_machine(operation: Operation) -> Operation:
    import attrs

    run = operation.run

    def on_machine(s: NetoopsSystem, *arguments: str) -> Awaitable[Any]:
        return run(s.machine, *arguments)

    return attrs.evolve(operation, run=on_machine)
