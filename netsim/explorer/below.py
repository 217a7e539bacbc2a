"""What can still happen after the first steps of a schedule: searches below a fixed beginning."""

from collections.abc import Sequence

from netsim.core.sim import Sim
from netsim.core.step import Choice
from netsim.core.thread import SimThread
from netsim.explorer.events import Event
from netsim.explorer.loop import Program
from netsim.explorer.merged import MergedDfs
from netsim.explorer.optimal import OptimalDpor, Race
from netsim.explorer.plain import Node
from netsim.explorer.wakeup import Move


class ClassesBelow(OptimalDpor):
    """Every class of executions that begin with `prefix`, each once."""

    def __init__(self, program: Program, prefix: Sequence[Choice]) -> None:
        super().__init__(program)
        self._prefix = prefix

    def begin(self, sim: Sim) -> Sequence[Choice]:
        """Start with the steps of the prefix as the only branch there is."""
        kept = super().begin(sim)
        if not self.path:
            for choice in reversed(self._prefix):
                move = Move(choice.thread, choice.value)
                move.children = self._wut
                self._wut = [move]
        return kept

    def _insert(self, race: Race, before: list[Event]) -> bool:
        if race.event.index < len(self._prefix):
            return False  # its reversal leads out of here
        return super()._insert(race, before)


class EverythingBelow(MergedDfs):
    """
    Every execution that begins with `prefix`, but for those that differ in nothing.

    Unlike ClassesBelow it has a halt come at every place.
    """

    def __init__(self, prefix: Sequence[Choice]) -> None:
        super().__init__(None)
        self._prefix = prefix

    def choose(self, sim: Sim, enabled: Sequence[SimThread]) -> tuple[SimThread, int] | None:
        """Follow the prefix first."""
        at = len(self.path)
        if at >= len(self._prefix):
            return super().choose(sim, enabled)
        way = self._prefix[at]
        self.path.append(Node([way], "", 0))
        return sim.by_name[way.thread], way.value
