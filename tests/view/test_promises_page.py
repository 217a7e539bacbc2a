"""The page of promises: every verdict, every counterexample, and that nothing untested is green."""

from __future__ import annotations

from collections.abc import Callable

from netsim import replay
from netsim.results import Bounds
from netsim.run.promised import Table, promises
from netsim.trace.schedule import Schedule
from netsim.view.promises import promises_page
from tests.run.posts import design


def page_of(table: Table) -> str:
    return promises_page(
        table.design,
        table.surveys,
        table.promises,
        table.smallest,
        table.behind,
        "netsim promises post.py --flows 2 --length 2",
    )


def rows(page: str) -> dict[str, list[str]]:
    """Return the cells of the table, by the name of the promise."""
    lines = [line for line in page.splitlines() if line.startswith("| ")][1:]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {cell[0].split()[0]: cell[1:] for cell in cells}


def test_the_page(golden: Callable[[str, str], None]) -> None:
    golden("promises.txt", page_of(promises(design(), flows=2, length=2)))


def test_each_counterexample_shows_what_it_is_for() -> None:
    made = design()
    table = promises(made, flows=2, length=2)

    found = [one for one in table.smallest.values() if one.schedule]
    assert {one.kind for one in found} == {"promise:booked", "promise:safe"}
    for one in found:
        again = replay(Schedule.parse(one.schedule), design=made)
        assert one.id in [f.id for f in again.findings]
    # Two letters at a time are needed to lose one in the book; a bomb breaks its rule alone.
    sizes = {one.kind: len(one.operations) for one in found}
    assert sizes["promise:safe"] == 1
    # `post a || post a` names one operation, twice.
    booked = next(one for one in found if one.kind == "promise:booked")
    assert "||" in booked.schedule


def test_what_nothing_tests_is_not_green() -> None:
    shown = rows(page_of(promises(design(), length=1)))

    assert shown["golden"][0] == "never exercised"
    assert shown["booked"][0].startswith("kept in ")


def test_what_is_cut_is_undecided() -> None:
    table = promises(design(), flows=2, bounds=Bounds(executions=1))

    verdicts = {p.name: p.verdict for p in table.promises}
    assert verdicts["golden"] == "undecided"
    assert verdicts["safe"] == "broken"
    assert "not every one decided" in page_of(table)
