"""A design with something changed on its machine before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from netsim.core.sim import Sim
from netsim.design import Design, Operation, System


def changed(
    design: Design,
    change: Callable[[Any], None],
    source: str,
    operations: tuple[Operation, ...] = (),
) -> Design:
    """Return a design of which `change` gets each system that boots, with further operations."""

    def boot(sim: Sim) -> System:
        system: Any = design.boot(sim)
        change(system)
        return system  # type: ignore[no-any-return]

    table = {**design.operations, **{one.name: one for one in operations}}
    return attrs.evolve(design, boot=boot, operations=table, sources=(*design.sources, source))
