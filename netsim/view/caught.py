"""A catch for reading: each dump with what it says of itself, what is missing, and its log."""

from __future__ import annotations

from collections.abc import Iterator

from netsim.caught import Catch, CaughtDump, Gap
from netsim.errors import escape
from netsim.view.report import fill, plural

_WHY = {
    "missing": "did not come",
    "truncated": "came cut off",
    "not-sent": "came without text",
}
#: More gaps of one dump than these are only counted.
_GAPS_SHOWN = 20


def catch_report(design: str, catch: Catch) -> str:
    """Tell a catch in full."""
    count = plural(len(catch.dumps), "dump")
    lines = [f"{design}: {count} in {plural(catch.datagrams, 'datagram')}"]
    lines += [fill(note, "  ", "    ") for note in _general(catch)]
    for number, dump in enumerate(catch.dumps, 1):
        lines += ["", *_dump(number, dump)]
    return "\n".join(lines)


def _general(catch: Catch) -> Iterator[str]:
    for refused in catch.refused:
        yield (
            f"refused: {plural(refused.packets, 'datagram')} ({refused.reason}); "
            f"the first: {refused.first}"
        )
    if catch.forgotten:
        yield (
            f"{plural(catch.forgotten, 'dump')} forgotten: more came than the catcher keeps, of "
            "the source that sent most"
        )
    for note in catch.notes:
        yield f"note: {note}"


def _dump(number: int, dump: CaughtDump) -> Iterator[str]:
    state = "WHOLE" if dump.whole else "DOUBTFUL" if not dump.gaps else "INCOMPLETE"
    yield (
        f"[{number}] {state}  from {escape(dump.source)}: {dump.received} of "
        f"{plural(dump.packets, 'packet')}, {dump.copies} with repetitions"
    )
    for what, value in dump.about:
        yield fill(f"{what}: {value}", "    ", "      ")
    for gap in dump.gaps[:_GAPS_SHOWN]:
        yield fill(_gap(gap, dump.exact), "    ", "      ")
    if len(dump.gaps) > _GAPS_SHOWN:
        yield f"    and {len(dump.gaps) - _GAPS_SHOWN} more gaps"
    for note in dump.notes:
        yield fill(f"note: {note}", "    ", "      ")
    yield ""
    yield from _log(dump)


def _gap(gap: Gap, exact: bool) -> str:
    first, last = gap.packets
    packets = f"packet {first}" if first == last else f"packets {first} to {last}"
    about = "" if exact else "about "
    return f"{packets} {_WHY[gap.why]}: {about}bytes {gap.start} to {gap.end - 1} of the log"


def _log(dump: CaughtDump) -> Iterator[str]:
    parts: list[tuple[int, str]] = [
        (start, data.decode("utf-8", "surrogateescape")) for start, data in dump.pieces
    ]
    parts += [
        (gap.start, f"\n[... {gap.end - gap.start} bytes are not here ...]\n") for gap in dump.gaps
    ]
    text = "".join(text for _, text in sorted(parts, key=lambda part: part[0]))
    for line in text.strip("\n").split("\n"):
        yield f"    | {escape(line)}".rstrip()
