"""Surveys of one flow: every sequence from every start, against a check of each one by itself."""

from __future__ import annotations

import sys
from itertools import combinations, product

import attrs
import pytest

from netsim import Design, Result, UsageError, check, matrix
from netsim.trace.documents import dump_matrix
from netsim.view.matrix import matrix_report
from tests.run.posts import design
from tests.run.test_matrix import EXAMPLE

Sequence = tuple[str, ...]


def few() -> Design:
    """A design whose operations post a bomb, look, lock for ever, and stop the machine."""
    made = design()
    kept = ("post", "count", "double", "close")
    operations = {name: made.operations[name] for name in kept}
    operations["post"] = attrs.evolve(operations["post"], samples=(("a",),), alone=(("bomb",),))
    return attrs.evolve(made, operations=operations)


CALLS = ("post a", "post bomb", "count", "double", "close")


def ends(result: Result) -> bool:
    """Tell whether in no execution the last operation returns and the machine runs on."""
    return all(
        ("machine", "stopped") in o.observed
        or any(value == "never ends" for _, value in o.observed)
        for o in result.outcomes
    )


def test_every_sequence_is_judged_as_a_check_judges_it() -> None:
    made = few()
    result = matrix([made], flows=1, length=3)
    cells = {(cell.start, cell.operations): cell for cell in result.cells}
    left_out = 0
    for start in made.starts:
        shown: dict[Sequence, set[str]] = {}
        over: set[Sequence] = set()
        for size in (1, 2, 3):
            for sequence in product(CALLS, repeat=size):
                if sequence[:-1] in over:
                    over.add(sequence)
                    left_out += 1
                    assert (start.name, sequence) not in cells
                    continue
                alone = check(made, f"{{ {start.initial} }} {'; '.join(sequence)}")
                if ends(alone):
                    over.add(sequence)
                found = {f.id for f in alone.findings if f.status == "reached"}
                parts = [p for n in range(1, size) for p in combinations(sequence, n)]
                inherited = {i for part in parts for i in shown.get(part, set())}
                shown[sequence] = found
                cell = cells.pop((start.name, sequence))
                assert set(cell.findings) == found - inherited, cell
                assert set(cell.alone) == found & inherited, cell
                assert (cell.verdict, cell.complete) == (alone.verdict, True), cell
                assert cell.executions == alone.executions
    assert not cells
    assert left_out == 2 * (2 * 5 + 2 * 5 * 5 + 3 * 2 * 5)  # after double or close
    assert f"{left_out} sequences are left out" in result.notes[0]
    assert result.complete
    assert (result.flows, result.length) == (1, 3)


def test_a_finding_stands_under_its_smallest_sequence() -> None:
    result = matrix([few()], flows=1, length=2)

    kinds = {m.finding.id: m.finding for m in result.findings}
    bomb = next(f for f in kinds.values() if f.kind == "promise:safe")
    assert bomb.operations == ("post bomb",)
    own = [c for c in result.cells if bomb.id in c.findings]
    assert {c.operations for c in own} == {("post bomb",)}
    inheriting = {c.operations for c in result.cells if bomb.id in c.alone}
    assert ("post a", "post bomb") in inheriting
    report = matrix_report(result)
    assert "every sequence of up to 2 operations in one flow" in report
    assert "sequences of 2 operations; findings that need both" in report


def test_arguments_for_one_flow_stay_out_of_pairs() -> None:
    assert "post bomb" not in matrix([few()], flows=2).operations
    assert "post bomb" in matrix([few()], flows=1).operations


def test_several_processes_give_the_same_document() -> None:
    one = dump_matrix(matrix([EXAMPLE], flows=1, length=2))
    assert one == dump_matrix(matrix([EXAMPLE], flows=1, length=2, jobs=2))


@pytest.mark.parametrize(
    ("flows", "length", "words"),
    [(1, 0, "1 to 3 operations in a survey"), (1, 4, "found 4"), (2, 2, "with flows 1 only")],
)
def test_nonsense_is_refused(flows: int, length: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        matrix([few()], flows=flows, length=length)


def test_how_many_are_given_at_a_time_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = []
    for chunk in (1, 7, 400):
        monkeypatch.setattr(sys.modules["netsim.run.matrix"], "CHUNK_IN_A_ROW", chunk)
        documents.append(dump_matrix(matrix([few()], flows=1, length=2)))

    assert len(set(documents)) == 1


def test_what_cells_share_is_kept_once() -> None:
    """Half a million cells would not fit otherwise."""
    cells = matrix([few()], flows=1, length=2).cells

    texts = [text for cell in cells for text in (cell.design, cell.start, *cell.operations)]
    assert len({id(text) for text in texts}) == len(set(texts))
    found = [cell.findings for cell in cells if cell.findings]
    assert len(found) > len({id(ids) for ids in found}) > 0
