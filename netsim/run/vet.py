"""Whether a design makes sense: what would only show in the middle of a search is told at once."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from netsim.caught import Catching
from netsim.core.raised import kind, place
from netsim.core.thread import Context
from netsim.design import Design, Operation, Parameter, Part, StartingPoint, Variant
from netsim.errors import NetsimError, NotationError, UsageError
from netsim.notation import Call, parse
from netsim.promise import Mode, Promise
from netsim.trace.schedule import NAME

_OPERATION = re.compile(r"[a-z][a-z0-9-]*", re.ASCII)


def vet(design: Design) -> None:
    """Raise UsageError, with file and line where there is one, for a design that is nonsense."""
    if not NAME.fullmatch(str(design.name)):
        raise UsageError(
            f"a design cannot be called {design.name!r}: expected letters, digits and _ . : @ / + -"
        )
    of = f"design {design.name}"
    _takes(design.boot, 1, f"{of}: boot", "(sim)")
    for field in ("starts", "promise_starts", "probes", "promises", "variants", "parts"):
        _several(getattr(design, field), f"{of}: {field}")
    operations: Any = design.operations
    if not isinstance(operations, Mapping) or not operations:
        raise UsageError(f"{of} has no operations; expected a mapping of names to netsim.Operation")
    for name, operation in operations.items():
        _vet_operation(of, name, operation)
    for operation in design.operations.values():
        _vet_samples(design, operation)
    _vet_promises(design)
    for start in (*design.starts, *design.promise_starts):
        _vet_start(design, start)
    names = [start.name for start in (*design.starts, *design.promise_starts)]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{of}: two starts are called {name!r}; expected a name for each")
    catching: Any = design.catching
    if catching is not None and not isinstance(catching, Catching):
        raise UsageError(f"{of}: catching is {kind(catching)}; expected Catching or None")
    if design.foresee is not None:
        _takes(design.foresee, 2, f"{of}: foresee", "(system, operations)")
    if design.tally is not None:
        _takes(design.tally, 1, f"{of}: tally", "(system)")
    variants: tuple[Any, ...] = design.variants
    for variant in variants:
        if not isinstance(variant, Variant) or not _OPERATION.fullmatch(variant.name):
            raise UsageError(
                f"{of}: a variant is {variant!r}; expected netsim.Variant with a name of "
                "small letters, digits and -"
            )
    parts: tuple[Any, ...] = design.parts
    if not all(isinstance(part, Part) for part in parts):
        raise UsageError(f"{of}: expected netsim.Part for each part, found {parts!r}")
    if not design.starts:
        raise UsageError(f'{of} has no starts; expected at least netsim.StartingPoint("off", "")')
    for probe in design.probes:
        try:
            design.validate(Call(probe, ()))
        except NetsimError as error:
            raise UsageError(f"{of}: probe {probe!r} cannot run: {error}") from None


def _vet_operation(of: str, name: Any, operation: Any) -> None:
    if not isinstance(operation, Operation):
        raise UsageError(
            f"{of}: operation {name!r} is {kind(operation)}; expected netsim.Operation"
        )
    if name != operation.name or not _OPERATION.fullmatch(operation.name):
        raise UsageError(
            f"{of}: operation {operation.name!r} stands under the name {name!r}; expected the "
            "same name twice, a letter first, then small letters, digits and -"
        )
    what = f"{of}: operation '{name}'"
    for field in ("parameters", "contexts", "samples", "alone"):
        _several(getattr(operation, field), f"{what}: {field}")
    parameters: tuple[Any, ...] = operation.parameters
    if not all(isinstance(parameter, Parameter) for parameter in parameters):
        raise UsageError(f"{what}: expected netsim.Parameter for each parameter")
    contexts: tuple[Any, ...] = operation.contexts
    if not contexts or not all(isinstance(context, Context) for context in contexts):
        raise UsageError(f"{what}: expected at least one Context in contexts, found {contexts!r}")
    run = operation.run
    if inspect.isfunction(run) and not inspect.iscoroutinefunction(run):
        # What a lambda returns, or a function that says what it returns, is seen when it is called.
        if run.__name__ != "<lambda>" and run.__annotations__.get("return") in (None, "None"):
            raise UsageError(f"{what}: {_described(run)} is not an `async def` function")
    names = ["system", *(parameter.name for parameter in operation.parameters)]
    required = 1 + sum(not parameter.optional for parameter in operation.parameters)
    for count in range(required, len(names) + 1):
        _takes(run, count, f"{what}: run", f"({', '.join(names[:count])})")


def _several(value: Any, what: str) -> None:
    if not isinstance(value, (tuple, list)):
        raise UsageError(
            f"{what} is {kind(value)}; expected a tuple (one of one ends in a comma: (x,))"
        )


def _takes(function: Callable[..., Any], count: int, what: str, expected: str) -> None:
    if not callable(function):
        raise UsageError(f"{what} is {kind(function)}; expected a function")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # one that is not written in Python
        return
    try:
        signature.bind(*range(count))
    except TypeError:
        raise UsageError(
            f"{what} is called with {expected}; found {_described(function)}, "
            f"which takes {signature}"
        ) from None


def _vet_samples(design: Design, operation: Operation) -> None:
    for sample in (*operation.samples, *operation.alone):
        try:
            if not isinstance(sample, tuple):
                raise UsageError(f"expected a tuple of arguments, found {sample!r}")
            design.validate(Call(operation.name, sample))
        except NetsimError as error:
            raise UsageError(
                f"design {design.name}: a sample of operation '{operation.name}': {error}"
            ) from None


def _vet_promises(design: Design) -> None:
    of = f"design {design.name}"
    promises: tuple[Any, ...] = design.promises
    seen: dict[str, None] = {}
    for promise in promises:
        if not isinstance(promise, Promise):
            raise UsageError(f"{of}: a promise is {kind(promise)}; expected netsim.Promise")
        if not _OPERATION.fullmatch(str(promise.name)) or promise.name in seen:
            raise UsageError(
                f"{of}: promise {promise.name!r}: expected a name of its own, a letter first, then "
                "small letters, digits and -"
            )
        seen[promise.name] = None
        if promise.mode not in get_args(Mode):
            raise UsageError(
                f"{of}: promise {promise.name}: mode must be one of {', '.join(get_args(Mode))}, "
                f"found {promise.mode!r}"
            )
        if not (promise.sentence and promise.source):
            raise UsageError(
                f"{of}: promise {promise.name} cites nothing; expected its sentence, and where "
                "that stands"
            )
        _takes(promise.check, 1, f"{of}: promise {promise.name}: check", "(shown)")
    if promises:
        _takes(design.evidence, 1, f"{of}: evidence", "(system)")


def _vet_start(design: Design, start: Any) -> None:
    if not isinstance(start, StartingPoint):
        raise UsageError(
            f"design {design.name}: a start is {kind(start)}; expected netsim.StartingPoint"
        )
    try:
        if start.initial:
            first = next(iter(design.operations))
            for call in parse(f"{{ {start.initial} }} {first}", design.operations).initial:
                design.validate(call)
    except NetsimError as error:
        text = str(error)
        if isinstance(error, NotationError):  # without its caret: a start is short
            expected = f"expected one of {', '.join(error.expected)}" if error.expected else ""
            text = "; ".join(filter(None, (error.problem, error.hint, expected)))
        raise UsageError(f"design {design.name}: start '{start.name}': {text}") from None


def _described(function: Any) -> str:
    name = getattr(function, "__name__", None) or type(function).__name__
    code = getattr(function, "__code__", None)
    return f"{name}() at {place(code)}" if code is not None else f"{name}()"
