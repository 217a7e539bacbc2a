"""
Loading and unloading one module: kernel/module.c of 2.6.36, its states and its refusals.

Left out: symbol resolution, parameters, and forced unloading.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum

from netsim.core.fsm import StateMachine
from netsim.core.memory import KObject, shared
from netsim.core.sim import Sim
from netsim.sync.mutex import Mutex
from netsim_models.errno import EBUSY, EEXIST, ENOENT


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
