"""drivers/char/sysrq.c with patch 04: y, and what stands around it."""

import pytest

from netsim.results import Verdict
from netsim.sync.sleep import schedule_point
from netsim_models.netoops_v1 import NETOOPS_V1
from tests.models.drivers.machine import Led
from tests.models.outcomes import reasons, results

ARMED = "set 10.0.0.1"


@pytest.mark.parametrize(
    ("mask", "pressed"),
    [
        # sysrq_on(): 0 is off; sysrq_on_mask(): 1 is all, else SYSRQ_ENABLE_DUMP = 8.
        ("0", []),
        ("1", ["SOFT"]),
        ("8", ["SOFT"]),
        ("24", ["SOFT"]),
        ("16", []),
        ("9", ["SOFT"]),
    ],
)
def test_the_mask_decides_about_the_key(mask: str, pressed: list[str]) -> None:
    assert reasons(NETOOPS_V1, f"{{ {ARMED}; sysrq-mask {mask} }} sysrq y") == [pressed]


@pytest.mark.parametrize("mask", ["0", "1", "16"])
def test_the_file_does_not_ask_the_mask(mask: str) -> None:
    """write_sysrq_trigger(): __handle_sysrq(c, false)."""
    assert reasons(NETOOPS_V1, f"{{ {ARMED}; sysrq-mask {mask} }} sysrq-trigger y") == [["SOFT"]]


def logged(operations: str) -> str:
    """Return what is in the log of a machine with no dumper, behind what it said at boot."""
    led = Led()
    led.machine.log.dump_list.items = ()
    led.run(operations)
    return led.machine.log.peek(0, led.machine.log.log_end).decode().split("SMP\n")[-1]


def test_what_it_says() -> None:
    """printk(KERN_INFO "SysRq : "), then, on this line, what the key says, or that it is off."""
    assert logged("sysrq y") == "<6>SysRq : Trigger a soft dump\n"
    assert logged("sysrq-mask 16; sysrq y") == "<6>SysRq : This sysrq operation is disabled.\n"
    assert logged("sysrq-mask 0; sysrq y") == ""


def test_two_keys_are_two_dumps() -> None:
    """sysrq_key_table_lock is held around the handler: the second waits for the first."""
    result = results(NETOOPS_V1, f"{{ {ARMED} }} sysrq y || sysrq-trigger y")

    assert result.verdict is Verdict.HOLDS
    assert reasons(NETOOPS_V1, f"{{ {ARMED} }} sysrq y || sysrq-trigger y") == [["SOFT", "SOFT"]]


def test_two_who_call_kmsg_dump_may_be_one() -> None:
    """Patch 09 calls it without that lock: dump_list_lock is tried, and the second is skipped."""
    pmud = 'crash "pmuD\\n"'
    seen = reasons(NETOOPS_V1, f"{{ {ARMED} }} {pmud} || {pmud}")

    assert ["SOFT"] in seen
    assert ["SOFT"] in reasons(NETOOPS_V1, f"{{ {ARMED} }} sysrq y || {pmud}")


def test_what_is_skipped_is_of_unknown_reason() -> None:
    """kmsg_to_str(): patch 03 adds a reason, and no word for it."""
    led = Led()
    led.machine.log.dump_list_lock.owner = led.sim.spawn("holder", _nothing())
    led.run("soft-dump")
    text = led.machine.log.peek(0, led.machine.log.log_end).decode()

    assert text.endswith("dump_kmsg: dump list lock is held during unknown, skipping dump\n")


async def _nothing() -> None:
    await schedule_point("nothing")


def test_a_key_that_strikes_a_dump_finds_it_under_way_only_elsewhere() -> None:
    """Both hold their locks with irqs off: no key comes on that CPU before they are dropped."""
    result = results(NETOOPS_V1, f"{{ {ARMED} }} sysrq-trigger y || !sysrq y")

    assert result.verdict is Verdict.HOLDS


def test_c_dies_with_the_lock_of_the_keys_held() -> None:
    """sysrq_handle_crash() oopses inside the handler: nobody gets a key through any more."""
    led = Led().run("sysrq-trigger c")

    assert led.sim.halted
    assert led.machine.sysrq_key_table_lock.is_locked()


def test_whoever_presses_y_goes_on() -> None:
    """Patch 03: "the system isn't really going down"."""
    result = results(NETOOPS_V1, f"{{ {ARMED} }} sysrq-trigger y")

    assert {p.name: p.verdict for p in result.promises}["soft-goes-on"] == "kept"
