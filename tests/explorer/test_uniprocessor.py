"""
The uniprocessor build against brute force: the same outcomes, each class once, none blocked.

Programs are random: flows with spinlocks (of three kinds), rwlocks, masks, mutexes, completions
and work, and now and then strikes and interrupts.  What is expected comes from a machine of its
own (`tests.explorer.up`) that makes every operation a step.

`NETSIM_ORACLE_UP` sets how many are tried.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
from typing import Any

import pytest

from netsim.core.access import UNTOLD, Key, Mode
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import Context
from netsim.sync.uniprocessor import Carried, OneCpu, _OnOneCpu
from tests.explorer.brute import TooLarge, every_interleaving
from tests.explorer.smp import every_outcome, normal
from tests.explorer.test_oracle import explore
from tests.explorer.test_strikes import EVERYWHERE, Struck, compare, learned
from tests.explorer.up import ANYBODY, BetweenSteps, OneRun, OnOneCpu

PROGRAMS = int(os.environ.get("NETSIM_ORACLE_UP", "40"))
EXECUTIONS_MAX = 4000

SHARED = ("plain_read", "plain_write", "atomic_return", "marked", "spin_trylock")
ASIDE = ("queue_work", "complete", "rcu_read", "ref_get", "ref_put", "choose")
FLOW = (
    *SHARED, *ASIDE, "spin_lock", "spin_unlock", "rw_read", "rw_write", "rw_inverse",
    "mutex_section", "mutex_nested", "wait_for_completion", "rcu_sync", "cancel_work", "sleep",
)  # fmt: skip
SECTIONS = (
    ("spin_lock", "spin_unlock"), ("irq_off", "irq_on"), ("save_off", "save_on"),
    ("bh_off", "bh_on"),
)  # fmt: skip
STRIKE = (*SHARED, "queue_work", "complete", "rcu_read", "ref_get", "ref_put", "spin_lock")

Body = tuple[tuple[str, int], ...]


def generate(seed: int) -> Struck:
    """Return a random program: two or three flows with sections, half of them struck."""
    dice = random.Random(seed)

    def some(names: tuple[str, ...], count: int) -> list[tuple[str, int]]:
        return [(dice.choice(names), dice.randrange(2)) for _ in range(count)]

    def flow(length: int) -> Body:
        made = some(FLOW if dice.random() < 0.5 else SHARED, length)
        if dice.random() < 0.7:
            first, last = dice.choice(SECTIONS)
            which = dice.randrange(2)
            at = dice.randint(0, len(made))
            made.insert(at, (first, which))
            made.insert(dice.randint(at + 1, len(made)), (last, which))
        return tuple(made)

    strikes = dice.choice((0, 0, 1, 1, 2))
    flows = tuple(flow(dice.randint(1, 3)) for _ in range(dice.choice((2, 2, 3))))
    if strikes:
        flows = flows[: 2 if strikes == 1 else 1]
    return Struck(
        flows,
        tuple(
            (
                dice.choice((Context.SOFTIRQ, Context.HARDIRQ, Context.NMI)),
                dice.random() < 0.3,
                dice.choice((0, 0, None, ANYBODY)),
                tuple(some(STRIKE, dice.randint(1, 2))),
            )
            for _ in range(strikes)
        ),
    )


def differs(program: Struck) -> str:
    """Return how the explorer differs from the oracle on a program, or ""."""
    return judged(program)[0]


def judged(program: Struck) -> tuple[str, int]:
    """Return how they differ, and how many classes there are."""
    expected = every_outcome(program, EXECUTIONS_MAX, 0, OneRun)
    found, blocked = explore(BetweenSteps(program))
    observed = frozenset(map(normal, found.observations))
    missing, extra = expected - observed, observed - expected
    if missing or extra:
        return f"{len(missing)} outcomes missing, {len(extra)} invented: {(missing or extra)}", 0
    everything = every_interleaving(BetweenSteps(program), EXECUTIONS_MAX)
    if everything.races != found.races:
        return f"races {sorted(everything.races)}, found {sorted(found.races)}", 0
    if (found.executions, blocked) != (everything.classes, 0):
        wrong = f"{found.executions} executions, {blocked} blocked, {everything.classes} classes"
        return wrong, 0
    return "", everything.classes


def test_what_one_cpu_can_do_is_found_once(capsys: pytest.CaptureFixture[str]) -> None:
    sizes: list[int] = []
    seed = struck = 0
    while len(sizes) < PROGRAMS:
        program = generate(seed)
        seed += 1
        try:
            wrong, classes = judged(program)
        except TooLarge:
            continue
        assert not wrong, f"seed {seed - 1}: {program}\n{wrong}"
        sizes.append(classes)
        struck += bool(program.strikes)
    with capsys.disabled():
        sys.stdout.write(
            f"\none CPU: {len(sizes)} programs (seeds 0 to {seed - 1}), classes mean "
            f"{statistics.mean(sizes):.0f} max {max(sizes)}; {struck} with strikes or interrupts; "
            "each class executed once, none blocked\n"
        )
    assert statistics.mean(sizes) >= 6
    assert PROGRAMS // 4 < struck < PROGRAMS


def test_places_inside_steps_are_found_once() -> None:
    """As `test_strikes` has it, on one CPU: what is expected strikes before every access."""
    tried = 0
    for seed in range(PROGRAMS):
        program = generate(seed)
        if not any(strike[2] != ANYBODY for strike in program.strikes):
            continue
        try:
            everything = every_interleaving(OnOneCpu(program, EVERYWHERE), EXECUTIONS_MAX)
        except TooLarge:
            continue
        tried += 1
        wrong = compare(everything, program, OnOneCpu)
        assert not wrong, f"seed {seed}: {program}\n{wrong}"
    assert tried > PROGRAMS // 5


def test_whatever_strikes_amid_a_step_is_found() -> None:
    """As `test_smp` has it, on one CPU."""
    tried = 0
    for seed in range(PROGRAMS * 2):
        program = generate(seed)
        if not program.strikes or any(strike[2] == ANYBODY for strike in program.strikes):
            continue
        try:
            expected = every_outcome(program, EXECUTIONS_MAX, len(program.strikes), OneRun)
        except TooLarge:
            continue
        tried += 1
        _, found, _ = learned(program, OnOneCpu)
        assert frozenset(map(normal, found.observations)) == expected, f"seed {seed}: {program}"
    assert tried > PROGRAMS // 4


def _turns_red(first: int, count: int = 10) -> bool:
    for seed in range(first, first + count):
        try:
            if differs(generate(seed)):
                return True
        except TooLarge:
            continue
    return False


class TestPlantedFaults:
    """Each fault turns the comparison red."""

    def test_a_section_can_be_preempted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(OneCpu, "in_section", lambda one, thread: thread in one.active)

        assert _turns_red(8)

    def test_who_blocks_keeps_the_cpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Sleeping where one must not is a finding; the others run on all the same."""
        original = Carried.settle

        def keeps(self: Carried, op: Op | None) -> None:
            one, mine = self.one, self.thread is self.one.holder
            original(self, op)
            if mine and op is not None and one.in_section(self.thread):
                one.holder = self.thread

        monkeypatch.setattr(Carried, "settle", keeps)

        assert differs(SLEEPS)

    def test_the_cpu_is_no_gate(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_OnOneCpu, "_admitted", staticmethod(lambda *_: True))

        assert _turns_red(13)

    def test_interrupts_are_no_reason_to_stop(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(OneCpu, "has_a_say", lambda one, _thread, op: op.options(one.sim) > 1)

        assert _turns_red(13)

    def test_places_are_the_same_without_interrupts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """How far a step goes hangs on who is still to come."""
        monkeypatch.setattr(Carried, "_open_to", lambda *_: None)

        assert _turns_red(33)

    def test_what_ends_a_step_is_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """How far it goes hangs on what a thread that blocks waits for."""
        original = Sim.touch

        def forgets(self: Sim, key: Key, mode: Mode, before: Any = None) -> None:
            if before is not UNTOLD:
                original(self, key, mode, before)

        assert not differs(SLEEPS)
        monkeypatch.setattr(Sim, "touch", forgets)

        assert differs(SLEEPS)


#: Flow 1 waits for a mutex with preemption off.
SLEEPS = Struck(
    (
        (("spin_lock", 0), ("atomic_return", 1), ("mutex_section", 0), ("spin_unlock", 0)),
        (("mutex_section", 0), ("atomic_return", 0)),
    ),
    (),
)
