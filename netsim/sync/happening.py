"""What the environment may do by itself, once, at any moment after it has become possible."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from netsim.core.access import READ, WRITE, Key
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import Context, SimThread
from netsim.core.traps import perform
from netsim.sync.choose import note

Way = Callable[[], Coroutine[Op, Any, Any]]


class Happening:
    """
    Something that may happen, in one of several `ways`, or not at all.

    Invariant: it happens once at most, however often it becomes possible.

    Context:    softirq
    Footprint:  what makes it possible writes it, the next time reads it; that it happens reads it
    """

    __slots__ = ("key", "name", "possible", "sim", "ways")

    def __init__(self, sim: Sim, name: str, ways: Sequence[Way]) -> None:
        self.sim = sim
        self.name = name
        self.ways = tuple(ways)
        self.possible = False
        self.key: Key = sim.new_key(name, "possible")

    def becomes_possible(self) -> None:
        """Let it happen from now on, inside the step of another operation."""
        sim = self.sim
        sim.touch(self.key, READ if self.possible else WRITE, self.possible)
        sim.release_edge(self.key)
        self.possible = True
        if self.name not in sim.by_name:
            current = sim.current
            sim.spawn(self.name, self._happen(), daemon=True).idle = self._happen
            sim.current = current

    async def _happen(self) -> None:
        way = await perform(_Happen(self))
        if way:
            await self.ways[way - 1]()
            await perform(_Over(self))


class _Happen(Op):
    __slots__ = ("what",)

    name = "choose"
    idles = True

    def __init__(self, what: Happening) -> None:
        self.what = what

    def label(self) -> str:
        return self.what.name

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return self.what.possible and not sim.alone

    def guard(self) -> tuple[Key, ...]:
        return (self.what.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return bool(state)

    def options(self, sim: Sim) -> int:
        return 1 + len(self.what.ways)

    def apply(self, sim: Sim, thread: SimThread) -> int:
        sim.touch(self.what.key, READ, self.what.possible)
        sim.acquire_edge(self.what.key)
        note(sim, thread)
        if sim.choice:
            thread.operation = self.what.name
            thread.context = Context.SOFTIRQ
        return sim.choice

    def waits_for(self, thread: SimThread) -> str:
        return f"{self.what.name} to become possible"


class _Over(Op):
    __slots__ = ("what",)

    name = "over"

    def __init__(self, what: Happening) -> None:
        self.what = what

    def label(self) -> str:
        return self.what.name

    def apply(self, sim: Sim, thread: SimThread) -> None:
        thread.operation = ""
