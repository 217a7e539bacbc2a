"""`NAME+VARIANT`: how designs with something added are named, found and refused."""

from __future__ import annotations

import re
from typing import Any

import attrs
import pytest

from netsim.design import Variant
from netsim.errors import UsageError
from netsim.run import check, load, replay
from netsim.run.registry import available
from netsim.run.vet import vet


def test_the_name_tells_what_was_added() -> None:
    design = load("netoops-v1+every+rate-limit")

    assert design.name == "netoops-v1+every+rate-limit"
    assert "rate" in design.operations
    assert design.summary.startswith(load("netoops-v1").summary)
    assert {one.name for one in design.variants} == {
        one.name for one in load("netoops-v1").variants
    } - {"every", "rate-limit"}


def test_the_longest_installed_name_is_the_base() -> None:
    assert "netoops-v1+unlocked" in available()
    assert load("netoops-v1+unlocked+oops-once").name == "netoops-v1+unlocked+oops-once"


def test_none_is_listed_by_itself() -> None:
    assert not [name for name in available() if name.endswith("+rate-limit")]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("netoops-v1+rate-limt", "did you mean '+rate-limit'?"),
        ("netoops-v1+every+every", "'+every' cannot be added to design netoops-v1+every"),
        ("netoops-v1+", "'+' cannot be added"),
        ("netoops-v9+every", "no design is called 'netoops-v9+every'"),
    ],
)
def test_what_is_refused(name: str, told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        load(name)


def test_a_schedule_finds_its_variant_again() -> None:
    result = check("netoops-v1+every+oops-once", "{ set 10.0.0.1 } oops || oops")
    race = next(f for f in result.findings if f.kind == "data-race")

    again = replay(race.schedule)
    assert race.id in [f.id for f in again.findings]


@pytest.mark.parametrize("variant", ["every", Variant("Every One", "", lambda design: design)])
def test_nonsense_is_told(variant: Any) -> None:
    with pytest.raises(UsageError, match="a variant is"):
        vet(attrs.evolve(load("netoops-v1"), variants=(variant,)))


def test_a_tally_that_cannot_be_asked_is_told() -> None:
    def tally() -> dict[str, int]:
        return {"crashes": 0}

    wrong: Any = tally
    with pytest.raises(UsageError, match=re.escape("tally is called with (system)")):
        vet(attrs.evolve(load("netoops-v1"), tally=wrong))
