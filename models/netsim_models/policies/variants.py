"""The policies as variants: `NAME+rate-limit` is design NAME on a kernel with that policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netsim.design import Design, Operation, Parameter, Variant
from netsim_models.machine import Machine
from netsim_models.policies.changed import changed
from netsim_models.policies.console_variants import CONSOLES
from netsim_models.policies.dump_flag import DumpFlag
from netsim_models.policies.one_shot import OneShot
from netsim_models.policies.oops_once import OopsOnce
from netsim_models.policies.policy import Policy
from netsim_models.policies.rate_limit import BURST, INTERVAL_SECONDS, RateLimit

#: Any number does: the seconds are one step.
PAUSE_SECONDS = 30


def _is_flag(text: str) -> str | None:
    return None if text in ("0", "1") else "0 or 1"


def _is_count(text: str) -> str | None:
    return None if text.isascii() and text.isdigit() and len(text) <= 6 else "a number"


def with_policy(
    design: Design, make: Callable[[Machine], Policy], source: str, *operations: Operation
) -> Design:
    """
    Return a design with one policy more, asked last, and the operations that set it.

    The system that the design boots must have `machine`.
    """

    def change(s: Any) -> None:
        s.machine.policies.add(make(s.machine))

    return changed(design, change, source, operations)


# -- what an administrator does ----------------------------------------------------------------


async def rearm(s: Any) -> None:
    """Arm one-shot anew.  Context: process.  Locks: none."""
    await s.machine.policies.of(OneShot).rearm()


async def rate(s: Any, seconds: str, burst: str) -> None:
    """Set the rate limit.  Context: process.  Locks: none."""
    await s.machine.policies.of(RateLimit).configure(int(seconds), int(burst))


async def dump_flag(s: Any, flag: str) -> None:
    """Set the flag for full dumps.  Context: process.  Locks: none."""
    await s.machine.policies.of(DumpFlag).write(int(flag))


# -- the variants ------------------------------------------------------------------------------


def _one_shot(design: Design) -> Design:
    source = "netsim_models/policies/one_shot.py, after patch 08"
    armed = Operation("rearm", "each dumper gets another shot", rearm, source="policy one-shot")
    return with_policy(design, OneShot, source, armed)


def _rate_limit(design: Design) -> Design:
    source = (
        "lib/ratelimit.c as ports and copies of other releases have it (not read in 2.6.36), after "
        "Matt Mackall's mail of 2010-11-03 20:54"
    )
    limit = Operation(
        "rate",
        "dump so many oopses in so many seconds; 0 seconds: no limit",
        rate,
        (
            Parameter("SECONDS", "the interval", _is_count),
            Parameter("BURST", "how many oopses are dumped in it", _is_count),
        ),
        samples=(("0", "1"),),
        source="policy rate-limit",
    )
    return with_policy(design, RateLimit, source, limit)


def _oops_once(design: Design) -> Design:
    return with_policy(
        design,
        OopsOnce,
        "WARN_ONCE() as ports and copies of other releases have it (not read in 2.6.36), after "
        "Cong Wang's mails of 2010-11-04",
    )


def _dump_flag(design: Design) -> Design:
    flag = Operation(
        "dump-flag",
        "emit full dumps (1), or not (0, default)",
        dump_flag,
        (Parameter("FLAG", "0 or 1", _is_flag),),
        samples=(("1",),),
        source="policy dump-flag",
    )
    return with_policy(design, DumpFlag, "Mike Waychison's mail of 2010-11-03 20:29", flag)


def _panic_on_oops(design: Design) -> Design:
    def change(s: Any) -> None:
        s.machine.policy.panic_on_oops = 1

    source = "kernel.panic_on_oops, after Mike Waychison's mails of 2010-11-03 19:03, 11-04 01:18"
    return changed(design, change, source)


def _pause_on_oops(design: Design) -> Design:
    def change(s: Any) -> None:
        s.machine.policy.pause_on_oops = PAUSE_SECONDS

    return changed(design, change, "pause_on_oops, after Cong Wang's mail of 2010-11-04 06:30")


#: Promises of netoops v1 that such a policy cannot keep.  A design with others says nothing here.
_CRASHES = ("crash-emitted", "each-crash-emitted", "one-shot-off")
_SHOT = "the kernel's shot may have been used up before, without a target, and only rearm arms it"
_RATE = "an oops that comes too soon after another, dumped or not, is not dumped"
_ONCE = "an oops after the first, dumped or not, is not dumped"
_FLAG = "nothing is dumped until dump-flag 1"

POLICIES = (
    Variant(
        "one-shot",
        "the kernel calls each dumper for one crash only",
        _one_shot,
        dict.fromkeys((*_CRASHES, "soft-forces"), _SHOT),
    ),
    Variant(
        "rate-limit",
        f"at most {BURST} oops in {INTERVAL_SECONDS} seconds is dumped; panics are",
        _rate_limit,
        dict.fromkeys(_CRASHES, _RATE),
    ),
    Variant(
        "oops-once",
        "the first oops is dumped, no other; panics are",
        _oops_once,
        dict.fromkeys(_CRASHES, _ONCE),
    ),
    Variant("panic-on-oops", "an oops ends in a panic", _panic_on_oops),
    Variant("pause-on-oops", "who oopses while another does is stalled", _pause_on_oops),
    Variant(
        "dump-flag",
        "nothing is dumped until dump-flag 1",
        _dump_flag,
        dict.fromkeys((*_CRASHES, "soft-forces", "soft-keeps-the-shot"), _FLAG),
    ),
    *CONSOLES,
)
