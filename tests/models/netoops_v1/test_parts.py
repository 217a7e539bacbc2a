"""The twelve patches as `netsim show` lists them."""

from pathlib import Path

import netsim_models
from netsim_models.netoops_v1 import NETOOPS_V1
from netsim_models.netoops_v1.parts import PARTS

ROOT = Path(netsim_models.__file__).parent


def test_all_twelve_patches_in_order() -> None:
    assert [part.number for part in NETOOPS_V1.parts] == list(range(1, 13))


def test_each_place_is_a_module_or_an_operation() -> None:
    for part in PARTS:
        for place in part.where:
            if place.endswith(".py"):
                assert (ROOT / place).is_file(), place
            else:
                assert place in NETOOPS_V1.operations, place


def test_what_netoops_does_on_its_own_stands_in_some_part() -> None:
    """An operation whose source is a patch is named by a part, so that a reader finds it."""
    named = {place for part in PARTS for place in part.where}
    of_patches = {
        name for name, operation in NETOOPS_V1.operations.items() if "patch" in operation.source
    }

    assert of_patches <= named
