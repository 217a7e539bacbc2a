"""
Answers of the network around that come by themselves (`--choose arp`).

A solicitation that left the machine may be answered, or nobody answers until the entry has failed,
or nothing comes at all; at any later moment.  Each address that is asked for has one such event in
an execution, however often it is asked for: a second reply is an operation (`neigh-reply`).  When
timers fire by themselves, an entry fails by them, and the event can only be a reply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.sync.happening import Happening, Way
from netsim.sync.timer import TIMERS
from netsim_models.net.arp_operations import ANSWERS_ARP, neigh_fail, neigh_reply

if TYPE_CHECKING:
    from netsim_models.machine import Machine

#: What `Sim.choices` contains if answers come by themselves.
ARP = "arp"


class ArpAnswers:
    """What may come for each address, once it has been asked for."""

    def __init__(self, m: Machine) -> None:
        self.m = m
        self.events: dict[str, Happening] = {}

    def solicited(self, address: str) -> None:
        """Note, inside a step, that a request for an address leaves the machine."""
        m = self.m
        if ARP not in m.sim.choices:
            return
        event = self.events.get(address)
        if event is None:
            ways: list[Way] = []
            if address in ANSWERS_ARP:
                ways.append(lambda: neigh_reply(m, address))
            if TIMERS not in m.sim.choices:
                ways.append(lambda: neigh_fail(m, address))
            event = self.events[address] = Happening(m.sim, f"arp({address})", ways)
        event.becomes_possible()
