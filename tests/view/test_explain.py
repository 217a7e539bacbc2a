"""An explanation in words."""

import attrs

from netsim.results import Explanation, Place
from netsim.view.explain import explanation_sentences
from netsim.view.report import finding_report
from tests.view.values import DEADLOCK, SCHEDULE

TAKES = Place(4, "1", "a", "first", "spin_lock A")
OTHER = Place(7, "2", "b", "second", "spin_lock A")
QUEUED = Place(0, "kworker/w", "", "run", "list_add todo")
WHY = Explanation(critical=TAKES, passing=SCHEDULE, earlier=OTHER, location="A.lock")


def test_the_same_call_of_both_is_said_once() -> None:
    decides, passes = explanation_sentences(WHY)

    assert decides == (
        "critical step 4: flow 1 (a) does spin_lock A in first(); from here on every continuation "
        "shows the finding"
    )
    assert passes == (
        "passes if flow 2 (b) does spin_lock A in second() (step 7) before flow 1 (a) does (step 4)"
    )


def test_where_they_conflict_is_said_if_the_calls_do_not_name_it() -> None:
    why = attrs.evolve(WHY, earlier=QUEUED, location="box/0.1.lid", instead=("leak", "hung"))

    assert explanation_sentences(why)[1] == (
        "avoided (leak, hung instead) if kworker/w does list_add todo in run() (not reached here) "
        "before flow 1 (a) does spin_lock A in first() (step 4); they conflict at box/0.1.lid"
    )


def test_another_value() -> None:
    why = attrs.evolve(WHY, earlier=None, location="")

    assert explanation_sentences(why)[1] == "passes if step 4 is given another value"


def test_nothing_avoids_it() -> None:
    assert explanation_sentences(Explanation()) == ["every execution shows it: no order avoids it"]


def test_not_known() -> None:
    (told,) = explanation_sentences(Explanation("too many"))

    assert told == "which step decides it is not known: too many"


def test_it_stands_under_the_finding_with_what_passes() -> None:
    text = finding_report(attrs.evolve(DEADLOCK, explanation=WHY, minimal=True), 1, None)

    assert text.index("minimal: ") < text.index("critical step 4") < text.index("passes if flow 2")
    assert text.count(f"netsim replay '{SCHEDULE}'") == 2  # what passes, and what fails


def test_what_was_not_asked_for_is_not_told() -> None:
    text = finding_report(DEADLOCK, 1, None)

    assert "critical" not in text
    assert "minimal" not in text
