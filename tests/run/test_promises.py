"""Promises: each mode kept, broken and void; consequences; one answer for each class."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from netsim import Bounds, UsageError, check, matrix, replay
from netsim.core.step import Step
from netsim.notation import parse
from netsim.promise import KEPT, Answer, Broken, Promise, Shown
from netsim.results import Finding, Options, Promised, Result, Verdict
from netsim.run.outcome import observe
from netsim.run.program import ScenarioProgram
from netsim.run.promises import Answers, ask
from netsim.run.vet import vet
from tests.explorer.brute import class_of
from tests.run.posts import ILL, PROMISES, design


def told(result: Result) -> dict[str, str]:
    return {promised.name: promised.verdict for promised in result.promises}


def broken(result: Result) -> dict[str, Finding]:
    return {f.kind: f for f in result.findings if f.kind.startswith("promise:")}


def of(result: Result, name: str) -> Promised:
    return next(promised for promised in result.promises if promised.name == name)


def test_one_letter_is_booked() -> None:
    result = check(design(), "post a")

    assert result.verdict is Verdict.HOLDS
    assert told(result) == {
        "booked": "kept",
        "safe": "kept",
        "seen": "void",
        "open": "void",
        "golden": "void",
    }


def test_what_one_class_breaks_is_a_finding_that_cites_its_sentence() -> None:
    result = check(design(), "post a || post b")

    found = broken(result)["promise:booked"]
    assert result.verdict is Verdict.VIOLATED
    assert "2 letters, booked as 1" in found.message
    assert '"Every letter is booked." (the book, page 1)' in found.message
    assert (found.status, found.where, found.minimal) == ("reached", "end", True)
    assert of(result, "booked").findings == (found.id,)
    again = replay(found.schedule, design=design())
    assert found.id in [one.id for one in again.findings]


def test_an_always_is_broken_in_every_execution_and_tells_its_object() -> None:
    found = broken(check(design(), "post bomb"))["promise:safe"]

    assert found.objects == ("box",)


def test_reachable_needs_one_execution_of_all() -> None:
    kept = check(design(), "post a || count")
    missed = check(design(), "{ post x } post a; count")

    assert told(kept)["seen"] == "kept"
    assert "promise:seen" not in broken(kept)
    found = broken(missed)["promise:seen"]
    assert (found.status, found.schedule) == ("reached", "")
    assert "no letter is seen" in found.message
    assert missed.verdict is Verdict.VIOLATED


def test_what_is_reachable_is_not_known_after_a_cut() -> None:
    result = check(design(), "post a || count", bounds=Bounds(executions=1))

    assert told(result) == dict.fromkeys(told(result), "undecided")
    assert "promise:seen" not in broken(result)


def test_what_follows_from_a_thread_that_died_is_its_consequence() -> None:
    result = check(design(), "double || enter")

    assert broken(result) == {}
    (root,) = [f for f in result.findings if f.kind == "recursive-lock"]
    assert "promise open is not kept: the door stays closed" in root.consequences
    assert of(result, "open").followed > 0
    # In one class the door is entered before it is locked for ever.
    assert of(result, "open").verdict == "kept"


def test_a_promise_that_is_only_tested_behind_another_finding_is_not_green() -> None:
    result = check(design(), "double; enter")

    assert of(result, "open").verdict == "undecided"


def test_a_halt_leaves_what_was_to_come_about_open() -> None:
    result = check(design(), "post a; close")

    assert told(result)["booked"] == "void"
    assert told(result)["safe"] == "kept"


def test_after_a_halt_only_its_own_flow_is_known() -> None:
    seen: list[Shown] = []

    def look(shown: Shown) -> Answer | Broken:
        seen.append(shown)
        return KEPT

    check(
        design(Promise("p", "s", "t", "always", look)), "{ post x } post a; close; count || count"
    )

    assert {s.halted for s in seen} == {True}
    ends = {tuple((o.flow, o.call.name, o.ended, o.result) for o in s.operations) for s in seen}
    assert ends == {
        (
            (0, "post", "returned", 0),
            (1, "post", "returned", 0),
            (1, "close", "halted", None),
            (1, "count", "not begun", None),
            (2, "count", "stopped", None),
        )
    }


def test_a_check_that_answers_nothing_is_refused() -> None:
    silent: Any = lambda _shown: None  # noqa: E731
    with pytest.raises(UsageError, match="returned None; expected VOID, KEPT or Broken"):
        check(design(Promise("p", "s", "t", "always", silent)), "count")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "Not This"}, "expected a name of its own"),
        ({"mode": "sometimes"}, "always, eventually, reachable, found 'sometimes'"),
        ({"sentence": ""}, "cites nothing"),
        ({"check": lambda: KEPT}, r"check is called with \(shown\)"),
    ],
)
def test_a_promise_that_makes_no_sense_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        vet(design(attrs.evolve(PROMISES[0], **change)))


def test_two_promises_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="expected a name of its own"):
        vet(design(PROMISES[0], PROMISES[0]))


# -- one answer for each class ---------------------------------------------------------------------


def answers_by_class(scenario: str, *promises: Promise) -> dict[Any, list[Answers]]:
    """Run every interleaving; return the distinct answers in each class."""
    made = design(*promises)
    program = ScenarioProgram(made, parse(scenario, made.operations), Options())
    seen: dict[Any, list[Answers]] = {}
    todo: list[list[str]] = [[]]
    while todo:
        prefix = todo.pop()
        sim = program.start()
        steps: list[Step] = []
        while enabled := [thread.name for thread in sim.enabled()]:
            if len(steps) == len(prefix):
                todo += [[*prefix, other] for other in enabled[1:]]
                prefix = [*prefix, enabled[0]]
            steps.append(sim.step(sim.by_name[prefix[len(steps)]]))
        key = class_of(steps)
        answers = ask(program, observe(program))
        if answers not in seen.setdefault(key, []):
            seen[key].append(answers)
    return seen


@pytest.mark.parametrize(
    ("scenario", "verdicts"),
    [
        ("post a || post b", {"booked": 2, "safe": 1}),
        ("post a || count", {"seen": 2, "safe": 1}),
        ("post a || visit b; post bomb", {"booked": 2, "safe": 1}),
        ("double || enter", {"open": 2}),
    ],
)
def test_all_executions_of_a_class_give_one_answer(scenario: str, verdicts: dict[str, int]) -> None:
    by_class = answers_by_class(scenario)

    assert all(len(answers) == 1 for answers in by_class.values())
    for name, count in verdicts.items():  # or nothing would have been compared
        assert len({answers[0][name] for answers in by_class.values()}) == count, name


def test_what_looks_at_an_order_that_nothing_defines_is_found_out() -> None:
    by_class = answers_by_class("visit b || visit a", ILL)

    assert any(len(answers) > 1 for answers in by_class.values())


@pytest.mark.parametrize("scenario", ["post a || post b", "post a || count", "double || enter"])
def test_the_search_finds_the_answers_that_all_interleavings_give(scenario: str) -> None:
    everything = [answers[0] for answers in answers_by_class(scenario).values()]
    result = check(design(), scenario)

    for promise in PROMISES:
        answers = [one[promise.name] for one in everything]
        promised = of(result, promise.name)
        followed = promised.followed > 0 or f"promise:{promise.name}" in broken(result)
        if promise.mode != "reachable":
            assert any(isinstance(one, Broken) for one in answers) == followed
        assert any(one is not Answer.VOID for one in answers) == bool(promised.scenarios)


# -- over a survey ---------------------------------------------------------------------------------


def test_a_matrix_sums_up_and_tells_what_was_never_put_to_the_test() -> None:
    result = matrix([design()], flows=1)

    verdicts = {p.name: (p.verdict, p.scenarios) for p in result.promises}
    assert verdicts == {
        "booked": ("kept", 2 + 5),  # from "one" whatever runs finds a letter, but for the halt
        "safe": ("broken", 2 + 6),
        "seen": ("kept", 1),  # from "one" a count alone sees it
        "open": ("kept", 2),
        "golden": ("void", 0),
    }
