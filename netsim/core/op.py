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
    #: True if it may have to wait; so it is of each class that has a `guard` of its own.
    blocks: ClassVar[bool] = False
    #: False if it is enabled always, and True of each class that says when it is.
    waits: ClassVar[bool] = False
    #: False if no value is chosen for it, and True of each class with `options` of its own.
    chooses: ClassVar[bool] = False
    #: True if the thread that performs it then holds the lock that `label` names (if it is tried
    #: only: that it may hold it).
    takes: ClassVar[bool] = False
    #: True if threads that take the lock so hold it together.
    shares: ClassVar[bool] = False
    #: True if who waits to perform it gets its turn: what it takes is handed over in order.
    in_order: ClassVar[bool] = False
    #: True if a daemon that waits to perform it has nothing to do.
    idles: ClassVar[bool] = False
    #: False if `admits` cannot tell.
    exact: ClassVar[bool] = True
    #: Jiffies after which it is enabled anyhow; None: never.  Time passes when nothing else can
    #: happen (`Sim.time_passes`).
    timeout: "int | None" = None
    #: Location that must admit the operation whatever its guard says, such as its CPU.
    gate: ClassVar[Key | None] = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "blocks" not in cls.__dict__:
            cls.blocks = cls.guard is not Op.guard
        cls.waits = cls.enabled is not Op.enabled
        cls.chooses = cls.options is not Op.options

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
        Tell whether the operation of `thread` is enabled while location `key` has `state`.

        Several guard locations are alternatives: one that admits is enough; the gate comes on top
        of them.  None: that state alone does not tell.
        """
        return True

    def options(self, sim: "Sim") -> int:
        """Return how many values the environment may choose for this operation (1: no choice)."""
        return 1

    def open_ended(self) -> bool:
        """Tell whether making the step may show further values; see `Step.inside`."""
        return False

    def apply(self, sim: "Sim", thread: "SimThread") -> Any:
        """Perform the operation and return its result to the simulated code."""
        return None

    def blockers(self, sim: "Sim") -> "tuple[SimThread, ...]":
        """Return the threads that keep a blocked operation waiting, as far as it knows them."""
        return ()

    def waits_for(self, thread: "SimThread") -> str:
        """Say in words what a blocked operation waits for."""
        return self.label() or self.name
