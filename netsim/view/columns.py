"""A counterexample as columns: one for each flow and worker, time downwards."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from netsim.errors import escape
from netsim.results import Event, ReplayResult

WIDTH = 100
#: More rows than this and the quiet middle of long runs is left out.
ROWS_MAX = 60
#: How many steps at each end of a long run are shown even if they changed nothing.
KEPT = 2
#: No column is narrower; threads that then do not fit side by side share the last one.
COLUMN_MIN = 12
#: What a worker gets while flows need the room.
WORKER = 30


def columns(replay: ReplayResult, width: int = WIDTH, *, loop: int = 0) -> str:
    """
    Draw the steps of a replay, one column for each thread that took part.

    Each row has the number of the step, the kernel function, the call, and below what struck inside
    the step (behind `!`), what else the thread did in it (behind `.`) and what it changed.  The
    steps from number `loop` on, if it is not 0, repeat for ever.
    """
    events = replay.events
    if not events:
        return "(no step)"
    threads = list(dict.fromkeys(event.thread for event in events))
    threads.sort(key=lambda name: (not name.isdigit(), name))
    left = len("  step")
    most = max((width - left) // (COLUMN_MIN + 1), 1)
    places = {name: min(at, most - 1) for at, name in enumerate(threads)}
    shared = [[name for name in threads if places[name] == at] for at in range(most)]
    titles = [" + ".join(_title(name, events) for name in names) for names in shared if names]
    flows = [any(name.isdigit() for name in names) for names in shared if names]
    widths = _widths(flows, width - left)
    lines = [_row("step", [cut(title, w) for title, w in zip(titles, widths, strict=True)], widths)]
    lines.append(_row("----", ["-" * min(w, 40) for w in widths], widths))
    repeats: list[str] = []
    for event in _interesting(events):
        if isinstance(event, int):
            lines.append(f"{'...':>5} ({event} more steps)")
            continue
        if loop and event.step >= loop and not repeats:
            repeats = [f"      -- and back to step {loop} --"]
            lines.append("      -- these steps repeat for ever --")
        at = places[event.thread]
        for number, text in enumerate(_cell(event, widths[at], len(shared[at]) > 1)):
            cells = [""] * len(widths)
            cells[at] = text
            lines.append(_row(str(event.step) if number == 0 else "", cells, widths))
    return "\n".join(line.rstrip() for line in lines + repeats)


def _widths(flows: Sequence[bool], room: int) -> list[int]:
    """Share the room: workers get less than flows if it is scarce."""
    even = room // len(flows) - 1
    worker = min(even, WORKER) if any(flows) else even
    workers = len(flows) - sum(flows)
    flow = (room - workers * (worker + 1)) // max(sum(flows), 1) - 1
    return [flow if is_flow else worker for is_flow in flows]


def _title(name: str, events: Sequence[Event]) -> str:
    operations = dict.fromkeys(e.operation for e in events if e.thread == name and e.operation)
    words = escape("; ".join(operations))
    return f"flow {name}: {words}" if name.isdigit() else name


def _cell(event: Event, width: int, named: bool) -> list[str]:
    head = f"{event.function}(): {event.call}" if event.function else event.call
    if named:
        head = f"[{event.thread}] {head}"
    lines = textwrap.wrap(escape(head), width, subsequent_indent="    ") or [""]
    for number, line in enumerate(map(escape, event.inside)):
        ends = number in (0, len(event.inside) - 1)
        indent = "  ! " if ends else "  !   "
        lines += textwrap.wrap(line, width, initial_indent=indent, subsequent_indent="  !     ")
    for line in map(escape, event.follows):
        lines += textwrap.wrap(line, width, initial_indent="  . ", subsequent_indent="      ")
    for change in map(escape, event.changes):
        lines += textwrap.wrap(change, width, initial_indent="    ", subsequent_indent="      ")
    lines += [cut(f"<== {kind}", width) for kind in event.findings]
    return lines


def _row(number: str, cells: Sequence[str], widths: Sequence[int]) -> str:
    shown = " ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
    return f"{number:>5} {shown}"


def cut(text: str, width: int) -> str:
    """Return `text`, or what fits of it and `...`."""
    return text if len(text) <= width else text[: max(width - 3, 0)] + "..."[:width]


def _interesting(events: Sequence[Event]) -> list[Event | int]:
    """Leave out quiet steps inside long runs of one thread; an int counts what was left out."""
    if len(events) <= ROWS_MAX:
        return list(events)
    keep = [
        bool(event.changes or event.findings or event.inside or event.follows) for event in events
    ]
    start = 0
    for index in range(1, len(events) + 1):
        if index == len(events) or events[index].thread != events[start].thread:
            for near in (*range(start, start + KEPT), *range(index - KEPT, index)):
                if start <= near < index:
                    keep[near] = True
            start = index
    for index in range(1, len(keep) - 1):  # one step left out would save no row
        if keep[index - 1] and keep[index + 1]:
            keep[index] = True
    shown: list[Event | int] = []
    for event, kept in zip(events, keep, strict=True):
        if kept:
            shown.append(event)
        elif shown and isinstance(shown[-1], int):
            shown[-1] += 1
        else:
            shown.append(1)
    return shown
