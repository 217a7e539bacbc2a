"""
The visible operation that a thread is about to perform: one class per kind, semantics in view.

A primitive subclasses `Op` in its own file.  The explorer uses only what stands here: whether
the operation is enabled, what it touches, and, for one that can block, the *guard*: the
locations that decide whether it is enabled, and which of their states admit it.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from netsim.core.access import Key

if TYPE_CHECKING:
    from netsim.core.sim import Sim
    from netsim.core.thread import SimThread


class Op:
    """An operation that does nothing; base of all others."""

    __slots__ = ()

    #: The kernel's name of the call, as reports print it.
    name: ClassVar[str] = "op"
    #: True if the kernel function may sleep, whether or not this call does.
    may_sleep: ClassVar[bool] = False
    #: True if something leaves the machine, or it ends: what a halt does not undo.
    leaves: ClassVar[bool] = False

    def call(self) -> str:
        """Return the kernel's name of this very call."""
        return self.name

    def label(self) -> str:
        """Name the object that the operation works on ("" if there is none)."""
        return ""

    def enabled(self, sim: "Sim", thread: "SimThread") -> bool:
        """Tell whether `thread` could perform the operation now.  Must not change anything."""
        return True

    def guard(self) -> tuple[Key, ...]:
        """Locations that decide whether the operation is enabled; empty if it never blocks."""
        return ()

    def admits(self, key: Key, state: Any, thread: str) -> bool | None:
        """
        Tell whether the operation of `thread` is enabled while guard location `key` has `state`.

        Several guard locations are alternatives: one that admits is enough.  None: that state
        alone does not tell.
        """
        return True

    def options(self, sim: "Sim") -> int:
        """Return how many values the environment may choose for this operation (1: no choice)."""
        return 1

    def apply(self, sim: "Sim", thread: "SimThread") -> Any:
        """Perform the operation and return its result to the simulated code."""
        return None

    def blockers(self, sim: "Sim") -> "tuple[SimThread, ...]":
        """Return the threads that keep a blocked operation waiting, as far as it knows them."""
        return ()

    def waits_for(self, thread: "SimThread") -> str:
        """Say in words what a blocked operation waits for."""
        return self.label() or self.name
