"""
Random small programs over all primitives, as plain data, and an interpreter for them.

A program is a tuple of threads, each a tuple of instructions (name, argument).  Objects are few,
so that threads meet.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

from netsim.core.access import WRITE
from netsim.core.memory import KObject, bind, kfree, kmalloc, peek, shared
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import Life, SimThread
from netsim.core.traps import perform
from netsim.sync.alloc import kzalloc
from netsim.sync.atomic import Atomic
from netsim.sync.choose import choose
from netsim.sync.completion import Completion
from netsim.sync.halt import halt
from netsim.sync.marked import (
    SharedList,
    rcu_assign,
    rcu_dereference,
    read_once,
    test_and_change,
    write_once,
)
from netsim.sync.mutex import Mutex
from netsim.sync.notifier import NOTIFY_DONE, NotifierBlock, NotifierChain
from netsim.sync.rcu import Rcu
from netsim.sync.refcount import RefCount
from netsim.sync.rwlock import RwLock
from netsim.sync.sleep import might_sleep, schedule_point
from netsim.sync.spinlock import SpinLock
from netsim.sync.timer import Timer
from netsim.sync.wait import wait_for_change
from netsim.sync.waitqueue import WaitQueue
from netsim.sync.workqueue import Work

Program = tuple[tuple[tuple[str, int], ...], ...]


@shared
class Cell(KObject):
    """Plain shared data."""

    x: int = 0
    y: int = 0
    flag: bool = False
    child: Any = None


class Interpreter:
    """Runs a program: `start` is what the explorer wants, `observe` what the oracle compares."""

    def __init__(self, program: Program, faults: int = 0, *, halts_last: bool = True) -> None:
        self.program = program
        self.faults = faults
        self.halts_last = halts_last
        self.sim: Sim
        self.registers: dict[int, list[Any]] = {}
        self.state: Callable[[], tuple[Any, ...]]
        self.sent: list[int] = []

    def start(self) -> Sim:
        """Return a fresh machine with every thread before its first operation."""
        self.sim = sim = Sim()
        sim.halts_last = self.halts_last
        sim.recording = True
        sim.faults = sim.fault_budget = self.faults
        self.registers = {}
        world = World(sim)
        self.prepare(world)
        self.state = world.state
        self.sent = world.sent
        for index, thread in enumerate(self.program):
            out = self.registers.setdefault(index, [])
            sim.spawn(str(index + 1), world.run(thread, index + 1, out), flow=index + 1)
        return sim

    def prepare(self, world: World) -> None:
        """Change the objects before anything runs; for what only some programs have."""

    def observe(self) -> tuple[Any, ...]:
        """Return everything that one could see of the machine at rest."""
        sim = self.sim
        sim.recording = False
        return (
            self.state(),
            tuple((index, tuple(map(repr, out))) for index, out in self.registers.items()),
            tuple(
                (
                    thread.name,
                    thread.life.value,
                    thread.pending
                    and thread.life is Life.LIVE
                    and (thread.pending.name, thread.pending.label()),
                )
                for thread in sorted(sim.threads, key=lambda t: t.name)
            ),
            tuple(sorted((report.kind, report.objects, report.thread) for report in sim.reports)),
            sim.halted,
        )


class Transmit(Op):
    """Something that leaves the machine."""

    __slots__ = ("me", "sent")
    name = "transmit"
    leaves = True

    def __init__(self, sent: list[int], me: int) -> None:
        self.sent = sent
        self.me = me

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(("wire", ""), WRITE)
        self.sent.append(self.me)


class World:
    """The objects of a program and its instructions."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.spin = [SpinLock(sim, f"spin{i}") for i in range(2)]
        self.mutex = [Mutex(sim, f"mutex{i}") for i in range(2)]
        self.rw = RwLock(sim, "rw")
        self.done = Completion(sim, "done")
        self.atomic = Atomic(sim, "atomic")
        self.refs = RefCount(sim, "refs", ("base", "user"), anchor="base")
        self.bare = RefCount(sim, "bare", ("user", "user"))
        self.cell = bind(sim, Cell(), "cell")
        self.queue = WaitQueue(sim, "queue")
        self.rcu = Rcu(sim, "rcu")
        self.timer = Timer(sim, "timer")
        self.list = SharedList(sim, "list")
        self.chain = NotifierChain(sim, "chain")
        self.work = Work(sim, "work", self._work)
        self.sent: list[int] = []
        self.block = NotifierBlock("block", self._notified)

    def state(self) -> tuple[Any, ...]:
        """Return all shared state, as plain values."""
        cell = self.cell
        return (
            peek(cell, "x"),
            peek(cell, "y"),
            peek(cell, "flag"),
            repr(peek(cell, "child")),
            self.atomic.value,
            (self.refs.count, tuple(sorted(self.refs.holders))),
            (self.bare.count, tuple(sorted(self.bare.holders))),
            self.work.state(),
            self.done.done,
            self.timer.state(),
            tuple(lock.owner.name if lock.owner else "" for lock in (*self.spin, *self.mutex)),
            self.rw.state(),
            self.rcu.state(),
            tuple(sorted(self.list.items)),
            tuple(block.name for block in self.chain.blocks),
            tuple(sorted(self.sim.heap)),
            self.sim.faults,
            tuple(self.sent),
        )

    async def _work(self) -> None:
        self.cell.y = self.cell.y + 1
        async with self.spin[0].held():
            self.cell.x = self.cell.x * 2 + 1

    async def _notified(self, event: int, subject: Any) -> int:
        self.cell.x = self.cell.x + event
        return NOTIFY_DONE

    async def run(self, thread: tuple[tuple[str, int], ...], me: int, out: list[Any]) -> None:
        """Run the instructions of one thread; `out` gets what it learns."""
        for name, argument in thread:
            result = await getattr(self, name)(argument, me)
            if result is not None:
                out.append(result)

    # Each instruction is (argument 0 or 1, number of the thread) -> what the thread learns.

    async def spin_lock(self, a: int, me: int) -> None:
        await self.spin[a].spin_lock()

    async def spin_unlock(self, a: int, me: int) -> None:
        await self.spin[a].spin_unlock()

    async def spin_trylock(self, a: int, me: int) -> bool:
        if await self.spin[a].spin_trylock():
            self.cell.x = self.cell.x * 2 + me
            await self.spin[a].spin_unlock()
            return True
        return False

    async def mutex_section(self, a: int, me: int) -> None:
        async with self.mutex[a].held():
            self.cell.x = self.cell.x * 2 + me

    async def mutex_nested(self, a: int, me: int) -> None:
        async with self.mutex[a].held(), self.mutex[1 - a].held():
            pass

    async def rw_read(self, a: int, me: int) -> int:
        async with self.rw.reading():
            return self.cell.x

    async def rw_write(self, a: int, me: int) -> None:
        async with self.rw.writing():
            self.cell.x = self.cell.x * 2 + me

    async def rw_nested(self, a: int, me: int) -> None:
        async with self.mutex[0].held(), self.rw.writing():
            pass

    async def rw_inverse(self, a: int, me: int) -> None:
        async with self.rw.reading():
            await self.mutex[0].mutex_trylock() if a else await self.spin[0].spin_lock()

    async def plain_read(self, a: int, me: int) -> int:
        await schedule_point("read")
        return self.cell.x if a else self.cell.y

    async def plain_write(self, a: int, me: int) -> None:
        await schedule_point("write")
        if a:
            self.cell.x = me
        else:
            self.cell.y = self.cell.y + 1

    async def atomic_inc(self, a: int, me: int) -> None:
        await (self.atomic.atomic_inc() if a else self.atomic.atomic_dec())

    async def atomic_return(self, a: int, me: int) -> int:
        return await self.atomic.atomic_add_return(1 if a else -1)

    async def atomic_cmpxchg(self, a: int, me: int) -> int:
        return await self.atomic.atomic_cmpxchg(a, me)

    async def ref_get(self, a: int, me: int) -> None:
        await (self.refs if a else self.bare).get("user")

    async def ref_put(self, a: int, me: int) -> bool:
        return await (self.refs if a else self.bare).put("user")

    async def ref_anchor(self, a: int, me: int) -> bool | None:
        if a:
            return await self.refs.put("base")
        await self.refs.get("base")
        return None

    async def ref_read(self, a: int, me: int) -> int:
        return await (self.refs.read() if a else self.bare.is_zero())

    async def ref_rename(self, a: int, me: int) -> None:
        await schedule_point("rename")
        self.refs.hand_over(*(("base", "user") if a else ("user", "base")))

    async def complete(self, a: int, me: int) -> None:
        await self.done.complete()

    async def wait_for_completion(self, a: int, me: int) -> None:
        await self.done.wait_for_completion()

    async def wake_up(self, a: int, me: int) -> None:
        self.cell.y = 1
        await self.queue.wake_up()

    async def wait_event(self, a: int, me: int) -> None:
        await self.queue.wait_event(lambda: self.cell.y > 0)

    async def lost_wakeup(self, a: int, me: int) -> None:
        if not await read_once(self.cell, "y"):
            await self.queue.prepare_to_wait()
            await self.queue.schedule()
            await self.queue.finish_wait()

    async def queue_work(self, a: int, me: int) -> bool:
        return await self.work.schedule_work()

    async def cancel_work(self, a: int, me: int) -> bool:
        return await (self.work.cancel_work_sync() if a else self.work.cancel_work())

    async def flush_work(self, a: int, me: int) -> None:
        await self.work.flush_work()

    async def rcu_read(self, a: int, me: int) -> int:
        async with self.rcu.reading():
            return int(await rcu_dereference(self.cell, "y"))

    async def rcu_sync(self, a: int, me: int) -> None:
        await rcu_assign(self.cell, "y", me)
        await self.rcu.synchronize()

    async def timer_arm(self, a: int, me: int) -> bool:
        return await self.timer.mod_timer(5 + a)

    async def timer_fire(self, a: int, me: int) -> bool:
        if await self.timer.expire():
            self.cell.y = self.cell.y * 2 + 1
            await self.timer.done()
            return True
        return False

    async def timer_del(self, a: int, me: int) -> bool:
        return await (self.timer.del_timer_sync() if a else self.timer.del_timer())

    async def clock(self, a: int, me: int) -> int:
        await schedule_point("clock")
        return self.sim.jiffies

    async def marked(self, a: int, me: int) -> Any:
        return await (write_once(self.cell, "y", me) if a else read_once(self.cell, "y"))

    async def bit(self, a: int, me: int) -> bool:
        return bool(await test_and_change(self.cell, "flag", bool(a)))

    async def list_change(self, a: int, me: int) -> Any:
        if a:
            await self.list.add(me)
            return None
        return await self.list.take_first()

    async def list_purge(self, a: int, me: int) -> None:
        await (self.list.remove_if(lambda item: item == 1 + a) if a else self.list.clear())

    async def list_find(self, a: int, me: int) -> Any:
        return await self.list.find(lambda item: item == 1 + a)

    async def notifier_link(self, a: int, me: int) -> None:
        await (self.chain.register(self.block) if a else self.chain.unregister(self.block))

    async def notifier_call(self, a: int, me: int) -> None:
        await self.chain.call_chain(me, None)

    async def publish(self, a: int, me: int) -> None:
        child = kmalloc(self.sim, Cell(), "child")
        await rcu_assign(self.cell, "child", child)

    async def free(self, a: int, me: int) -> None:
        child = await rcu_dereference(self.cell, "child")
        if a:
            await rcu_assign(self.cell, "child", None)
        kfree(child)

    async def use(self, a: int, me: int) -> int:
        child = await rcu_dereference(self.cell, "child")
        return int(child.x)

    async def allocate(self, a: int, me: int) -> bool:
        return await kzalloc(self.sim, Cell(), "cell", atomic=bool(a)) is None

    async def choose(self, a: int, me: int) -> int:
        return await choose("coin", 2)

    async def sleep(self, a: int, me: int) -> None:
        await might_sleep("msleep")

    async def wait_round(self, a: int, me: int) -> int:
        seen = self.sim.begin_round()
        await schedule_point("round")
        first = self.cell.y
        self.sim.end_round()
        if not first:
            await wait_for_change("y", seen, lambda: "y")
        return self.cell.y

    async def halt(self, a: int, me: int) -> None:
        await halt("halt")

    async def transmit(self, a: int, me: int) -> None:
        await perform(Transmit(self.sent, me))


INSTRUCTIONS: dict[str, Callable[[World, int, int], Awaitable[Any]]] = {
    name: member
    for name, member in vars(World).items()
    if not name.startswith("_") and name not in ("state", "run")
}

#: The primitives, each with the instructions that use it.
PRIMITIVES = {
    "spinlock": ("spin_lock", "spin_unlock", "spin_trylock"),
    "mutex": ("mutex_section", "mutex_nested"),
    "rwlock": ("rw_read", "rw_write", "rw_nested", "rw_inverse"),
    "plain": ("plain_read", "plain_write"),
    "atomic": ("atomic_inc", "atomic_return", "atomic_cmpxchg"),
    "refcount": ("ref_get", "ref_put", "ref_anchor", "ref_read", "ref_rename"),
    "completion": ("complete", "wait_for_completion"),
    "waitqueue": ("wake_up", "wait_event", "lost_wakeup"),
    "work": ("queue_work", "cancel_work", "flush_work"),
    "rcu": ("rcu_read", "rcu_sync"),
    "timer": ("timer_arm", "timer_fire", "timer_del", "clock"),
    "marked": ("marked", "bit"),
    "list": ("list_change", "list_find", "list_purge"),
    "notifier": ("notifier_link", "notifier_call"),
    "memory": ("publish", "free", "use"),
    "alloc": ("allocate",),
    "choose": ("choose",),
    "sleep": ("sleep",),
    "round": ("wait_round",),
    "halt": ("halt", "transmit"),
}

#: What makes threads wait for each other, and what makes their order visible at little cost.
_BLOCKING = ("spin_lock", "wait_for_completion", "lost_wakeup")
_VISIBLE = ("atomic_return", "plain_write", "list_change", "marked")


def generate(seed: int) -> Program:
    """Make the program of a seed: 2 to 4 threads over a few primitives."""
    rng = random.Random(seed)
    threads = rng.choice((2, 2, 2, 3, 3, 4))
    some = [PRIMITIVES[p] for p in rng.sample(sorted(PRIMITIVES), 2)]
    visible = rng.choice(_VISIBLE)
    blocking = rng.choice(_BLOCKING)
    least, most = {2: (4, 5), 3: (2, 4), 4: (2, 2)}[threads]

    def draw() -> tuple[str, int]:
        kind = rng.random()
        if kind < 0.72:
            return visible, 1
        name = blocking if kind < 0.83 else rng.choice(rng.choice(some))
        return name, rng.randint(0, 1)

    made = [[draw() for _ in range(rng.randint(least, most))] for _ in range(threads)]
    for thread, names in zip(made, some, strict=False):  # each primitive has its part
        thread[rng.randrange(len(thread))] = (rng.choice(names), rng.randint(0, 1))
    return tuple(map(tuple, made))
