"""Trying a program before it is explored: what makes no sense is told at once, with its line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netsim.core.op import Op
from netsim.core.raised import kind
from netsim.core.sim import ModelError, Sim
from netsim.core.step import Choice, Step
from netsim.errors import UsageError
from netsim.explorer.loop import execute
from netsim.run.awaited import all_awaited
from netsim.run.digest import Digest
from netsim.run.subject import Subject
from netsim.run.walk import differs

#: No execution may take more steps than this: then something loops for ever.
STEPS_MAX = 1000


class Endless(Exception):
    """An execution goes on and on."""


class StepsMax:
    """An observer that ends what does not end by itself."""

    def begin(self, sim: Sim, kept: int) -> None:
        """Nothing to note."""

    def stepped(self, sim: Sim, step: Step) -> None:
        """Stop at the bound."""
        if sim.steps >= STEPS_MAX:
            raise Endless(step.thread)


def try_out(subject: Subject) -> None:
    """Run one execution, twice; raises if they differ, or an `await` was forgotten."""
    runs = []
    with all_awaited():
        for _ in range(2):
            digest = Digest()
            try:
                execute(subject, _AsItComes(), (digest, StepsMax()))
            except AttributeError as error:
                raise mistaken(subject, error) from error
            except Endless:
                pass
            runs.append((digest.text, [thread.name for thread in subject.sim.threads]))
    if runs[0] != runs[1]:
        raise nondeterministic(subject)


def why_endless(subject: Subject) -> str:
    """Tell a thread that starves the others from a program that does not end even if all run."""
    try:
        execute(subject, _InTurn(), (StepsMax(),))
    except Endless:
        return "it does not end even if each thread has its turn: a livelock, or an endless loop"
    return (
        "it ends if each thread has its turn: a loop that polls must wait with until() instead, "
        "which leaves the turn to the others"
    )


class _InTurn:
    """A fair strategy: one step of each enabled thread, in turn."""

    def __init__(self) -> None:
        self._last = -1

    def begin(self, sim: Sim) -> Sequence[Choice]:
        """Start over."""
        self._last = -1
        return ()

    def forced(self, sim: Sim) -> None:
        """Nothing is known without looking at what is enabled."""

    def choose(self, sim: Sim, enabled: Sequence[Any]) -> tuple[Any, int]:
        """Take the next one after the last, by age."""
        ages = {thread.name: age for age, thread in enumerate(sim.threads)}
        later = [thread for thread in enabled if ages[thread.name] > self._last]
        chosen = (later or enabled)[0]
        self._last = ages[chosen.name]
        return chosen, 0

    def stepped(self, sim: Sim, step: Step) -> None:
        """Nothing to learn."""


class _AsItComes:
    """A strategy: each thread as long as it can."""

    def begin(self, sim: Sim) -> Sequence[Choice]:
        """Start over."""
        return ()

    def forced(self, sim: Sim) -> None:
        """Nothing is known without looking at what is enabled."""

    def choose(self, sim: Sim, enabled: Sequence[Any]) -> tuple[Any, int]:
        """Take the first."""
        return enabled[0], 0

    def stepped(self, sim: Sim, step: Step) -> None:
        """Nothing to learn."""


def mistaken(subject: Subject, error: Exception) -> Exception:
    """
    Return what to raise instead of `error`.

    It may be a bug of netsim, an `await` of something else, or a program that differs.
    """
    for thread in subject.sim.threads:
        pending: object = thread.pending
        if pending is not None and not isinstance(pending, Op):
            return ModelError(
                f"{thread.name} awaits {kind(pending)}, which is none of "
                "netsim's; expected a step of a World or of its objects"
            )
    if isinstance(error, AttributeError):
        return error
    return nondeterministic(subject)


def nondeterministic(subject: Subject) -> UsageError:
    """Return the error for a program that differs from run to run."""
    return differs(f"program {subject.name}")
