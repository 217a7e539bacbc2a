"""Promises about which dumps are sent at all: crashes, soft dumps, one-shot, the crash tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from netsim.promise import KEPT, VOID, Answer, Broken, Performed, Promise, Shown
from netsim_models.kernel.printk import KmsgDumpReason
from netsim_models.netoops_v1.promises.evidence import CRASHES, Dump, Evidence
from netsim_models.netoops_v1.promises.story import Story, succeeded, written

SWITCHES = ("one-shot", "write-one-shot")
#: What `Handled.stopped_by` says of a dump that came after the one shot.
ONE_SHOT = "one-shot"
#: What each token of patch 09 does: the reason of the dump that follows.
TOKENS = {
    "elgooG": KmsgDumpReason.OOPS,
    "guB": KmsgDumpReason.OOPS,
    "cinaP": KmsgDumpReason.PANIC,
    "pmuD": KmsgDumpReason.SOFT,
}


class Since:
    """
    The dumps asked for since a target was configured, while nothing touches that.

    None of this is known (`address` is "") if the last write of the configuration failed or was
    followed by anything that may change it, or if the driver ends up with another target.
    """

    def __init__(self, shown: Shown) -> None:
        self.seen: Evidence = shown.evidence
        self.story = story = Story(shown)
        self.address = ""
        target = story.target()
        if target is not None and self.seen.target is not None:
            address, at = target
            if self.seen.target.address == address and self.seen.target.attached:
                self.address = address
                self.write = at
        self.switched = any(o.call.name in SWITCHES for o in shown.operations)

    def earlier(self) -> list[Dump]:
        """Return the dumps of `{ }` since the target was configured there."""
        return [dump for dump in self.seen.of(0) if dump.place > self.write]

    def dumps(self) -> list[Dump]:
        """Return those of the flows that were asked for since then."""
        story = self.story
        initial = sum(o.flow == 0 for o in story.operations)
        found = []
        for dump in self.seen.dumps:
            if dump.flow == 0:
                continue
            if self.write >= initial and (
                dump.flow != story.flow or initial + dump.place <= self.write
            ):
                continue  # asked for before, or nobody knows
            found.append(dump)
        return found


def _named(dump: Dump) -> str:
    """Name a dump by the operation that it is made in, and by its reason where that is another."""
    name, reason = dump.asked.operation, dump.asked.reason.name.lower()
    return f"the {reason} that {name} ends in" if _second(dump) else f"the {name}"


def _second(dump: Dump) -> bool:
    """Tell whether it is the panic that an oops ends in (panic_on_oops, or amid an interrupt)."""
    panics = ("panic", "cinaP")
    return dump.asked.reason is KmsgDumpReason.PANIC and not any(
        word in dump.asked.operation for word in panics
    )


def _lost(dump: Dump) -> Broken:
    """Say what kept the dump from being sent."""
    what = f"nothing is sent of {_named(dump)}"
    if not dump.asked.dump:
        return Broken(
            f"{what}: kmsg_dump() skips it, for dump_list_lock is held by {dump.asked.holder}",
            ("dump_list_lock",),
        )
    if not dump.handled.stopped_by:
        return Broken(f"{what}: the driver is not asked", ("not asked",))
    return Broken(f"{what}: {dump.handled.why}", (dump.handled.stopped_by,))


def _configured(
    check: Callable[[Since], Answer | Broken],
) -> Callable[[Shown], Answer | Broken]:
    """Ask only where a target has been configured and left alone since."""

    def asked(shown: Shown) -> Answer | Broken:
        since = Since(shown)
        return check(since) if since.address else VOID

    return asked


def _crashes(dumps: Sequence[Dump]) -> list[Dump]:
    return [dump for dump in dumps if dump.crash]


def first_crash(since: Since) -> Answer | Broken:
    """Of the first crash since the target was configured something is sent."""
    crashes = _crashes(since.dumps())
    if _crashes(since.earlier()) or since.switched:
        return VOID
    if not crashes:
        return _taken_over(since)
    if any(dump.sent for dump in crashes):
        return KEPT
    return VOID if all(dump.cut for dump in crashes) else _lost(crashes[0])


def _taken_over(since: Since) -> Answer | Broken:
    """Tell whether a crash kernel took over, which dumps as KEXEC and nothing else."""
    taken = [dump for dump in since.dumps() if dump.asked.reason is KmsgDumpReason.KEXEC]
    if not taken or all(dump.cut for dump in taken):
        return VOID
    what = f"nothing is sent of {_named(taken[0])}"
    return Broken(f"{what}: a crash kernel takes over, after a KEXEC dump", ("kexec",))


def each_crash(since: Since) -> Answer | Broken:
    """Of each crash something is sent."""
    crashes = [dump for dump in _crashes(since.dumps()) if not dump.cut]
    if not crashes or since.switched:
        return VOID
    lost = [dump for dump in crashes if not dump.sent]
    if not lost:
        return KEPT
    sent = [dump for dump in _crashes([*since.earlier(), *since.dumps()]) if dump.sent]
    if not sent:
        return VOID  # the promise before this one tells
    others = [dump for dump in lost if dump.handled.stopped_by != ONE_SHOT]
    if others:
        return _lost(others[0])
    own = any((dump.flow, dump.place) == (lost[0].flow, lost[0].place) for dump in sent)
    by = "the dump of the oops itself" if own else "an earlier crash"
    what = f"nothing is sent of {_named(lost[0])}"
    return Broken(f"{what}: {by} has used up the one shot", (ONE_SHOT,))


def soft_forces(since: Since) -> Answer | Broken:
    """Of each soft dump something is sent."""
    soft = [
        dump for dump in since.dumps() if dump.asked.reason is KmsgDumpReason.SOFT and not dump.cut
    ]
    if not soft:
        return VOID
    lost = [dump for dump in soft if not dump.sent]
    if not lost:
        return KEPT
    others = [dump for dump in lost if dump.handled.stopped_by != ONE_SHOT]
    if others:
        return _lost(others[0])
    return Broken(f"nothing is sent of {_named(lost[0])}: a crash was dumped before", (ONE_SHOT,))


def soft_keeps_the_shot(since: Since) -> Answer | Broken:
    """The first crash after soft dumps is sent, too: in one flow, nothing else in its way."""
    if not since.story.lone or since.switched:
        return VOID
    dumps = [*since.earlier(), *since.dumps()]
    first = next((at for at, dump in enumerate(dumps) if dump.crash), None)
    if first is None or not any(dump.sent for dump in dumps[:first]) or not dumps[first].flow:
        return VOID
    if dumps[first].sent:
        return KEPT
    return Broken(f"after a soft dump nothing is sent of {_named(dumps[first])}")


def switched_off(shown: Shown) -> Answer | Broken:
    """After a write of 0 each crash is sent."""
    since = Since(shown)
    story = since.story
    if not since.address or not story.lone:
        return VOID
    switches = [
        (at, o)
        for at, o in enumerate(story.operations)
        if o.call.name in SWITCHES and o.call.arguments[0].strip() in ("0", "1")
    ]
    if not switches or not succeeded(switches[-1][1]):
        return VOID
    at, switch = switches[-1]
    if switch.call.arguments[0].strip() != "0":
        return VOID
    initial = sum(o.flow == 0 for o in story.operations)
    dumps = [(initial * (d.flow > 0) + d.place, d) for d in since.seen.dumps]
    after = [d for place, d in dumps if place > max(at, since.write) and d.crash and d.flow]
    if not after:
        return VOID
    lost = [dump for dump in after if not dump.sent]
    if not lost:
        return KEPT
    if any(d.sent and d.crash for place, d in dumps if since.write < place < at):
        what = f"one-shot is off, and nothing is sent of {_named(lost[0])}"
        return Broken(f"{what}: it had been used up before", ("spent before",))
    return _lost(lost[0])


def one_shot(shown: Shown) -> Answer | Broken:
    """No second crash dump is sent until a target is written again."""
    seen: Evidence = shown.evidence
    if any(o.call.name in SWITCHES for o in shown.operations):
        return VOID
    sent = [dump for dump in seen.dumps if dump.crash and dump.sent]
    if not any(dump.crash and dump.flow for dump in seen.dumps) or not sent:
        return VOID
    begun = [o for o in shown.operations if o.ended != "not begun"]
    story = Story(shown)
    if not story.lone:
        writes = sum(bool(written(o)) for o in begun if o.flow)
        earlier = any(dump.flow == 0 for dump in sent)
        mine = sum(dump.flow > 0 for dump in sent)
        allowed = writes + (not earlier)
        return _too_many(mine, allowed) if mine > allowed else KEPT
    initial = sum(o.flow == 0 for o in story.operations)
    at = [initial * (dump.flow > 0) + dump.place for dump in sent]
    if len(at) < 2:
        # One shot, and others that came too late.
        return KEPT if len([d for d in seen.dumps if d.crash]) > 1 else VOID
    for one, other in pairwise(at):
        between = [o.call.name for o in story.operations[one + 1 : other]]
        if not any(written(o) for o in story.operations[one + 1 : other]):
            why = f", though nothing but {', '.join(between)} lies between" if between else ""
            return Broken(f"two crash dumps are sent{why}", ("again",))
    return KEPT


def _too_many(sent: int, allowed: int) -> Broken:
    return Broken(f"{sent} crash dumps are sent where one-shot allows {allowed}", ("again",))


def boolean(shown: Shown) -> Answer | Broken:
    """After a write that succeeded the file contains 0 or 1."""
    seen: Evidence = shown.evidence
    if not any(o.flow and o.call.name in SWITCHES and succeeded(o) for o in shown.operations):
        return VOID
    if seen.one_shot in (0, 1):
        return KEPT
    return Broken(f"net_dump_one_shot contains {seen.one_shot}", ("a number",))


def only_fatal(shown: Shown) -> Answer | Broken:
    """Nothing is sent for other reasons."""
    seen: Evidence = shown.evidence
    other = [
        dump
        for dump in seen.dumps
        if dump.flow and dump.asked.reason not in (*CRASHES, KmsgDumpReason.SOFT)
    ]
    if not other:
        return VOID
    sent = [dump for dump in other if dump.sent]
    return Broken(f"a dump for {sent[0].asked.reason.name} is sent") if sent else KEPT


def soft_goes_on(shown: Shown) -> Answer | Broken:
    """Whoever asks for a soft dump goes on."""
    soft = [o for o in shown.operations if o.flow and _is_soft(o) and o.ended != "not begun"]
    if not soft:
        return VOID
    left = [o for o in soft if o.ended not in ("returned", "stopped", "killed")]
    return Broken(f"{left[0].call} never returns") if left else KEPT


def _is_soft(done: Performed) -> bool:
    name = done.call.name
    if name in ("sysrq", "sysrq-trigger"):
        return done.call.arguments[0] == "y"
    return name == "soft-dump" or (name == "crash" and _token(done) == "pmuD")


def _token(done: Performed) -> str | None:
    """Return the token that is written, with or without the end of a line or of a string."""
    text = done.call.arguments[0]
    return next((t for t in TOKENS if text in (t, f"{t}\n", f"{t}\0")), None)


def tokens(shown: Shown) -> Answer | Broken:
    """Each token does what it is for."""
    seen: Evidence = shown.evidence
    places: dict[int, int] = {}
    tested = False
    for done in shown.operations:
        place = places[done.flow] = places.get(done.flow, -1) + 1
        if done.call.name != "crash" or not done.flow or done.ended in ("not begun", "stopped"):
            continue
        token = _token(done)
        if token is None or (done.ended == "returned" and not succeeded(done)):
            continue
        tested = True
        asked = [d.asked.reason for d in seen.of(done.flow) if d.place == place]
        if not asked or asked[0] is not TOKENS[token]:
            return Broken(f"{done.call} is written, and nothing happens", ("last byte",))
    return KEPT if tested else VOID


PROMISES = (
    Promise(
        "crash-emitted",
        "This option enables the ability to have the kernel logs emitted on the network when a "
        "machine Oopses or Panics.",
        "patch 05, Kconfig",
        "always",
        _configured(first_crash),
        "Something is sent of the first crash after a target was configured; crashes on other "
        "CPUs meanwhile count as one with it, and so does one that a crash kernel takes over.",
    ),
    Promise(
        "each-crash-emitted",
        "This option enables the ability to have the kernel logs emitted on the network when a "
        "machine Oopses or Panics.",
        "patch 05, Kconfig",
        "always",
        _configured(each_crash),
        "Of every crash, as the text reads; patch 08 takes that back by default.",
    ),
    Promise(
        "soft-forces",
        "It is very useful to provide some means to force the kernel logs to make it out via the "
        "kmsg_oops implementations on the console.",
        "patch 04, description",
        "always",
        _configured(soft_forces),
    ),
    Promise(
        "soft-goes-on",
        "which signifies that the system isn't really going down.",
        "patch 03, description",
        "eventually",
        soft_goes_on,
    ),
    Promise(
        "one-shot",
        "In this case, we do not want the network dumper get called over and over again, as we may "
        "only be interested in the first Oops that a kernel emits",
        "patch 08, description",
        "always",
        one_shot,
        "With one-shot on, one crash dump is sent for each target that is written; an event of a "
        "device writes none.",
    ),
    Promise(
        "one-shot-off",
        "a boolean as to whether or not the netoops driver will operate in one-shot mode.",
        "patch 08, description",
        "always",
        switched_off,
        "After a write of 0 each crash is sent.",
    ),
    Promise(
        "boolean",
        "a file call /proc/sys/kernel/net_dump_one_shot that contains a boolean",
        "patch 08, description",
        "eventually",
        boolean,
        "What was written without an error leaves 0 or 1 there.",
    ),
    Promise(
        "soft-keeps-the-shot",
        "Note that 'soft' dumps do not disable the netoops driver when one-shot mode is enabled.",
        "patch 08, description",
        "always",
        _configured(soft_keeps_the_shot),
    ),
    Promise(
        "only-fatal",
        "Only handle fatal problems",
        "patch 05, comment in netoops()",
        "always",
        only_fatal,
        "SOFT is let through by the condition under the comment, as patch 03 wants it; nothing but "
        "OOPS, PANIC and SOFT is.",
    ),
    Promise(
        "tokens",
        "takes various tokens that will crash the kernel in various ways.",
        "patch 09, description",
        "always",
        tokens,
        "A token is written with or without the end of a line.",
    ),
)
