"""Which steps that a thread made once are which of those that it makes now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import attrs

#: How alike two steps are: the same; the same but for its function; another in its place.
SAME, MOVED, REPLACED = 1000, 600, 1
#: More comparisons than this are not made for one thread: `first_like` is asked step by step.
CELLS_MAX = 1_000_000
#: How far `first_like` looks ahead.
AHEAD_MAX = 1000

#: The number of an allocation, behind the thread that made it: an edit may shift it.
_NUMBER = re.compile(r"(/[A-Za-z0-9_.]+?)\.\d+")


class Named(Protocol):
    """A step by its names: the operation under way, the function, the call with its object."""

    @property
    def operation(self) -> str: ...  # noqa: D102
    @property
    def function(self) -> str: ...  # noqa: D102
    @property
    def call(self) -> str: ...  # noqa: D102


@attrs.frozen
class Place:
    """What a thread is about to do, by its names."""

    operation: str
    function: str
    call: str


def likeness(old: Named, new: Named) -> int:
    """
    Tell how well `new` stands for `old`: SAME, MOVED, REPLACED, or 0 (not at all).

    Objects are compared without the number of their allocation.  Only a step in the same function
    may replace another.
    """
    if old.operation != new.operation:
        return 0
    if old.call == new.call or _NUMBER.sub(r"\1", old.call) == _NUMBER.sub(r"\1", new.call):
        return SAME if old.function == new.function else MOVED
    if not old.function or old.function != new.function:
        return 0
    return REPLACED + (old.call.partition(" ")[0] == new.call.partition(" ")[0])


def first_like(old: Sequence[Named], start: int, new: Named) -> int | None:
    """
    Return which of `old` from `start` on is `new`, not knowing what follows it; None if none is.

    The same step further on is preferred to one that is only alike.
    """
    if start < len(old) and likeness(old[start], new) >= MOVED:
        return start
    for index in range(start, min(start + AHEAD_MAX, len(old))):
        if likeness(old[index], new) == SAME:
            return index
    return start if start < len(old) and likeness(old[start], new) else None


def align(old: Sequence[Named], new: Sequence[Named], *, late: bool = False) -> list[int | None]:
    """
    Return for each of `new` which of `old` it is, in order; None if it was not there.

    Of all such mappings it is one that is most alike in sum (Needleman and Wunsch 1970, without a
    price for gaps); of those, one that matches early, or late.
    """
    if late:
        mirrored = align(old[::-1], new[::-1])[::-1]
        return [None if at is None else len(old) - 1 - at for at in mirrored]
    first = 0
    while first < min(len(old), len(new)) and likeness(old[first], new[first]) == SAME:
        first += 1
    rows, columns = len(old) - first, len(new) - first
    made: list[int | None] = list(range(first))
    if rows * columns > CELLS_MAX:
        at = first
        for place in new[first:]:
            found = first_like(old, at, place)
            made.append(found)
            at = at if found is None else found + 1
        return made
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    like = [[likeness(a, b) for b in new[first:]] for a in old[first:]]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1])
            if like[i][j]:
                best[i][j] = max(best[i][j], best[i + 1][j + 1] + like[i][j])
    i = j = 0
    while j < columns:
        if i < rows and like[i][j] and best[i][j] == best[i + 1][j + 1] + like[i][j]:
            made.append(first + i)
            i, j = i + 1, j + 1
        elif i < rows and best[i][j] == best[i + 1][j]:
            i += 1
        else:
            made.append(None)
            j += 1
    return made
