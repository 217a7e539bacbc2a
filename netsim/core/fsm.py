"""
State machines: declared with `transitions`, run from a table.

A declaration is the only copy: `transitions` gives names that are checked, and diagrams; the
table that simulated code uses is read off it once, since a trigger of the library costs as much
as tens of steps.  A trigger that the state does not allow is a finding, never silence.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any

from transitions import Machine

from netsim.core.memory import KObject
from netsim.core.sim import Sim


class StateMachine:
    """
    A declared machine and its table.

    `rows` are (trigger, source states, destination); raises ValueError if two rows disagree.
    """

    def __init__(
        self,
        name: str,
        states: type[Enum],
        rows: Sequence[tuple[str, Sequence[Enum], Enum]],
        initial: Enum,
    ) -> None:
        self.name = name
        self.states = states
        self.machine = Machine(
            model=None,
            states=list(states),
            initial=initial,
            auto_transitions=False,
            transitions=[
                {"trigger": trigger, "source": source, "dest": dest}
                for trigger, sources, dest in rows
                for source in sources
            ],
        )
        self.table = self._compile()

    def _compile(self) -> dict[tuple[Enum, str], Enum]:
        table: dict[tuple[Enum, str], Enum] = {}
        for trigger, event in self.machine.events.items():
            for source, alternatives in event.transitions.items():
                if len(alternatives) != 1:
                    raise ValueError(f"{self.name}: {trigger} from {source} is ambiguous")
                (only,) = alternatives
                if only.conditions or only.before or only.after or only.prepare:
                    raise ValueError(f"{self.name}: {trigger} has callbacks, a table has none")
                table[(self.states[source], trigger)] = self.states[str(only.dest)]
        return table

    def fire(self, sim: Sim, obj: KObject, field: str, trigger: str) -> bool:
        """
        Let `trigger` happen to the machine whose state is `obj.field`: one plain assignment.

        An invalid trigger files an `invalid-transition` finding, changes nothing, returns False.
        """
        state: Any = getattr(obj, field)
        dest = self.table.get((state, trigger))
        if dest is None:
            sim.report(
                "invalid-transition",
                f"{obj!r} is {state.name}, which does not allow '{trigger}' ({self.name})",
                objects=(f"{obj!r}",),
                role="triggers",
            )
            return False
        setattr(obj, field, dest)
        return True
