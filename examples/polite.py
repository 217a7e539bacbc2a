"""
A livelock: two threads take two locks the wrong way round, and step aside if the second is taken.

Trying and backing off avoids the deadlock, but both may step aside for ever.  With `ordered` one of
them just waits, and both end in every execution that gives each its turn.
"""

import netsim
from netsim.sync.spinlock import SpinLock


def polite(world: netsim.World, ordered: bool = False) -> None:
    """Let two threads take both locks once."""
    a, b = world.spinlock("a"), world.spinlock("b")

    async def step_aside(first: SpinLock, second: SpinLock) -> None:
        while True:
            await first.spin_lock()
            if await second.spin_trylock():
                break
            await first.spin_unlock()
        await second.spin_unlock()
        await first.spin_unlock()

    async def insist() -> None:
        async with a.held(), b.held():
            pass

    if ordered:
        world.thread(insist)
    else:
        world.thread(step_aside, a, b, name="left")
    world.thread(step_aside, b, a, name="right")


if __name__ == "__main__":
    print(netsim.explore(polite))
    print()
    print(netsim.explore(polite, True))
