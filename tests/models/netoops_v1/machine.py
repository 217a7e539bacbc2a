"""A machine with netoops v1, led through operations by hand, and what it sent."""

from __future__ import annotations

from netsim.core.sim import Sim
from netsim.notation import parse
from netsim_models.netoops_v1 import NETOOPS_V1, UNLOCKED
from netsim_models.netoops_v1.system import NetoopsSystem
from netsim_models.x86 import X86_64, Arch
from tests.models.drive import Driven


def system(
    operations: str = "", made: NetoopsSystem | None = None, arch: Arch = X86_64
) -> NetoopsSystem:
    """Boot a machine, or take one, and run operations on it, one after the other, alone."""
    if made is None:
        made = NetoopsSystem(Sim(), "2.6.36", UNLOCKED, UNLOCKED, arch)
        made.sim.recording = True
    calls = parse(operations).flows[0].calls if operations else ()
    for call in calls:
        operation = NETOOPS_V1.validate(call)

        async def run() -> None:
            await operation.run(made, *call.arguments)  # noqa: B023  run at once

        task = Driven(made.machine, run(), operation.contexts[0])
        while task.thread.pending is not None:
            task.step()
    return made


def packets(made: NetoopsSystem) -> list[bytes]:
    """Return the payloads of all that was sent."""
    return [sent.packet.payload for sent in made.machine.wire.sent]
