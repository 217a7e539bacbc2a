"""Programs in which what a step touches hangs on what it finds, against brute force."""

from __future__ import annotations

import pytest

from netsim.explorer.dpor import SourceDpor
from tests.explorer.programs import Program
from tests.explorer.test_oracle import differs

PROGRAMS: dict[str, Program] = {
    "a use after the free, or before it": (
        (("publish", 0), ("sleep", 0), ("free", 0)),
        (("use", 0),),
    ),
    "two frees": (
        (("publish", 0), ("free", 0)),
        (("free", 0), ("use", 0)),
    ),
    "who looks at the clock, and who moves it": (
        (("timer_arm", 1), ("timer_fire", 0)),
        (("clock", 0), ("clock", 0)),
    ),
    "two that move the clock": (
        (("timer_arm", 0), ("timer_fire", 0), ("clock", 0)),
        (("timer_arm", 1), ("timer_fire", 0)),
    ),
    "a lock taken again by its owner": (
        (("spin_lock", 0), ("spin_lock", 0)),
        (("spin_lock", 0),),
    ),
    "a count that is raised from zero": (
        (("ref_put", 0), ("ref_get", 0)),
        (("ref_put", 0), ("ref_get", 0)),
        (("ref_read", 0),),
    ),
    "a count that falls below zero": (
        (("ref_put", 0), ("ref_put", 0), ("ref_get", 0)),
        (("ref_put", 0), ("ref_get", 0)),
    ),
    "an anchor that changes its name": (
        (("ref_rename", 1), ("ref_put", 1)),
        (("ref_put", 1), ("ref_get", 1)),
    ),
    "an anchor that another becomes": (
        (("ref_anchor", 1), ("ref_rename", 0)),
        (("ref_put", 1), ("ref_read", 1)),
    ),
    "a writer that takes its lock again": (
        (("rw_nested", 0), ("rw_write", 0)),
        (("rw_inverse", 0), ("rw_write", 0)),
    ),
    "work that is queued while it waits": (
        (("plain_write", 0), ("queue_work", 0)),
        (("queue_work", 0), ("flush_work", 0), ("plain_read", 0)),
    ),
}

#: What thread 1 touches asleep (x, for its trylock succeeds) it no longer touches once 2 has the
#: lock; yet that 3 writes x before it is an order that no execution with 1 first stands for.
WOKEN: Program = (
    (("spin_trylock", 0),),
    (("marked", 1), ("spin_lock", 0)),
    (("marked", 1), ("plain_write", 1)),
)
PROGRAMS["a sleeper that touches less once it is woken"] = WOKEN


@pytest.mark.parametrize("name", PROGRAMS)
def test_explorer_agrees_with_brute_force(name: str) -> None:
    assert not differs(PROGRAMS[name])


def test_forgotten_sleepers_turn_it_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SourceDpor, "_race_woken", lambda *_: None)

    assert differs(WOKEN)
