"""Declared state machines: the table agrees with the library's own machine."""

from enum import Enum

import pytest
from transitions import Machine, MachineError

from netsim.core.fsm import StateMachine
from netsim.core.memory import KObject, bind, shared
from netsim.core.sim import Sim
from netsim_models.kernel.module import MODULE
from netsim_models.net.device import REGISTRATION
from netsim_models.net.neighbour import NUD


class Owner:
    """What transitions calls a model."""


@pytest.mark.parametrize("declared", [NUD, REGISTRATION, MODULE], ids=lambda m: m.name)
def test_table_and_library_agree_on_every_trigger_in_every_state(declared: StateMachine) -> None:
    for state in declared.states:
        for trigger in declared.machine.events:
            owner = Owner()
            Machine(
                model=owner,
                states=list(declared.states),
                initial=state,
                auto_transitions=False,
                transitions=[
                    {"trigger": name, "source": source, "dest": only.dest}
                    for name, event in declared.machine.events.items()
                    for source, (only,) in event.transitions.items()
                ],
            )
            try:
                owner.trigger(trigger)  # type: ignore[attr-defined]
                expected = owner.state  # type: ignore[attr-defined]
            except MachineError:
                expected = None

            assert declared.table.get((state, trigger)) is expected


class Light(Enum):
    """Two states."""

    OFF = 0
    ON = 1


@shared
class Lamp(KObject):
    """Something with a state."""

    state: Light = Light.OFF


def test_an_invalid_trigger_is_a_finding_and_changes_nothing() -> None:
    machine = StateMachine("lamp", Light, [("on", [Light.OFF], Light.ON)], Light.OFF)
    sim = Sim()
    lamp = bind(sim, Lamp(), "lamp")

    async def twice() -> None:
        from netsim.sync.sleep import schedule_point

        await schedule_point("go")
        assert machine.fire(sim, lamp, "state", "on")
        assert not machine.fire(sim, lamp, "state", "on")

    thread = sim.spawn("1", twice())
    sim.step(thread)

    (report,) = sim.reports
    assert report.kind == "invalid-transition"
    assert "ON, which does not allow 'on'" in report.message
    assert lamp.state is Light.ON


def test_an_ambiguous_declaration_is_refused() -> None:
    rows = [("on", [Light.OFF], Light.ON), ("on", [Light.OFF], Light.OFF)]

    with pytest.raises(ValueError, match="ambiguous"):
        StateMachine("lamp", Light, rows, Light.OFF)
