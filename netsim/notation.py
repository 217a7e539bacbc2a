r"""
Scenarios as text, and back: what is to run, without saying on which design.

    scenario  = [ "{" [ sequence ] "}" ] flow { "||" flow }
    flow      = [ "!" [ number ] ] [ context ":" ] sequence
    context   = "process" | "softirq" | "hardirq" | "nmi"
    sequence  = operation { ";" operation }
    operation = name { argument }                    name: [a-z][a-z0-9-]*
    argument  = word | string
    word      = printable ASCII without space " ' \ ; | { }          first character not ! or #
    string    = '"' { character | \" | \\ | \n | \t | \0 | \xHH } '"'   UTF-8; \xHH is one byte

What stands in `{ }` runs first, alone.  Flows are numbered from 1.  A flow with `!` strikes any
other flow on that flow's CPU, with `!2` flow 2 only.

What the grammar leaves open: whitespace is space, tab and newline; it may stand between any two
tokens, and must between two names, words, numbers or strings.  A context and its ':' are written
together, so that an operation may be called `nmi`.

Limits: 64 kB of text, 8 flows, 64 operations.  A strike needs another flow that is none.

`str()` of a value is its canonical text: one space between tokens, `; ` after an operation, no
empty `{ }`, quotes only where a word will not do, escapes only for what cannot be seen.  For every
scenario `parse(str(scenario)) == scenario`.

This module knows no design: whether an operation exists, and takes these arguments, is decided by
who knows its names (which `parse` can be given, for a better message).
"""

import difflib
import re
from collections.abc import Iterable
from typing import Final, Literal, NoReturn, TypeVar, get_args

import attrs

from netsim.errors import NotationError, UsageError, escape

#: The contexts that simulated code runs in, from the most to the least permissive.
Context = Literal["process", "softirq", "hardirq", "nmi"]
CONTEXTS: Final[tuple[Context, ...]] = get_args(Context)

#: The largest scenario, as UTF-8 text: both what is parsed and its canonical form.
TEXT_BYTES_MAX: Final = 65_536
#: The most flows in a scenario.
FLOWS_MAX: Final = 8
#: The most operations in a scenario, the initial ones included.
OPERATIONS_MAX: Final = 64

_NAME_RULE = "a name is a lower-case letter, then lower-case letters, digits and '-'"
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_WORD = re.compile(r"(?![!#])[!#-&(-:<-\[\]-z~]+")
_NUMBER = re.compile(r"[0-9]+")
_BLANKS = re.compile(r"[ \t\n]*")
#: What a reader takes for one token where a name or word should stand, right or wrong.
_RUN = re.compile(r'[^ \t\n;|{}"]+')
#: What was probably meant as a context.
_CONTEXT_LIKE = re.compile(r"([A-Za-z][A-Za-z0-9_-]*):")
_PLAIN = re.compile(r'[^"\\]*')
_ESCAPE = re.compile(r'\\(?:["\\nt0]|x[0-9A-Fa-f]{2})')
#: The surrogates that stand for no byte.
_HALF_PAIR = re.compile("[\\ud800-\\udc7f\\udd00-\\udfff]")
_ESCAPED_BYTES = {'"': b'"', "\\": b"\\", "n": b"\n", "t": b"\t", "0": b"\0"}

_Item = TypeVar("_Item")


# ---- values


def _items(values: object, kind: type[_Item], what: str) -> tuple[_Item, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise UsageError(f"{what}: a tuple is needed, not {_quote(values)}")
    items = tuple(values)
    for item in items:
        if not isinstance(item, kind):
            raise UsageError(f"{what}: {_quote(item)} is not a {kind.__name__}")
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
    if half := _HALF_PAIR.search(argument):
        raise UsageError(f"argument {_quote(argument)}: {_half_pair(half[0])}")
    return argument.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def _half_pair(surrogate: str) -> str:
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
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UsageError(f"operation {_quote(name)}: {_NAME_RULE}")

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
                f"strike {_quote(strike)}: it is None, 0 (any other flow), or the number of a flow"
                f" from 1 to {FLOWS_MAX}"
            )

    @context.validator
    def _context_is_known(self, _: object, context: object) -> None:
        if context is not None and context not in CONTEXTS:
            raise UsageError(f"context {_quote(context)}: it is one of {', '.join(CONTEXTS)}")

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
        if fault := _strike_fault(self.flows):
            raise UsageError(f"flow {fault.flow}: {fault.problem}")
        if problem := _size_problem(self.initial, self.flows):
            raise UsageError(problem)

    def __str__(self) -> str:
        return _canonical(self.initial, self.flows)


@attrs.frozen
class _StrikeFault:
    """A strike that has nobody to strike."""

    flow: int
    problem: str
    #: The flows it could strike instead.
    others: tuple[int, ...]


def _strike_fault(flows: tuple[Flow, ...]) -> _StrikeFault | None:
    strikes = [number for number, flow in enumerate(flows, 1) if flow.strike is not None]
    if len(strikes) == len(flows):
        problem = "a strike needs another flow that is none"
        return _StrikeFault(1, problem, ())
    for number in strikes:
        struck = flows[number - 1].strike
        others = tuple(other for other in range(1, len(flows) + 1) if other != number)
        if struck == number:
            return _StrikeFault(number, f"flow {number} cannot strike itself", others)
        if struck is not None and struck > len(flows):
            return _StrikeFault(number, f"there is no flow {struck} to strike", others)
    return None


def _size_problem(initial: tuple[Call, ...], flows: tuple[Flow, ...]) -> str | None:
    # The canonical text may be longer than the parsed one (escapes), and must be parsable.
    size = len(_canonical(initial, flows).encode())
    if size > TEXT_BYTES_MAX:
        return f"the canonical text has {size} bytes, and {TEXT_BYTES_MAX} are the limit"
    return None


def _at_most(what: str, limit: int, found: int) -> str:
    return f"a scenario has at most {limit} {what}, not {found}"


# ---- writing


def _canonical(initial: tuple[Call, ...], flows: tuple[Flow, ...]) -> str:
    start = f"{{ {'; '.join(map(str, initial))} }} " if initial else ""
    return start + " || ".join(map(str, flows))


def _written(argument: str) -> str:
    return argument if _WORD.fullmatch(argument) else _string(argument)


def _string(argument: str) -> str:
    return '"' + escape(argument.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def _quote(value: object) -> str:
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


# ---- reading


def parse(text: str, names: Iterable[str] | None = None) -> Scenario:
    """
    Return the scenario that `text` denotes.

    With `names`, the operations of a design, only these are known, and the message about another
    one names the nearest.

    Raises NotationError, and nothing else, whatever `text` is: if it is no text, too large, or
    breaks a rule of the notation, at the first place where it does.

    >>> parse("{ set 10.0.0.1 } off || softirq:carrier-on eth0").flows[1]
    Flow(calls=(Call(name='carrier-on', arguments=('eth0',)),), strike=None, context='softirq')
    """
    if isinstance(names, str):
        raise UsageError("names: a collection of names is needed, not one text")
    if not isinstance(text, str):
        raise NotationError(f"a scenario is text, not {_quote(text)}", "", 1, ["text"])
    # Whoever passes the limit by far is not encoded whole just to be counted.
    encoded = text[: TEXT_BYTES_MAX + 1].encode("utf-8", "surrogatepass")
    if len(encoded) > TEXT_BYTES_MAX:
        fits = len(encoded[:TEXT_BYTES_MAX].decode("utf-8", "ignore"))
        problem = f"a scenario has at most {TEXT_BYTES_MAX} bytes of text"
        raise NotationError(problem, text, fits + 1, ["end of scenario"])
    return _Reader(text, None if names is None else tuple(sorted(set(names)))).scenario()


@attrs.define
class _Reader:
    """
    A text, and how far it has been read: one pass, left to right, without going back.

    Methods named after a rule of the grammar read it, from its first character on, and leave `at`
    behind its last one; they do not skip blanks around it.
    """

    text: str
    #: The known operations, sorted; None if any name will do.
    names: tuple[str, ...] | None
    #: The index of the next character.
    at: int = 0
    #: The operations read so far.
    operations: int = 0

    # -- the grammar

    def scenario(self) -> Scenario:
        initial: tuple[Call, ...] = ()
        self.skip_blanks()
        if self.take("{"):
            initial = self.initial()
        flows: list[Flow] = []
        strikes: list[int] = []  # where each flow would name whom it strikes
        while True:
            self.skip_blanks()
            strikes.append(self.at)
            flows.append(self.flow())
            if self.at >= len(self.text):
                break
            if not self.text.startswith("||", self.at):
                self.fail_after_operation("'||'", "end of scenario")
            if len(flows) == FLOWS_MAX:
                self.fail(f"a scenario has at most {FLOWS_MAX} flows", ["end of scenario"])
            self.at += 2
        self.check_strikes(tuple(flows), strikes)
        if problem := _size_problem(initial, tuple(flows)):
            self.fail(problem, at=0)
        return Scenario(initial, tuple(flows))

    def initial(self) -> tuple[Call, ...]:
        self.skip_blanks()
        if self.take("}"):
            return ()
        if self.peek() in ("", ";", "|"):
            self.fail_expecting("operation name", "'}'")
        calls = self.sequence()
        if not self.take("}"):
            self.fail_after_operation("'}'")
        return calls

    def flow(self) -> Flow:
        strike = None
        if self.take("!"):
            self.skip_blanks()
            strike = self.number()
            self.skip_blanks()
        context = self.context()
        self.skip_blanks()
        return Flow(self.sequence(), strike, context)

    def number(self) -> int:
        """Return the flow that is named here; 0 if none is."""
        match = _NUMBER.match(self.text, self.at)
        if not match:
            return 0
        # More digits than a flow has are no reason to compute with them.
        number = int(match.group().lstrip("0")[: len(str(FLOWS_MAX)) + 1] or 0)
        if not 1 <= number <= FLOWS_MAX:
            self.fail(f"there is no flow {_quote(match[0])}", [f"number from 1 to {FLOWS_MAX}"])
        self.at = match.end()
        self.end_token()
        return number

    def context(self) -> Context | None:
        match = _CONTEXT_LIKE.match(self.text, self.at)
        if not match:
            return None
        context = next((known for known in CONTEXTS if known == match[1]), None)
        if not context:
            self.fail(f"unknown context {_quote(match[1])}", CONTEXTS, _nearest(match[1], CONTEXTS))
        self.at = match.end()
        return context

    def sequence(self) -> tuple[Call, ...]:
        """Read operations, and the blanks behind the last one."""
        calls = [self.operation()]
        while self.take(";"):
            self.skip_blanks()
            calls.append(self.operation())
        return tuple(calls)

    def operation(self) -> Call:
        """Read an operation, and the blanks behind it."""
        name = self.name()
        arguments = []
        while self.peek() not in ("", ";", "|", "{", "}"):
            arguments.append(self.argument())
            self.skip_blanks()
        return Call(name, tuple(arguments))

    def name(self) -> str:
        """Read a name, and the blanks behind it."""
        match = _RUN.match(self.text, self.at)
        if not match or not _NAME.fullmatch(match[0]):
            self.fail_expecting("operation name", hint=self.name_hint(match))
        name = match[0]
        begin = self.at
        self.at = match.end()
        self.end_token()
        self.skip_blanks()
        if self.names is not None and name not in self.names:
            hint = _nearest(name, self.names)
            if name in CONTEXTS and self.peek() == ":":
                hint = f"a context and its ':' are written together: {name}:"
            self.fail(f"unknown operation {_quote(name)}", self.names, hint, at=begin)
        if self.operations == OPERATIONS_MAX:
            problem = f"a scenario has at most {OPERATIONS_MAX} operations"
            self.fail(problem, ["end of scenario"], at=begin)
        self.operations += 1
        return name

    def argument(self) -> str:
        if self.peek() == '"':
            return self.string()
        match = _WORD.match(self.text, self.at)
        if not match:
            self.fail(
                f"an argument cannot begin with {self.found(self.at, self.at + 1)}",
                ["word", "string"],
                self.string_hint(self.at),
            )
        begin, self.at = self.at, match.end()
        if self.peek() == '"':
            self.end_token()
        elif _RUN.match(self.text, self.at):
            self.fail(
                f"{self.found(self.at, self.at + 1)} cannot stand in a word",
                ["word", "string"],
                self.string_hint(begin),
            )
        return match[0]

    def string(self) -> str:
        opening = self.at
        self.at += 1
        value = bytearray()
        while True:
            plain = _PLAIN.match(self.text, self.at)
            assert plain  # it matches the empty text, too
            if half := _HALF_PAIR.search(plain[0]):
                self.fail(_half_pair(half[0]), ["character"], at=self.at + half.start())
            value += plain[0].encode("utf-8", "surrogateescape")
            self.at = plain.end()
            if self.take('"'):
                self.end_token()
                return value.decode("utf-8", "surrogateescape")
            if self.at >= len(self.text):
                self.fail("the string that begins here does not end", ["'\"'"], at=opening)
            value += self.escaped_byte()

    def escaped_byte(self) -> bytes:
        match = _ESCAPE.match(self.text, self.at)
        if not match:
            length = 4 if self.text.startswith("\\x", self.at) else 2
            self.fail(
                f"unknown escape {self.found(self.at, self.at + length)}",
                ['\\"', "\\\\", "\\n", "\\t", "\\0", "\\xHH"],
            )
        self.at = match.end()
        kind = match[0][1]
        return bytes.fromhex(match[0][2:]) if kind == "x" else _ESCAPED_BYTES[kind]

    def check_strikes(self, flows: tuple[Flow, ...], begins: list[int]) -> None:
        fault = _strike_fault(flows)
        if not fault:
            return
        at = begins[fault.flow - 1]
        if fault.others:  # then it is the number that is wrong
            number = _NUMBER.search(self.text, at)
            at = number.start() if number else at
        self.fail(fault.problem, [str(other) for other in fault.others], at=at)

    # -- tokens

    def peek(self) -> str:
        """Return the next character; "" at the end."""
        return self.text[self.at : self.at + 1]

    def take(self, character: str) -> bool:
        """Read `character`, if it is the next one, and say so."""
        if self.peek() != character:
            return False
        self.at += 1
        return True

    def skip_blanks(self) -> None:
        blanks = _BLANKS.match(self.text, self.at)
        assert blanks  # it matches the empty text, too
        self.at = blanks.end()

    def end_token(self) -> None:
        """Fail if a name, word, number or string runs into the next one."""
        if self.peek() == '"' or _RUN.match(self.text, self.at):
            self.fail_expecting("space")

    # -- failing

    def fail(
        self,
        problem: str,
        expected: Iterable[str] = (),
        hint: str | None = None,
        *,
        at: int | None = None,
    ) -> NoReturn:
        """Refuse the text for `problem`, at the next character unless `at` says where."""
        at = self.at if at is None else at
        if at >= len(self.text):  # behind the last token is easier to see than behind blanks
            at = len(self.text.rstrip(" \t\n"))
        raise NotationError(problem, self.text, at + 1, expected, hint)

    def fail_expecting(self, *expected: str, hint: str | None = None) -> NoReturn:
        article = "an" if expected[0][0] in "aeio" else "a"
        problem = f"expected {article} {' or '.join(expected)}, found {self.found(self.at)}"
        self.fail(problem, expected, hint)

    def fail_after_operation(self, *expected: str) -> NoReturn:
        hint = None
        if self.peek() == "|" and "'||'" in expected:
            hint = "did you mean '||'?"
        elif self.peek() == "{":
            hint = _BRACE_HINT
        found = self.found(self.at) if self.peek() else "end"
        self.fail(f"unexpected {found}", ["argument", "';'", *expected], hint)

    def found(self, begin: int, end: int | None = None) -> str:
        """Return what stands from `begin` to `end`, or the token there, as a message quotes it."""
        if begin >= len(self.text):
            return "the end"
        if end is None:
            run = _RUN.match(self.text, begin)
            symbol = 2 if self.text.startswith("||", begin) else 1
            end = run.end() if run else begin + symbol
        return _quote(self.text[begin:end])

    def name_hint(self, run: re.Match[str] | None) -> str | None:
        """Return what the writer of `run`, which is no name, may have meant."""
        if not run:
            return _BRACE_HINT if self.peek() == "{" else None
        text = run[0]
        if text[0] == "!":
            return "'!' stands at the beginning of a flow, before its context"
        if _CONTEXT_LIKE.match(text):
            return "a context stands at the beginning of a flow, once"
        if any(character.isspace() for character in text):
            return _SPACE_HINT
        repaired = text.lower().replace("_", "-")
        if self.names is None and _NAME.fullmatch(repaired):
            return f"did you mean {_quote(repaired)}?"
        return _nearest(repaired, self.names or ()) or _NAME_RULE

    def string_hint(self, begin: int) -> str:
        """Return how the argument at `begin`, which is no word, is to be written."""
        run = _RUN.match(self.text, begin)
        argument = run[0] if run else ""
        if any(character.isspace() for character in argument):
            return _SPACE_HINT
        if argument[:1] == "'":
            return "strings stand in double quotes"
        shown = _string(argument)
        return "write it as a string" + (f": {shown}" if len(shown) <= 40 else "")


_BRACE_HINT = "initial operations stand once, before the first flow"
_SPACE_HINT = "blanks are space, tab and newline"


def _nearest(word: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the word of `known` that is nearest to `word`, if one is near."""
    # A hostile word costs little: one that is much longer than a name is not compared with it.
    near = difflib.get_close_matches(word.lower(), list(known), n=1)
    return f"did you mean {_quote(near[0])}?" if near else None
