"""kernel/kexec.c: what a crash kernel that is loaded does to the dumps."""

import pytest

from netsim.results import Options
from netsim.run import check
from netsim_models.netoops_v1 import NETOOPS_V1, NETOOPS_V1_NEIGHBOURS
from tests.models.outcomes import reasons, results, values

ARMED = "set 10.0.0.1"


@pytest.mark.parametrize("crash", ["panic", "kexec", "sysrq-trigger c", "panic-on-oops 1; oops"])
def test_netoops_sends_nothing_if_a_crash_kernel_takes_over(crash: str) -> None:
    """panic() calls crash_kexec() before kmsg_dump(); netoops() ignores KMSG_DUMP_KEXEC."""
    assert reasons(NETOOPS_V1, f"{{ {ARMED}; kexec-load }} {crash}") == [[]]


def test_its_neighbours_do_not_ignore_it() -> None:
    (dumps,) = reasons(NETOOPS_V1_NEIGHBOURS, f"{{ {ARMED}; kexec-load }} panic")

    assert dumps == ["KEXEC", "KEXEC"]


@pytest.mark.parametrize("crash", ["panic", "kexec"])
def test_without_an_image_it_panics(crash: str) -> None:
    """crash_kexec() returns; sysrq c oopses, with panic_on_oops set."""
    expected = ["PANIC"] if crash == "panic" else ["OOPS"]  # then one-shot is spent
    assert reasons(NETOOPS_V1, f"{{ {ARMED} }} {crash}") == [expected]
    assert reasons(NETOOPS_V1, f"{{ {ARMED}; kexec-load; kexec-unload }} {crash}") == [expected]


def test_an_oops_that_only_kills_its_task_starts_no_crash_kernel() -> None:
    """kexec_should_crash() is 0 for a task with a pid, in process context."""
    assert reasons(NETOOPS_V1, f"{{ {ARMED}; kexec-load }} oops") == [["OOPS"]]


def test_a_load_meanwhile_decides_which() -> None:
    """xchg(): the old image goes before the new one is there, and kexec_mutex is tried only."""
    first = reasons(NETOOPS_V1, f"{{ {ARMED} }} kexec-load || panic")
    again = reasons(NETOOPS_V1, f"{{ {ARMED}; kexec-load }} kexec-load || panic")

    assert sorted(first) == [[], ["PANIC"]]
    assert sorted(again) == [[], ["PANIC"]]


def test_two_loads_at_a_time() -> None:
    """mutex_trylock() or -EBUSY."""
    result = results(NETOOPS_V1, "kexec-load || kexec-unload")

    assert values(result, "flow 1: kexec-load") == ["-EBUSY", "0"]


def test_a_load_that_fails_has_unloaded() -> None:
    """kimage_free(xchg(&kexec_crash_image, NULL)) comes before kimage_crash_alloc()."""
    result = check(
        "netoops-v1",
        f"{{ {ARMED}; kexec-load }} kexec-load; panic",
        options=Options(faults=1),
    )
    dumps = {dict(outcome.observed)["dumps"].split()[0] for outcome in result.outcomes}

    assert dumps == {"none", "PANIC"}


def test_netoops_keeps_to_what_it_calls_fatal() -> None:
    """Patch 05, "Only handle fatal problems": a KEXEC dump is asked for, and not sent."""
    result = results(NETOOPS_V1, f"{{ {ARMED} }} kexec-load; panic")

    assert {p.name: p.verdict for p in result.promises}["only-fatal"] == "kept"
