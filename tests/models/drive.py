"""Run simulated code by hand, alone or up to a call, and lead neighbours to a state with it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from netsim.core.memory import peek
from netsim.core.sim import Sim
from netsim.core.thread import Context
from netsim.sync.sleep import schedule_point
from netsim_models.machine import Machine
from netsim_models.net.arp_operations import neigh_age, neigh_fail, neigh_reply
from netsim_models.net.device import NetDevice
from netsim_models.net.neighbour import (
    BASE_REACHABLE_TIME,
    Neighbour,
    Nud,
    neigh_create,
    neigh_event_send,
)
from netsim_models.world import boot

_T = TypeVar("_T")

ADDRESS = "10.0.0.1"
OTHER_MAC = "02:00:00:00:00:42"
LONG_AGO = 10 * BASE_REACHABLE_TIME
#: Who uses the neighbour in these tests.
USER = "user"
#: The states that a neighbour with an Ethernet address comes to.
ETHERNET = [s for s in Nud if s not in (Nud.NOARP, Nud.PERMANENT)]


def machine() -> Machine:
    """Return a freshly booted 2.6.36 that records what it does, as an exploration would."""
    m = boot(Sim(), "2.6.36")
    m.sim.recording = True
    return m


class Driven(Generic[_T]):
    """A thread under manual control; threads are numbered in the order of their creation."""

    def __init__(
        self, m: Machine, coroutine: Coroutine[Any, Any, _T], context: Context = Context.PROCESS
    ) -> None:
        self.sim = m.sim
        self.results: list[_T] = []

        async def main() -> None:
            await schedule_point("start")
            self.results.append(await coroutine)

        self.thread = m.sim.spawn(f"t{len(m.sim.threads)}", main(), context=context)

    def step(self) -> None:
        assert self.thread.pending is not None
        assert self.sim.is_enabled(self.thread), self.waits_for()
        self.sim.step(self.thread)

    def until(self, call: str) -> Driven[_T]:
        """Run up to (not including) the next operation of this name."""
        while self.thread.pending is not None and self.thread.pending.name != call:
            self.step()
        assert self.thread.pending is not None, f"it ended without {call}()"
        return self

    def finish(self) -> _T:
        """Run to the end; fails if it blocks."""
        while self.thread.pending is not None:
            self.step()
        (result,) = self.results
        return result

    def until_blocked(self) -> Driven[_T]:
        """Run until it has to wait."""
        while self.thread.pending is not None and self.sim.is_enabled(self.thread):
            self.sim.step(self.thread)
        assert self.thread.pending is not None, "it ended without waiting"
        return self

    def waits_for(self) -> str:
        assert self.thread.pending is not None
        return self.thread.pending.waits_for(self.thread)


def run(m: Machine, coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end in process context, alone."""
    return Driven(m, coroutine).finish()


def softirq(m: Machine, coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end in softirq context, alone: anything that may sleep is found."""
    return Driven(m, coroutine, Context.SOFTIRQ).finish()


def device(m: Machine, name: str = "eth0") -> NetDevice:
    dev: NetDevice = next(d for d in m.dev_base.items if d.name == name)
    return dev


async def created(m: Machine, dev: NetDevice) -> Neighbour:
    neigh = await neigh_create(m, ADDRESS, dev)
    assert neigh is not None
    neigh.refs.hand_over("", USER)
    return neigh


def neighbour_in(m: Machine, state: Nud) -> Neighbour:
    """Lead a fresh neighbour, held by USER, to a state by the kernel's own ways."""
    neigh = run(m, created(m, device(m, "lo" if state is Nud.NOARP else "eth0")))
    if state in (Nud.NONE, Nud.NOARP):
        return neigh
    m.sim.jiffies = LONG_AGO
    run(m, neigh_event_send(m, neigh))
    if state is Nud.FAILED:
        softirq(m, neigh_fail(m, ADDRESS))
    elif state is not Nud.INCOMPLETE:
        softirq(m, neigh_reply(m, ADDRESS))
    if state in (Nud.STALE, Nud.DELAY, Nud.PROBE):
        m.sim.jiffies += BASE_REACHABLE_TIME + 1
        softirq(m, neigh_age(m, ADDRESS))
    if state in (Nud.DELAY, Nud.PROBE):
        run(m, neigh_event_send(m, neigh))
    if state is Nud.PROBE:
        softirq(m, neigh_age(m, ADDRESS))
    assert peek(neigh, "nud_state") is state
    return neigh


def state_of(neigh: Neighbour) -> Nud:
    state: Nud = peek(neigh, "nud_state")
    return state


def holders(neigh: Neighbour) -> list[str]:
    return sorted(neigh.refs.holders)
