"""
Strikes: interrupts, NMIs and exceptions that take the CPU from a flow and run to their end there.

All that a CPU knows of contexts is one location: who runs there, in which context, and what is
masked.  Every operation on such a CPU is gated by it, so that to the explorer a CPU is like a
lock: a strike takes it and gives it back.  CPUs that nothing can strike have no such location.
"""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeAlias

from netsim.core.access import INC, READ, WRITE, Key
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.step import Inner, Step
from netsim.core.thread import Context, Life, SimThread
from netsim.core.traps import perform
from netsim.sync.choose import Choose

State: TypeAlias = tuple[str, int, bool, bool, tuple[str, ...]]
"""(who runs there, rank of its context, hardirqs masked, softirqs masked, whom strikes killed)"""

#: The value of a step with several strikes inside has one digit to this base for each.
PLACES = 10_000

RANKS = {Context.PROCESS: 0, Context.SOFTIRQ: 1, Context.HARDIRQ: 2, Context.NMI: 3}


class Cpu:
    """
    A CPU that can be struck: `flow` belongs to it, `active` are the strikes there, oldest first.

    Only the last of them runs; the others, and the flow, wait for it to return.  Nothing runs as
    long as some strikes have not chosen whom they will strike.
    """

    __slots__ = ("active", "flow", "key", "name", "open")

    def __init__(self, number: int) -> None:
        self.name = f"cpu{number}"
        self.key: Key = (self.name, "context")
        self.flow: SimThread | None = None
        self.active: list[SimThread] = []
        #: How many strikes have not chosen yet.
        self.open = 0

    def occupant(self) -> SimThread | None:
        """Return who has the CPU, and keeps it if it was killed there."""
        if self.open:
            return None
        return self.active[-1] if self.active else self.flow

    def running(self) -> SimThread | None:
        """Return the thread that the CPU executes; None if it was killed."""
        thread = self.occupant()
        return thread if thread is not None and thread.life is not Life.KILLED else None

    def state(self) -> State:
        """Return what decides who may run here."""
        thread = self.running()
        if thread is None:
            return ("", RANKS[Context.NMI] if self.open else 0, False, False, ())
        # Between operations a flow is in user space, whatever the last one was.
        rank = RANKS[thread.context] if self.active or thread.operation else 0
        hard = thread.irqs_off > 0
        return (thread.name, rank, hard, hard or thread.bh_off > 0, ())

    def admits(self, state: State) -> bool:
        """Tell whether in this state a strike would hit whom it is to hit."""
        return True

    def carries(self, coroutine: "Interruptible") -> bool:
        """Tell whether the coroutine runs here."""
        return coroutine.cpu is self

    def masking(self, sim: Sim, before: State, after: State) -> None:
        """Record that a section in which interrupts are masked begins or ends, and is ordered."""
        for context, index in ((Context.HARDIRQ, 2), (Context.SOFTIRQ, 3)):
            if before[index] != after[index]:
                (sim.acquire_edge if after[index] else sim.release_edge)(self._edge(context))

    def entered(self, sim: Sim, context: Context) -> None:
        """Record that a strike begins: sections that mask its context happen before it."""
        if context is not Context.NMI:
            sim.acquire_edge(self._edge(context))

    def left(self, sim: Sim, context: Context) -> None:
        """Record that a strike ends: it happens before sections that mask its context."""
        if context is not Context.NMI:
            sim.release_edge(self._edge(context))

    def kills(self, sim: Sim) -> None:
        """Record that whom the running strike interrupted will run no more."""
        sim.touch(self.key, WRITE, self.state())

    def _edge(self, context: Context) -> Key:
        return (self.name, context.value)


class CutOff(BaseException):
    """The running flow ends amid a step: it is killed, or what struck it there never returns."""


class Interruptible(Coroutine[Op, Any, Any]):
    """
    A coroutine whose operations are gated by `cpu`; by nothing while that is None.

    While a step runs, `at` tells the places inside it where strikes are still to be made (0: at
    none), `made` how many were, and `places` how many it has passed; see `netsim.sync.inside`.
    """

    __slots__ = ("at", "body", "cpu", "left", "made", "places", "runs", "step")

    def __init__(self, body: Coroutine[Op, Any, Any], cpu: Cpu | None = None) -> None:
        self.body = body
        self.cpu = cpu
        self.at = self.made = self.places = 0
        self.step: Step | None = None
        #: True while the code of a step runs.
        self.runs = False
        #: The variables of a flow that was cut off amid a step.
        self.left: list[Any] = []

    def send(self, value: Any) -> Op:
        """Go on to the next operation."""
        self.runs = True
        try:
            op = self.body.send(value)
        except CutOff as cut:
            return self.cut_off(cut)
        finally:
            self.runs = False
            self.missed()
        return op if self.cpu is None else _OnCpu(op, self, self.cpu)

    def cut_off(self, cut: CutOff) -> Op:
        """Return what a flow would do that was cut off amid a step."""
        traceback = cut.__traceback__
        while traceback is not None:
            self.left += traceback.tb_frame.f_locals.values()
            traceback = traceback.tb_next
        assert self.cpu is not None
        return _Never(self.cpu)

    def begins(self, sim: Sim, options: int) -> None:
        """Split the value chosen for a step, of which its operation offers so many `options`."""
        self.at, sim.choice = divmod(sim.choice, options)
        self.places = self.made = 0
        self.step = sim.under_way

    def missed(self) -> None:
        """Make the step void if it has not come to the places where strikes were to be made."""
        step = self.step
        if self.at and step is not None and (step.inner is None or not step.inner.void):
            step.inner = Inner(void=True)

    def throw(self, *error: Any) -> Op:
        """Raise an exception where the coroutine is suspended."""
        return self.body.throw(*error)

    def close(self) -> None:
        """End the coroutine."""
        self.body.close()

    def __await__(self) -> Any:
        return self.body.__await__()

    @property
    def cr_frame(self) -> Any:
        """The frame of the coroutine, for those who look where it is."""
        return getattr(self.body, "cr_frame", None)

    @property
    def cr_await(self) -> Any:
        """What the coroutine waits for."""
        return getattr(self.body, "cr_await", None)


class _Never(Op):
    """What a thread would do that was cut off amid a step."""

    __slots__ = ("cpu",)

    def __init__(self, cpu: Cpu) -> None:
        self.cpu = cpu

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return False

    def blockers(self, sim: Sim) -> tuple[SimThread, ...]:
        occupant = self.cpu.occupant()
        return (occupant,) if occupant is not None else ()

    def waits_for(self, thread: SimThread) -> str:
        return _kept(self.cpu)


class _OnCpu(Op):
    """An operation that wants its CPU, too."""

    __slots__ = (
        "blocks",
        "coroutine",
        "cpu",
        "exact",
        "gate",
        "idles",
        "leaves",
        "may_sleep",
        "name",
        "op",
        "shares",
        "takes",
    )

    def __init__(self, op: Op, coroutine: Interruptible, cpu: Cpu) -> None:
        self.op = op
        self.blocks = op.blocks  # type: ignore[misc]
        self.exact = op.exact  # type: ignore[misc]
        self.idles = op.idles  # type: ignore[misc]
        self.shares = op.shares  # type: ignore[misc]
        self.takes = op.takes  # type: ignore[misc]
        self.coroutine = coroutine
        self.cpu = cpu
        self.name = op.name  # type: ignore[misc]
        self.may_sleep = op.may_sleep  # type: ignore[misc]
        self.leaves = op.leaves  # type: ignore[misc]
        self.gate = cpu.key  # type: ignore[misc]

    @property
    def timeout(self) -> int | None:
        """None while another has the CPU: time does not give it back."""
        running = self.cpu.running()
        return self.op.timeout if running is not None and running.pending is self else None

    @timeout.setter
    def timeout(self, jiffies: int | None) -> None:
        self.op.timeout = jiffies  # type: ignore[misc]

    def call(self) -> str:
        return self.op.call()

    def label(self) -> str:
        return self.op.label()

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return self.cpu.running() is thread and self.op.enabled(sim, thread)

    def guard(self) -> tuple[Key, ...]:
        return self.op.guard()

    def admits(self, key: Key, state: Any, thread: str) -> bool | None:
        if key == self.cpu.key:
            return bool(state[0] == thread)
        return self.op.admits(key, state, thread)

    def options(self, sim: Sim) -> int:
        return self.op.options(sim)

    def open_ended(self) -> bool:
        return True

    def apply(self, sim: Sim, thread: SimThread) -> Any:
        cpu, coroutine = self.cpu, self.coroutine
        coroutine.begins(sim, self.op.options(sim))
        before = cpu.state()
        try:
            return self.op.apply(sim, thread)
        finally:
            after = cpu.state()
            sim.touch(cpu.key, READ if after == before else WRITE, before)
            if after != before and before[0] == after[0] and thread.context is not Context.NMI:
                cpu.masking(sim, before, after)

    def blockers(self, sim: Sim) -> tuple[SimThread, ...]:
        running = self.cpu.occupant()
        if running is None or running.pending is self:
            return self.op.blockers(sim)
        if running.life is Life.DONE:  # it has halted the machine: look at what was before
            flow = self.cpu.flow
            waits = flow is not None and flow.pending is self and not self.op.enabled(sim, flow)
            return self.op.blockers(sim) if waits else ()
        return (running,)

    def waits_for(self, thread: SimThread) -> str:
        running = self.cpu.occupant()
        if running is not None and running is not thread:
            return _kept(self.cpu)
        return self.op.waits_for(thread)


def _kept(cpu: Cpu) -> str:
    """Tell what whoever has a CPU keeps from others."""
    occupant = cpu.occupant()
    assert occupant is not None
    return f"{cpu.name}, which {_flow(occupant)} does not give back"


def _flow(thread: SimThread) -> str:
    """Name a strike by its flow."""
    return f"flow {thread.flow}" if thread.flow else thread.name


class Strike:
    """
    A flow that strikes another: it takes the CPU and gives it back at its end.

    Which one, if several could be struck, the environment chooses before anything else happens.
    """

    __slots__ = ("context", "coroutine", "cpus")

    def __init__(self, context: Context, cpus: Sequence[Cpu]) -> None:
        self.context = context
        self.cpus = tuple(cpus)
        self.coroutine: Interruptible
        if len(self.cpus) > 1:
            for cpu in self.cpus:
                cpu.open += 1

    def run(self, body: Callable[[], Coroutine[Op, Any, Any]]) -> Interruptible:
        """Return the coroutine of the strike; `body` makes that of what it does."""
        self.coroutine = Interruptible(self._run(body))
        return self.coroutine

    async def _run(self, body: Callable[[], Coroutine[Op, Any, Any]]) -> None:
        at = await perform(_Aim(self.cpus)) if len(self.cpus) > 1 else 0
        await perform(self.begin(self.cpus[at]))
        await body()
        await perform(_Return(self, self.cpus[at]))

    def begin(self, cpu: Cpu) -> "_Begin":
        """Return the operation by which the strike begins."""
        return _Begin(self, cpu)

    def admitted(self, state: State) -> bool:
        """Tell whether a CPU in this state lets the strike begin."""
        _name, rank, hard, soft, _killed = state
        masked = {Context.HARDIRQ: hard, Context.SOFTIRQ: soft}.get(self.context, False)
        return RANKS[self.context] > rank and not masked


class _Aim(Choose):
    """The environment chooses which of the CPUs a strike will take."""

    __slots__ = ("cpus",)

    def __init__(self, cpus: Sequence[Cpu]) -> None:
        super().__init__("flow to strike", len(cpus))
        self.cpus = cpus

    def apply(self, sim: Sim, thread: SimThread) -> int:
        for cpu in self.cpus:
            sim.touch(cpu.key, INC, cpu.state())
            cpu.open -= 1
        return super().apply(sim, thread)


class _Begin(Op):
    """A strike begins: wherever its CPU admits it, and only there."""

    __slots__ = ("cpu", "strike")

    name = "strike"

    def __init__(self, strike: Strike, cpu: Cpu) -> None:
        self.strike = strike
        self.cpu = cpu

    def label(self) -> str:
        return self.cpu.name

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return self.admits(self.cpu.key, self.cpu.state(), thread.name)

    def guard(self) -> tuple[Key, ...]:
        return (self.cpu.key,)

    def admits(self, key: Key, state: Any, thread: str) -> bool:
        return self.cpu.admits(state) and self.strike.admitted(state)

    def open_ended(self) -> bool:
        return True

    def apply(self, sim: Sim, thread: SimThread) -> None:
        cpu = self.cpu
        self.strike.coroutine.begins(sim, 1)
        sim.touch(cpu.key, WRITE, cpu.state())
        cpu.entered(sim, self.strike.context)
        thread.interrupts = cpu.running()
        thread.context = self.strike.context
        thread.cpu = cpu.flow.cpu if cpu.flow is not None else thread.cpu
        cpu.active.append(thread)
        self.strike.coroutine.cpu = cpu

    def blockers(self, sim: Sim) -> tuple[SimThread, ...]:
        running = self.cpu.running()
        return (running,) if running is not None else ()

    def waits_for(self, thread: SimThread) -> str:
        return f"{self.cpu.name} to admit {self.strike.context.value}"


class _Return(Op):
    """A strike ends: whom it interrupted goes on."""

    __slots__ = ("cpu", "strike")

    name = "iret"

    def __init__(self, strike: Strike, cpu: Cpu) -> None:
        self.strike = strike
        self.cpu = cpu

    def label(self) -> str:
        return self.cpu.name

    def apply(self, sim: Sim, thread: SimThread) -> None:
        self.cpu.left(sim, self.strike.context)
        self.cpu.active.remove(thread)
        thread.interrupts = None


def struck_by(op: Op | None) -> SimThread | None:
    """Return whom a pending operation would interrupt; None if it is no strike, or hits nobody."""
    return op.cpu.running() if isinstance(op, _Begin) else None


def pending_strike(sim: Sim, strike: SimThread) -> Cpu | None:
    """Return the CPU that a strike could take now; None if it cannot, or has begun."""
    op = strike.pending
    return op.cpu if isinstance(op, _Begin) and op.enabled(sim, strike) else None


def aims_of(op: Op | None) -> Sequence[Cpu]:
    """Return the CPUs that a strike may take which has not begun; none if it has."""
    if isinstance(op, _Aim):
        return op.cpus
    return [op.cpu] if isinstance(op, _Begin) else []


def is_cut_off(thread: SimThread) -> bool:
    """Tell whether a thread goes no further because it ended amid a step."""
    return isinstance(thread.pending, _Never)


def rank_of(op: Op | None) -> int:
    """Return the rank of the context of a strike that is about to begin."""
    assert isinstance(op, _Begin)
    return RANKS[op.strike.context]


def in_interrupt(sim: Sim) -> bool:
    """
    Tell whether what the running strike interrupted is interrupt context; False outside strikes.

    Kernel:     include/linux/hardirq.h:in_interrupt(), as an exception handler sees it: also true
                with bottom halves disabled, which counts as softirq
    """
    thread = sim.current
    assert thread is not None
    struck = thread.interrupts
    if struck is None or struck.life is not Life.LIVE:
        return False
    if struck.interrupts is not None or struck.bh_off:
        return True
    return bool(struck.operation) and struck.context in (Context.SOFTIRQ, Context.HARDIRQ)


def do_exit(sim: Sim) -> None:
    """
    Kill the task that the running strike interrupted; outside strikes an operation just ends.

    What it holds stays held.  Only RCU goes on: the CPU schedules, which is a quiescent state.
    A strike that is killed keeps its CPU, and whom it interrupted waits for ever: there the kernel
    panics, which is up to the caller; see `in_interrupt`.

    Kernel:     kernel/exit.c:do_exit()
    """
    thread = sim.current
    assert thread is not None
    struck, coroutine = thread.interrupts, thread.coroutine
    if struck is None or struck.life is not Life.LIVE:
        return
    assert isinstance(coroutine, Interruptible)
    assert coroutine.cpu is not None
    coroutine.cpu.kills(sim)
    for leave in struck.at_exit.values():
        leave()
    struck.life = Life.KILLED


class _Mask(Op):
    """Set how deeply irqs or bottom halves of the running CPU are masked; returns the old depth."""

    __slots__ = ("by", "field", "name", "to")

    def __init__(self, name: str, field: str, *, by: int = 0, to: int | None = None) -> None:
        self.name = name  # type: ignore[misc]
        self.field = field
        self.by = by
        self.to = to

    def apply(self, sim: Sim, thread: SimThread) -> int:
        old: int = getattr(thread, self.field)
        setattr(thread, self.field, old + self.by if self.to is None else self.to)
        return old


def local_irq_disable() -> Awaitable[int]:
    """Mask hardirqs and softirqs on this CPU.  Context: any."""
    return perform(_Mask("local_irq_disable", "irqs_off", to=1))


def local_irq_enable() -> Awaitable[int]:
    """Unmask them, however deeply they were masked.  Context: any."""
    return perform(_Mask("local_irq_enable", "irqs_off", to=0))


def local_irq_save() -> Awaitable[int]:
    """Mask hardirqs and softirqs on this CPU; return the flags for restoring.  Context: any."""
    return perform(_Mask("local_irq_save", "irqs_off", by=1))


def local_irq_restore(flags: int) -> Awaitable[int]:
    """Put back what `local_irq_save` returned.  Context: any."""
    return perform(_Mask("local_irq_restore", "irqs_off", to=flags))


def local_bh_disable() -> Awaitable[int]:
    """Mask softirqs on this CPU; nests.  Context: process or softirq."""
    return perform(_Mask("local_bh_disable", "bh_off", by=1))


def local_bh_enable() -> Awaitable[int]:
    """Undo one `local_bh_disable`.  Context: process or softirq."""
    return perform(_Mask("local_bh_enable", "bh_off", by=-1))
