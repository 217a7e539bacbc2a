"""netoops v1 on one CPU, next to what it does on several."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netsim.design import Design
from netsim.errors import UsageError
from netsim.results import Options, Result, Verdict
from netsim.run import check, replay
from netsim.view.show import design_text
from netsim_models.netoops_v1 import (
    NETOOPS_V1,
    NETOOPS_V1_2_6_35,
    NETOOPS_V1_2_6_35_UP,
    NETOOPS_V1_UNLOCKED,
    NETOOPS_V1_UNLOCKED_UP,
    NETOOPS_V1_UP,
)

SET = "{ set 10.0.0.1 }"


def explored(
    scenario: str, design: Design = NETOOPS_V1_UP, options: Options | None = None
) -> Result:
    result = check(design, f"{SET} {scenario}", options=options)
    assert result.complete
    assert result.blocked == 0
    return result


def kinds(result: Result) -> list[str]:
    return [finding.kind for finding in result.findings if not finding.accepted]


class TestStrikes:
    """An oops amid netoops_lock: where trylock fails on SMP, it succeeds here."""

    def test_as_many_places_as_on_another_build(self) -> None:
        """18 before and 1 after the operations of `off`, 3 inside steps: the code is the same."""
        assert explored("off || !oops").executions == 22
        assert explored("off || !oops", NETOOPS_V1).executions == 22

    def test_trylock_succeeds_amid_the_section(self) -> None:
        found = [f for f in explored("off || !oops").findings if not f.accepted]
        race, lost = sorted(found, key=lambda f: f.kind)
        events = replay(race.schedule, design=NETOOPS_V1_UP).events

        assert (race.kind, race.objects) == ("data-race", ("netoops.np",))
        # disable_netoops() lets go of the neighbour first, of np then.
        assert (lost.kind, lost.objects) == ("promise:neighbour-used", ("lost",))
        section = next(event for event in events if event.call == "spin_lock netoops_lock")
        struck = events[events.index(section) + 1]
        assert section.follows == ()  # it ends amid the section: the oops may come there
        assert "netoops(): spin_trylock netoops_lock" in struck.follows
        # On SMP the failed trylock is where netoops() returns.
        assert "netoops(): spin_unlock netoops_lock" in struck.follows

    def test_on_smp_there_is_no_such_race(self) -> None:
        assert kinds(explored("off || !oops", NETOOPS_V1)) == []

    def test_an_oops_amid_the_lock_is_dumped(self) -> None:
        """The finding of the SMP build, a dump that is not sent, is none here."""
        assert "not-serialisable" in kinds(explored("set 10.0.1.1 || !oops", NETOOPS_V1))
        assert set(kinds(explored("set 10.0.1.1 || !oops"))) == {"data-race"}

    def test_nobody_waits_for_a_lock_of_a_killed_flow(self) -> None:
        """rtnl is a mutex: that one stays."""
        assert explored("off || !oops").notes == (
            "flow 1 (off) is killed while it holds netoops_lock, which keeps nobody out on one CPU",
            "flow 1 (off) is killed while it holds rtnl_mutex, which stays held",
        )

    def test_what_is_masked_is_one_step(self) -> None:
        """A hardirq finds netoops_lock never held: it is taken with irqs off."""
        assert kinds(explored("off || !soft-dump")) == []

    def test_the_story(self, golden: Callable[[str, str], None]) -> None:
        result = explored("off || !oops")

        golden("strike-up.txt", result.tell(result) + "\n")

    def test_show_says_what_the_variant_is(self) -> None:
        shown = design_text(NETOOPS_V1_UP)

        assert "on one CPU (CONFIG_SMP=n, CONFIG_PREEMPT=y): spin_trylock succeeds" in shown
        assert "include/linux/spinlock_api_up.h" in shown
        assert "a strike (!) amid a work item" in shown


class TestOneAfterTheOther:
    """What needs two CPUs is gone."""

    @pytest.mark.parametrize(
        ("scenario", "smp"),
        [
            # The trylock of one dump fails while another CPU has the lock.
            ("soft-dump || panic", Verdict.VIOLATED),
            ("read || soft-dump", Verdict.VIOLATED),
            # The carrier goes between two packets of one dump.
            ("carrier-off eth0 || soft-dump", Verdict.VIOLATED),
            ("off || oops", Verdict.HOLDS),
        ],
    )
    def test_dumps_are_whole(self, scenario: str, smp: Verdict) -> None:
        assert explored(scenario, NETOOPS_V1).verdict is smp
        assert explored(scenario).verdict is Verdict.HOLDS

    def test_a_dump_comes_before_the_lock_after_it_or_finds_nothing_to_do(self) -> None:
        """`off` and the dump share the section, one packet and the end of the reference."""
        assert explored("off || oops").executions == 3

    def test_who_panics_lets_no_other_run(self) -> None:
        """The only executions of two panics are one of the first, and one of the second."""
        assert explored("panic || panic").executions == 2

    def test_mutexes_are_what_they_were(self) -> None:
        result = explored("unregister eth0 || off")

        assert "recursive-lock" in kinds(result)

    @pytest.mark.parametrize("strategy", ["states", "interleavings"])
    def test_other_strategies_see_the_same(self, strategy: str) -> None:
        scenario = f"{SET} neigh-age 10.0.0.1 || off"
        mine, theirs = (check(NETOOPS_V1_UP, scenario, strategy=s) for s in ("classes", strategy))

        assert {o.observed for o in mine.outcomes} == {o.observed for o in theirs.outcomes}
        assert theirs.verdict is Verdict.HOLDS

    def test_failures_inside_sections_are_explored(self) -> None:
        """A busy device amid netoops_lock: the packet is queued."""
        result = explored("soft-dump || read", options=Options(faults=1))

        assert any("queued" in dict(o.observed)["dumps"] for o in result.outcomes)


def test_what_is_not_modelled_is_refused() -> None:
    with pytest.raises(UsageError, match="does not leave that to the environment"):
        check(NETOOPS_V1_UP, "read", options=Options(choose=("timers",)))


@pytest.mark.parametrize(
    ("design", "base"),
    [
        (NETOOPS_V1_UP, NETOOPS_V1),
        (NETOOPS_V1_2_6_35_UP, NETOOPS_V1_2_6_35),
        (NETOOPS_V1_UNLOCKED_UP, NETOOPS_V1_UNLOCKED),
    ],
)
def test_each_variant_has_one(design: Design, base: Design) -> None:
    assert design.name == f"{base.name}+up"
    result = check(design, f"{SET} off || unregister eth0")
    assert result.complete
    for finding in result.findings:
        assert replay(finding.schedule, design=design).reproduced
