"""The matrix as text: marks that say what is known, each finding once, differences of designs."""

from collections.abc import Callable
from itertools import islice

import attrs
import pytest

from netsim.results import Cell, Finding, MatrixFinding, MatrixResult, Verdict
from netsim.view.matrix import letters, matrix_report
from tests.view.values import RECURSION, UNSERIALISABLE, cell, finding, matrix

UAF = finding()
RED = {"verdict": Verdict.VIOLATED}
UNDECIDED = {"verdict": Verdict.UNKNOWN, "complete": False}
NO_START = {"verdict": Verdict.UNKNOWN}


def shown(*findings: Finding, design: str = "toy") -> tuple[MatrixFinding, ...]:
    return tuple(MatrixFinding(design, f) for f in findings)


def pair(*cells: Cell, findings: tuple[MatrixFinding, ...] = ()) -> str:
    """Return the mark of the pair a, b when these are its cells."""
    text = matrix_report(matrix(cell("toy", "a"), cell("toy", "b"), *cells, findings=findings))
    return next(line for line in text.splitlines() if line.startswith("2 b")).split()[3]


def test_letters() -> None:
    named = list(islice(letters(), 26 * 27 + 1))

    assert named[:2] == ["a", "b"]
    assert named[25:28] == ["z", "aa", "ab"]
    assert named[-1] == "aaa"


@pytest.mark.parametrize(
    ("mark", "cells"),
    [
        (".", [cell("toy", "a", "b")]),
        ("a", [cell("toy", "a", "b", **RED, findings=(UAF.id,))]),
        ("a+", [cell("toy", "a", "b", **RED, findings=(UAF.id, RECURSION.id))]),
        ("+", [cell("toy", "a", "b", **RED, alone=(UAF.id,))]),
        ("?", [cell("toy", "a", "b", **UNDECIDED)]),
        ("-", [cell("toy", "a", "b", **NO_START)]),
        (".", [cell("toy", "a", "b", **NO_START), cell("toy", "a", "b", start="set")]),
        ("?", [cell("toy", "a", "b"), cell("toy", "a", "b", start="set", **UNDECIDED)]),
        ("a", [cell("toy", "b", "a", **RED, findings=(UAF.id,)), cell("toy", "a", "b")]),
        ("?", []),  # an interrupt came before it
        ("~a", [cell("toy", "a", "b", findings=(UAF.id,))]),  # green all the same: accepted
        (
            "a",
            [
                cell("toy", "a", "b", findings=(UAF.id,)),
                cell("toy", "a", "b", **RED, findings=(UAF.id,)),
            ],
        ),
    ],
)
def test_the_mark_of_a_pair_sums_up_its_starting_points(mark: str, cells: list[Cell]) -> None:
    assert pair(*cells, findings=shown(UAF, RECURSION)) == mark


def test_what_the_design_accepts_of_one_operation_marks_no_pair() -> None:
    accepted = attrs.evolve(UAF, accepted="the comment says so")
    inherited = cell("toy", "a", "b", alone=(UAF.id,))
    red = cell("toy", "a", "b", **RED, alone=(UAF.id, RECURSION.id))

    assert pair(inherited, findings=shown(accepted)) == "."
    assert pair(red, findings=shown(accepted, RECURSION)) == "+"


def two_designs() -> MatrixResult:
    cells = [
        cell("toy", "a", **RED, findings=(RECURSION.id,)),
        cell("toy", "b"),
        cell("toy", "a", "a", **RED, alone=(RECURSION.id,)),
        cell("toy", "a", "b", **RED, findings=(UNSERIALISABLE.id,), alone=(RECURSION.id,)),
        cell("toy", "b", "b"),
        cell("toy+fixed", "a"),
        cell("toy+fixed", "b"),
        cell("toy+fixed", "a", "a"),
        cell("toy+fixed", "a", "b", **RED, findings=(UNSERIALISABLE.id,)),
        cell("toy+fixed", "b", "b", **UNDECIDED),
    ]
    findings = shown(UNSERIALISABLE, RECURSION) + shown(UNSERIALISABLE, design="toy+fixed")
    return matrix(*cells, findings=findings, notes=("a note",))


def test_golden(golden: Callable[[str, str], None]) -> None:
    golden("matrix.txt", matrix_report(two_designs()) + "\n")


def test_each_distinct_finding_is_told_once_under_one_letter() -> None:
    text = matrix_report(two_designs())

    assert text.count("yet the target is armed") == 1
    assert text.count("netsim replay ") == 2
    assert "told above: a" in text
    assert "2 distinct findings" in text


def test_what_one_design_shows_alone_is_said_with_what_was_not_decided() -> None:
    text = matrix_report(two_designs())
    _, _, differences = text.partition("Shown by toy, not by toy+fixed:")

    assert "b  recursive-lock in a || b: big_lock" in differences
    assert "not-serialisable" not in differences
    assert "not every cell of toy+fixed was decided" in differences
    assert "Not every cell is decided" in differences


def test_equal_designs() -> None:
    text = matrix_report(matrix(cell("toy", "a"), cell("toy+fixed", "a")))

    assert "All designs show the same findings." in text


def test_a_matrix_that_was_interrupted_at_once() -> None:
    text = matrix_report(matrix(complete=False))

    assert "no cell was explored" in text
    assert "0 cells" in text


@pytest.mark.parametrize("count", [2, 23, 40])
@pytest.mark.parametrize("colour", [False, True])
def test_no_line_is_wider_than_a_hundred_columns(count: int, colour: bool) -> None:
    names = [f"operation-{n} with quite a few arguments" for n in range(count)]
    findings = [finding(id=f"{n:012x}") for n in range(40)]
    cells = [cell("toy", name) for name in names]
    cells += [
        cell("toy", a, b, **RED, findings=(findings[-1].id, findings[-2].id))
        for i, a in enumerate(names)
        for b in names[: i + 1]
    ]
    text = matrix_report(matrix(*cells, findings=shown(*findings)), colour=colour)
    plain = text.replace("\x1b[31m", "").replace("\x1b[32m", "").replace("\x1b[0m", "")

    assert all(len(x) <= 100 for x in plain.splitlines() if "netsim replay" not in x)
    assert plain.count("am+") == count * (count + 1) // 2
    assert ("\x1b" in text) is colour


def unserialisable(identity: str, *operations: str) -> Finding:
    return attrs.evolve(UNSERIALISABLE, id=identity, operations=operations, message=identity)


def three(**starts: list[tuple[tuple[str, ...], str]]) -> str:
    """Tell cells of up to three operations: of each start, operations with the one that is bad."""
    cells = [
        cell("toy", *operations, start=start, **(RED | {"findings": (identity,)}))
        for start, some in starts.items()
        for operations, identity in some
    ]
    made = {i: unserialisable(i, *o) for some in starts.values() for o, i in some}
    whole = matrix(*cells, findings=shown(*made.values()))
    return " ".join(matrix_report(attrs.evolve(whole, flows=3)).split())


def test_an_operation_beside_a_bad_pair_is_no_news() -> None:
    report = three(
        set=[(("a", "b"), "pair"), (("a", "b", "c"), "beside"), (("a", "a", "c"), "new")]
    )

    assert "findings that need all three (in so many cells): b (1); 1 more are not-serial" in report
    assert "a not-serialisable: pair in a || b; from set and 1 with more operations" in report
    assert "b not-serialisable: new in a || a || c; from set" in report
    assert report.count("beside it; --json tells each") == 1
    assert "beside in" not in report
    assert "3 distinct findings" in report


def test_it_is_where_the_pair_is_good() -> None:
    report = three(set=[(("a", "b"), "pair")], off=[(("a", "b", "c"), "other")])

    assert "other in a || b || c; from off" in report


def test_it_is_if_one_of_its_cells_has_no_bad_pair() -> None:
    report = three(set=[(("a", "b"), "pair"), (("a", "b", "c"), "x")], off=[(("a", "b", "c"), "x")])

    assert "x in a || b || c; from set, off" in report


def test_what_a_tilde_means_is_told() -> None:
    pairs = cell("toy", "a", "b", findings=(UAF.id,), **UNDECIDED)
    predicted = attrs.evolve(UAF, status="undecided")
    accepted = attrs.evolve(UAF, accepted="the comment says so")

    for found, words in (
        (predicted, "~a: it is predicted, and not decided"),
        (accepted, "~a: the design accepts it, and it makes no +"),
    ):
        text = " ".join(matrix_report(matrix(pairs, findings=shown(found))).split())
        assert words in text
        assert text.count("~a:") == 1
