"""Programs in which what a step touches hangs on what it finds, against brute force."""

from __future__ import annotations

import pytest

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
    # What wakeup sequences and sleep sets stand for is easily guessed wrong here.
    "a halt among choices": (
        (("choose", 0),),
        (("halt", 1),),
        (("marked", 1),),
        (("choose", 1), ("marked", 1)),
    ),
    "a halt before a choice": ((("marked", 1), ("halt", 0)), (("choose", 1),), (("marked", 1),)),
    "a halt while work is cancelled": (
        (("halt", 1),),
        (("cancel_work", 1),),
        (("queue_work", 1),),
    ),
    "a halt while two want a lock": ((("halt", 0),), (("spin_lock", 0),), (("spin_lock", 0),)),
    "two halts, and one who waits for a change": (
        (("wait_round", 0),),
        (("wait_round", 1), ("halt", 1)),
        (("marked", 1), ("halt", 1)),
    ),
    "work that is cancelled, or sees what another wrote": (
        (("queue_work", 0), ("cancel_work", 0), ("marked", 1)),
        (("marked", 1),),
    ),
    "two readers that commute, and a lock that is never given back": (
        (("spin_lock", 0), ("rw_inverse", 0)),
        (("rw_inverse", 0),),
    ),
    "a choice before a lock of readers": (
        (("choose", 1), ("rw_write", 1)),
        (("list_change", 1), ("rw_read", 0)),
        (("list_change", 1), ("rw_read", 0)),
    ),
}

#: What thread 1 touches asleep (x, for its trylock succeeds) it no longer touches once 2 has the
#: lock; yet that 3 writes x before it is an order that no execution with 1 first stands for.
PROGRAMS["a sleeper that touches less once it is woken"] = (
    (("spin_trylock", 0),),
    (("marked", 1), ("spin_lock", 0)),
    (("marked", 1), ("plain_write", 1)),
)

#: Programs in which one call may fail.
FAILING: dict[str, Program] = {
    "who takes the one failure": ((("allocate", 0),), (("allocate", 0),)),
    "who takes it, and what came before": (
        (("list_change", 1),),
        (("allocate", 1),),
        (("allocate", 0), ("list_change", 1)),
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_explorer_agrees_with_brute_force(name: str) -> None:
    assert not differs(PROGRAMS[name])


@pytest.mark.parametrize("name", FAILING)
def test_explorer_agrees_with_brute_force_on_failures(name: str) -> None:
    assert not differs(FAILING[name], faults=1)
