"""
Strikes from inside a step: between two plain accesses, where no other CPU could step in.

A strike runs to its end before whom it interrupts moves, so it can be run from inside an access.
Places are numbered within a step: each plain access, for each strike that its CPU admits there.
The number is the value of the step in a schedule; 0 is no strike inside.  A place is offered only
if the access that follows it conflicts with what the strike may touch, or is a write and the
strike does not let whom it struck go on, so that it will not be made: because it kills, or because
a fatal finding stops it.  So does a read of a strike that kills: whom it would have killed goes on.
Elsewhere the strike might as well come after it.

A strike that would have to wait for another CPU cannot be run so: the step is then void.  There is
at most one strike inside a step, the environment chooses nothing there, and data races of strikes
are judged at scheduling points.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from netsim.core.access import READ, WRITE, Footprint, Key, Mode, meets, merge
from netsim.core.fault import Halt, Stop
from netsim.core.op import Op
from netsim.core.sim import Sim, cite
from netsim.core.step import Inner, Nested, Step
from netsim.core.thread import Life, SimThread
from netsim.sync.interrupt import STRUCK, Interruptible, Killed, pending_strike

#: What the reach of a strike contains that may not return because a fatal finding stops it.
UNRETURNED: Final[Key] = ("strike", "returns")


class Inside:
    """
    Lets `strikes` strike inside steps of `sim`.

    `reach` is what each may touch, by its name; those named in `killers` kill whom they strike.
    """

    def __init__(
        self,
        sim: Sim,
        strikes: Sequence[SimThread],
        reach: Mapping[str, Footprint],
        killers: Sequence[str],
    ) -> None:
        self.sim = sim
        self.strikes = strikes
        self.reach = reach
        self.killers = killers
        sim.rounds += 1  # every read is passed on, even where nothing is recorded
        sim.plain_read = self._read  # type: ignore[method-assign]
        sim.plain_write = self._write  # type: ignore[method-assign]

    def _read(self, key: Key) -> None:
        self._place(key, READ)
        Sim.plain_read(self.sim, key)

    def _write(self, key: Key, old: Any, new: Any) -> None:
        struck = self._place(key, WRITE)
        Sim.plain_write(self.sim, key, old, new)
        if struck:  # what the strike wrote is overwritten, if by what was there before it
            self.sim.value_changed(key, old, new)

    def _place(self, key: Key, mode: Mode) -> bool:
        """Pass the places before an access; tell whether a strike was made at one."""
        thread = self.sim.current
        coroutine = thread.coroutine if thread is not None else None
        if not isinstance(coroutine, Interruptible) or coroutine.cpu is None or not coroutine.runs:
            return False
        struck = False
        for strike in self.strikes:
            coroutine.places += 1
            cpu = pending_strike(self.sim, strike)
            if cpu is None or not cpu.carries(coroutine):
                continue
            if coroutine.places == coroutine.at:
                verb = "writes" if mode == WRITE else "reads"
                self._strike(coroutine, strike, f"before it {verb} {key[0]}.{key[1]}")
                struck = True
            elif not coroutine.at and self._matters(strike, thread, key, mode):
                step = self.sim.under_way
                if step is not None:
                    step.inside = (*step.inside, step.choice + coroutine.places * step.options)
        return struck

    def _matters(self, strike: SimThread, struck: SimThread | None, key: Key, mode: Mode) -> bool:
        """Tell whether the strike makes a difference before an access."""
        reach = self.reach.get(strike.name, {})
        if strike.name in self.killers or UNRETURNED in reach:
            kills = struck is not None and struck.name in self.killers
            if mode == WRITE or kills:
                return True
        return meets(reach, key, mode)

    def _strike(self, coroutine: Interruptible, strike: SimThread, place: str) -> None:
        sim, thread, step = self.sim, self.sim.current, self.sim.under_way
        assert thread is not None
        coroutine.at = STRUCK
        apart = _Apart(step) if step is not None else None
        nested: list[Nested] = []
        void = False
        halts_last, sim.halts_last = sim.halts_last, False
        while strike.pending is not None:
            op = strike.pending
            if not op.enabled(sim, strike):
                nested.append(Nested(strike.name, op, ""))
                void = True
                break
            nested.append(Nested(strike.name, op, cite(strike.codes()[:1])[0]))
            sim.nest(strike)
            if step is not None:
                nested += step.follows
                step.follows = ()
        sim.halts_last = halts_last
        if step is not None and apart is not None:
            step.inner = Inner(place, nested, apart.join(), void)
            step.op = _Struck(step.op, nested)
        if sim.halted:
            raise Halt
        if thread.life is Life.KILLED:
            raise Killed
        if strike.life is not Life.DONE:  # it never returns
            raise Stop


class _Apart:
    """Keeps what a strike touches apart from what the step around it does."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.outer = (
            step.footprint, step.before, step.plain, step.sync, step.follows, step.parts
        )  # fmt: skip
        step.footprint, step.before, step.plain, step.sync = {}, {}, [], []
        step.follows, step.parts = (), ()

    def join(self) -> Footprint:
        """
        Make one step of both; return what the strike touched.

        Its plain accesses and its synchronisation are left out: they are not those of the thread.
        """
        step = self.step
        inner, before = step.footprint, step.before
        (
            step.footprint, step.before, step.plain, step.sync, step.follows, step.parts
        ) = self.outer  # fmt: skip
        for key, mode in inner.items():
            old = step.footprint.get(key)
            step.footprint[key] = mode if old is None else merge(old, mode)
            step.before.setdefault(key, before[key])
        return inner


class _Struck(Op):
    """The operation of a step with a strike inside: it wants all that the strike waits for."""

    __slots__ = ("gate", "name", "nested", "op")

    def __init__(self, op: Op, nested: Sequence[Nested]) -> None:
        self.op = op
        self.name = op.name  # type: ignore[misc]
        self.gate = op.gate  # type: ignore[misc]
        self.nested = nested

    def call(self) -> str:
        return self.op.call()

    def label(self) -> str:
        return self.op.label()

    def guard(self) -> tuple[Key, ...]:
        keys = [key for one in self.nested for key in one.op.guard()]
        return tuple(dict.fromkeys((*self.op.guard(), *keys)))

    def admits(self, key: Key, state: Any, thread: str) -> bool | None:
        if key == self.gate or key in self.op.guard():
            return self.op.admits(key, state, thread)
        return None  # in another state the strike may do something else
