"""Neighbours: each transition, and the declaration of all of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transitions import Machine as Library
from transitions import MachineError

from netsim.core.memory import peek
from netsim_models.errno import EHOSTUNREACH, EINVAL, EPERM
from netsim_models.machine import Machine
from netsim_models.net.arp_operations import mac_of, neigh_age, neigh_fail, neigh_reply
from netsim_models.net.neighbour import (
    BASE_REACHABLE_TIME,
    DELAY_PROBE_TIME,
    HZ,
    LOCKTIME,
    MCAST_PROBES,
    NO_ADDRESS,
    NUD,
    NUD_CONNECTED,
    NUD_IN_TIMER,
    NUD_VALID,
    RETRANS_TIME,
    TABLE,
    TIMER,
    UCAST_PROBES,
    Nud,
    neigh_add_timer,
    neigh_clone,
    neigh_create,
    neigh_event_send,
    neigh_flush_dev,
    neigh_lookup,
    neigh_timer_handler,
    neigh_update,
)
from tests.models.drive import (
    ADDRESS,
    ETHERNET,
    OTHER_MAC,
    USER,
    Driven,
    created,
    device,
    holders,
    machine,
    neighbour_in,
    run,
    softirq,
    state_of,
)

#: The states of an entry that sending does not change.
CALM = [Nud.REACHABLE, Nud.DELAY, Nud.PROBE, Nud.NOARP]


class TestStates:
    """What the masks mean for every state that is reached."""

    def test_masks(self) -> None:
        assert {s.value for s in NUD_IN_TIMER} == {0x01, 0x02, 0x08, 0x10}
        assert {s.value for s in NUD_CONNECTED} == {0x80, 0x40, 0x02}
        assert {s.value for s in NUD_VALID} == {0x80, 0x40, 0x02, 0x10, 0x04, 0x08}

    @pytest.mark.parametrize("state", [*ETHERNET, Nud.NOARP])
    def test_the_timer_is_armed_and_holds_a_reference_exactly_in_timer_states(
        self, m: Machine, state: Nud
    ) -> None:
        neigh = neighbour_in(m, state)

        armed = state in NUD_IN_TIMER
        assert neigh.timer.armed is armed
        assert holders(neigh) == sorted([TABLE, USER, *([TIMER] if armed else [])])

    @pytest.mark.parametrize("state", [*ETHERNET, Nud.NOARP])
    def test_valid_states_of_ethernet_have_an_address(self, m: Machine, state: Nud) -> None:
        neigh = neighbour_in(m, state)

        known = state in NUD_VALID and state is not Nud.NOARP
        assert peek(neigh, "ha") == (mac_of(ADDRESS) if known else NO_ADDRESS)


class TestCreate:
    """neigh_create(), neigh_lookup()."""

    def test_ethernet_starts_unresolved_and_long_unconfirmed(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.NONE)

        assert peek(neigh, "confirmed") == -2 * BASE_REACHABLE_TIME
        assert peek(neigh, "dead") is False
        assert m.arp_tbl.entries.items == (neigh,)

    def test_loopback_needs_no_arp(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.NOARP)

        assert peek(neigh, "ha") == peek(device(m, "lo"), "dev_addr")

    def test_pins_its_device_under_its_own_name(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.NONE)

        assert repr(neigh) in device(m).refs.holders

    def test_lookup_is_by_address_and_device(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.NONE)

        assert run(m, neigh_lookup(m, ADDRESS, device(m, "eth1"))) is None
        assert run(m, neigh_lookup(m, "10.0.0.2", device(m))) is None
        before = neigh.refs.count
        assert run(m, neigh_lookup(m, ADDRESS, device(m))) is neigh
        assert neigh.refs.count == before + 1

    def test_who_comes_second_gets_the_first_entry_and_frees_its_own(self, m: Machine) -> None:
        dev = device(m)
        slow = Driven(m, neigh_create(m, ADDRESS, dev)).until("write_lock")
        first = run(m, neigh_create(m, ADDRESS, dev))
        assert first is not None

        assert slow.finish() is first

        assert m.arp_tbl.entries.items == (first,)
        assert first.refs.count == 3  # the table, and both callers
        assert dev.refs.holders.count(repr(first)) == 1
        assert [h for h in dev.refs.holders if h.startswith("neigh(")] == [repr(first)]
        assert [label for label in m.sim.heap if label.startswith("neigh(")] == [repr(first)]


class TestEventSend:
    """neigh_event_send(): what sending does to the entry."""

    @pytest.mark.parametrize("state", [Nud.NONE, Nud.FAILED])
    def test_resolution_starts(self, m: Machine, state: Nud) -> None:
        neigh = neighbour_in(m, state)

        assert run(m, neigh_event_send(m, neigh)) == 1

        assert state_of(neigh) is Nud.INCOMPLETE
        assert neigh.probes.value == UCAST_PROBES
        assert neigh.timer.expires == m.sim.jiffies + 1

    def test_resolution_under_way_goes_on(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.INCOMPLETE)
        expires = neigh.timer.expires

        assert run(m, neigh_event_send(m, neigh)) == 1

        assert state_of(neigh) is Nud.INCOMPLETE
        assert neigh.timer.expires == expires

    def test_a_stale_entry_is_used_and_watched(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.STALE)

        assert run(m, neigh_event_send(m, neigh)) == 0

        assert state_of(neigh) is Nud.DELAY
        assert neigh.timer.expires == m.sim.jiffies + DELAY_PROBE_TIME

    @pytest.mark.parametrize("state", CALM)
    def test_a_good_entry_is_only_used_and_takes_no_lock(self, m: Machine, state: Nud) -> None:
        neigh = neighbour_in(m, state)
        m.sim.jiffies += 7
        before = neigh.timer.expires

        sending = Driven(m, neigh_event_send(m, neigh))
        sending.step()

        assert sending.results == [0]
        assert state_of(neigh) is state
        assert peek(neigh, "used") == m.sim.jiffies
        assert neigh.timer.expires == before

    def test_an_entry_that_became_good_meanwhile_is_left_alone(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.STALE)
        sending = Driven(m, neigh_event_send(m, neigh)).until("write_lock")
        softirq(m, neigh_reply(m, ADDRESS))

        assert sending.finish() == 0

        assert state_of(neigh) is Nud.REACHABLE


class TestUpdate:
    """neigh_update() to REACHABLE, which is what an ARP reply brings."""

    @pytest.mark.parametrize("state", ETHERNET)
    def test_a_reply_makes_it_reachable(self, m: Machine, state: Nud) -> None:
        neigh = neighbour_in(m, state)
        m.sim.jiffies += LOCKTIME + 1
        expires = neigh.timer.expires

        assert softirq(m, neigh_reply(m, ADDRESS)) == 0

        assert state_of(neigh) is Nud.REACHABLE
        assert peek(neigh, "confirmed") == peek(neigh, "updated") == m.sim.jiffies
        assert holders(neigh) == [TABLE, TIMER, USER]
        kept = state is Nud.REACHABLE  # the state does not change, so its timer is not moved
        assert neigh.timer.expires == (expires if kept else m.sim.jiffies + BASE_REACHABLE_TIME)

    def test_entries_without_arp_refuse(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.NOARP)

        assert run(m, neigh_update(m, neigh, OTHER_MAC, True)) == -EPERM
        assert state_of(neigh) is Nud.NOARP

    def test_an_unresolved_entry_needs_an_address(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.INCOMPLETE)

        assert run(m, neigh_update(m, neigh, "", True)) == -EINVAL
        assert state_of(neigh) is Nud.INCOMPLETE

    def test_without_override_another_address_changes_nothing_but_times(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.STALE)

        assert run(m, neigh_update(m, neigh, OTHER_MAC, False)) == 0

        assert state_of(neigh) is Nud.STALE
        assert peek(neigh, "ha") == mac_of(ADDRESS)
        assert peek(neigh, "confirmed") == peek(neigh, "updated") == m.sim.jiffies

    @pytest.mark.parametrize(("late", "taken"), [(0, False), (1, True)])
    def test_replies_override_only_after_locktime(self, m: Machine, late: int, taken: bool) -> None:
        neigh = neighbour_in(m, Nud.REACHABLE)
        m.sim.jiffies += LOCKTIME + late

        softirq(m, neigh_reply(m, ADDRESS, OTHER_MAC))

        assert (peek(neigh, "ha") == OTHER_MAC) is taken

    def test_a_reply_creates_no_entry(self, m: Machine) -> None:
        assert softirq(m, neigh_reply(m, ADDRESS)) == 0
        assert m.arp_tbl.entries.items == ()

    def test_a_host_that_does_not_exist_says_nothing(self, m: Machine) -> None:
        assert softirq(m, neigh_reply(m, "10.0.0.77")) == -EHOSTUNREACH


class TestTimer:
    """neigh_timer_handler(), in every state."""

    def test_reachable_unused_goes_stale(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.REACHABLE)
        m.sim.jiffies += BASE_REACHABLE_TIME + 1

        softirq(m, neigh_age(m, ADDRESS))

        assert state_of(neigh) is Nud.STALE
        assert holders(neigh) == [TABLE, USER]

    def test_time_alone_ages_a_reachable_entry(self, m: Machine) -> None:
        """Each run of the timer is due HZ / 2 after the last at the earliest, so time moves."""
        neigh = neighbour_in(m, Nud.REACHABLE)

        softirq(m, neigh_age(m, ADDRESS))
        assert state_of(neigh) is Nud.REACHABLE
        assert neigh.timer.expires == m.sim.jiffies + HZ // 2
        softirq(m, neigh_age(m, ADDRESS))

        assert state_of(neigh) is Nud.STALE

    def test_reachable_in_use_is_delayed(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.REACHABLE)
        m.sim.jiffies += BASE_REACHABLE_TIME + 1
        run(m, neigh_event_send(m, neigh))

        softirq(m, neigh_age(m, ADDRESS))

        assert state_of(neigh) is Nud.DELAY
        assert neigh.timer.expires == m.sim.jiffies + DELAY_PROBE_TIME

    def test_reachable_confirmed_again_stays(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.REACHABLE)
        m.sim.jiffies += LOCKTIME + 1
        softirq(m, neigh_reply(m, ADDRESS))
        confirmed = m.sim.jiffies

        softirq(m, neigh_age(m, ADDRESS))

        assert state_of(neigh) is Nud.REACHABLE
        assert neigh.timer.expires == confirmed + BASE_REACHABLE_TIME

    def test_delay_without_confirmation_is_probed(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.DELAY)

        softirq(m, neigh_age(m, ADDRESS))

        assert state_of(neigh) is Nud.PROBE
        assert neigh.probes.value == 1  # the first went out in the same run
        assert neigh.timer.expires == m.sim.jiffies + RETRANS_TIME

    def test_delay_confirmed_meanwhile_is_reachable(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.DELAY)
        neigh.confirmed = m.sim.jiffies + 1  # neigh_confirm(), as an upper layer calls it

        softirq(m, neigh_age(m, ADDRESS))

        assert state_of(neigh) is Nud.REACHABLE

    @pytest.mark.parametrize(
        ("state", "solicits"), [(Nud.INCOMPLETE, MCAST_PROBES), (Nud.PROBE, UCAST_PROBES - 1)]
    )
    def test_silence_fails_after_all_probes(self, m: Machine, state: Nud, solicits: int) -> None:
        neigh = neighbour_in(m, state)
        for _ in range(solicits):
            softirq(m, neigh_age(m, ADDRESS))
            assert state_of(neigh) is state
            assert neigh.timer.expires == m.sim.jiffies + RETRANS_TIME

        softirq(m, neigh_age(m, ADDRESS))

        assert state_of(neigh) is Nud.FAILED
        assert holders(neigh) == [TABLE, USER]

    @pytest.mark.parametrize("state", [Nud.INCOMPLETE, Nud.PROBE])
    def test_neigh_fail_is_silence_to_the_end(self, m: Machine, state: Nud) -> None:
        neigh = neighbour_in(m, state)

        assert softirq(m, neigh_fail(m, ADDRESS)) == 0

        assert state_of(neigh) is Nud.FAILED

    @pytest.mark.parametrize("state", [Nud.NONE, Nud.REACHABLE, Nud.STALE, Nud.DELAY, Nud.FAILED])
    def test_neigh_fail_needs_probing(self, m: Machine, state: Nud) -> None:
        neigh = neighbour_in(m, state)
        before = holders(neigh)

        softirq(m, neigh_fail(m, ADDRESS))

        assert state_of(neigh) is state
        assert holders(neigh) == before

    def test_a_handler_that_lost_to_a_flush_only_drops_its_reference(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.REACHABLE)
        late = Driven(m, neigh_age(m, ADDRESS)).until("run_timer")
        late.step()
        late.until("write_lock")
        run(m, neigh_flush_dev(m, device(m)))
        assert TIMER in neigh.refs.holders

        late.finish()

        assert state_of(neigh) is Nud.NOARP
        assert holders(neigh) == [USER]
        assert not neigh.timer.armed

    def test_arming_twice_is_what_the_kernel_complains_about(self, m: Machine) -> None:
        neigh = neighbour_in(m, Nud.INCOMPLETE)

        run(m, neigh_add_timer(m, neigh, 5))

        report = m.sim.reports.pop()
        assert report.kind == "warn-on"
        assert "double timer add, state is INCOMPLETE" in report.message
        assert neigh.refs.holders.count(TIMER) == 2


class TestDeclaration:
    """The table that simulated code runs from is the declared machine."""

    def test_every_flush_and_every_update_is_declared(self) -> None:
        for state in Nud:
            trigger = "flush_valid" if state in NUD_VALID else "flush_invalid"
            assert (state, trigger) in NUD.table
            updatable = state not in (Nud.NOARP, Nud.PERMANENT)
            assert ((state, "update_reachable") in NUD.table) is updatable

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(
        st.sampled_from(list(Nud)),
        st.lists(st.sampled_from(sorted(NUD.machine.events)), max_size=40),
    )
    def test_table_and_library_walk_together(self, start: Nud, triggers: list[str]) -> None:
        m = machine()
        neigh = run(m, created(m, device(m)))
        neigh.nud_state = start
        library = Library(
            model=None,
            states=list(Nud),
            initial=start,
            auto_transitions=False,
            transitions=[
                {"trigger": name, "source": source, "dest": only.dest}
                for name, event in NUD.machine.events.items()
                for source, (only,) in event.transitions.items()
            ],
        )

        class Owner:
            """What transitions calls a model."""

            state: Nud

        owner = Owner()
        library.add_model(owner)

        async def walk() -> int:
            refused = 0
            for trigger in triggers:
                try:
                    owner.trigger(trigger)  # type: ignore[attr-defined]
                    allowed = True
                except MachineError:
                    allowed = False
                    refused += 1
                assert NUD.fire(m.sim, neigh, "nud_state", trigger) is allowed
                assert neigh.nud_state is owner.state
            return refused

        refused = run(m, walk())

        assert [r.kind for r in m.sim.reports] == ["invalid-transition"] * refused


def test_a_handler_that_finds_no_work_returns(m: Machine) -> None:
    neigh = neighbour_in(m, Nud.NONE)

    run(m, neigh_clone(neigh, TIMER))
    run(m, neigh_timer_handler(m, neigh))

    assert state_of(neigh) is Nud.NONE
    assert holders(neigh) == [TABLE, USER]
