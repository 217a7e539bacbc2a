"""Scenarios as values: what their parts may be, and how each is written."""

import re
from collections.abc import Iterable
from typing import Final, Literal, TypeVar, get_args

import attrs

from netsim.errors import UsageError, escape

#: The contexts that simulated code runs in, from the most to the least permissive.
Context = Literal["process", "softirq", "hardirq", "nmi"]
CONTEXTS: Final[tuple[Context, ...]] = get_args(Context)

#: The largest scenario, as UTF-8 text: both what is parsed and its canonical form.
TEXT_BYTES_MAX: Final = 65_536
#: The most flows in a scenario.
FLOWS_MAX: Final = 8
#: The most operations in a scenario, the initial ones included.
OPERATIONS_MAX: Final = 64

NAME_RULE = "a name is a lower-case letter, then lower-case letters, digits and '-'"
NAME = re.compile(r"[a-z][a-z0-9-]*")
WORD = re.compile(r"(?![!#])[!#-&(-:<-\[\]-z~]+")
#: The surrogates that stand for no byte.
HALF_PAIR = re.compile("[\\ud800-\\udc7f\\udd00-\\udfff]")

_Item = TypeVar("_Item")


def _items(values: object, kind: type[_Item], what: str) -> tuple[_Item, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise UsageError(f"{what}: a tuple is needed, not {quote(values)}")
    items = tuple(values)
    for item in items:
        if not isinstance(item, kind):
            raise UsageError(f"{what}: {quote(item)} is not a {kind.__name__}")
    return items


def _arguments(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(_normal, _items(values, str, "arguments")))


def _calls(values: Iterable["Call"]) -> tuple["Call", ...]:
    return _items(values, Call, "operations")


def _flows(values: Iterable["Flow"]) -> tuple["Flow", ...]:
    return _items(values, Flow, "flows")


def _normal(argument: str) -> str:
    """
    Return the one text that denotes the bytes of `argument`.

    Bytes that are not UTF-8 stand in a text as surrogates (PEP 383), and only those: surrogates
    that together are the bytes of a character are that character.
    """
    if argument.isascii():
        return argument
    if half := HALF_PAIR.search(argument):
        raise UsageError(f"argument {quote(argument)}: {half_pair(half[0])}")
    return argument.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def half_pair(surrogate: str) -> str:
    """Say what a surrogate is that stands for no byte."""
    return f"U+{ord(surrogate):04X} is half a surrogate pair, not a character"


@attrs.frozen
class Call:
    r"""
    One operation with its arguments, as it is called.

    An argument denotes a sequence of bytes: its UTF-8 encoding, where a surrogate U+DC80 to U+DCFF
    stands for one byte that is not UTF-8 (PEP 383).

    Raises UsageError if `name` is none, or an argument no text.

    >>> print(Call("write", ("10.0.0.1\n", "")))
    write "10.0.0.1\n" ""
    """

    #: The name of the operation: a lower-case letter, then lower-case letters, digits and '-'.
    name: str = attrs.field()
    #: What it is called with, in order.
    arguments: tuple[str, ...] = attrs.field(default=(), converter=_arguments)

    @name.validator
    def _name_is_one(self, _: object, name: object) -> None:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise UsageError(f"operation {quote(name)}: {NAME_RULE}")

    def __str__(self) -> str:
        return " ".join([self.name, *map(_written, self.arguments)])


@attrs.frozen
class Flow:
    """
    One sequence of operations, run by one thread in one context.

    Raises UsageError if there is no operation, or `strike` or `context` has no meaning.

    >>> print(Flow([Call("oops")], strike=2, context="nmi"))
    !2 nmi: oops
    """

    #: What it does, in order; at least one.
    calls: tuple[Call, ...] = attrs.field(converter=_calls)
    #: None if it runs on a CPU of its own; else whom it strikes: flow n, or (0) any other.
    strike: int | None = attrs.field(default=None)
    #: The context it runs in; None is the first one that its operation declares.
    context: Context | None = attrs.field(default=None)

    @calls.validator
    def _has_calls(self, _: object, calls: tuple[Call, ...]) -> None:
        if not calls:
            raise UsageError("a flow needs at least one operation")

    @strike.validator
    def _strike_is_flow(self, _: object, strike: object) -> None:
        if strike is not None and (
            not isinstance(strike, int) or isinstance(strike, bool) or not 0 <= strike <= FLOWS_MAX
        ):
            raise UsageError(
                f"strike {quote(strike)}: it is None, 0 (any other flow), or the number of a flow"
                f" from 1 to {FLOWS_MAX}"
            )

    @context.validator
    def _context_is_known(self, _: object, context: object) -> None:
        if context is not None and context not in CONTEXTS:
            raise UsageError(f"context {quote(context)}: it is one of {', '.join(CONTEXTS)}")

    def __str__(self) -> str:
        strike = "" if self.strike is None else f"!{self.strike} " if self.strike else "!"
        context = f"{self.context}: " if self.context else ""
        return strike + context + "; ".join(map(str, self.calls))


@attrs.frozen
class Scenario:
    """
    What is to run: initial operations, alone, then flows, together.

    Raises UsageError if there is no flow, a limit is passed, or a strike has nobody to strike.

    >>> off, oops = Flow([Call("off")]), Flow([Call("oops")], strike=1)
    >>> print(Scenario([Call("set", ["10.0.0.1"])], [off, oops]))
    { set 10.0.0.1 } off || !1 oops
    """

    #: What runs first, alone, until nothing more happens.
    initial: tuple[Call, ...] = attrs.field(converter=_calls)
    #: What runs then; flow n is `flows[n - 1]`, at least one.
    flows: tuple[Flow, ...] = attrs.field(converter=_flows)

    def __attrs_post_init__(self) -> None:
        operations = len(self.initial) + sum(len(flow.calls) for flow in self.flows)
        if not self.flows:
            raise UsageError("a scenario needs at least one flow")
        if len(self.flows) > FLOWS_MAX:
            raise UsageError(_at_most("flows", FLOWS_MAX, len(self.flows)))
        if operations > OPERATIONS_MAX:
            raise UsageError(_at_most("operations", OPERATIONS_MAX, operations))
        if fault := strike_fault(self.flows):
            raise UsageError(f"flow {fault.flow}: {fault.problem}")
        if problem := size_problem(self.initial, self.flows):
            raise UsageError(problem)

    def __str__(self) -> str:
        return _canonical(self.initial, self.flows)


@attrs.frozen
class StrikeFault:
    """A strike that has nobody to strike."""

    flow: int
    problem: str
    #: The flows it could strike instead.
    others: tuple[int, ...]


def strike_fault(flows: tuple[Flow, ...]) -> StrikeFault | None:
    """Return the first strike that has nobody to strike, or None."""
    strikes = [number for number, flow in enumerate(flows, 1) if flow.strike is not None]
    if len(strikes) == len(flows):
        problem = "a strike needs another flow that is none"
        return StrikeFault(1, problem, ())
    for number in strikes:
        struck = flows[number - 1].strike
        others = tuple(other for other in range(1, len(flows) + 1) if other != number)
        if struck == number:
            return StrikeFault(number, f"flow {number} cannot strike itself", others)
        if struck is not None and struck > len(flows):
            return StrikeFault(number, f"there is no flow {struck} to strike", others)
    return None


def size_problem(initial: tuple[Call, ...], flows: tuple[Flow, ...]) -> str | None:
    """Say that the canonical text is too long, or return None."""
    # The canonical text may be longer than the parsed one (escapes), and must be parsable.
    size = len(_canonical(initial, flows).encode())
    if size > TEXT_BYTES_MAX:
        return f"the canonical text has {size} bytes, and {TEXT_BYTES_MAX} are the limit"
    return None


def _at_most(what: str, limit: int, found: int) -> str:
    return f"a scenario has at most {limit} {what}, not {found}"


def _canonical(initial: tuple[Call, ...], flows: tuple[Flow, ...]) -> str:
    start = f"{{ {'; '.join(map(str, initial))} }} " if initial else ""
    return start + " || ".join(map(str, flows))


def _written(argument: str) -> str:
    return argument if WORD.fullmatch(argument) else in_quotes(argument)


def in_quotes(argument: str) -> str:
    """Write an argument as a string, whether or not a word would do."""
    return '"' + escape(argument.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def quote(value: object) -> str:
    """Return anything as it may stand in a message: on one line, printable, short."""
    if isinstance(value, int) and abs(value) < 1000:
        return repr(value)
    if not isinstance(value, str):
        return type(value).__name__
    shown = ""
    for character in map(escape, value):
        if len(shown + character) > 24:
            shown += "..."
            break
        shown += character
    return f'"{shown}"' if "'" in shown else f"'{shown}'"
