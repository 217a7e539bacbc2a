"""
What a step touches, as data: locations, access modes, footprints, and when two conflict.

The modes are the whole vocabulary in which primitives speak to the explorer.  ``INC`` and
``DEC`` are updates that commute with themselves: two increments give the same result in either
order, and so do two decrements of which neither reaches zero (one that does is a ``WRITE``).
An increment and a decrement conflict: in the other order the decrement might reach zero.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeAlias

Key: TypeAlias = tuple[str, str]
"""A location: (object label, field)."""

Mode: TypeAlias = int

READ: Final = 0
WRITE: Final = 1
INC: Final = 2
DEC: Final = 3

MODE_NAMES: Final = ("read", "write", "inc", "dec")

CONFLICT: Final[tuple[tuple[bool, ...], ...]] = (
    # READ   WRITE  INC    DEC
    (False, True, True, True),
    (True, True, True, True),
    (True, True, False, True),
    (True, True, True, False),
)

Footprint: TypeAlias = Mapping[Key, Mode]


class Untold(Enum):
    """In place of the state that a location had before a step: nobody said."""

    STATE = "untold"


UNTOLD: Final = Untold.STATE


def merge(old: Mode, new: Mode) -> Mode:
    """Combine two accesses of one step to one location: a mixture is as strong as a write."""
    return old if old == new else WRITE


def meets(footprint: Footprint, key: Key, mode: Mode) -> bool:
    """Tell whether an access to `key` conflicts with a footprint."""
    theirs = footprint.get(key)
    return theirs is not None and CONFLICT[mode][theirs]


def dependent(one: Footprint, other: Footprint) -> bool:
    """Tell whether two footprints share a location on which their modes conflict."""
    if len(one) > len(other):
        one, other = other, one
    for key, mode in one.items():
        theirs = other.get(key)
        if theirs is not None and CONFLICT[mode][theirs]:
            return True
    return False
