"""The examples: each runs as printed in the docs, and says what theory says."""

import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import netsim
from netsim.results import Verdict
from netsim.run.subject import Subject
from tests.explorer.brute import every_interleaving

EXAMPLES = Path(__file__).parents[1] / "examples"
PROGRAMS = ("lost_wakeup", "peterson", "philosophers", "polite", "readers_writer")


def program(name: str) -> Callable[..., Any]:
    """Return the program of an example, without running the rest of it."""
    made = runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name=name)[name]
    assert callable(made)
    return made


@pytest.mark.parametrize("name", PROGRAMS)
def test_output(name: str, golden: Callable[[str, str], None]) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")], capture_output=True, text=True, check=True
    )

    assert done.stderr == ""
    assert all(
        len(line) <= 100 or "netsim.replay_program" in line for line in done.stdout.splitlines()
    )
    golden(f"example-{name}.txt", done.stdout)


class Everything(Subject):
    """A program as brute force wants it."""

    def observe(self) -> tuple[Any, ...]:
        return (self.judge()[1],)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("lost_wakeup", (False,)),
        ("lost_wakeup", (True,)),
        ("peterson", (False,)),
        ("peterson", (True,)),
        ("philosophers", (2, False)),
        ("readers_writer", (1, False)),
        ("readers_writer", (1, True)),
    ],
)
def test_each_class_is_explored_once_and_no_outcome_is_missed(
    name: str, arguments: tuple[Any, ...]
) -> None:
    everything = every_interleaving(Everything(program(name), arguments), 10_000)

    result = netsim.explore(program(name), *arguments)

    assert (result.executions, result.blocked) == (everything.classes, 0)
    assert sorted(o.text for o in result.outcomes) == sorted(
        seen.text for (seen,) in everything.observations
    )


@pytest.mark.parametrize("number", [2, 3, 4])
def test_philosophers(number: int) -> None:
    """
    Each fork goes first to one of its two neighbours: 2^N orders.

    The two in which each fork goes to the left, or each to the right neighbour, would be circular:
    one is the deadlock, the other cannot happen.  With one philosopher reversed neither can.
    """
    philosophers = program("philosophers")

    result = netsim.explore(philosophers, number)
    assert (result.executions, result.deadlocked) == (2**number - 1, 1)
    assert [finding.kind for finding in result.findings] == ["deadlock"]
    assert len(result.findings[0].objects) == number
    assert len(result.outcomes) == 2

    reversed_ = netsim.explore(philosophers, number, True)
    assert (reversed_.executions, reversed_.deadlocked) == (2**number - 2, 0)
    assert reversed_.verdict is Verdict.HOLDS


def test_peterson_excludes_and_its_broken_variant_does_not() -> None:
    peterson = program("peterson")

    assert netsim.explore(peterson).verdict is Verdict.HOLDS
    broken = netsim.explore(peterson, True)
    assert [finding.kind for finding in broken.findings] == ["bug-on"]
    assert "two threads are inside" in broken.findings[0].message
    # To be let in too, the second must have given way before the first said that it wants to
    # enter, and the first must do so with the second inside: each must stop once at least.
    assert broken.findings[0].preemptions == 2
    assert netsim.replay_program(peterson, broken.findings[0].schedule, True).reproduced


def test_readers_see_one_of_two_states() -> None:
    readers_writer = program("readers_writer")

    result = netsim.explore(readers_writer)
    assert result.verdict is Verdict.HOLDS
    # Each reader is before the writer or after it, whatever the other does.
    assert [outcome.value for outcome in result.outcomes] == [(1, 1), (1, 2), (2, 1), (2, 2)]

    broken = netsim.explore(readers_writer, 1, True)
    assert [f.kind for f in broken.findings] == ["bug-on", "data-race", "data-race"]
    assert "half of a write" in broken.findings[0].message


def test_who_steps_aside_may_do_so_for_ever_unless_one_insists() -> None:
    polite = program("polite")

    (finding,) = netsim.explore(polite).findings
    assert finding.kind == "livelock"
    assert finding.steps == 8  # each begins; then three steps of each
    assert netsim.replay_program(polite, finding.schedule).loop == 3
    assert netsim.explore(polite, True).verdict is Verdict.HOLDS


def test_a_wakeup_is_lost_only_by_who_looks_too_early() -> None:
    lost_wakeup = program("lost_wakeup")

    result = netsim.explore(lost_wakeup)
    assert [finding.kind for finding in result.findings] == ["hung"]
    assert "a wake-up on queue" in result.findings[0].message
    assert result.findings[0].preemptions == 1
    assert netsim.explore(lost_wakeup, True).verdict is Verdict.HOLDS
