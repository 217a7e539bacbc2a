"""Routes: which device and source, what the cache keeps alive, and what device events do to it."""

from __future__ import annotations

from typing import Any

import pytest

from netsim.core.memory import is_freed, peek
from netsim_models import world
from netsim_models.errno import EEXIST, EINVAL, ENETDOWN, ENETUNREACH, ENODEV, ESRCH
from netsim_models.machine import Machine
from netsim_models.net.arp_operations import route_add, route_del
from netsim_models.net.neighbour import BROADCAST, Nud, neigh_clone, neigh_create
from netsim_models.net.route import (
    CACHE,
    Rtable,
    arp_bind_neighbour,
    ip_route_output_key,
    ip_rt_put,
    rt_cache_flush,
)
from tests.models.drive import ADDRESS, OTHER_MAC, Driven, device, run, state_of

#: Who uses the route in these tests.
USER = "user"


async def looked_up(m: Machine, address: str) -> Rtable | None:
    error, rt = await ip_route_output_key(m, address)
    assert (rt is None) is (error != 0)
    if rt is not None:
        rt.refs.hand_over("", USER)
    return rt


def route_to(m: Machine, address: str = ADDRESS) -> Rtable:
    """Look a route up; USER holds it."""
    rt = run(m, looked_up(m, address))
    assert rt is not None
    return rt


def cached(m: Machine) -> tuple[Rtable, ...]:
    items: tuple[Rtable, ...] = m.routes.cache.items
    return items


def garbage(m: Machine) -> tuple[Rtable, ...]:
    items: tuple[Rtable, ...] = m.routes.garbage.items
    return items


def gone(m: Machine, rt: Rtable, name: str = "eth0") -> bool:
    """Tell whether a route is freed, and nothing of it holds the device."""
    return is_freed(rt) and not any(h != "registration" for h in device(m, name).refs.holders)


def bound_to(rt: Rtable) -> str:
    """Name the neighbour's key and device."""
    neigh = peek(rt, "neighbour")
    return f"{neigh.primary_key} on {peek(neigh, 'dev')!r}"


class TestLookup:
    """ip_route_output_key()."""

    @pytest.mark.parametrize(
        ("address", "dev", "source", "neighbour"),
        [
            ("10.0.0.1", "eth0", "10.0.0.100", "10.0.0.1 on eth0"),
            ("10.0.0.77", "eth0", "10.0.0.100", "10.0.0.77 on eth0"),
            ("10.0.1.1", "eth1", "10.0.1.100", "10.0.1.1 on eth1"),
            # This host's own addresses, and nobody else's
            ("10.0.0.100", "lo", "10.0.0.100", "0.0.0.0 on lo"),
            ("10.0.1.100", "lo", "10.0.1.100", "0.0.0.0 on lo"),
            ("127.0.0.1", "lo", "127.0.0.1", "0.0.0.0 on lo"),
            ("127.9.9.9", "lo", "127.0.0.1", "0.0.0.0 on lo"),
        ],
    )
    def test_result(self, m: Machine, address: str, dev: str, source: str, neighbour: str) -> None:
        rt = route_to(m, address)

        assert peek(rt, "dev") is device(m, dev)
        assert (rt.rt_dst, rt.rt_src) == (address, source)
        assert bound_to(rt) == neighbour
        assert state_of(peek(rt, "neighbour")) is (Nud.NOARP if dev == "lo" else Nud.NONE)

    @pytest.mark.parametrize("address", ["10.0.0.255", "10.0.0.0"])
    def test_a_broadcast_needs_no_arp(self, m: Machine, address: str) -> None:
        neigh = peek(route_to(m, address), "neighbour")

        assert state_of(neigh) is Nud.NOARP
        assert peek(neigh, "ha") == BROADCAST

    @pytest.mark.parametrize(
        ("address", "mac"),
        [("224.0.0.1", "01:00:5e:00:00:01"), ("239.255.255.250", "01:00:5e:7f:ff:fa")],
    )
    def test_a_multicast_address_needs_a_route_and_no_arp(
        self, m: Machine, address: str, mac: str
    ) -> None:
        """RFC 1112, 6.4: the low 23 bits of the address behind 01-00-5E."""
        assert run(m, route_add(m, address, "eth0")) == 0
        neigh = peek(route_to(m, address), "neighbour")

        assert state_of(neigh) is Nud.NOARP
        assert peek(neigh, "ha") == mac

    @pytest.mark.parametrize("address", ["10.0.2.1", "192.168.0.1", "224.0.0.1"])
    def test_there_is_no_default_route(self, m: Machine, address: str) -> None:
        assert run(m, ip_route_output_key(m, address)) == (-ENETUNREACH, None)
        assert cached(m) == ()

    def test_references_of_a_new_route(self, m: Machine) -> None:
        rt = route_to(m)
        neigh = peek(rt, "neighbour")

        assert sorted(rt.refs.holders) == sorted([CACHE, USER])
        assert sorted(neigh.refs.holders) == sorted(["arp_tbl", repr(rt)])
        assert sorted(device(m).refs.holders) == sorted(["registration", repr(rt), repr(neigh)])

    def test_the_second_look_up_finds_the_first_route(self, m: Machine) -> None:
        rt = route_to(m)
        steps = m.sim.steps

        assert route_to(m) is rt

        assert m.sim.steps - steps < 6
        assert sorted(rt.refs.holders) == sorted([CACHE, USER, USER])

    def test_routes_to_two_own_addresses_share_a_neighbour(self, m: Machine) -> None:
        one, other = route_to(m, "10.0.0.100"), route_to(m, "127.0.0.1")

        assert one is not other
        assert peek(one, "neighbour") is peek(other, "neighbour")

    def test_who_comes_second_gets_the_first_route_and_frees_its_own(self, m: Machine) -> None:
        # Both miss in the cache; the second one makes its own before the first is entered.
        slow = Driven(m, looked_up(m, ADDRESS)).until("find_and_hold")
        rt = route_to(m)

        assert slow.finish() is rt

        assert cached(m) == (rt,)
        assert sorted(rt.refs.holders) == sorted([CACHE, USER, USER])
        assert [label for label in m.sim.heap if label.startswith("route(")] == [repr(rt)]
        assert peek(rt, "neighbour").refs.count == 2

    def test_binding_again_does_nothing(self, m: Machine) -> None:
        rt = route_to(m)
        before = list(peek(rt, "neighbour").refs.holders)

        assert run(m, arp_bind_neighbour(m, rt)) == 0

        assert peek(rt, "neighbour").refs.holders == before


class TestHostRoutes:
    """route-add, route-del."""

    def test_a_host_route_wins_over_the_subnet(self, m: Machine) -> None:
        assert run(m, route_add(m, ADDRESS, "eth1")) == 0

        rt = route_to(m)

        assert peek(rt, "dev") is device(m, "eth1")
        assert rt.rt_src == "10.0.1.100"
        assert bound_to(rt) == f"{ADDRESS} on eth1"

    def test_adding_and_removing_reach_who_asks_next(self, m: Machine) -> None:
        before = route_to(m)
        run(m, route_add(m, ADDRESS, "eth1"))
        between = route_to(m)
        assert run(m, route_del(m, ADDRESS)) == 0
        after = route_to(m)

        assert [repr(peek(rt, "dev")) for rt in (before, between, after)] == [
            "eth0",
            "eth1",
            "eth0",
        ]

    def test_an_address_of_this_host_stays_local(self, m: Machine) -> None:
        run(m, route_add(m, "10.0.0.100", "eth1"))

        assert peek(route_to(m, "10.0.0.100"), "dev") is device(m, "lo")

    def test_errors(self, m: Machine) -> None:
        assert run(m, route_add(m, "10.9.9.9", "eth9")) == -ENODEV
        assert run(m, route_add(m, "10.9.9.9", "eth0")) == 0
        assert run(m, route_add(m, "10.9.9.9", "eth0")) == -EEXIST
        assert run(m, route_del(m, "10.9.9.9")) == 0
        assert run(m, route_del(m, "10.9.9.9")) == -ESRCH
        run(m, world.down(m, "eth1"))
        assert run(m, route_add(m, "10.9.9.9", "eth1")) == -ENETDOWN

    def test_goes_with_its_device_and_does_not_come_back(self, m: Machine) -> None:
        run(m, route_add(m, "10.9.9.9", "eth0"))
        run(m, world.down(m, "eth0"))
        run(m, world.up(m, "eth0"))

        assert run(m, ip_route_output_key(m, "10.9.9.9")) == (-ENETUNREACH, None)


class TestFlush:
    """rt_cache_flush(), ip_rt_put()."""

    def test_putting_leaves_the_route_in_the_cache_with_all_it_holds(self, m: Machine) -> None:
        rt = route_to(m)

        run(m, ip_rt_put(m, rt, USER))

        assert cached(m) == (rt,)
        assert repr(rt) in device(m).refs.holders
        assert repr(rt) in peek(rt, "neighbour").refs.holders

    def test_a_flush_destroys_what_nobody_uses(self, m: Machine) -> None:
        rt = route_to(m)
        neigh = peek(rt, "neighbour")
        run(m, ip_rt_put(m, rt, USER))

        run(m, rt_cache_flush(m, 0))

        assert is_freed(rt)
        assert cached(m) == garbage(m) == ()
        assert neigh.refs.holders == ["arp_tbl"]
        assert sorted(device(m).refs.holders) == sorted(["registration", repr(neigh)])

    def test_a_route_in_use_is_garbage_until_its_user_lets_go(self, m: Machine) -> None:
        rt = route_to(m)
        run(m, rt_cache_flush(m, 0))
        assert (cached(m), garbage(m)) == ((), (rt,))
        assert rt.refs.holders == [USER]

        run(m, ip_rt_put(m, rt, USER))

        assert is_freed(rt)
        assert garbage(m) == ()

    def test_who_asks_after_a_flush_gets_a_new_route_and_the_same_neighbour(
        self, m: Machine
    ) -> None:
        old = route_to(m)
        run(m, rt_cache_flush(m, 0))
        new = route_to(m)

        assert new is not old
        assert peek(new, "neighbour") is peek(old, "neighbour")

    def test_what_has_expired_is_not_found_though_it_is_still_there(self, m: Machine) -> None:
        old = route_to(m)
        run(m, rt_cache_flush(m, -1))
        assert cached(m) == (old,)

        new = route_to(m)

        assert new is not old
        assert cached(m) == (new,)
        assert garbage(m) == (old,)

    def test_a_route_that_expires_while_it_is_made_is_found_by_nobody(self, m: Machine) -> None:
        slow = Driven(m, looked_up(m, ADDRESS)).until("spin_lock")
        run(m, rt_cache_flush(m, 0))
        old = slow.finish()

        assert cached(m) == (old,)
        assert route_to(m) is not old


class TestEvents:
    """What IPv4 does about device events."""

    def test_down_takes_the_subnet_and_up_brings_it_back(self, m: Machine) -> None:
        before = sorted(str(entry) for entry in m.routes.fib.items)
        run(m, world.down(m, "eth0"))

        assert run(m, ip_route_output_key(m, ADDRESS)) == (-ENETUNREACH, None)
        assert peek(route_to(m, "10.0.0.100"), "dev") is device(m, "lo")  # still an own address
        assert peek(route_to(m, "10.0.1.1"), "dev") is device(m, "eth1")

        run(m, world.up(m, "eth0"))
        assert sorted(str(entry) for entry in m.routes.fib.items) == before

    def test_own_addresses_survive_loopback_going_down(self, m: Machine) -> None:
        run(m, world.down(m, "lo"))

        assert peek(route_to(m, "10.0.0.100"), "dev") is device(m, "lo")

    def test_down_leaves_nothing_unused_behind(self, m: Machine) -> None:
        rt = route_to(m)
        run(m, ip_rt_put(m, rt, USER))

        run(m, world.down(m, "eth0"))

        assert gone(m, rt)
        assert m.arp_tbl.entries.items == ()

    def test_down_keeps_a_route_in_use_with_its_stray_neighbour(self, m: Machine) -> None:
        rt = route_to(m)
        neigh = peek(rt, "neighbour")

        run(m, world.down(m, "eth0"))

        assert garbage(m) == (rt,)
        assert neigh.refs.holders == [repr(rt)]
        assert peek(neigh, "dev") is device(m)
        run(m, ip_rt_put(m, rt, USER))
        assert gone(m, rt)
        assert is_freed(neigh)

    def test_garbage_discards_when_its_device_goes_down(self, m: Machine) -> None:
        rt, other = route_to(m), route_to(m, "10.0.1.1")
        run(m, rt_cache_flush(m, 0))

        run(m, world.down(m, "eth0"))

        assert peek(rt, "discards") is True
        assert peek(rt, "dev") is device(m)
        assert peek(other, "discards") is False

    def test_unregistering_moves_garbage_and_its_neighbour_to_loopback(self, m: Machine) -> None:
        rt = route_to(m)
        neigh = peek(rt, "neighbour")
        eth0 = device(m)

        assert run(m, world.unregister(m, "eth0")) == 0  # it need not wait for the user

        assert is_freed(eth0)
        assert peek(rt, "dev") is peek(neigh, "dev") is device(m, "lo")
        assert {repr(rt), repr(neigh)} <= set(device(m, "lo").refs.holders)
        run(m, ip_rt_put(m, rt, USER))
        assert gone(m, rt, "lo")
        assert is_freed(neigh)

    def test_unregistering_takes_the_own_addresses_too(self, m: Machine) -> None:
        run(m, world.unregister(m, "eth0"))

        assert run(m, ip_route_output_key(m, "10.0.0.100")) == (-ENETUNREACH, None)
        assert peek(route_to(m, "10.0.1.100"), "dev") is device(m, "lo")
        assert all(entry.dev.name != "eth0" for entry in m.routes.fib.items)

    def test_a_device_that_has_lost_ipv4_gets_no_new_neighbour(self, m: Machine) -> None:
        late = Driven(m, ip_route_output_key(m, ADDRESS)).until("spin_lock")
        eth0 = device(m)
        unregister = Driven(m, world.unregister(m, "eth0")).until_blocked()

        error, rt = late.finish()

        assert (error, rt) == (-EINVAL, None)
        unregister.finish()
        assert is_freed(eth0)

    def test_nor_does_one_that_loses_it_meanwhile(self, m: Machine) -> None:
        eth0 = device(m)
        late = Driven(m, neigh_create(m, ADDRESS, eth0)).until("write_lock")
        unregister = Driven(m, world.unregister(m, "eth0")).until_blocked()

        assert late.finish() is None

        unregister.finish()
        assert is_freed(eth0)

    def test_unregistering_waits_for_a_neighbour_that_no_route_points_to(self, m: Machine) -> None:
        rt = route_to(m)
        neigh = peek(rt, "neighbour")
        run(m, neigh_clone(neigh, "client"))
        run(m, ip_rt_put(m, rt, USER))

        unregister = Driven(m, world.unregister(m, "eth0")).until_blocked()

        assert f"held by {neigh!r}" in unregister.waits_for()

    @pytest.mark.parametrize("change", [world.flags, world.down])
    def test_events_that_flush_the_cache(self, m: Machine, change: Any) -> None:
        rt = route_to(m)

        run(m, change(m, "eth0"))

        assert cached(m) == ()
        assert garbage(m) == (rt,)

    def test_a_new_hardware_address_flushes_the_cache(self, m: Machine) -> None:
        rt = route_to(m)

        run(m, world.mac(m, "eth0", OTHER_MAC))

        assert garbage(m) == (rt,)
        assert peek(peek(rt, "neighbour"), "dead") is True

    def test_a_fresh_device_has_no_address_and_no_route(self, m: Machine) -> None:
        before = m.routes.fib.items
        run(m, world.register(m, "eth2"))
        run(m, world.up(m, "eth2"))

        assert m.routes.fib.items == before

    def test_an_unregistered_device_takes_its_subnet_with_it(self, m: Machine) -> None:
        run(m, world.unregister(m, "eth0"))
        run(m, world.register(m, "eth0"))
        run(m, world.up(m, "eth0"))

        assert run(m, ip_route_output_key(m, ADDRESS)) == (-ENETUNREACH, None)
