"""What is at the root of an outcome, and hides that no order explains it."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from netsim import check
from netsim.core.fault import Report
from netsim.notation import parse
from netsim.promise import VOID, Broken, Mode, Promise
from netsim.results import Nearest, Options, Where
from netsim.run.judge import Judged, judge
from netsim.run.outcome import Observed
from netsim.run.program import ScenarioProgram
from netsim_models.netoops_v1 import NETOOPS_V1
from tests.run.test_endless import DESIGN
from tests.run.test_predicted import design as locks


class Refuting:
    """A reference that no outcome agrees with."""

    def refutes(self, *_: Any) -> bool:
        return True

    def nearest(self, _: Observed) -> Nearest:
        return Nearest((), ())


@pytest.mark.parametrize(
    ("halted", "where", "leads", "hides"),
    [
        (False, "flows", False, True),
        (False, "end", False, True),
        (True, "flows", True, True),
        (True, "flows", False, False),  # the halt came without it
        (True, "end", True, False),  # they only wait when the machine halts
    ],
)
def test_what_hides_that_no_order_explains(
    halted: bool, where: Where, leads: bool, hides: bool
) -> None:
    program = ScenarioProgram(DESIGN, parse("once || once"), Options())
    fatal = Judged(Report("deadlock", "they wait", (), (), "1", "once", 1, True), where, ())
    observed = Observed(results=(), hung=(), dumps=(), probes=(), halted=halted, failed=())
    reference: Any = Refuting()

    found = judge(observed, [fatal], reference, (), program, lambda _step: leads)

    assert ("not-serialisable" not in [one.report.kind for one in found]) is hides


@pytest.mark.parametrize(
    ("where", "mode", "follows"),
    [
        ("flows", "always", True),  # a thread died: whatever is not kept follows
        ("flows", "eventually", True),
        ("end", "always", False),  # that somebody waits explains only what has not come about
        ("end", "eventually", True),
        (None, "always", False),
        (None, "eventually", False),
    ],
)
def test_when_a_broken_promise_follows(where: Where | None, mode: Mode, follows: bool) -> None:
    promise = Promise("kept", "It is kept.", "a book", mode, lambda _: VOID)
    design = attrs.evolve(DESIGN, promises=(promise,))
    program = ScenarioProgram(design, parse("once || once"), Options())
    fatal = Judged(Report("deadlock", "they wait", (), (), "1", "once", 1, True), "end", ())
    minor = attrs.evolve(fatal, report=attrs.evolve(fatal.report, kind="leak", fatal=False))
    at_end = [minor]
    if where is not None:
        first = attrs.evolve(fatal, where=where)
        at_end += [first, attrs.evolve(first, report=attrs.evolve(fatal.report, kind="hang"))]
    observed = Observed(results=(), hung=(), dumps=(), probes=(), halted=False, failed=())

    found = judge(
        observed, at_end, None, (), program, lambda _step: True, {"kept": Broken("it is not")}
    )

    assert found[0] is minor
    assert ("promise:kept" in [one.report.kind for one in found]) is not follows
    told = [one.consequences for one in found if one.report.fatal]
    first_told = ("promise kept is not kept: it is not",) * follows
    assert told == ([] if where is None else [first_told, ()])


def test_who_waits_for_one_that_died_follows_from_its_finding() -> None:
    result = check(NETOOPS_V1, "{ set 10.0.0.1 } unregister eth0 || flags eth0")

    waits = "then waits for ever for rtnl_mutex, held by"
    assert {one.consequences for one in result.findings} == {
        (f"flow 2 (flags eth0) {waits} 1",),
        (f"flow 1 (unregister eth0) {waits} 2",),
    }
    assert {one.kind for one in result.findings} == {"recursive-lock"}


def test_who_waits_for_a_deadlock_follows_from_it() -> None:
    result = check(locks(), "forth || back || forth")

    waits = "(forth) then waits for ever for a, held by"
    assert {(one.where, one.consequences) for one in result.findings} == {
        ("end", (f"flow 3 {waits} 1",)),
        ("end", (f"flow 1 {waits} 3",)),
    }


def test_an_outcome_tells_who_failed() -> None:
    program = ScenarioProgram(DESIGN, parse("once || once"), Options())
    results = ((1, "set", "-EINVAL"), (2, "read", "eth0-"), (3, "off", None), (4, "put", ""))
    observed = Observed(
        results=results, hung=(3,), dumps=(), probes=(), halted=False, failed=(), killed=(3,)
    )
    reference: Any = Refuting()

    (found,) = judge(observed, [], reference, (), program, lambda _step: True)

    assert found.report.message.startswith(
        "set failed with -EINVAL, read succeeded, put was killed amid its work, yet "
    )
    assert (found.report.step, found.report.fatal, len(found.id)) == (0, False, 12)
