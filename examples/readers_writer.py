"""
A readers-writer lock in one word: -1 while somebody writes, else how many read.

The protocol is that of rwlock_t without its fairness.  A `broken` writer looks whether the lock
is free and takes it in two steps instead of one.
"""

from collections.abc import Callable

import netsim


def readers_writer(
    world: netsim.World, readers: int = 2, broken: bool = False
) -> Callable[[], tuple[int, ...]]:
    """Let `readers` threads read a pair of numbers while one thread changes both."""
    lock = world.var("lock", 0)
    pair = world.array("pair", [1, 1])
    saw = world.array("saw", [0] * readers)

    async def read(me: int) -> None:
        inside = False
        while not inside:
            count = await lock.until(lambda count: count >= 0)
            inside = await lock.compare_and_swap(count, count + 1)
        first = pair[0].value
        await world.pause("halfway")
        assert first == pair[1].value, "a reader sees half of a write"
        saw[me].value = first
        await lock.add(-1)

    async def write() -> None:
        if broken:
            await lock.until(lambda count: count == 0)
            await lock.store(-1)
        else:
            while not await lock.compare_and_swap(0, -1):
                await lock.until(lambda count: count == 0)
        pair[0].value = 2
        await world.pause("halfway")
        pair[1].value = 2
        await lock.store(0)

    for i in range(readers):
        world.thread(read, i)
    world.thread(write)
    return lambda: tuple(variable.value for variable in saw)


if __name__ == "__main__":
    print(netsim.explore(readers_writer))
    print()
    print(netsim.explore(readers_writer, 1, True))
