"""
A driver of one's own: a target that is set, turned off, read back, and sent to.

    netsim check examples/my_driver.py '{ set 10.0.0.1 } off || send'
    netsim matrix examples/my_driver.py
"""

from netsim import Design, Operation, Parameter, StartingPoint
from netsim.core.memory import KObject, bind, constant, kfree, kmalloc, shared
from netsim.core.sim import Sim
from netsim.sync.marked import SharedList
from netsim.sync.sleep import schedule_point
from netsim.sync.spinlock import SpinLock


@shared
class Target(KObject):
    """Where packets go: `shared` records each access, `kmalloc` and `kfree` its life."""

    address: str = ""


@shared
class Driver(KObject):
    """What operations work on, and what the engine looks at: `sim` and the three methods."""

    sim: Sim = constant()
    lock: SpinLock = constant()
    sent: SharedList = constant()
    target: Target | None = None

    def dumps(self) -> list[str]:  # what left the machine
        return list(self.sent.items)

    def roots(self) -> list[KObject]:  # what these do not lead to at the end has leaked
        return [self]

    def counts(self) -> list[object]:  # reference counts
        return []


async def replace(driver: Driver, new: Target | None) -> None:
    async with driver.lock.irqsave():
        old, driver.target = driver.target, new
    kfree(old)


async def set_(driver: Driver, address: str) -> None:
    await replace(driver, kmalloc(driver.sim, Target(address), "target"))


async def read(driver: Driver) -> str:
    async with driver.lock.irqsave():
        return driver.target.address if driver.target else "off"


async def send(driver: Driver) -> None:
    async with driver.lock.irqsave():
        target = driver.target
    await schedule_point("xmit")
    if target:  # the lock has been given back: it may be gone
        await driver.sent.add(f"packet to {target.address}")


ADDRESS = Parameter("ADDRESS", "where to send to")
OPERATIONS = (
    Operation("set", "sets the target", set_, (ADDRESS,), samples=(("10.0.0.1",),)),
    Operation("off", "forgets the target", lambda driver: replace(driver, None)),
    Operation("read", "tells the target", read),
    Operation("send", "sends a packet", send),
)
DESIGN = Design(
    name="my-driver",
    summary="a target under a spinlock, used after it",
    boot=lambda s: bind(s, Driver(s, SpinLock(s, "target_lock"), SharedList(s, "tx")), "driver"),
    operations={operation.name: operation for operation in OPERATIONS},
    starts=(StartingPoint("off", ""), StartingPoint("set", "set 10.0.0.1")),
    probes=("read",),
)
