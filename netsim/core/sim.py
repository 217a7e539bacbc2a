"""
The simulated machine: its threads, its shared state, and one step at a time.

There is no loop over steps here; that is `netsim.explorer.loop`.  Nothing here reads a clock or
a random source, and two machines may be alive at once.
"""

import sys
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, Protocol

from netsim.core.access import INC, READ, WRITE, Key, Mode, merge
from netsim.core.fault import Halt, Report, Site, Stop
from netsim.core.op import Op
from netsim.core.raised import own_frames, place, told
from netsim.core.step import Choice, Part, Round, Step
from netsim.core.thread import Context, Life, Mark, SimThread
from netsim.errors import NetsimError, UsageError

#: What a halt writes, and whatever leaves the machine touches.
MACHINE: Key = ("machine", "running")
TIME: Key = ("machine", "jiffies")
#: What a halt writes on a uniprocessor machine, and every step there reads, if there is a halt.
STOPS: Key = ("machine", "one CPU")


class ModelError(UsageError):
    """A mistake in a model: it uses netsim in a way that makes no sense; names the line."""


class Carrier(Protocol):
    """A CPU that all threads share."""

    def carry(
        self, thread: SimThread, coroutine: Coroutine[Op, Any, Any]
    ) -> Coroutine[Op, Any, Any]:
        """Return what runs in place of the code of a thread."""
        ...


class Sim:
    """
    A simulated machine.

    Invariants: `threads` is never reordered and nothing is removed from it; a thread has a
    pending operation exactly while it is live; outside `step` no simulated code runs.
    """

    def __init__(self, *, sites: bool = False) -> None:
        #: The one CPU of a uniprocessor build; None if each thread has a CPU of its own.
        self.cpu: Carrier | None = None
        self.threads: list[SimThread] = []
        self.by_name: dict[str, SimThread] = {}
        self.current: SimThread | None = None
        self.reports: list[Report] = []
        #: Steps performed so far; the number of the step under way while one is.
        self.steps = 0
        #: False while `{ }` or a judged prefix is re-run.
        self.recording = False
        self.halted = False
        #: True if a halt waits for what others can still do; see `netsim.sync.halt`.
        self.halts_last = False
        #: True if what executions come to is counted; see `netsim.sync.tally`.
        self.tallied = False
        #: True if plain accesses are recorded with the function that makes them (slow).
        self.sites = sites
        #: How many threads are in a round (`begin_round`).
        self.rounds = 0
        self.versions: dict[Key, int] = {}
        self._keys: dict[Key, None] = {}
        self._jiffies = 0
        #: Whether simulated code has looked at the time.
        self.time_read = False
        self.heap: dict[str, Any] = {}
        self.boot_allocations: dict[str, int] = {}
        #: Remaining number of failures that the environment may choose.
        self.faults = 0
        #: What that number was at the start; 0 means that no failure is explored.
        self.fault_budget = 0
        #: The value chosen for the step under way.
        self.choice = 0
        #: What the environment chose so far, where it was not the first value:
        #: (thread, number of the choice in that thread, value).
        self.chosen: list[tuple[str, int, int]] = []
        #: What else the environment decides by itself, e.g. "arp".
        self.choices: frozenset[str] = frozenset()
        #: True while nothing of it happens: in `{ }`, and while probes run.
        self.alone = False
        #: (location, old, new) of every change of a value, if somebody wants to know.
        self.changes: list[tuple[Key, Any, Any]] | None = None
        #: What `mark` returned in each recorded step, for whoever wants to `rerun` it.
        self.marks: dict[int, list[Mark]] = {}
        self._rerunning = False
        self._marked = 0
        self._step = Step("", Op(), 0, 1)

    # -- threads ---------------------------------------------------------------------------

    def spawn(
        self,
        name: str,
        coroutine: Coroutine[Op, Any, Any],
        *,
        flow: int = 0,
        context: Context = Context.PROCESS,
        cpu: int = 0,
        daemon: bool = False,
    ) -> SimThread:
        """
        Add a thread; it runs at once up to (not including) its first operation.

        Code before the first operation must touch nothing shared: it belongs to no step.
        Raises ValueError if the name is in use.
        """
        if name in self.by_name:
            raise ValueError(f"thread name {name!r} is in use")
        thread = SimThread(name, coroutine, flow=flow, context=context, cpu=cpu, daemon=daemon)
        self.threads.append(thread)
        self.by_name[name] = thread
        self.start_over(thread, coroutine)
        return thread

    def start_over(self, thread: SimThread, coroutine: Coroutine[Op, Any, Any]) -> None:
        """Let `thread` stand before the first operation of `coroutine`."""
        if self.cpu is not None:
            coroutine = self.cpu.carry(thread, coroutine)
        thread.coroutine = coroutine
        outer, self.current = self.current, thread
        recording, self.recording = self.recording, False
        try:
            thread.pending = coroutine.send(None)
        except StopIteration:
            thread.life = Life.DONE
        finally:
            self.current = outer
            self.recording = recording

    def is_enabled(self, thread: SimThread) -> bool:
        """Tell whether `thread` could perform its pending operation now."""
        pending = thread.pending
        if pending is None or self.halted:
            return False
        if pending.timeout is not None:
            return thread in self.enabled()
        return pending.enabled(self, thread)

    def enabled(self) -> list[SimThread]:
        """
        List the threads that could run now, in order of creation.

        If there are none, time passes: those whose timeout is the next can run.
        """
        if self.halted:
            return []
        return [
            thread
            for thread in self.threads
            if (op := thread.pending) is not None and (not op.waits or op.enabled(self, thread))
        ] or self._timed_out()

    def waiting_for_time(self) -> list[SimThread]:
        """List the threads that wait and have a timeout."""
        return [
            thread
            for thread in self.threads
            if thread.pending is not None
            and thread.pending.timeout is not None
            and not thread.pending.enabled(self, thread)
        ]

    def _timed_out(self) -> list[SimThread]:
        waiting = [(thread, thread.pending) for thread in self.threads]
        times = [op.timeout for _, op in waiting if op is not None and op.timeout is not None]
        if not times:
            return []
        first = min(times)
        return [thread for thread, op in waiting if op is not None and op.timeout == first]

    def step(self, thread: SimThread, choice: int = 0) -> Step:
        """
        Perform the pending operation of `thread` and run its code up to the next one.

        `choice` is the value that the environment chooses, for operations that leave one open.
        The operation must be enabled.  What simulated code raises is a finding (`bug-on`), and
        stops its thread.  Raises ModelError if it used netsim wrongly.
        """
        op = thread.pending
        assert op is not None, "a step needs a live thread"
        self.steps += 1
        self.current = thread
        self.choice = choice
        step = self._step = Step(thread.name, op, choice, op.options(self) if op.chooses else 1)
        try:
            if self.recording:
                self.marks.pop(self.steps, None)
                if op.leaves:
                    self.touch(MACHINE, INC)
                if op.may_sleep and not thread.may_sleep():
                    self._sleep_in_atomic(thread, op)
            thread.pending = thread.coroutine.send(op.apply(self, thread))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # sys.exit() ends the thread, too, not netsim
            self._ended(thread, error)
        finally:
            self.current = None
        return step

    def nest(self, thread: SimThread) -> None:
        """Perform the pending operation of another thread inside the step under way."""
        op = thread.pending
        assert op is not None
        outer, choice = self.current, self.choice
        self.current, self.choice = thread, 0
        try:
            thread.pending = thread.coroutine.send(self.follow(thread, op))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # sys.exit() ends the thread, too, not netsim
            self._ended(thread, error)
        finally:
            self.current, self.choice = outer, choice

    def follow(self, thread: SimThread, op: Op) -> Any:
        """Perform an operation of the running thread inside the step under way."""
        if op.leaves:
            self.touch(MACHINE, INC)
        if (self.recording or self._rerunning) and op.may_sleep and not thread.may_sleep():
            self._sleep_in_atomic(thread, op)
        return op.apply(self, thread)

    @property
    def under_way(self) -> Step | None:
        """The step that is being recorded; None while steps are only made again."""
        return None if self._rerunning else self._step

    def rerun(self, choices: Iterable[Choice]) -> None:
        """
        Make steps again, exactly those that this machine made and recorded before.

        Nothing is recorded; `marks` must be those of that run.
        """
        self.recording = False
        self._rerunning = True
        by_name = self.by_name
        for choice in choices:
            self.current = thread = by_name[choice.thread]
            op = thread.pending
            assert op is not None
            self.steps += 1
            self.choice = choice.value
            self._marked = 0
            try:
                if op.may_sleep and not thread.may_sleep():
                    self._sleep_in_atomic(thread, op)
                thread.pending = thread.coroutine.send(op.apply(self, thread))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # sys.exit() ends the thread, too, not netsim
                self._ended(thread, error)
        self.current = None
        self._rerunning = False
        self.recording = True

    def _ended(self, thread: SimThread, error: BaseException) -> None:
        """Take in how the code of a thread ended; raises ModelError if it must not end so."""
        thread.life = Life.STOPPED
        thread.pending = None
        if isinstance(error, StopIteration):
            self._finish(thread)
        elif isinstance(error, Halt):
            self.halted = True
            thread.life = Life.DONE
        elif isinstance(error, AttributeError) and getattr(error, "obj", error) is None:
            self._null_dereference(thread, error)
        elif not isinstance(error, Stop):
            self._raised(thread, error)

    def _finish(self, thread: SimThread) -> None:
        thread.life = Life.DONE
        for lock, mark in thread.held:
            self.report(
                "held-at-exit",
                f"{self.title(thread)} ended while it holds {lock.name}",
                objects=(lock.name,),
                sites=(self.site_at(mark, "acquires"),),
            )

    # -- time ------------------------------------------------------------------------------

    @property
    def jiffies(self) -> int:
        """The time: shared state, so that who looks at it conflicts with who moves it."""
        if self.current is not None:
            self.time_read = True
            self.touch(TIME, READ, self._jiffies)
        return self._jiffies

    @jiffies.setter
    def jiffies(self, now: int) -> None:
        if self.current is not None:
            self.touch(TIME, WRITE, self._jiffies)
        self._jiffies = now

    def time_reaches(self, jiffy: int) -> None:
        """Move the time on to `jiffy` if it is not there yet; two such moves commute."""
        self.touch(TIME, INC, self._jiffies)
        self._jiffies = max(self._jiffies, jiffy)

    def time_passes(self, jiffies: int) -> None:
        """Let so many jiffies pass, in a step that nothing but that has made possible."""
        self.touch(TIME, WRITE, self._jiffies)
        self._jiffies += jiffies
        for thread in self.threads:
            op = thread.pending
            if op is not None and op.timeout is not None and thread is not self.current:
                op.timeout -= jiffies  # type: ignore[misc]
        if self.recording:
            self._step.last = True

    # -- what there is ---------------------------------------------------------------------

    def new_key(self, name: str, what: str) -> Key:
        """
        Return the location of a new object; raises ModelError if there is one of that name.

        The search tells objects by their names: two of one name would be one lock to it.
        """
        key = (name, what)
        if key in self._keys:
            raise ModelError(
                f"a second object is called {name!r} ({what}): expected a name of its own for "
                "each, numbered if need be"
            )
        self._keys[key] = None
        return key

    # -- what a step touches ---------------------------------------------------------------

    def touch(self, key: Key, mode: Mode, before: Any = None) -> None:
        """Record that the running step touches location `key`, whose state was `before`."""
        if not self.recording:
            return
        step = self._step
        footprint = step.footprint
        old = footprint.get(key)
        if old is None:
            footprint[key] = mode
            step.before[key] = before
        elif old != mode:
            footprint[key] = merge(old, mode)

    def acquire_edge(self, key: Key) -> None:
        """Record that everything released at `key` happens before what follows here."""
        if self.recording:
            self._step.sync.append((True, key))

    def release_edge(self, key: Key) -> None:
        """Record that everything so far happens before what acquires at `key` later."""
        if self.recording:
            self._step.sync.append((False, key))

    def part(self) -> None:
        """What the step has done so far comes before what it synchronises with from here on."""
        if self.recording:
            step = self._step
            step.parts = (*step.parts, Part(len(step.sync), len(step.plain), None))

    def value_changed(self, key: Key, old: Any, new: Any) -> None:
        """Note that the value at `key` changed, for those who wait for a change."""
        self.versions[key] = self.versions.get(key, 0) + 1
        if self.changes is not None:
            self.changes.append((key, old, new))
        current = self.current
        if current is not None and current.round is not None:
            current.round.first.setdefault(key, old)
            current.round.last[key] = new

    def value_read(self, key: Key) -> None:
        """Note that the running thread depends on the value at `key` in its round."""
        current = self.current
        if current is not None and current.round is not None:
            current.round.reads[key] = self.versions.get(key, 0)

    def plain_read(self, key: Key) -> None:
        """Record an unsynchronised read of a shared field; needed if `recording` or `rounds`."""
        current = self.current
        if current is None:
            return
        if current.round is not None:
            current.round.reads[key] = self.versions.get(key, 0)
        if self.recording:
            step = self._step
            old = step.footprint.get(key)
            if old is None:
                step.footprint[key] = READ
                step.before[key] = self.versions.get(key, 0)
            elif old != READ:
                step.footprint[key] = WRITE
            step.plain.append((key, READ, self._caller() if self.sites else ""))

    def plain_write(self, key: Key, old: Any, new: Any) -> None:
        """Record an unsynchronised write of a shared field."""
        if self.current is None:
            return
        if self.recording:
            step = self._step
            if key not in step.footprint:
                step.before[key] = self.versions.get(key, 0)
            step.footprint[key] = WRITE
            step.plain.append((key, WRITE, self._caller() if self.sites else ""))
        if old is not new and old != new:
            self.value_changed(key, old, new)

    @contextmanager
    def marked(self) -> Iterator[None]:
        """Make plain reads of the running step marked ones: no data race, and they synchronise."""
        plain = self._step.plain
        before = len(plain)
        yield
        if self.recording:
            for key, _, _ in plain[before:]:
                self.acquire_edge(key)
            del plain[before:]

    def begin_round(self) -> Round:
        """Start to note what the running thread reads and changes; ends with `end_round`."""
        assert self.current is not None
        self.current.round = fresh = Round()
        self.rounds += 1
        return fresh

    def end_round(self) -> None:
        """Stop noting (nothing runs when an unfinished coroutine is thrown away)."""
        if self.current is not None and self.current.round is not None:
            self.current.round = None
            self.rounds -= 1

    # -- findings --------------------------------------------------------------------------

    def report(
        self,
        kind: str,
        message: str,
        *,
        objects: tuple[str, ...] = (),
        sites: tuple[Site, ...] = (),
        fatal: bool = False,
        role: str = "",
    ) -> None:
        """
        File a finding against the running thread.

        With `role`, the place where the thread is now becomes the first site.  A `fatal` finding
        stops the thread here, its locks held: this call then does not return.
        """
        thread = self.current
        assert thread is not None, "a finding needs a running thread"
        if role:
            sites = (self.site(role), *sites)
        self.reports.append(
            Report(kind, message, objects, sites, thread.name, thread.operation, self.steps, fatal)
        )
        if fatal:
            raise Stop

    def site(self, role: str) -> Site:
        """Return the place where the running thread is now."""
        thread = self.current
        assert thread is not None
        return self.site_at(self.mark(), role)

    def mark(self) -> Mark:
        """Return the place where the running thread is now, to be cited later by `site_at`."""
        thread = self.current
        if thread is None:
            return ("", self.steps, ())
        if self._rerunning:
            self._marked += 1
            return self.marks[self.steps][self._marked - 1]
        if not (self.recording or self.sites):
            return ("", self.steps, ())
        mark = (thread.name, self.steps, self._running_codes() or thread.codes())
        if self.recording:
            self.marks.setdefault(self.steps, []).append(mark)
        return mark

    def site_at(self, mark: Mark, role: str) -> Site:
        """Turn a mark into a site."""
        thread, step, codes = mark
        function, source = cite(codes)
        return Site(role, thread, step, function, source)

    def site_of(self, thread: SimThread, role: str) -> Site:
        """Return the place where a suspended thread waits to perform its pending operation."""
        function, source = cite(thread.codes())
        return Site(role, thread.name, 0, function, source)

    def title(self, thread: SimThread) -> str:
        """Name a thread as reports do: by its flow and operation."""
        name = self.named(thread.name)
        if thread.operation and thread.operation != name:
            return f"{name} ({thread.operation})"
        return name

    def named(self, name: str) -> str:
        """Name a thread, which may have ended, as reports do: by its flow, if it is one."""
        thread = self.by_name.get(name)
        if thread is not None and thread.flow:
            return f"flow {thread.flow}"
        return "the start" if name.startswith("0") else name

    def _running_codes(self) -> tuple[CodeType, ...]:
        """Return the functions of models that are running, innermost first."""
        codes = []
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and frame.f_code is not _STEP:
            if not frame.f_globals.get("__name__", "").startswith("netsim."):
                codes.append(frame.f_code)
            frame = frame.f_back
        return tuple(codes)

    def _caller(self) -> str:
        codes = self._running_codes()
        return codes[0].co_name if codes else ""

    def _sleep_in_atomic(self, thread: SimThread, op: Op) -> None:
        held = ", ".join(lock.name for lock, _ in thread.held) or "no lock"
        self.report(
            "sleep-in-atomic",
            f"{op.name}() may sleep, but {self.title(thread)} must not: {thread.in_atomic()}; "
            f"holds {held}",
            objects=tuple(lock.name for lock, _ in thread.held),
            sites=tuple(self.site_at(mark, "acquires") for _, mark in thread.held),
            role="sleeps",
        )

    def _raised(self, thread: SimThread, error: BaseException) -> None:
        """File a `bug-on` for what simulated code raised; for what netsim did, raise ModelError."""
        if isinstance(error, ModelError):
            raise error
        frames, ours = own_frames(error)
        if ours or not frames:
            text = str(error) if isinstance(error, NetsimError) else told(error)
            where = f"{place(*frames[0])}: " if frames else ""
            raise ModelError(f"{where}{self.title(thread)}: {text}") from error
        code, line = frames[0]
        function = cite(tuple(code for code, _ in frames))[0]
        role = "asserts" if isinstance(error, AssertionError) else "raises"
        self.reports.append(
            Report(
                "bug-on",
                f"{self.title(thread)}: {told(error)}, in {code.co_name}(), {place(code, line)}",
                # As the kernel writes places: an edit elsewhere in the file changes nothing.
                (f"{code.co_name}+{line - code.co_firstlineno}",),
                (Site(role, thread.name, self.steps, function, place(code, line)),),
                thread.name,
                thread.operation,
                self.steps,
                True,
            )
        )

    def _null_dereference(self, thread: SimThread, error: AttributeError) -> None:
        function, source = cite(tuple(code for code, _ in own_frames(error)[0]))
        self.reports.append(
            Report(
                "null-deref",
                f"{self.title(thread)} follows a NULL pointer to read '{error.name}' "
                f"in {function.partition(CALLED_BY)[0]}()",
                (f"->{error.name}",),
                (Site("dereferences", thread.name, self.steps, function, source),),
                thread.name,
                thread.operation,
                self.steps,
                True,
            )
        )


#: Between a function and its caller, in the functions of a site.
CALLED_BY = " < "
#: How many functions a site names: the innermost and those that called it.
DEPTH = 4


def cite(codes: tuple[CodeType, ...]) -> tuple[str, str]:
    """
    Return (functions, source) of a place in simulated code.

    The functions are the innermost and its callers; the source is the kernel's file and function
    as the first line of the docstring of the innermost cites it.
    """
    if not codes:
        return "", ""
    inner = codes[0]
    doc = inner.co_consts[0] if inner.co_consts else None
    first = doc.strip().partition("\n")[0] if isinstance(doc, str) else ""
    source = first.partition(".  ")[0].strip().rstrip(".")
    return CALLED_BY.join(code.co_name for code in codes[:DEPTH]), source


_STEP = Sim.step.__code__
