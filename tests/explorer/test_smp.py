"""
Strikes against a machine of their own (`tests.explorer.smp`): whatever number of them in a step.

`test_strikes.py` compares with brute force over the same machine; here nothing of it is shared, nor
is what a value of a step means.  `NETSIM_ORACLE_SMP` sets how many programs are tried.
"""

from __future__ import annotations

import os
import sys

import pytest

from netsim.core.step import Step
from netsim.core.thread import Context, SimThread
from netsim.explorer.optimal import OptimalDpor
from netsim.run.reach import Reach
from netsim.sync.inside import Inside, _Before
from tests.explorer.brute import TooLarge
from tests.explorer.smp import every_outcome, normal
from tests.explorer.test_strikes import Struck, generate, learned

PROGRAMS = int(os.environ.get("NETSIM_ORACLE_SMP", "16"))
EXECUTIONS_MAX = 1500


def differs(program: Struck) -> str:
    """Return how the explorer differs from the oracle on a program, or ""."""
    expected = every_outcome(program, EXECUTIONS_MAX, len(program.strikes))
    _, everything, _ = learned(program)
    found = frozenset(map(normal, everything.observations))
    missing, extra = expected - found, found - expected
    if missing or extra:
        return f"{len(missing)} outcomes missing, {len(extra)} invented: {(missing or extra)}"
    return ""


def test_whatever_strikes_amid_a_step_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    tried = twice = 0
    seed = -1
    while tried < PROGRAMS:
        seed += 1
        program = generate(seed)
        if len(program.strikes) < 2 and tried - twice >= PROGRAMS // 2:
            continue
        try:
            wrong = differs(program)
        except TooLarge:
            continue
        assert not wrong, f"seed {seed}: {program}\n{wrong}"
        tried += 1
        twice += len(program.strikes) > 1
    with capsys.disabled():
        sys.stdout.write(
            f"\nstruck: {tried} programs (seeds 0 to {seed}), {twice} with two strikes\n"
        )


HARDIRQ, NMI, SOFTIRQ = Context.HARDIRQ, Context.NMI, Context.SOFTIRQ

#: One step in which y is read, then written; and one in which x is written, then y.
INCREMENT, TWO_WRITES = (("plain_write", 0),), (("plain_write", 1), ("wake_up", 0))
READ_X, READ_Y, COUNT = ("plain_read", 1), ("plain_read", 0), ("atomic_return", 1)
BOTH = (COUNT, READ_X, READ_Y, COUNT)


def struck(
    body: tuple[tuple[str, int], ...], *strikes: tuple[Context, bool, tuple[tuple[str, int], ...]]
) -> Struck:
    """Return a program of one flow that is struck, and one that does nothing."""
    return Struck((body, ()), tuple((context, kills, 0, some) for context, kills, some in strikes))


#: Each has outcomes that one strike in a step cannot make.
TOGETHER = {
    "two increments between read and write": struck(
        INCREMENT, (HARDIRQ, False, INCREMENT), (NMI, False, INCREMENT)
    ),
    "three": struck(
        INCREMENT, (SOFTIRQ, False, INCREMENT), (HARDIRQ, False, INCREMENT), (NMI, False, INCREMENT)
    ),
    "one between operations of the other": struck(
        TWO_WRITES, (SOFTIRQ, False, BOTH), (HARDIRQ, False, (COUNT,))
    ),
    "one kills the other between its operations": struck(
        TWO_WRITES, (SOFTIRQ, False, BOTH), (NMI, True, ())
    ),
    "one before the other because of what they share": struck(
        TWO_WRITES, (HARDIRQ, False, (COUNT, READ_Y)), (HARDIRQ, False, (COUNT, READ_X))
    ),
    "one would wait for ever unless the other killed it before": struck(
        (("spin_trylock", 0),), (HARDIRQ, False, (("spin_lock", 0),)), (NMI, True, ())
    ),
    "one is lost with what struck it between two operations": struck(
        TWO_WRITES, (SOFTIRQ, False, (COUNT, COUNT)), (HARDIRQ, False, ()), (NMI, True, ())
    ),
    "one is lost with what struck it amid a step": struck(
        TWO_WRITES, (SOFTIRQ, False, (("wake_up", 0),)), (HARDIRQ, False, ()), (NMI, True, ())
    ),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_strikes_together_in_a_step(name: str) -> None:
    assert not differs(TOGETHER[name])


@pytest.mark.parametrize("name", TOGETHER)
def test_one_in_a_step_does_not_make_them(name: str) -> None:
    program = TOGETHER[name]
    everything = every_outcome(program, 50_000, len(program.strikes))

    assert every_outcome(program, 50_000, 1) < everything


class TestPlantedFaults:
    """Each fault turns the comparison red on some of the programs above."""

    def red(self) -> list[str]:
        return [name for name, program in TOGETHER.items() if differs(program)]

    def test_behind_a_strike_no_other_comes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        original = OptimalDpor.stepped

        def one_only(self: OptimalDpor, sim: object, step: Step) -> None:
            if step.inner is not None:
                step.inside = ()
            original(self, sim, step)  # type: ignore[arg-type]

        monkeypatch.setattr(OptimalDpor, "stepped", one_only)

        # Who cannot be run alone was never run, so that what comes behind it is found elsewhere.
        assert self.red() == [name for name in TOGETHER if "unless" not in name]

    def test_who_cannot_be_run_alone_is_not_run_with_another(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(OptimalDpor, "_go_further", lambda *_: None)

        assert self.red()

    def test_no_places_between_operations(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Inside, "_between", lambda *_: True)

        assert self.red()

    def test_no_places_before_operations_that_are_independent(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_Before, "forestalled", lambda _: False)

        assert self.red()

    def test_what_conflicts_with_one_that_is_offered_is_not(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def direct(self: Inside, able: list[tuple[int, SimThread]], place: _Before) -> list[int]:
            return [n for n, strike in able if place.meets(strike, self.reach)]

        monkeypatch.setattr(Inside, "_offered", direct)

        assert self.red()

    def test_what_strikes_touch_inside_is_not_learned(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Reach, "grew", lambda _self: False)

        assert self.red()
