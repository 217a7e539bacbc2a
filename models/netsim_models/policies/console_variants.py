"""Variants about what is printed: streamed to targets, by level, and marked as critical."""

from __future__ import annotations

from typing import Any

import attrs

from netsim.core.sim import Sim
from netsim.design import Design, Operation, Parameter, Variant
from netsim.errors import UsageError
from netsim_models.drivers.mem import kmsg_write
from netsim_models.kernel.levels import DEFAULT_CONSOLE_LOGLEVEL
from netsim_models.policies.changed import changed
from netsim_models.policies.mark_crit import mark
from netsim_models.policies.stream import Stream


def _is_flag(text: str) -> str | None:
    return None if text in ("0", "1") else "0 or 1"


def _is_level(text: str) -> str | None:
    return None if len(text) == 1 and text in "012345678" else "a number from 0 to 8"


# -- what an administrator does ----------------------------------------------------------------


async def stream(s: Any, flag: str) -> None:
    """Set the flag for streaming.  Context: process.  Locks: none."""
    await s.machine.policies.of(Stream).configure("stream", int(flag))


async def console_level(s: Any, level: str) -> None:
    """Set the level of the target.  Context: process.  Locks: none."""
    await s.machine.policies.of(Stream).configure("level", int(level))


async def kmsg(s: Any, text: str) -> int:
    """drivers/char/mem.c:kmsg_write().  Context: process; may sleep.  Locks: as printk()."""
    return await kmsg_write(s.machine, text)


KMSG = Operation(
    "kmsg",
    "write TEXT to /dev/kmsg: a message of the level <N> that it may begin with",
    kmsg,
    (Parameter("TEXT", 'such as "<2>text\\n"'),),
    samples=(("<4>netsim\n",),),
    source="drivers/char/mem.c",
)
STREAM = Operation(
    "stream",
    "stream console messages to the target (1, default), or not (0)",
    stream,
    (Parameter("FLAG", "0 or 1", _is_flag),),
    samples=(("0",),),
    source="policy stream",
)
CONSOLE_LEVEL = Operation(
    "console-level",
    f"stream messages of a level below N only (at first {DEFAULT_CONSOLE_LOGLEVEL}); dump all",
    console_level,
    (Parameter("N", "0 (none) to 8 (all)", _is_level),),
    samples=(("3",),),
    source="policy console-level",
)


CONSOLE_SEM = ("console_sem", "consoles, and how far they have printed", "that of the targets")
NO_OTHERS = "other consoles, CON_PRINTBUFFER, and zap_locks(): no place is inside logbuf_lock"


# -- the variants ------------------------------------------------------------------------------


def _stream(design: Design) -> Design:
    if getattr(design.boot(Sim()), "streaming", None) is None:
        raise UsageError(
            f"'+stream' cannot be added to design {design.name}: it has no targets to stream to\n"
            "  expected a system whose `streaming` is a netsim_models.policies.stream.Streaming"
        )

    def change(s: Any) -> None:
        s.machine.policies.add(Stream(s.machine, s.streaming))

    source = "drivers/net/netconsole.c:write_msg(), after Mike Waychison's mail of 2010-11-03 20:29"
    made = changed(design, change, source, (STREAM, KMSG))
    return attrs.evolve(
        made, locks=(*made.locks, CONSOLE_SEM), left_out=(*made.left_out, NO_OTHERS)
    )


def _console_level(design: Design) -> Design:
    if STREAM.name not in design.operations:
        raise UsageError(
            f"'+console-level' cannot be added to design {design.name}: it streams nothing\n"
            f"  expected a design with +stream before it, such as {design.name}+stream"
        )

    def change(s: Any) -> None:
        s.machine.policies.of(Stream).give_levels()

    source = "Bruno Prémont's mail of 2010-11-03 20:59"
    return changed(design, change, source, (CONSOLE_LEVEL,))


def _mark_crit(design: Design) -> Design:
    def change(s: Any) -> None:
        s.machine.log.mark = mark

    source = "Randy Dunlap's mail of 2010-11-03 18:51, Joe Perches' of 19:40"
    return changed(design, change, source, (KMSG,))


CONSOLES = (
    Variant("stream", "console messages are streamed to the target, too", _stream),
    Variant("console-level", "the target has a level of its own for them", _console_level),
    Variant("mark-crit", "messages that begin as critical ones do are KERN_CRIT", _mark_crit),
)
