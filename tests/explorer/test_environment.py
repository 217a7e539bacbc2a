"""Timers that fire by themselves, and what else may happen once: against brute force."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.sync import happening, timer
from netsim.sync.happening import Happening
from netsim.sync.marked import read_once
from netsim.sync.timer import FIRINGS_MAX, IDLE_MAX, TIMERS, spent
from tests.explorer.brute import TooLarge, every_interleaving
from tests.explorer.programs import Interpreter, Program, World
from tests.explorer.test_oracle import explore

EXECUTIONS_MAX = 2000
ONE: Program = ((("timer_arm", 0),),)


async def once(w: World) -> bool:
    """Do something."""
    w.cell.x = w.cell.x * 2 + 1
    return True


async def thrice(w: World) -> bool:
    """Do something and come again, until it has been here three times."""
    if await w.atomic.atomic_add_return(1) < 3:
        await w.timer.mod_timer(w.timer.expires + 1)
    return True


async def poll(w: World) -> bool:
    """Come again until y is set."""
    if await read_once(w.cell, "y"):
        w.cell.x = 9
        return True
    await w.timer.mod_timer(w.timer.expires + 1)
    return False


async def due(w: World) -> bool:
    """Come again once, for the time has not come; then do something."""
    if w.sim.jiffies < 10:
        await w.timer.mod_timer(10)
        return False
    w.cell.x = 7
    return True


async def idle(w: World) -> bool:
    """Come again for ever, and do nothing."""
    await w.timer.mod_timer(w.timer.expires + 1)
    return False


async def restless(w: World) -> bool:
    """Come again for ever, and always do something."""
    w.cell.x = w.cell.x + 1
    await w.timer.mod_timer(w.timer.expires + 1)
    return True


HANDLERS: dict[str, Callable[[World], Coroutine[Op, Any, bool]]] = {
    f.__name__: f for f in (once, thrice, poll, due, idle, restless)
}


class Timed(Interpreter):
    """A program whose timer fires by itself; `bit` makes something possible, too."""

    def __init__(self, program: Program, handler: str) -> None:
        super().__init__(program)
        self.handler = handler

    def prepare(self, world: World) -> None:
        world.sim.choices = frozenset((TIMERS,))
        handler = HANDLERS[self.handler]
        world.timer.function = lambda: handler(world)

        async def takes() -> None:
            async with world.spin[0].held():
                world.cell.x = world.cell.x * 2 + 1

        async def adds() -> None:
            await world.atomic.atomic_inc()

        event = Happening(world.sim, "event", (takes, adds))

        async def ask(a: int, me: int) -> bool:
            found = await World.bit(world, 1, me)
            event.becomes_possible()
            return found

        world.bit = ask  # type: ignore[method-assign]


def differs(program: Program, handler: str) -> str:
    """Return how the explorer differs from brute force, or ""; raises TooLarge."""
    everything = every_interleaving(Timed(program, handler), EXECUTIONS_MAX)
    found, blocked = explore(Timed(program, handler))
    if everything.observations != found.observations:
        missing = len(everything.observations - found.observations)
        return f"{missing} outcomes missing of {len(everything.observations)}"
    if (everything.classes, 0) != (found.classes, blocked):
        return f"{everything.classes} classes, {found.classes} executions, {blocked} blocked"
    if everything.races != found.races:
        return f"races {everything.races} and {found.races}"
    return ""


PROGRAMS: dict[str, tuple[str, Program]] = {
    "armed and taken back": ("once", ((("timer_arm", 0), ("timer_del", 0)), (("marked", 0),))),
    "armed and waited for": ("once", ((("timer_arm", 0), ("timer_del", 1), ("mutex_section", 0)),)),
    "armed by two": ("once", ((("timer_arm", 0),), (("timer_arm", 1), ("clock", 0)))),
    "fired by an operation, too": ("once", ((("timer_arm", 0),), (("timer_fire", 0),))),
    "that comes again": ("thrice", ((("timer_arm", 0), ("atomic_return", 1)),)),
    "that comes again and is taken back": ("thrice", ((("timer_arm", 0),), (("timer_del", 1),))),
    "that polls what is set": ("poll", ((("timer_arm", 0),), (("marked", 1),))),
    "that polls what is never set": ("poll", ((("timer_arm", 0), ("marked", 0)),)),
    "that polls, armed by another": (
        "poll",
        ((("timer_arm", 0),), (("timer_arm", 1), ("marked", 0))),
    ),
    "whose time has not come": ("due", ((("timer_arm", 0), ("clock", 0)),)),
    "who asks": ("once", ((("bit", 1), ("spin_trylock", 0)), (("atomic_return", 1),))),
    "two who ask": ("once", ((("bit", 1), ("mutex_section", 0)), (("bit", 1),))),
    "who asks holding the lock": ("once", ((("spin_lock", 0), ("bit", 1)), (("marked", 1),))),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_explorer_agrees_with_brute_force(name: str) -> None:
    handler, program = PROGRAMS[name]
    assert not differs(program, handler)


_NAMES = (
    *("timer_arm", "timer_arm", "timer_del", "timer_fire", "clock", "marked", "bit"),
    *("plain_write", "atomic_return", "spin_trylock"),
)


def generate(seed: int) -> tuple[str, Program]:
    """Make a program of two or three threads that arm, ask, and look."""
    rng = random.Random(seed)
    handler = rng.choice(("once", "thrice", "poll", "due", "idle"))
    threads = rng.choice((2, 2, 3))
    made = [
        [(rng.choice(_NAMES), rng.randint(0, 1)) for _ in range(rng.randint(1, 4 - threads))]
        for _ in range(threads)
    ]
    made[0].insert(0, (rng.choice(("timer_arm", "bit")), 1))
    return handler, tuple(map(tuple, made))


def test_explorer_agrees_with_brute_force_on_random_programs() -> None:
    tried = fired = happened = 0
    for seed in range(70):
        handler, program = generate(seed)
        try:
            wrong = differs(program, handler)
        except TooLarge:
            continue
        assert not wrong, (seed, handler, program)
        tried += 1
        names = [name for thread in program for name, _ in thread]
        fired += "timer_arm" in names
        happened += "bit" in names
    assert min(tried - 30, fired - 18, happened - 12) >= 0, (tried, fired, happened)


@pytest.mark.parametrize("op", [timer._Fire, happening._Happen])
def test_a_forgotten_guard_turns_it_red(op: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: what lets a timer fire, or an event happen, counts."""
    monkeypatch.setattr(op, "guard", lambda _: ())

    assert any(_differs_or_breaks(program, handler) for handler, program in PROGRAMS.values())


def _differs_or_breaks(program: Program, handler: str) -> bool:
    try:
        return bool(differs(program, handler))
    except AssertionError:
        return True


def test_what_may_happen_does_so_in_each_way_once_or_not_at_all() -> None:
    program: Program = ((("bit", 1), ("bit", 1)),)
    everything = every_interleaving(Timed(program, "once"), EXECUTIONS_MAX)
    seen = {(state[0], state[4]) for state, *_ in everything.observations}
    assert seen == {(0, 0), (1, 0), (0, 1)}  # not at all, by the lock, by the counter
    # The second `bit` comes somewhere among the steps of the event: 1, or 4, or 3 of them.
    assert everything.executions == 2 + 5 + 4


class TestRest:
    """When a timer that is armed fires no more."""

    def run(self, handler: str) -> tuple[Sim, int]:
        """Arm the timer and let it fire as often as it may; return how often it did."""
        sim = Timed(ONE, handler).start()
        count = 0
        while enabled := sim.enabled():
            count += sim.step(enabled[0]).op.name == "timer_fires"
        return sim, count

    @pytest.mark.parametrize(
        ("handler", "times"),
        [
            ("once", 1),
            ("thrice", 3),
            ("due", 2),
            ("idle", IDLE_MAX),
            ("poll", IDLE_MAX),
            ("restless", FIRINGS_MAX),
        ],
    )
    def test_how_often(self, handler: str, times: int) -> None:
        assert self.run(handler)[1] == times

    def test_who_did_something_each_time_is_not_at_rest(self) -> None:
        assert spent(self.run("restless")[0]) == ["timer"]
        assert all(not spent(self.run(name)[0]) for name in HANDLERS if name != "restless")

    def test_what_it_reads_lets_it_fire_again(self) -> None:
        # It has looked twice in vain in some execution, and y is set only then: yet it sees it.
        program: Program = ((("timer_arm", 0),), (("marked", 1),))
        mine = Timed(program, "poll")
        everything = every_interleaving(mine, EXECUTIONS_MAX)
        assert {state[0] for state, *_ in everything.observations} == {9}

    def test_who_arms_it_lets_it_fire_again(self) -> None:
        sim = Timed(((("timer_arm", 0),), (("timer_arm", 1),)), "idle").start()
        fired = [
            sim.step(sim.by_name[name]).op.name
            for name in ("1", *["timer"] * 8, "2")
            if sim.is_enabled(sim.by_name[name])
        ]
        assert fired.count("timer_fires") == IDLE_MAX
        assert sim.is_enabled(sim.by_name["timer"])

    def test_nothing_fires_while_the_machine_is_left_alone(self) -> None:
        sim = Timed(ONE, "once").start()
        sim.alone = True
        sim.step(sim.by_name["1"])
        assert sim.enabled() == []
        sim.alone = False
        assert [thread.name for thread in sim.enabled()] == ["timer"]

    def test_nothing_fires_unless_asked_for(self) -> None:
        sim = Timed(ONE, "once").start()
        sim.choices = frozenset()
        sim.step(sim.by_name["1"])
        assert sim.enabled() == []
