"""
RCU: read-side sections that a grace period waits for, and sections that hold it up all the same.

Only sections that dereference protected data need to be marked; a section that does not could
only make a grace period longer.
"""

from collections.abc import Awaitable
from types import TracebackType
from typing import Any

from netsim.core.access import INC, READ, Key
from netsim.core.op import Op
from netsim.core.sim import ModelError, Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform


class Rcu:
    """
    One flavour of RCU.

    Kernel:     rcu_read_lock_bh, synchronize_rcu_bh, synchronize_net ...
    Context:    readers any; synchronize process, may sleep
    Footprint:  readers commute with each other; a grace period reads
    """

    __slots__ = ("key", "name", "readers", "sim")

    def __init__(self, sim: Sim, name: str) -> None:
        self.sim = sim
        self.name = name
        self.key: Key = sim.new_key(name, "readers")
        #: Open sections, as (thread, number of the section in that thread).
        self.readers: dict[str, int] = {}

    def state(self) -> tuple[tuple[str, int], ...]:
        """Return the open sections."""
        return tuple(sorted(self.readers.items()))

    def reading(self) -> "_Section":
        """``async with rcu.reading():`` is a read-side section."""
        return _Section(self)

    def masked(self) -> "_Masked":
        """
        ``with rcu.masked():`` is a section that holds up a grace period because irqs are off in it.

        No call is made, so that it begins and ends as part of the steps that mask and unmask them;
        it must begin with irqs off, and end in the step that turns them on.  Raises ModelError if
        they are on where it begins.

        Kernel:     kernel/rcutree.c:rcu_check_callbacks() and softirqs note quiescent states of
                    RCU-bh: a CPU that takes no interrupts passes none (read in 2.6.35)
        Context:    any, irqs off
        Footprint:  as that of a reader
        """
        return _Masked(self)

    def enter(self, sim: Sim, thread: SimThread) -> None:
        """Note that `thread` has entered a section, as part of the running step."""
        sim.touch(self.key, INC, self.state())
        thread.allocations["rcu"] = number = thread.allocations.get("rcu", 0) + 1
        self.readers[thread.name] = number
        thread.at_exit[self.name] = lambda: self.leave(sim, thread)

    def leave(self, sim: Sim, thread: SimThread) -> None:
        """Note that `thread` has left its section, as part of the running step."""
        # Sections of different threads begin and end in either order with the same result.
        sim.touch(self.key, INC, self.state())
        sim.release_edge(self.key)
        self.readers.pop(thread.name, None)

    async def synchronize(self, call: str = "synchronize_rcu") -> None:
        """
        Wait until every section that is open now has been closed.

        Context:    process; may sleep
        """
        for reader in await perform(_Start(self, call)):
            await perform(_Wait(self, call, reader))


class _Enter(Op):
    __slots__ = ("rcu",)
    name = "rcu_read_lock"

    def __init__(self, rcu: Rcu) -> None:
        self.rcu = rcu

    def label(self) -> str:
        return self.rcu.name

    def apply(self, sim: Sim, thread: SimThread) -> None:
        self.rcu.enter(sim, thread)


class _Leave(Op):
    __slots__ = ("rcu",)
    name = "rcu_read_unlock"

    def __init__(self, rcu: Rcu) -> None:
        self.rcu = rcu

    def label(self) -> str:
        return self.rcu.name

    def apply(self, sim: Sim, thread: SimThread) -> None:
        self.rcu.leave(sim, thread)
        thread.at_exit.pop(self.rcu.name, None)


class _Start(Op):
    __slots__ = ("name", "rcu")
    may_sleep = True

    def __init__(self, rcu: Rcu, call: str) -> None:
        self.rcu = rcu
        self.name = call  # type: ignore[misc]

    def label(self) -> str:
        return self.rcu.name

    def apply(self, sim: Sim, thread: SimThread) -> tuple[tuple[str, int], ...]:
        sim.touch(self.rcu.key, READ, self.rcu.state())
        sim.acquire_edge(self.rcu.key)
        return self.rcu.state()


class _Wait(Op):
    __slots__ = ("name", "rcu", "reader")
    may_sleep = True

    def __init__(self, rcu: Rcu, call: str, reader: tuple[str, int]) -> None:
        self.rcu = rcu
        self.name = call  # type: ignore[misc]
        self.reader = reader

    def label(self) -> str:
        return self.rcu.name

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        name, number = self.reader
        return self.rcu.readers.get(name) != number

    def guard(self) -> tuple[Key, ...]:
        return (self.rcu.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return self.reader not in state

    def apply(self, sim: Sim, thread: SimThread) -> None:
        sim.touch(self.rcu.key, READ, self.rcu.state())
        sim.acquire_edge(self.rcu.key)

    def blockers(self, sim: Sim) -> tuple[SimThread, ...]:
        return (sim.by_name[self.reader[0]],)

    def waits_for(self, thread: SimThread) -> str:
        return f"a grace period that the reader in thread {self.reader[0]} holds up"


class _Section:
    __slots__ = ("rcu",)

    def __init__(self, rcu: Rcu) -> None:
        self.rcu = rcu

    def __aenter__(self) -> Awaitable[None]:
        return perform(_Enter(self.rcu))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:  # a thread that stops never leaves its section
            await perform(_Leave(self.rcu))


class _Masked:
    __slots__ = ("rcu",)

    def __init__(self, rcu: Rcu) -> None:
        self.rcu = rcu

    def __enter__(self) -> None:
        thread = self.rcu.sim.current
        assert thread is not None
        if not thread.irqs_off:
            raise ModelError(
                f"{self.rcu.name}.masked() begins with irqs on: expected it after irqs are turned "
                "off, e.g. by spin_lock_irqsave(); use reading() for a reader that leaves them on"
            )
        self.rcu.enter(self.rcu.sim, thread)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        thread = self.rcu.sim.current
        if kind is None and thread is not None:  # a thread that stops never leaves its section
            self.rcu.leave(self.rcu.sim, thread)
            thread.at_exit.pop(self.rcu.name, None)
