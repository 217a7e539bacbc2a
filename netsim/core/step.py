"""One step of an execution as a value: what ran, what it touched, and what was struck in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import attrs

from netsim.core.access import Footprint, Key, Mode
from netsim.core.op import Op


class Choice(NamedTuple):
    """One entry of a schedule: which thread ran, and the value chosen for it (0 if none)."""

    thread: str
    value: int = 0


class Part(NamedTuple):
    """
    Where one part of a step ends, in its `sync` and `plain`: an operation and the code behind it,
    or what comes before an end.  What follows the last part belongs together, too.

    `section` is what the step has touched so far, all of it where no other thread can take the
    CPU; None for a part after that.
    """

    syncs: int
    plains: int
    section: Footprint | None


class Step:
    """
    One step of one execution: an operation and the thread's code up to its next one.

    The environment chose `choice` among `options` values.  `footprint` maps each location touched
    to the strongest mode; `before` gives the state that synchronisation objects (and the version
    that plain fields) had before the step; `plain` lists unsynchronised accesses in order; `sync`
    the acquire (True) and release (False) edges.

    `last` tells that the step could be made because no other could: it happens after all before it.

    `inside` are further values, found only by making the step: places inside it where a strike
    makes a difference; `inner` tells the strikes that were made at some.

    `follows` are operations of the same thread that belong to the step, too, because no other
    could come between; `parts` then tells which synchronisation and accesses go together.
    """

    __slots__ = (
        "before",
        "choice",
        "follows",
        "footprint",
        "inner",
        "inside",
        "last",
        "op",
        "options",
        "parts",
        "plain",
        "sync",
        "thread",
    )

    def __init__(self, thread: str, op: Op, choice: int, options: int) -> None:
        self.thread = thread
        self.op = op
        self.choice = choice
        self.options = options
        self.footprint: dict[Key, Mode] = {}
        self.before: dict[Key, Any] = {}
        self.plain: list[tuple[Key, Mode, str]] = []
        self.sync: list[tuple[bool, Key]] = []
        self.inside: Sequence[int] = ()
        self.inner: Inner | None = None
        self.follows: tuple[Nested, ...] = ()
        self.parts: tuple[Part, ...] = ()
        self.last = False


@attrs.frozen
class Nested:
    """
    An operation performed inside a step of another thread.

    By one with a `place`, which tells it in words, a strike begins there.
    """

    thread: str
    op: Op
    function: str
    place: str = ""


@attrs.define(eq=False)
class Inner:
    """
    The strikes inside a step: their operations in order, and what each touched.

    `plain` are their unsynchronised accesses.  If it is `void` the step could not be made with its
    value after all; what it did means nothing.
    """

    nested: list[Nested] = attrs.Factory(list)
    touched: dict[str, Footprint] = attrs.Factory(dict)
    plain: list[tuple[str, Key, Mode]] = attrs.Factory(list)
    void: bool = False


@attrs.define(eq=False)
class Round:
    """What one thread read and changed since `Sim.begin_round`; see `netsim.sync.wait`."""

    reads: dict[Key, int] = attrs.Factory(dict)
    #: Of the locations read, those whose state is not their version: who tells it, and the state.
    states: dict[Key, tuple[Callable[[], Any], Any]] = attrs.Factory(dict)
    first: dict[Key, Any] = attrs.Factory(dict)
    last: dict[Key, Any] = attrs.Factory(dict)

    def changed(self) -> bool:
        """Tell whether some location now has another value than at the start of the round."""
        return any(self.last[key] != old for key, old in self.first.items())
