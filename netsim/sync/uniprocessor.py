"""
The uniprocessor build: all threads share one CPU, and locks that spin do not lock.

CONFIG_SMP=n with CONFIG_PREEMPT=y: control passes from one thread to another only where the one
that runs is preemptible (preempt count 0, irqs and bottom halves on, no interrupt under way), or
blocks.  So a *section*, from where that begins to where it ends, is one step.  What stands in the
step besides its first operation is in `Step.follows`.

A step ends inside a section only where somebody has a say: the environment, which chooses a value;
an interrupt or strike that is admitted there; or if the thread blocks, which it must not.  Then the
CPU is held, and the others are kept out by its location, as by that of a CPU that can be struck
(`netsim.sync.interrupt`).  Scenarios in which nobody can have a say have no such location.

Kernel: kernel/sched.c:preempt_schedule(); include/linux/spinlock_api_up.h.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from netsim.core.access import READ, UNTOLD, WRITE, Key, Mode
from netsim.core.op import Op
from netsim.core.sim import STOPS, ModelError, Sim, cite
from netsim.core.step import Nested, Part
from netsim.core.thread import Context, Life, SimThread
from netsim.core.traps import perform
from netsim.sync.interrupt import (
    RANKS,
    Cpu,
    CutOff,
    Interruptible,
    State,
    Strike,
    _Begin,
    _Never,
    _OnCpu,
    _Return,
)

#: Contexts in which an operation is an interrupt, whole, although no flow is struck by name.
INTERRUPTS = (Context.SOFTIRQ, Context.HARDIRQ)

_NAME = "cpu0"


class OneCpu:
    """
    The CPU of a uniprocessor build.

    `holder` is the thread that runs, during its step, and the one that stands in a section after
    it; `active` are the interrupts under way, oldest first.  With `gated`, steps may end inside
    sections.  `contexts` are those in which operations of flows come as interrupts; with `stops`
    an operation may halt the machine.
    """

    __slots__ = ("active", "contexts", "gated", "holder", "key", "open", "sim", "stops")

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.key: Key = (_NAME, "context")
        self.gated = self.stops = False
        self.contexts: tuple[Context, ...] = ()
        self.holder: SimThread | None = None
        self.active: list[SimThread] = []
        #: How many strikes have not chosen whom they will strike.
        self.open = 0

    def carry(
        self, thread: SimThread, coroutine: Coroutine[Op, Any, Any]
    ) -> Coroutine[Op, Any, Any]:
        """Run the code of a thread here."""
        if isinstance(coroutine, Carried):
            coroutine.thread = thread
            return coroutine
        made = Carried(coroutine, self, Seat(self) if self.gated else None)
        made.thread = thread
        return made

    def gate(self) -> None:
        """Let steps end inside sections; to be called where nobody but idle daemons is alive."""
        self.gated = True
        for thread in self.sim.threads:
            if thread.pending is not None and thread.idle is not None:
                self.sim.start_over(thread, thread.idle())

    def state(self) -> State:
        """Return what decides who may run."""
        killed = tuple(t.name for t in self.sim.threads if t.life is Life.KILLED)
        if self.open:
            return ("?", RANKS[Context.NMI], False, False, killed)
        thread, rank = self.holder, 0
        if self.active:
            thread = self.active[-1]
            rank = RANKS[thread.context]
        elif thread is None or thread.life is not Life.LIVE:
            return ("", 0, False, False, killed)
        assert thread is not None
        hard = thread.irqs_off > 0
        return (thread.name, rank, hard, hard or thread.bh_off > 0, killed)

    def in_section(self, thread: SimThread) -> bool:
        """Tell whether no other thread can take the CPU from this one now."""
        masked = thread.preempt_count or thread.irqs_off or thread.bh_off
        return bool(masked) or thread in self.active

    def has_a_say(self, thread: SimThread, op: Op) -> bool:
        """Tell whether a section must be left open before `op`, because not only it may be next."""
        sim = self.sim
        if op.options(sim) > 1:
            if not self.gated:
                raise ModelError(
                    f"{op.name} {op.label()}: nothing can be chosen where {sim.title(thread)} "
                    "cannot be preempted, on one CPU; expected a choice before the section"
                )
            return True
        return self.gated and any(
            isinstance(other.pending, _Begin) and other.pending.enabled(sim, other)
            for other in sim.threads
        )


class Seat(Cpu):
    """The one CPU as a place where `flow` is struck; whoever runs is, if that is None."""

    __slots__ = ("one",)

    def __init__(self, one: OneCpu, flow: SimThread | None = None) -> None:
        self.name = _NAME
        self.key = one.key
        self.one = one
        self.flow = flow
        self.active = one.active

    @property
    def open(self) -> int:
        """How many strikes have not chosen whom they will strike."""
        return self.one.open

    @open.setter
    def open(self, count: int) -> None:
        self.one.open = count

    def running(self) -> SimThread | None:
        """Return whom a strike would interrupt."""
        one = self.one
        if one.open:
            return None
        if one.active:
            return one.active[-1]
        thread = one.holder or self.flow
        return None if thread is None or thread.life is Life.KILLED else thread

    def state(self) -> State:
        """Return what decides who may run here."""
        return self.one.state()

    def admits(self, state: State) -> bool:
        """Tell whether a strike would hit `flow`: another that holds the CPU is not struck."""
        name, rank, *_ = state
        return self.flow is None or not name or rank > 0 or name == self.flow.name

    def carries(self, coroutine: Interruptible) -> bool:
        """Tell whether the coroutine runs here."""
        return isinstance(coroutine, Carried) and coroutine.one is self.one

    def kills(self, sim: Sim) -> None:
        """The state tells who was killed, and is touched when the step ends."""

    def left(self, sim: Sim, context: Context) -> None:
        """Sections are ordered as such; see `netsim.checkers.datarace`."""


class Carried(Interruptible):
    """The code of a thread on the one CPU: what stands in a section is one step."""

    __slots__ = ("before", "one", "open", "started", "thread")

    def __init__(self, body: Coroutine[Op, Any, Any], one: OneCpu, cpu: Cpu | None = None) -> None:
        super().__init__(body, cpu)
        self.one = one
        self.thread: SimThread
        self.started = False
        #: The state of the CPU before the step under way; None if nobody asks.
        self.before: State | None = None
        #: What the step touches of the CPU itself.
        self.open: dict[Key, Mode] = {}

    def send(self, value: Any) -> Op:
        """Go on to the next operation that need not follow at once."""
        if not self.started:  # what comes before the first operation belongs to no step
            self.started = True
            return self._wrapped(self.body.send(None))
        op: Op | None = None
        try:
            op = self._go_on(value)
        except CutOff as cut:
            op = self.cut_off(cut)
        finally:
            self.missed()
            self.step = None
            self.settle(op)
        return self._wrapped(op)

    def _wrapped(self, op: Op) -> Op:
        if self.cpu is None or isinstance(op, (_Begin, _Never)):
            return op
        return _OnOneCpu(op, self, self.cpu)

    def _go_on(self, value: Any) -> Op:
        one, thread = self.one, self.thread
        sim = one.sim
        step = sim.under_way
        if one.stops:
            sim.touch(STOPS, READ)
        while True:
            section = one.in_section(thread)
            self.runs = True
            try:
                op = self.body.send(value)
            finally:
                self.runs = False
                if step is not None:
                    touched = dict(step.footprint) if section else None
                    step.parts = (*step.parts, Part(len(step.sync), len(step.plain), touched))
            if not one.in_section(thread):
                return op
            if not op.enabled(sim, thread):
                for key in op.guard():  # how long the step is hangs on them
                    sim.touch(key, READ, UNTOLD)
                return op
            self._open_to(one)
            if one.has_a_say(thread, op):
                return op
            if step is not None:
                function = cite(thread.codes()[:1])[0] if sim.sites else ""
                step.follows = (*step.follows, Nested(thread.name, op, function))
            sim.choice = 0
            value = sim.follow(thread, op)

    def _open_to(self, one: OneCpu) -> None:
        """Note which interrupts could come here: a step in which none can does not race with it."""
        if one.contexts:
            state = one.state()
            for context in one.contexts:
                if admitted(context, state):
                    self.open.setdefault((_NAME, f"open to {context.value}"), READ)

    def settle(self, op: Op | None) -> None:
        """
        Note who has the CPU after the step, in which the thread came to `op`.

        The location of the CPU is touched last: it orders nothing but who may run.
        """
        if self.before is None:
            return
        one, thread = self.one, self.thread
        sim = one.sim
        if thread is one.holder:
            stays = op is not None and one.in_section(thread) and op.enabled(sim, thread)
            one.holder = thread if stays else None
        elif one.holder is not None and not one.active:
            waiting = one.holder.pending  # a strike may have killed it, or taken what it wants
            blocked = isinstance(waiting, _OnOneCpu) and not waiting.op.enabled(sim, one.holder)
            if blocked or one.holder.life is not Life.LIVE:
                one.holder = None
        if one.state() != self.before:
            self.open[one.key] = WRITE
        self.open.setdefault(one.key, READ)
        for key, mode in self.open.items():
            sim.touch(key, mode, self.before)
        self.open.clear()
        self.before = None


class _OnOneCpu(_OnCpu):
    """An operation that wants the one CPU, too."""

    __slots__ = ("blocks",)

    coroutine: Carried

    @property
    def timeout(self) -> int | None:
        """None while another has the CPU: time does not give it back."""
        free = self._admitted(self.coroutine.one.state(), self.coroutine.thread.name)
        return self.op.timeout if free else None

    @timeout.setter
    def timeout(self, jiffies: int | None) -> None:
        self.op.timeout = jiffies  # type: ignore[misc]

    @staticmethod
    def _admitted(state: State, thread: str) -> bool:
        name, *_, killed = state
        return name in ("", thread) and thread not in killed

    def enabled(self, sim: Sim, thread: SimThread) -> bool:
        return self._admitted(self.coroutine.one.state(), thread.name) and self.op.enabled(
            sim, thread
        )

    def admits(self, key: Key, state: Any, thread: str) -> bool | None:
        if key == self.cpu.key:
            return self._admitted(state, thread)
        return self.op.admits(key, state, thread)

    def apply(self, sim: Sim, thread: SimThread) -> Any:
        one, coroutine = self.coroutine.one, self.coroutine
        coroutine.before = one.state()
        if thread not in one.active:
            one.holder = thread
        coroutine.begins(sim, self.op.options(sim))
        try:
            return self.op.apply(sim, thread)
        except BaseException:
            coroutine.settle(None)
            raise

    def blockers(self, sim: Sim) -> tuple[SimThread, ...]:
        holder = self._other()
        return self.op.blockers(sim) if holder is None else (holder,)

    def waits_for(self, thread: SimThread) -> str:
        holder = self._other()
        if holder is None:
            return self.op.waits_for(thread)
        return f"{_NAME}, which {holder.name} does not give back"

    def _other(self) -> SimThread | None:
        """Return the other thread that has the CPU."""
        one = self.coroutine.one
        name = one.state()[0]
        return None if name in ("", self.coroutine.thread.name) else one.sim.by_name.get(name)


def admitted(context: Context, state: State) -> bool:
    """Tell whether a CPU in this state lets an interrupt of `context` begin."""
    return Strike(context, ()).admitted(state)


class _BeginHere(_Begin):
    """A strike or interrupt begins on the one CPU."""

    __slots__ = ()

    cpu: Seat

    def apply(self, sim: Sim, thread: SimThread) -> None:
        seat, coroutine = self.cpu, thread.coroutine
        one = seat.one
        assert isinstance(coroutine, Carried)
        coroutine.before = one.state()
        coroutine.begins(sim, 1)
        coroutine.open.clear()
        if seat.flow is None:
            coroutine.open[_NAME, f"open to {self.strike.context.value}"] = WRITE
        else:
            coroutine.open[one.key] = WRITE
        thread.interrupts = seat.running()
        thread.context = self.strike.context
        one.active.append(thread)
        coroutine.cpu = seat


class OneStrike(Strike):
    """A flow that strikes another on the one CPU."""

    __slots__ = ()

    def run(self, body: Callable[[], Coroutine[Op, Any, Any]]) -> Interruptible:
        """Return the coroutine of the strike; `body` makes that of what it does."""
        seat = self.cpus[0]
        assert isinstance(seat, Seat)
        self.coroutine = Carried(self._run(body), seat.one)
        return self.coroutine

    def begin(self, cpu: Cpu) -> _Begin:
        """Return the operation by which the strike begins."""
        return _BeginHere(self, cpu)


async def interrupt(one: OneCpu, context: Context, body: Callable[[], Awaitable[Any]]) -> None:
    """
    Let an interrupt of `context` come, wherever it is admitted, and run `body` in it.

    Whoever runs is interrupted, work items too.  Must be called where a flow is in no section.
    """
    seat = Seat(one)
    strike = OneStrike(context, (seat,))
    await perform(_BeginHere(strike, seat))
    await body()
    await perform(_Return(strike, seat))


def uniprocessor(sim: Sim) -> OneCpu:
    """Make `sim` a uniprocessor machine; to be called before it has threads."""
    assert not sim.threads, "threads run on CPUs of their own already"
    sim.cpu = one = OneCpu(sim)
    return one


def one_cpu(sim: Sim) -> OneCpu | None:
    """Return the one CPU of a uniprocessor machine, else None."""
    return sim.cpu if isinstance(sim.cpu, OneCpu) else None
