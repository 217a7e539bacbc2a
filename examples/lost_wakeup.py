"""
A lost wake-up: who looks before it enters the queue may sleep for ever.

The rule that it breaks is that of prepare_to_wait() in the kernel's Documentation: enter the
queue first, then look, then sleep.  With `fixed` it does.
"""

import netsim


def lost_wakeup(world: netsim.World, fixed: bool = False) -> None:
    """One thread waits until another has made something ready."""
    ready = world.var("ready", False)
    queue = world.waitqueue("queue")

    async def consume() -> None:
        if fixed:
            await queue.prepare_to_wait()
        if not await ready.load():
            if not fixed:
                await queue.prepare_to_wait()
            await queue.schedule()
        await queue.finish_wait()

    async def produce() -> None:
        await ready.store(True)
        await queue.wake_up()

    world.thread(consume)
    world.thread(produce)


if __name__ == "__main__":
    print(netsim.explore(lost_wakeup))
    print()
    print(netsim.explore(lost_wakeup, True))
