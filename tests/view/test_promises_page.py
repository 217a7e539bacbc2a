"""The page of promises: every verdict, every counterexample, and that nothing untested is green."""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs

from netsim import matrix, replay
from netsim.design import StartingPoint
from netsim.results import Bounds, PromiseTable
from netsim.run.promised import promises
from netsim.trace.schedule import Schedule
from netsim.view.promises import promises_page
from tests.run.posts import PROMISES, design


def page_of(*tables: PromiseTable) -> str:
    return promises_page(tables, "netsim promises post.py --flows 2 --length 2")


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


def test_several_designs_stand_side_by_side() -> None:
    honest = [promise for promise in PROMISES if promise.name != "golden"]
    calm = attrs.evolve(design(*honest), name="calm", taken_back={"golden": "+calm: no gold"})
    post = attrs.evolve(calm.operations["post"], samples=(("a",),))
    calm = attrs.evolve(calm, operations={**calm.operations, "post": post})
    page = page_of(promises(design(), length=2), promises(calm, length=2))
    shown = rows(page)

    assert page.startswith("# Promises of post, calm\n")
    assert "| promise | post | calm | sentence | where |" in page
    assert shown["safe"][0].startswith("**broken**")
    assert shown["safe"][1].startswith("kept in ")
    assert shown["golden"][:2] == ["never exercised", "taken back"]
    # What both show has one number; what one shows says so.
    (number,) = re.findall(r"^\[(\d+)\] seen: ", page, re.M)
    assert re.search(r"^\[\d+\] safe \(on post\): ", page, re.M)
    assert shown["seen"][0].endswith(f"[{number}]")
    assert shown["seen"][1].endswith(f"[{number}]")
    assert "* golden: +calm: no gold" in page


def test_starts_for_promises_are_on_the_page_and_not_in_the_matrix() -> None:
    made = attrs.evolve(design(), promise_starts=(StartingPoint("mined", "post bomb"),))
    plain, further = promises(design()), promises(made)

    assert (plain.surveys[0].starts, further.surveys[0].starts) == (2, 3)
    assert further.surveys[0].scenarios == plain.surveys[0].scenarios // 2 * 3
    assert [start.name for start in matrix([made], flows=1).starts] == ["empty", "one"]
    assert [s.name for s in matrix([made], flows=1, starts=["mined"]).starts] == ["mined"]
    # `count` puts "safe" to the test from there only because of what the start did.
    (safe,) = (p for p in further.promises if p.name == "safe")
    (without,) = (p for p in plain.promises if p.name == "safe")
    assert safe.scenarios > without.scenarios


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
