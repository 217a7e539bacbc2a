"""What the author of netoops thought of doing otherwise, as variants of his driver."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from netsim.core.sim import Sim
from netsim.design import Design, System, Variant
from netsim_models.netoops_v1.system import NetoopsSystem


def _changed(design: Design, change: Callable[[NetoopsSystem], None], source: str) -> Design:
    """Return the design with its driver changed before anything runs."""

    def boot(sim: Sim) -> System:
        system = design.boot(sim)
        assert isinstance(system, NetoopsSystem)
        change(system)
        return system

    return attrs.evolve(design, boot=boot, sources=(*design.sources, source))


def _every(design: Design) -> Design:
    def change(s: NetoopsSystem) -> None:
        s.driver.one_shot_default = 0
        s.driver.data.network_dumper_one_shot = 0

    return _changed(design, change, "patch 08 with network_dumper_one_shot = 0 to begin with")


VARIANTS = (Variant("every", "one-shot is off to begin with: every crash is dumped", _every),)
