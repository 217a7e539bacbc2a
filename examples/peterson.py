"""
Peterson's algorithm: two threads exclude each other with nothing but reads and writes.

G. L. Peterson, *Myths about the mutual exclusion problem* (1981).  `broken` gives way before it
says that it wants to enter: two lines in the wrong order.
"""

import netsim


def peterson(world: netsim.World, broken: bool = False) -> None:
    """Let two threads enter the critical section once each."""
    wants = world.array("wants", [False, False])
    turn = world.var("turn", 0)
    inside = world.var("inside", 0)

    async def enter(me: int) -> None:
        other = 1 - me
        if broken:
            await turn.store(other)
            await wants[me].store(True)
        else:
            await wants[me].store(True)
            await turn.store(other)
        await world.until(lambda: not wants[other].value or turn.value == me, "my turn")
        assert await inside.add(1) == 0, "two threads are inside"
        await inside.add(-1)
        await wants[me].store(False)

    world.thread(enter, 0)
    world.thread(enter, 1)


if __name__ == "__main__":
    print(netsim.explore(peterson))
    print()
    print(netsim.explore(peterson, True))
