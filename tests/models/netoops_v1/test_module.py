"""Patches 10 to 12: a module, one that misses symbols, and a driver that is built in."""

import pytest

from netsim.core.sim import Sim
from netsim.design import Design
from netsim.results import Verdict
from netsim_models.netoops_v1 import (
    LOCKED,
    NETOOPS_V1,
    NETOOPS_V1_BUILT_IN,
    NETOOPS_V1_WITHOUT_10,
    NETOOPS_V1_WITHOUT_11,
)
from netsim_models.netoops_v1.symbols import SYMBOLS, unknown
from netsim_models.netoops_v1.system import Build, NetoopsSystem
from tests.models.netoops_v1.machine import system
from tests.models.outcomes import results, values


@pytest.mark.parametrize(("missing", "symbol"), [(10, "kmsg_dump"), (11, "arp_bind_neighbour")])
def test_what_the_kernel_says_of_a_symbol_that_it_does_not_export(
    missing: int, symbol: str
) -> None:
    """simplify_symbols(): KERN_WARNING "%s: Unknown symbol %s (err %li)\\n", and -ENOENT."""
    made = NetoopsSystem(Sim(), "2.6.36", LOCKED, LOCKED, build=Build(unknown=unknown(missing)))
    made.sim.recording = True
    system("insmod", made)
    text = made.machine.log.peek(0, made.machine.log.log_end).decode()

    assert text.endswith(f"SMP\n<4>netoops: Unknown symbol {symbol} (err 0)\n")


def test_with_all_patches_nothing_is_unknown() -> None:
    """Every symbol that is not exported by itself is exported by a patch of the series."""
    exported = {symbol.exported_by for symbol in SYMBOLS}

    assert exported == {None, 10, 11}
    assert {s.name for s in SYMBOLS if s.exported_by} == {"kmsg_dump", "arp_bind_neighbour"}


@pytest.mark.parametrize("design", [NETOOPS_V1_WITHOUT_10, NETOOPS_V1_WITHOUT_11])
def test_a_module_with_unknown_symbols_is_never_loaded(design: Design) -> None:
    scenario = "insmod; set 10.0.0.1; rmmod; oops"
    result = results(design, scenario)

    # Patch 12: "it can be compiled as a module."
    assert [finding.kind for finding in result.findings] == ["promise:module"]
    assert values(result, "flow 1: insmod") == ["-ENOENT"]
    assert values(result, "flow 1: set 10.0.0.1") == ["-ENOENT"]  # there is no such file
    assert values(result, "flow 1: rmmod") == ["-ENOENT"]  # find_module()
    assert values(result, "dumps") == ["none"]


def test_built_in() -> None:
    result = results(NETOOPS_V1_BUILT_IN, "{ set 10.0.0.1 } insmod; rmmod; oops")

    assert values(result, "flow 1: insmod") == ["-ENOENT"]
    assert values(result, "flow 1: rmmod") == ["-ENOENT"]
    assert "OOPS dump to 10.0.0.1" in values(result, "dumps")[0]
    assert result.verdict is Verdict.HOLDS


def test_a_module() -> None:
    result = results(NETOOPS_V1, "insmod; rmmod; insmod")

    assert [value for name, value in result.outcomes[0].observed if name.startswith("flow")] == [
        "-EEXIST",
        "0",
        "0",
    ]
