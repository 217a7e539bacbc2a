"""
Strikes from inside a step: between two plain accesses, where no other CPU could step in.

A strike runs to its end before whom it interrupts moves, so it can be run from inside an access;
and another one from inside that.  Places are numbered within a step, each once for each strike:
before each plain access, and before each operation of a strike that was made there but its first;
behind a strike those of its place begin again.  The value of a step in a schedule tells at which
places strikes were made, the first as the last digit to base `PLACES`; 0 is no strike inside.

A place is offered only if the access that follows it conflicts with what the strike may touch; or
is a write, if whom the strike hits may not go on, so that it will not be made: because it kills, or
because a fatal finding stops it.  There a read of a strike that kills counts, too: it may kill no
more.  Elsewhere the strike might as well come after it.  So it is before an operation of a strike,
with what that may touch.  With one that is offered, those are that conflict with it.

A strike that would have to wait for another CPU cannot be run so: the step is then void.  The
environment chooses nothing inside a step, and data races of strikes are judged at scheduling
points.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from netsim.core.access import READ, WRITE, Footprint, Key, Mode, dependent, meets, merge
from netsim.core.fault import Halt
from netsim.core.op import Op
from netsim.core.sim import ModelError, Sim, cite
from netsim.core.step import Inner, Nested, Step
from netsim.core.thread import Life, SimThread
from netsim.sync.interrupt import (
    PLACES,
    CutOff,
    Interruptible,
    aims_of,
    is_cut_off,
    pending_strike,
    rank_of,
)

#: What the reach of a strike contains that may not return because a fatal finding stops it.
UNRETURNED: Final[Key] = ("strike", "returns")


@attrs.frozen
class _Access:
    """The place before a plain access of a thread that `kills` another, or not."""

    key: Key
    mode: Mode
    kills: bool

    def __str__(self) -> str:
        verb = "writes" if self.mode == WRITE else "reads"
        return f"before it {verb} {self.key[0]}.{self.key[1]}"

    def meets(self, strike: SimThread, reach: Mapping[str, Footprint]) -> bool:
        return meets(reach.get(strike.name, {}), self.key, self.mode)

    def forestalled(self) -> bool:
        """Tell whether it shows that what follows does not happen."""
        return self.mode == WRITE or self.kills


@attrs.frozen
class _Before:
    """The place before an operation of a strike inside a step."""

    strike: SimThread
    op: Op

    def __str__(self) -> str:
        return f"before {self.op.call()} {self.op.label()}".rstrip()

    def meets(self, strike: SimThread, reach: Mapping[str, Footprint]) -> bool:
        return dependent(reach.get(strike.name, {}), reach.get(self.strike.name, {}))

    def forestalled(self) -> bool:
        return True


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
        # That all of them take a CPU is no reason to try them in both orders.
        cpus = [cpu.key for strike in strikes for cpu in aims_of(strike.pending)]
        self.reach = {
            name: {key: mode for key, mode in touched.items() if key not in cpus}
            for name, touched in reach.items()
        }
        self.killers = killers
        #: Whose step is under way, while something strikes inside it.
        self.root: Interruptible | None = None
        sim.rounds += 1  # every read is passed on, even where nothing is recorded
        sim.plain_read = self._read  # type: ignore[method-assign]
        sim.plain_write = self._write  # type: ignore[method-assign]

    def _read(self, key: Key) -> None:
        self._access(key, READ)
        Sim.plain_read(self.sim, key)

    def _write(self, key: Key, old: Any, new: Any) -> None:
        struck = self._access(key, WRITE)
        Sim.plain_write(self.sim, key, old, new)
        if struck:  # what the strike wrote is overwritten, if by what was there before it
            self.sim.value_changed(key, old, new)

    def _access(self, key: Key, mode: Mode) -> bool:
        """Pass the places before an access; tell whether a strike was made at one."""
        thread = self.sim.current
        coroutine = thread.coroutine if thread is not None else None
        if not isinstance(coroutine, Interruptible) or coroutine.cpu is None or not coroutine.runs:
            return False
        assert thread is not None
        made = (self.root or coroutine).made
        if not self._pass(thread, coroutine, _Access(key, mode, thread.name in self.killers)):
            raise Halt if self.sim.halted else CutOff
        return (self.root or coroutine).made > made

    def _pass(self, thread: SimThread, coroutine: Interruptible, place: _Access | _Before) -> bool:
        """Pass the places at one point of `thread`; tell whether it goes on."""
        sim, root = self.sim, self.root or coroutine
        able: list[tuple[int, SimThread]] = []
        left = list(self.strikes)
        while left:
            strike = left.pop(0)
            root.places += 1
            cpu = pending_strike(sim, strike)
            if cpu is None or not cpu.carries(coroutine):
                continue
            if root.at and root.places == root.at % PLACES:
                root.at //= PLACES
                root.made += 1
                if not self._strike(thread, strike, root, str(place)):
                    return False
                able.clear()
                left = list(self.strikes)
            elif not root.at:
                able.append((root.places, strike))
        step = sim.under_way
        numbers = self._offered(able, place) if step is not None else []
        if numbers and step is not None:
            if root.places >= PLACES:
                raise ModelError(
                    f"{step.op.call()}: expected fewer than {PLACES} places for strikes inside one "
                    "step; let the struck operation make a scheduling point between"
                )
            scale = step.options * PLACES**root.made
            step.inside = (*step.inside, *[step.choice + number * scale for number in numbers])
        return True

    def _offered(self, able: list[tuple[int, SimThread]], place: _Access | _Before) -> list[int]:
        """Return the places at which a strike of those that are able makes a difference."""
        found: dict[int, SimThread] = {}
        for number, strike in able:
            kills = place.forestalled() and self._may_forestall(strike, able)
            if kills or place.meets(strike, self.reach):
                found[number] = strike
        grows = 0 < len(found) < len(able)
        while grows:
            grows = False
            for number, strike in able:
                if number not in found and any(
                    dependent(self.reach.get(strike.name, {}), self.reach.get(other.name, {}))
                    for other in found.values()
                ):
                    found[number] = strike
                    grows = True
        return sorted(found)

    def _may_forestall(self, strike: SimThread, able: list[tuple[int, SimThread]]) -> bool:
        """Tell whether whom it strikes may never go on: it kills that, or never returns itself."""
        rank = rank_of(strike.pending)
        if strike.name in self.killers or UNRETURNED in self.reach.get(strike.name, {}):
            return True
        return any(
            other.name in self.killers and rank_of(other.pending) > rank for _, other in able
        )

    def _strike(
        self, thread: SimThread, strike: SimThread, root: Interruptible, place: str
    ) -> bool:
        """Run a strike to its end inside a step; tell whether whom it struck goes on."""
        sim, step = self.sim, self.sim.under_way
        if self.root is not None:
            place = f"in flow {thread.flow}, {place}"
        outer, self.root = self.root, root
        apart = _Apart(step) if step is not None else None
        inner = Inner()
        if step is not None:
            inner = step.inner = step.inner or inner
        halts_last, sim.halts_last = sim.halts_last, False
        while strike.life is Life.LIVE and not is_cut_off(strike):
            op = strike.pending
            assert op is not None
            if not place and not self._between(strike, op):
                break
            if not op.enabled(sim, strike):
                inner.nested.append(Nested(strike.name, op, "", place))
                inner.void = True
                break
            function = cite(strike.codes()[:1])[0]
            inner.nested.append(Nested(strike.name, op, function, place))
            place = ""
            sim.nest(strike)
            if step is not None:
                inner.nested += step.follows
                step.follows = ()
        sim.halts_last = halts_last
        self.root = outer
        if step is not None and apart is not None:
            inner.plain += [(strike.name, key, mode) for key, mode, _ in step.plain]
            inner.touched[strike.name] = apart.join()
            own = step.op.op if isinstance(step.op, _Struck) else step.op
            step.op = _Struck(own, inner.nested)
        return thread.life is Life.LIVE and strike.life is Life.DONE and not sim.halted

    def _between(self, strike: SimThread, op: Op) -> bool:
        """Pass the places before an operation of a strike; tell whether it goes on."""
        assert isinstance(strike.coroutine, Interruptible)
        outer, self.sim.current = self.sim.current, strike
        try:
            return self._pass(strike, strike.coroutine, _Before(strike, op))
        finally:
            self.sim.current = outer


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
