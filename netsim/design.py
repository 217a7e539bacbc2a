"""
What a design is to the engine: named operations, starting points, probes, and how to boot it.

Designs are found through the entry-point group ``netsim.designs``; the engine knows none by name.
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from netsim.caught import Catching
from netsim.core.sim import Sim
from netsim.core.thread import Context
from netsim.errors import UsageError
from netsim.notation import Call
from netsim.promise import Promise


@attrs.frozen
class Parameter:
    """
    One argument of an operation.

    `check` returns None if a text is acceptable, else what was expected instead.
    """

    name: str
    meaning: str
    check: Callable[[str], str | None] = lambda _text: None
    optional: bool = False


@attrs.frozen
class Operation:
    """
    A named entry point of a design.

    `run` takes the system and the arguments and returns the result: None, an int (negative: an
    errno), or a string.  `samples` are the argument lists that the matrix uses; none keeps the
    operation out of it; `alone` are further ones, for surveys of one flow.  `halts` marks one that
    ends the whole machine, `dies` one that, as a strike, kills the struck flow, or ends the machine
    if that is in interrupt context.
    """

    name: str
    meaning: str
    run: Callable[..., Awaitable[Any]] = attrs.field(repr=False)
    parameters: tuple[Parameter, ...] = ()
    contexts: tuple[Context, ...] = (Context.PROCESS,)
    samples: tuple[tuple[str, ...], ...] = ((),)
    #: Argument lists that only surveys of one flow use.
    alone: tuple[tuple[str, ...], ...] = ()
    source: str = ""
    halts: bool = False
    dies: bool = False

    def signature(self) -> str:
        """Return the operation as one would write it, with placeholders."""
        words = [f"[{p.name}]" if p.optional else p.name for p in self.parameters]
        return " ".join([self.name, *words])


class System(Protocol):
    """A booted design on its simulated kernel."""

    sim: Sim

    def dumps(self) -> Sequence[str]:
        """Return what left the machine so far, one line each, without times and ids."""
        ...

    def roots(self) -> Sequence[Any]:
        """Return the shared objects that live configuration starts from, for leak checking."""
        ...

    def counts(self) -> Sequence[Any]:
        """Return every `RefCount` of the system, freed objects included."""
        ...


@attrs.frozen
class StartingPoint:
    """A declared starting point: its name and the initial operations that lead there."""

    name: str
    initial: str


@attrs.frozen
class AcceptedLoss:
    """
    A finding that the design's authors accept: its kind, the names of operations, and why.

    It covers findings of this kind in which only these operations take part, or any if none is
    named; with `objects` only those that name these.
    """

    kind: str
    operations: tuple[str, ...]
    reason: str
    objects: tuple[str, ...] = ()

    def covers(self, kind: str, operations: Iterable[str], objects: Sequence[str]) -> bool:
        """Tell whether a finding is meant; `operations` are names, without arguments."""
        return (
            self.kind == kind
            and (not self.operations or set(operations) <= set(self.operations))
            and (not self.objects or tuple(objects) == self.objects)
        )


@attrs.frozen
class Part:
    """
    A part of what a design stands for, such as one patch of a series, and what became of it.

    `where` names modules and operations; `left_out` what a reader of the part will not find.
    """

    number: int
    title: str
    modelled: str
    where: tuple[str, ...]
    left_out: str = ""


@attrs.frozen
class Variant:
    """
    Something that can be added to a design, which is then called `DESIGN+VARIANT`.

    `apply` returns the design changed; name, summary, variants and promises are not its business.
    `takes_back` has the promises that cannot be kept with it, each with the reason; those that the
    design does not make are passed over.
    """

    name: str
    summary: str
    apply: Callable[[Design], Design] = attrs.field(repr=False)
    takes_back: Mapping[str, str] = attrs.field(factory=dict, repr=False)


@attrs.frozen
class Design:
    """
    One implementation of a target manager.

    `boot` builds a fresh, deterministic system on an empty machine; it must not run a step.
    """

    name: str
    summary: str
    boot: Callable[[Sim], System] = attrs.field(repr=False)
    operations: Mapping[str, Operation] = attrs.field(repr=False)
    starts: tuple[StartingPoint, ...]
    #: Operations run alone after quiescence, whose results belong to the outcome.
    probes: tuple[str, ...]
    #: (lock, what it protects, what may be taken inside it)
    locks: tuple[tuple[str, str, str], ...] = ()
    sources: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    #: Its source part by part, in order, if it comes in parts.
    parts: tuple[Part, ...] = attrs.field(default=(), repr=False)
    accepted: tuple[AcceptedLoss, ...] = ()
    #: Names of the error numbers that operations return negated.
    errors: Mapping[int, str] = attrs.field(factory=dict, repr=False)
    #: What the environment may do by itself if asked to (`--choose`): "timers" if those that have
    #: a function are to fire, and whatever `boot` finds in `Sim.choices`.
    environment: tuple[str, ...] = ()
    #: Says in words what it means that (what, expected, found) of an outcome differ, or "".
    tell: Callable[[str, str, str], str] = attrs.field(default=lambda *_: "", repr=False)
    #: What its documentation promises; each name once.
    promises: tuple[Promise, ...] = attrs.field(default=(), repr=False)
    #: Further starting points, for the page of promises: what puts one to the test that nothing
    #: does from `starts`.
    promise_starts: tuple[StartingPoint, ...] = ()
    #: Promises that its variants have taken back: name and reason.
    taken_back: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    #: Reads off a system at rest, probes made, what promises look at beside results.
    evidence: Callable[[Any], Any] = attrs.field(default=lambda _: None, repr=False)
    #: What a booted system has come to, name to number, for `matrix --scenario`: asked where an
    #: execution ends.  It may depend only on the order of conflicting steps, and on places that
    #: `netsim.sync.tally` counts.
    tally: Callable[[Any], Mapping[str, int]] | None = attrs.field(default=None, repr=False)
    #: Tells a system, before flows run, which operations they will run: names with arguments.  It
    #: may only make footprints smaller by it, where what those do can make no difference.
    foresee: Callable[[Any, Sequence[tuple[str, ...]]], None] | None = attrs.field(
        default=None, repr=False
    )
    #: What can be added to it, by name: `NAME+VARIANT`.
    variants: tuple[Variant, ...] = ()
    #: How what it sends over a real network is caught, if it sends anything that can be.
    catching: Catching | None = None

    def varied(self, name: str) -> Design:
        """
        Return this design with one of its variants added, which can be added once.

        Raises UsageError if it has no such variant (any more).
        """
        variant = next((one for one in self.variants if one.name == name), None)
        if variant is None:
            near = difflib.get_close_matches(name, [one.name for one in self.variants], n=1)
            hint = f"; did you mean '+{near[0]}'?" if near else ""
            left = ", ".join(f"+{one.name}" for one in self.variants) or "nothing (more)"
            raise UsageError(
                f"'+{name[:60]}' cannot be added to design {self.name}{hint}\n  expected {left}"
            )
        changed = variant.apply(self)
        gone = {p.name: p for p in changed.promises if p.name in variant.takes_back}
        kinds = [promise.kind for promise in gone.values()]
        return attrs.evolve(
            changed,
            name=f"{self.name}+{name}",
            summary=f"{self.summary}; {variant.summary}",
            variants=tuple(one for one in self.variants if one is not variant),
            promises=tuple(p for p in changed.promises if p.name not in gone),
            taken_back={
                **self.taken_back,
                **{one: f"+{name}: {variant.takes_back[one]}" for one in gone},
            },
            accepted=tuple(loss for loss in changed.accepted if loss.kind not in kinds),
        )

    def accepts(self, kind: str, operations: Iterable[str], objects: Sequence[str] = ()) -> str:
        """Return why a finding of this kind, in these operations, is accepted, or ""."""
        names = [operation.split()[0] for operation in operations]
        return next((a.reason for a in self.accepted if a.covers(kind, names, objects)), "")

    def validate(self, call: Call) -> Operation:
        """
        Return the operation that `call` names.

        Raises UsageError if there is none, or if its arguments are not acceptable.
        """
        operation = self.operations.get(call.name)
        if operation is None:
            near = difflib.get_close_matches(call.name, self.operations, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise UsageError(
                f"design {self.name} has no operation '{call.name}'{hint}\n"
                f"  expected one of: {', '.join(sorted(self.operations))}"
            )
        required = sum(not p.optional for p in operation.parameters)
        if not required <= len(call.arguments) <= len(operation.parameters):
            raise UsageError(
                f"operation '{call.name}' takes {_arguments(operation)}, "
                f"found {len(call.arguments)}: '{call}'\n  expected: {operation.signature()}"
            )
        for parameter, text in zip(operation.parameters, call.arguments, strict=False):
            expected = parameter.check(text)
            if expected is not None:
                shown = text if len(text) <= 60 else text[:57] + "..."
                raise UsageError(
                    f"operation '{call.name}': {parameter.name} must be {expected}, found {shown!r}"
                )
        return operation


def _arguments(operation: Operation) -> str:
    least = sum(not p.optional for p in operation.parameters)
    most = len(operation.parameters)
    if least == most:
        return "no argument" if most == 0 else f"{most} argument{'s' * (most > 1)}"
    return f"{least} to {most} arguments"
