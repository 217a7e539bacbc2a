"""
Wakeup trees: the sequences that are still to be explored from a state, none covered by another.

As in Abdulla, Aronis, Jonsson, Sagonas, *Source Sets* (JACM 64:4, 2017), section 6: branches are
ordered, a leaf leaves open what comes after it, and the weak initials WI(v) of a sequence are the
steps that could come first in v or are independent of all of it.

What differs: what a step touches is known once it ran, and the last step of a sequence never ran
where it stands.  Its footprint is asked for where it decides something.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from netsim.core.access import Footprint, dependent
from netsim.core.step import Choice, Step


class Unmakeable(Exception):
    """
    A step cannot be made where a sequence has it.

    `void` is what came of it, if it could be begun: a strike inside it would have to wait.
    """

    def __init__(self, void: Step | None = None) -> None:
        super().__init__()
        self.void = void


class Known(Protocol):
    """A step of known footprint: what precedes the last one of a sequence."""

    @property
    def thread(self) -> str:
        """Who runs."""
        ...

    @property
    def value(self) -> int:
        """The value chosen for the step."""
        ...

    @property
    def footprint(self) -> Footprint:
        """What it touches."""
        ...


class Move:
    """
    A step by its thread and the value chosen for it; in a tree, with the branches below it.

    `footprint` is what it touches where it stands, None as long as nobody has asked.
    """

    __slots__ = ("children", "footprint", "thread", "value")

    def __init__(self, thread: str, value: int, footprint: Footprint | None = None) -> None:
        self.thread = thread
        self.value = value
        self.footprint = footprint
        self.children: list[Move] = []


Ask: TypeAlias = Callable[[Move, Sequence[Known]], Footprint]
"""Finds out what a move touches after some others, and notes it; raises Unmakeable."""


def place(first: Move, before: Sequence[Known], last: Move, ask: Ask) -> int | None:
    """
    Return where `first` stands in the sequence v = `before`.`last` if it could come first in it.

    -1 says that it is not in v but independent of all of it; None that it is no weak initial.
    Raises Unmakeable if `last` cannot be made after `before`.
    """
    for index, step in enumerate(before):
        if step.thread == first.thread:
            if step.value != first.value:
                return None
            mine = step.footprint if first.footprint is None else first.footprint
            return None if _meets(mine, before[:index]) else index
    if last.thread == first.thread:
        if last.value != first.value:
            return None
        if not before:
            return 0
        theirs = _theirs(first, ask)
        return None if theirs is None or _meets(theirs, before) else len(before)
    theirs = _theirs(first, ask)
    if theirs is None or _meets(theirs, before):
        return None
    mine = ask(last, before) if last.footprint is None else last.footprint
    return None if dependent(theirs, mine) else -1


def _theirs(first: Move, ask: Ask) -> Footprint | None:
    """Return what `first` touches where it stands; None if it cannot be made there."""
    if first.footprint is not None:
        return first.footprint
    try:
        return ask(first, ())
    except Unmakeable:
        return None


def _meets(footprint: Footprint, steps: Sequence[Known]) -> bool:
    return any(dependent(footprint, step.footprint) for step in steps)


def insert(
    before: list[Known],
    last: Move,
    wut: list[Move],
    ask: Callable[[list[Choice]], Ask],
    *,
    sure: bool = True,
) -> bool:
    """
    Add the sequence `before`.`last` to a wakeup tree, unless a leaf covers it; uses both up.

    `ask` gives, for the choices that lead to a place in the tree, what to ask there.  Returns
    whether a leaf has steps of the sequence only: it then covers all that begins with that, too.
    Raises Unmakeable as `place` does; unless it is `sure` that `last` can be made, that is found
    out before anything is added.
    """
    path: list[Choice] = []
    own = True
    while True:
        here = ask(path)
        at: int | None = None
        for branch in wut:
            at = place(branch, before, last, here)
            if at is not None:
                break
        if at is None:
            break
        own = own and at >= 0
        if not branch.children:
            return own
        if at == 0 and not before:
            return False
        if at == len(before):
            end = before.pop()
            last = Move(end.thread, end.value, end.footprint)
        elif at >= 0:
            del before[at]
        path.append(Choice(branch.thread, branch.value))
        wut = branch.children
    if not sure and last.footprint is None:
        ask(path)(last, before)
    for step in before:
        branch = Move(step.thread, step.value, step.footprint)
        wut.append(branch)
        wut = branch.children
    wut.append(last)
    return own
