"""
Dining philosophers: each takes the fork to the left, then the one to the right, and eats once.

E. W. Dijkstra, *Hierarchical ordering of sequential processes* (1971).  With `reverse` one of
them takes its forks the other way round.
"""

import netsim


def philosophers(world: netsim.World, number: int, reverse: bool = False) -> None:
    """Seat `number` philosophers at a round table."""
    forks = [world.mutex(f"fork{i}") for i in range(number)]

    async def eat(i: int) -> None:
        first, second = forks[i], forks[(i + 1) % number]
        if reverse and i == 0:
            first, second = second, first
        async with first.held(), second.held():
            pass

    for i in range(number):
        world.thread(eat, i)


if __name__ == "__main__":
    print(netsim.explore(philosophers, 3))
    print()
    print(netsim.explore(philosophers, 3, True))
