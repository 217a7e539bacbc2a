"""One simulated flow of control: its coroutine, context, locks held, and pending operation."""

from collections.abc import Callable, Coroutine, Iterator
from enum import Enum
from types import CodeType, FrameType
from typing import Any, TypeAlias

from netsim.core.op import Op

ThreadName: TypeAlias = str
Mark: TypeAlias = tuple[str, int, tuple[CodeType, ...]]
"""A place in an execution: (thread, step, code of its functions, innermost first)."""


#: No coroutine awaits more often on its way out; one that does is left to itself.
_FINALLY_MAX = 1000


class Context(Enum):
    """Where simulated code runs; decides what may sleep."""

    PROCESS = "process"
    SOFTIRQ = "softirq"
    HARDIRQ = "hardirq"
    NMI = "nmi"


class Life(Enum):
    """Whether a thread can still run."""

    LIVE = "live"
    DONE = "done"
    #: A fatal finding ended it.
    STOPPED = "stopped"
    #: A strike killed it; its pending operation stays for those who ask what it would have done.
    KILLED = "killed"


class SimThread:
    """
    A thread of the simulated machine.

    `pending` is the operation it will perform next; it is None once the thread has ended by itself.
    A *daemon* (a worker that waits for work) may be blocked for ever without that being wrong.
    """

    __slots__ = (
        "allocations",
        "at_exit",
        "begun",
        "bh_off",
        "context",
        "coroutine",
        "cpu",
        "daemon",
        "flow",
        "held",
        "idle",
        "interrupts",
        "irqs_off",
        "life",
        "name",
        "operation",
        "pending",
        "preempt_count",
        "round",
    )

    def __init__(
        self,
        name: ThreadName,
        coroutine: Coroutine[Op, Any, Any],
        *,
        flow: int = 0,
        context: Context = Context.PROCESS,
        cpu: int = 0,
        daemon: bool = False,
    ) -> None:
        self.name = name
        self.coroutine = coroutine
        self.flow = flow
        self.context = context
        self.cpu = cpu
        self.daemon = daemon
        #: Makes the coroutine of a daemon that has nothing to do; None for other threads.
        self.idle: Callable[[], Coroutine[Op, Any, Any]] | None = None
        self.life = Life.LIVE
        self.pending: Op | None = None
        #: Locks held, oldest first, with the place where each was acquired.
        self.held: list[tuple[Any, Mark]] = []
        self.irqs_off = 0
        #: How often it has disabled bottom halves.
        self.bh_off = 0
        self.preempt_count = 0
        #: Whom it has taken the CPU from, while it is a strike under way.
        self.interrupts: SimThread | None = None
        #: What is done for it if it is killed, by object.
        self.at_exit: dict[str, Callable[[], None]] = {}
        #: The operation under way, canonical text; "" between operations.
        self.operation = ""
        #: How many operations it has begun.
        self.begun = 0
        self.allocations: dict[str, int] = {}
        self.round: Any = None

    def __repr__(self) -> str:
        return f"SimThread({self.name!r}, {self.life.value})"

    def discard(self) -> None:
        """
        Throw an unfinished coroutine away, together with the machine or its present state.

        Python runs its `finally` blocks; they are no part of the execution, and what they await
        is not done.
        """
        if self.pending is None:
            return
        for _ in range(_FINALLY_MAX):
            try:
                self.coroutine.close()
            except RuntimeError:  # it awaits there
                continue
            except Exception:
                return
            return

    def may_sleep(self) -> bool:
        """Tell whether the kernel would allow this thread to sleep now."""
        return self.context is Context.PROCESS and not (
            self.irqs_off or self.bh_off or self.preempt_count
        )

    def in_atomic(self) -> str:
        """Say why the thread must not sleep, in the words of the kernel's report."""
        return (
            f"in_atomic(): {int(self.preempt_count + self.bh_off > 0)}, irqs_disabled(): "
            f"{int(self.irqs_off > 0)}, context: {self.context.value}"
        )

    def codes(self) -> tuple[CodeType, ...]:
        """Return the functions of models in which the thread is suspended, innermost first."""
        codes = [
            frame.f_code
            for frame in self._frames()
            if not frame.f_globals["__name__"].startswith("netsim.")
        ]
        codes.reverse()
        return tuple(codes)

    def variables(self) -> list[Any]:
        """Return the values of all local variables of a suspended thread."""
        values = [value for frame in self._frames() for value in frame.f_locals.values()]
        return values + getattr(self.coroutine, "left", [])

    def _frames(self) -> Iterator[FrameType]:
        awaited: Any = self.coroutine
        while awaited is not None:
            frame = getattr(awaited, "cr_frame", None)
            if frame is None:
                break
            yield frame
            awaited = awaited.cr_await
