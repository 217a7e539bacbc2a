"""A counterexample as columns: one for each flow and worker, time downwards."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from netsim.results import Event, ReplayResult

WIDTH = 100
#: More rows than this and the quiet middle of long runs is left out.
ROWS_MAX = 60
#: How many steps at each end of a long run are shown even if they changed nothing.
KEPT = 2


def columns(replay: ReplayResult, width: int = WIDTH) -> str:
    """
    Draw the steps of a replay, one column for each thread that took part.

    Each row has the number of the step, the kernel function, the call, and below what it changed.
    """
    events = replay.events
    if not events:
        return "(no step)"
    threads = list(dict.fromkeys(event.thread for event in events))
    threads.sort(key=lambda name: (not name.isdigit(), name))
    narrow = 6
    column = (width - narrow) // len(threads) - 1
    titles = [_title(name, events) for name in threads]
    lines = [_row("step", [_cut(title, column) for title in titles], column)]
    lines.append(_row("----", ["-" * min(column, 40)] * len(threads), column))
    for event in _interesting(events):
        if isinstance(event, int):
            lines.append(_row("...", [f"({event} more steps)"] + [""] * (len(threads) - 1), column))
            continue
        at = threads.index(event.thread)
        for number, text in enumerate(_cell(event, column)):
            cells = [""] * len(threads)
            cells[at] = text
            lines.append(_row(str(event.step) if number == 0 else "", cells, column))
    return "\n".join(line.rstrip() for line in lines)


def _title(name: str, events: Sequence[Event]) -> str:
    operations = dict.fromkeys(e.operation for e in events if e.thread == name and e.operation)
    words = "; ".join(operations)
    return f"flow {name}: {words}" if name.isdigit() else name


def _cell(event: Event, column: int) -> list[str]:
    head = f"{event.function}(): {event.call}" if event.function else event.call
    lines = textwrap.wrap(head, column, subsequent_indent="    ") or [""]
    for change in event.changes:
        lines += textwrap.wrap(change, column, initial_indent="    ", subsequent_indent="      ")
    for kind in event.findings:
        lines.append(f"<== {kind}"[:column])
    return [line[:column] for line in lines]


def _row(number: str, cells: Sequence[str], column: int) -> str:
    return f"{number:>5} " + " ".join(f"{cell:<{column}}" for cell in cells)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def _interesting(events: Sequence[Event]) -> list[Event | int]:
    """Leave out quiet steps inside long runs of one thread; an int counts what was left out."""
    if len(events) <= ROWS_MAX:
        return list(events)
    keep = [bool(event.changes or event.findings) for event in events]
    start = 0
    for index in range(1, len(events) + 1):
        if index == len(events) or events[index].thread != events[start].thread:
            for near in (*range(start, start + KEPT), *range(index - KEPT, index)):
                if start <= near < index:
                    keep[near] = True
            start = index
    shown: list[Event | int] = []
    for event, kept in zip(events, keep, strict=True):
        if kept:
            shown.append(event)
        elif shown and isinstance(shown[-1], int):
            shown[-1] += 1
        else:
            shown.append(1)
    return shown
