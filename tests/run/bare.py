"""A system without anything: what the small designs of tests stand on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netsim.core.sim import Sim


class BareSystem:
    """A machine on which nothing was booted."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim

    def dumps(self) -> Sequence[str]:
        return ()

    def roots(self) -> Sequence[Any]:
        return ()

    def counts(self) -> Sequence[Any]:
        return ()
