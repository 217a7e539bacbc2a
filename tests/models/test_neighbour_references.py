"""Neighbours: who holds whom, and what a flush leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

from netsim.core.memory import is_freed, peek
from netsim_models import world
from netsim_models.machine import Machine
from netsim_models.net.arp_operations import neigh_age, neigh_reply
from netsim_models.net.neighbour import (
    NO_ADDRESS,
    NUD_IN_TIMER,
    NUD_VALID,
    TABLE,
    TIMER,
    Nud,
    neigh_clone,
    neigh_event_send,
    neigh_flush_dev,
    neigh_gc,
    neigh_release,
)
from tests.models.drive import (
    ADDRESS,
    ETHERNET,
    OTHER_MAC,
    USER,
    Driven,
    device,
    holders,
    neighbour_in,
    run,
    softirq,
    state_of,
)


class TestFlush:
    """neigh_flush_dev(): nobody's entries are freed, the others become strays."""

    @pytest.mark.parametrize("state", ETHERNET)
    def test_a_stray_keeps_its_user_its_device_and_its_address(
        self, m: Machine, state: Nud
    ) -> None:
        neigh = neighbour_in(m, state)
        ha = peek(neigh, "ha")

        run(m, neigh_flush_dev(m, device(m)))

        assert m.arp_tbl.entries.items == ()
        assert state_of(neigh) is (Nud.NOARP if state in NUD_VALID else Nud.NONE)
        assert peek(neigh, "dead") is True
        assert peek(neigh, "ha") == ha
        assert holders(neigh) == [USER]
        assert not neigh.timer.armed
        assert repr(neigh) in device(m).refs.holders

    @pytest.mark.parametrize("state", ETHERNET)
    def test_an_entry_of_the_table_alone_is_freed(self, m: Machine, state: Nud) -> None:
        neigh = neighbour_in(m, state)
        run(m, neigh_release(m, neigh, USER))

        run(m, neigh_flush_dev(m, device(m)))

        assert is_freed(neigh)
        assert repr(neigh) not in device(m).refs.holders

    def test_other_devices_keep_theirs(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.REACHABLE)

        run(m, neigh_flush_dev(m, device(m, "eth1")))

        assert m.arp_tbl.entries.items == (neigh,)
        assert state_of(neigh) is Nud.REACHABLE

    def test_a_stray_is_not_found_by_replies(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.INCOMPLETE)
        run(m, neigh_flush_dev(m, device(m)))

        softirq(m, neigh_reply(m, ADDRESS))

        assert state_of(neigh) is Nud.NONE
        assert peek(neigh, "ha") == NO_ADDRESS

    def test_a_stray_can_be_asked_to_resolve_once_more(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.INCOMPLETE)
        run(m, neigh_flush_dev(m, device(m)))

        assert run(m, neigh_event_send(m, neigh)) == 1  # it does not look at `dead`

        assert state_of(neigh) is Nud.INCOMPLETE
        assert holders(neigh) == [TIMER, USER]

    def test_the_last_user_of_a_stray_frees_it(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.REACHABLE)
        run(m, neigh_flush_dev(m, device(m)))

        run(m, neigh_release(m, neigh, USER))

        assert is_freed(neigh)
        assert repr(neigh) not in device(m).refs.holders

    @pytest.mark.parametrize("change", [world.flags, world.carrier_off])
    def test_what_is_no_flush(self, m: Machine, change: Any) -> None:
        neigh = neighbour_in(m, Nud.REACHABLE)

        run(m, change(m, "eth0"))

        assert m.arp_tbl.entries.items == (neigh,)

    def test_a_new_hardware_address_is_one(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.REACHABLE)

        run(m, world.mac(m, "eth0", OTHER_MAC))

        assert m.arp_tbl.entries.items == ()
        assert state_of(neigh) is Nud.NOARP

    def test_unregistering_waits_for_the_user_of_a_stray(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.REACHABLE)
        unregister = Driven(m, world.unregister(m, "eth0")).until_blocked()
        assert f"usage count = 1, held by {neigh!r}" in unregister.waits_for()

        run(m, neigh_release(m, neigh, USER))

        assert unregister.finish() == 0


class TestReferences:
    """neigh_clone(), neigh_release(), neigh_destroy()."""

    def test_clone_and_release_by_name(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.NONE)

        assert run(m, neigh_clone(neigh, "client")) is neigh
        assert holders(neigh) == sorted([TABLE, USER, "client"])
        run(m, neigh_release(m, neigh, "client"))
        assert holders(neigh) == [TABLE, USER]

    def test_one_release_too_many_destroys_an_entry_alive(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.NONE)
        run(m, neigh_release(m, neigh, USER))

        run(m, neigh_release(m, neigh, USER))

        destroyed, dropped = m.sim.reports.pop(), m.sim.reports.pop()
        assert (dropped.kind, destroyed.kind) == ("refcount", "warn-on")
        assert destroyed.message == f"Destroying alive neighbour {neigh!r}"
        assert not is_freed(neigh)
        assert repr(neigh) in device(m).refs.holders


class TestCollector:
    """neigh_periodic_work() for one entry, which neigh-age is when no timer is armed."""

    @pytest.mark.parametrize("state", [Nud.NONE, Nud.STALE, Nud.FAILED])
    def test_takes_what_nobody_uses(self, m: Machine, state: Nud) -> None:
        neigh = neighbour_in(m, state)
        run(m, neigh_release(m, neigh, USER))

        softirq(m, neigh_age(m, ADDRESS))

        assert is_freed(neigh)
        assert m.arp_tbl.entries.items == ()

    @pytest.mark.parametrize("state", [Nud.NONE, Nud.STALE, Nud.FAILED])
    def test_leaves_what_somebody_uses(self, m: Machine, state: Nud) -> None:
        neigh = neighbour_in(m, state)

        softirq(m, neigh_age(m, ADDRESS))

        assert state_of(neigh) is state
        assert holders(neigh) == [TABLE, USER]

    @pytest.mark.parametrize("state", [s for s in Nud if s in NUD_IN_TIMER])
    def test_leaves_what_a_timer_watches(self, m: Machine, state: Nud) -> None:
        neigh = neighbour_in(m, state)
        run(m, neigh_release(m, neigh, USER))

        run(m, neigh_gc(m, neigh))

        assert m.arp_tbl.entries.items == (neigh,)

    def test_does_not_look_into_a_stray(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.STALE)
        run(m, neigh_flush_dev(m, device(m)))

        run(m, neigh_gc(m, neigh))

        assert holders(neigh) == [USER]
