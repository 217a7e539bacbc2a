"""
Loading and unloading one module: kernel/module.c of 2.6.36, its states and its refusals.

Left out: parameters, forced unloading, and the look-up of symbols that are there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from netsim.core.fsm import StateMachine
from netsim.core.memory import KObject, shared
from netsim.core.sim import Sim
from netsim.sync.mutex import Mutex
from netsim_models.errno import EBUSY, EEXIST, ENOENT
from netsim_models.kernel.levels import KERN_WARNING
from netsim_models.kernel.printk import printk

if TYPE_CHECKING:
    from netsim_models.machine import Machine


class ModuleState(Enum):
    """enum module_state, and ABSENT for a module that is not in the list."""

    ABSENT = "absent"
    COMING = "coming"
    LIVE = "live"
    GOING = "going"


MODULE = StateMachine(
    "module",
    ModuleState,
    [
        ("load", [ModuleState.ABSENT], ModuleState.COMING),
        ("init_done", [ModuleState.COMING], ModuleState.LIVE),
        ("init_failed", [ModuleState.COMING], ModuleState.GOING),
        ("delete", [ModuleState.LIVE], ModuleState.GOING),
        ("free", [ModuleState.GOING], ModuleState.ABSENT),
    ],
    ModuleState.ABSENT,
)


@shared
class Module(KObject):
    """struct module of one module."""

    state: ModuleState = ModuleState.ABSENT


async def simplify_symbols(m: Machine, name: str, unknown: Sequence[str]) -> int:
    """
    kernel/module.c:simplify_symbols(), for symbols that the kernel does not export: names them all.

    Read in 2.6.35.7; resolve_symbol() finds none, so that "err" is that of a NULL pointer.

    Context: process.  Locks: module_mutex for each look-up, which finds nothing.
    """
    for symbol in unknown:
        await printk(m, f"{KERN_WARNING}{name}: Unknown symbol {symbol} (err 0)\n")
    return -ENOENT if unknown else 0


async def init_module(
    sim: Sim, mutex: Mutex, module: Module, init: Callable[[], Awaitable[int]]
) -> int:
    """
    kernel/module.c:sys_init_module(), load_module().

    Context: process; may sleep.  Locks: module_mutex around list and state, not around init.
    """
    async with mutex.held():
        busy = module.state is not ModuleState.ABSENT
        if not busy:
            MODULE.fire(sim, module, "state", "load")
    if busy:
        return -EEXIST
    error = await init()
    async with mutex.held():
        if error:
            MODULE.fire(sim, module, "state", "init_failed")
            MODULE.fire(sim, module, "state", "free")
        else:
            MODULE.fire(sim, module, "state", "init_done")
    return error


async def delete_module(
    sim: Sim, mutex: Mutex, module: Module, leave: Callable[[], Awaitable[None]]
) -> int:
    """
    kernel/module.c:sys_delete_module().

    Context: process; may sleep.  Locks: module_mutex around list and state, not around exit.
    """
    async with mutex.held():
        state = module.state
        if state is ModuleState.LIVE:
            MODULE.fire(sim, module, "state", "delete")
    if state is ModuleState.ABSENT:
        return -ENOENT
    if state is not ModuleState.LIVE:
        return -EBUSY
    await leave()
    async with mutex.held():
        MODULE.fire(sim, module, "state", "free")
    return 0
