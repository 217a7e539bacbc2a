"""
Each policy by itself: which dumps of a sequence are sent.

What is expected follows from the mail that a policy cites; `+every` turns off patch 08's own
one-shot, so that nothing but the policy decides.
"""

import attrs
import pytest

from netsim.errors import UsageError
from netsim.results import Verdict
from netsim.run import check, load
from netsim.run.promised import promises
from netsim.view.show import design_text
from netsim_models.netoops_v1.variants import PACKED
from tests.models.policies.storms import READY, between, compared, dumps

OOPS, PANIC, SOFT = "OOPS", "PANIC", "SOFT"


class TestNone:
    """Without a policy every crash is dumped."""

    def test_every_crash_is_dumped(self) -> None:
        assert dumps("netoops-v1+every", "oops; soft-dump; oops; panic") == [
            OOPS,
            SOFT,
            OOPS,
            PANIC,
        ]

    def test_a_module_that_is_loaded_again_has_the_same_default(self) -> None:
        storm = f"rmmod; insmod; {READY}; oops; oops"
        assert dumps("netoops-v1+every", storm) == [OOPS, OOPS]
        assert dumps("netoops-v1", storm) == [OOPS]


class TestOneShot:
    """Patch 08: the first crash, and soft dumps before it."""

    @pytest.mark.parametrize("design", ["netoops-v1", "netoops-v1+every+one-shot"])
    def test_the_first_crash_only(self, design: str) -> None:
        assert dumps(design, "soft-dump; oops; soft-dump; oops; panic") == [SOFT, OOPS]

    def test_in_the_driver_a_new_target_arms_it(self) -> None:
        storm = "oops; set 10.0.0.1; oops"
        assert dumps("netoops-v1", storm) == [OOPS, OOPS]
        assert dumps("netoops-v1+every+one-shot", storm) == [OOPS]

    def test_in_the_kernel_it_is_armed_by_name(self) -> None:
        assert dumps("netoops-v1+every+one-shot", "oops; rearm; oops; oops") == [OOPS, OOPS]

    def test_in_the_kernel_a_shot_without_a_target_is_spent(self) -> None:
        """The callback returns nothing: the kernel cannot know that the driver was off."""
        storm = f"oops; {READY}; oops"
        assert dumps("netoops-v1", storm, "off") == [OOPS]
        assert dumps("netoops-v1+every+one-shot", storm, "off") == []


class TestRateLimit:
    """Matt Mackall's: one oops in 60 seconds, counted from the first as __ratelimit() does."""

    @pytest.mark.parametrize(
        ("storm", "expected"),
        [
            ("oops; oops; oops", [OOPS]),
            ("oops; wait 60; oops", [OOPS]),  # it ends when more than that has passed
            ("oops; wait 61; oops", [OOPS, OOPS]),
            ("oops; wait 40; oops; wait 21; oops; oops", [OOPS, OOPS]),
            ("oops; oops; panic", [OOPS, PANIC]),
            ("oops; soft-dump; soft-dump; oops", [OOPS, SOFT, SOFT]),
            ("rate 60 2; oops; oops; oops", [OOPS, OOPS]),
            ("rate 0 1; oops; oops; oops", [OOPS, OOPS, OOPS]),
            ("rate 10 1; oops; wait 11; oops", [OOPS, OOPS]),
            ("oops; rate 60 3; oops; oops; oops", [OOPS, OOPS, OOPS]),
            ("rate 60 0; oops", []),
        ],
    )
    def test_which_are_sent(self, storm: str, expected: list[str]) -> None:
        assert dumps("netoops-v1+every+rate-limit", storm) == expected

    def test_two_cpus_at_once_get_no_more_than_the_burst(self) -> None:
        cell = compared("netoops-v1+every+rate-limit", f"{{ {READY} }} oops || oops; oops")

        assert between(cell, "dumps begun") == (1, 1)
        assert cell.verdict is Verdict.HOLDS

    def test_a_burst_of_two_may_be_missed_by_who_meets_a_dump(self) -> None:
        """kmsg_dump() skips a dump while another runs, and its part of the burst is kept."""
        storm = f"{{ {READY}; rate 60 2 }} oops; oops || oops"
        cell = compared("netoops-v1+every+rate-limit", storm)

        assert between(cell, "dumps begun") == (1, 2)

    def test_the_rate_is_written_under_the_lock_that_readers_hold(self) -> None:
        cell = compared("netoops-v1+every+rate-limit", f"{{ {READY} }} rate 0 1 || oops; oops")

        assert cell.verdict is Verdict.HOLDS
        assert between(cell, "dumps begun") == (1, 2)


class TestOopsOnce:
    """Cong Wang's, made as WARN_ONCE() is: a flag without a lock, set after the dump."""

    def test_which_are_sent(self) -> None:
        storm = "oops; oops; soft-dump; panic"
        assert dumps("netoops-v1+every+oops-once", storm) == [OOPS, SOFT, PANIC]

    def test_two_cpus_at_once_race(self) -> None:
        storm = f"{{ {READY} }} oops || oops"
        result = check("netoops-v1+every+oops-once", storm)

        (race,) = [f for f in result.findings if f.kind == "data-race"]
        assert race.objects == ("oops_once.oopsed",)
        cell = compared("netoops-v1+every+oops-once", storm)
        assert between(cell, "dumps begun") == (1, 2)


class TestDumpFlag:
    """Mike Waychison's flag for full dumps, which is off until it is set."""

    def test_which_are_sent(self) -> None:
        storm = "oops; soft-dump; dump-flag 1; oops; soft-dump; dump-flag 0; panic"
        assert dumps("netoops-v1+every+dump-flag", storm) == [OOPS, SOFT]


def test_policies_are_asked_in_the_order_of_the_name() -> None:
    """Who refuses first keeps the others from counting."""
    storm = "oops; dump-flag 1; oops"
    assert dumps("netoops-v1+every+dump-flag+one-shot", storm) == [OOPS]
    assert dumps("netoops-v1+every+one-shot+dump-flag", storm) == []


def test_who_promises_nothing_has_no_page() -> None:
    with pytest.raises(UsageError, match=r"design dumpers@arm promises nothing"):
        promises("dumpers@arm")


#: For each promise that a variant takes back a scenario that it cannot keep it in; the others can.
TAKEN_BACK = {
    ("every", "one-shot"): "{ set 10.0.0.1 } oops; oops",
    ("mac-copy", "neighbour-held"): "",
    ("blob", "fields-delivered"): "",
    **{("tagged", name): "" for name in PACKED},
    ("one-shot", "crash-emitted"): "{ oops; set 10.0.0.1 } oops",
    ("one-shot", "each-crash-emitted"): "{ set 10.0.0.1 } oops; oops",
    ("one-shot", "one-shot-off"): "{ set 10.0.0.1 } one-shot 0; oops; oops",
    ("one-shot", "soft-forces"): "{ oops; set 10.0.0.1 } soft-dump",
    ("rate-limit", "crash-emitted"): "{ oops; set 10.0.0.1 } oops",
    ("rate-limit", "each-crash-emitted"): "{ set 10.0.0.1 } oops; oops",
    ("rate-limit", "one-shot-off"): "{ set 10.0.0.1 } one-shot 0; oops; oops",
    # Nobody calls kmsg_dump(), so that no check can tell: TestOopsOnce has what is sent.
    ("oops-once", "crash-emitted"): "",
    ("oops-once", "each-crash-emitted"): "",
    ("oops-once", "one-shot-off"): "",
    ("dump-flag", "crash-emitted"): "{ set 10.0.0.1 } oops",
    ("dump-flag", "each-crash-emitted"): "{ set 10.0.0.1; dump-flag 1; oops } dump-flag 0; oops",
    ("dump-flag", "one-shot-off"): "{ set 10.0.0.1 } one-shot 0; oops",
    ("dump-flag", "soft-forces"): "{ set 10.0.0.1 } soft-dump",
    ("dump-flag", "soft-keeps-the-shot"): "{ set 10.0.0.1; dump-flag 1 } soft-dump; "
    "dump-flag 0; oops",
}


def with_variant(name: str) -> str:
    return f"netoops-v1+stream+{name}" if name == "console-level" else f"netoops-v1+{name}"


class TestPromises:
    """A variant takes back what it cannot keep, and nothing else."""

    def test_what_each_takes_back(self) -> None:
        base = load("netoops-v1")
        taken = {(v.name, name) for v in base.variants for name in v.takes_back}
        names = {promise.name for promise in base.promises}

        assert taken == set(TAKEN_BACK)
        assert {name for _, name in taken} <= names
        for variant in base.variants:
            made = load(with_variant(variant.name))
            left = {promise.name for promise in made.promises}
            assert left == names - set(variant.takes_back)
            assert set(made.taken_back) == set(variant.takes_back)
            kinds = {f"promise:{name}" for name in variant.takes_back}
            assert not kinds & {loss.kind for loss in made.accepted}

    @pytest.mark.parametrize(
        ("variant", "promise", "scenario"),
        [(*key, scenario) for key, scenario in TAKEN_BACK.items() if scenario],
    )
    def test_it_could_not_be_kept(self, variant: str, promise: str, scenario: str) -> None:
        made = load("netoops-v1").varied(variant)
        (taken,) = (p for p in load("netoops-v1").promises if p.name == promise)
        asked = attrs.evolve(made, promises=(taken,))

        (told,) = check(asked, scenario).promises
        assert told.verdict == "broken"

    def test_what_is_left_is_kept_by_a_crash_after_an_answer(self) -> None:
        """No variant breaks what it did not take back, where the driver as posted keeps it."""
        scenario = "{ set 10.0.0.1; neigh-reply 10.0.0.1; set 10.0.0.1 } oops"
        base = {p.name: p.verdict for p in check("netoops-v1", scenario).promises}
        for variant in load("netoops-v1").variants:
            result = check(with_variant(variant.name), scenario)
            accepted = {f.kind.removeprefix("promise:") for f in result.findings if f.accepted}
            for told in result.promises:
                if base[told.name] != "broken" and told.name not in accepted:
                    assert told.verdict in ("kept", "void"), (variant.name, told)

    def test_show_tells_the_reason_and_no_stale_acceptance(self) -> None:
        shown = design_text(load("netoops-v1+dump-flag"))

        assert "crash-emitted: +dump-flag: nothing is dumped until dump-flag 1" in shown
        assert "accepted: promise:each-crash-emitted" not in shown
        assert "accepted: promise:neighbour-used of unresolved in any operation" in shown
