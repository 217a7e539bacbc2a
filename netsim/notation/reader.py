"""Scenarios from text: one pass, and a message for whatever it stumbles over."""

import difflib
import re
from collections.abc import Iterable
from typing import NoReturn

import attrs

from netsim.errors import NotationError, UsageError
from netsim.notation.scenario import (
    CONTEXTS,
    FLOWS_MAX,
    HALF_PAIR,
    NAME,
    NAME_RULE,
    OPERATIONS_MAX,
    TEXT_BYTES_MAX,
    WORD,
    Call,
    Context,
    Flow,
    Scenario,
    half_pair,
    in_quotes,
    quote,
    size_problem,
    strike_fault,
)

_NUMBER = re.compile(r"[0-9]+")
_BLANKS = re.compile(r"[ \t\n]*")
#: What a reader takes for one token where a name or word should stand, right or wrong.
_RUN = re.compile(r'[^ \t\n;|{}"]+')
#: What was probably meant as a context.
_CONTEXT_LIKE = re.compile(r"([A-Za-z][A-Za-z0-9_-]*):")
_PLAIN = re.compile(r'[^"\\]*')
_ESCAPE = re.compile(r'\\(?:["\\nt0]|x[0-9A-Fa-f]{2})')
_ESCAPED_BYTES = {'"': b'"', "\\": b"\\", "n": b"\n", "t": b"\t", "0": b"\0"}


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
        raise NotationError(f"a scenario is text, not {quote(text)}", "", 1, ["text"])
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
        if problem := size_problem(initial, tuple(flows)):
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
            self.fail(f"there is no flow {quote(match[0])}", [f"number from 1 to {FLOWS_MAX}"])
        self.at = match.end()
        self.end_token()
        return number

    def context(self) -> Context | None:
        match = _CONTEXT_LIKE.match(self.text, self.at)
        if not match:
            return None
        context = next((known for known in CONTEXTS if known == match[1]), None)
        if not context:
            self.fail(f"unknown context {quote(match[1])}", CONTEXTS, _nearest(match[1], CONTEXTS))
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
        if not match or not NAME.fullmatch(match[0]):
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
            self.fail(f"unknown operation {quote(name)}", self.names, hint, at=begin)
        if self.operations == OPERATIONS_MAX:
            problem = f"a scenario has at most {OPERATIONS_MAX} operations"
            self.fail(problem, ["end of scenario"], at=begin)
        self.operations += 1
        return name

    def argument(self) -> str:
        if self.peek() == '"':
            return self.string()
        match = WORD.match(self.text, self.at)
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
            if half := HALF_PAIR.search(plain[0]):
                self.fail(half_pair(half[0]), ["character"], at=self.at + half.start())
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
        fault = strike_fault(flows)
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
        return quote(self.text[begin:end])

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
        if self.names is None and NAME.fullmatch(repaired):
            return f"did you mean {quote(repaired)}?"
        return _nearest(repaired, self.names or ()) or NAME_RULE

    def string_hint(self, begin: int) -> str:
        """Return how the argument at `begin`, which is no word, is to be written."""
        run = _RUN.match(self.text, begin)
        argument = run[0] if run else ""
        if any(character.isspace() for character in argument):
            return _SPACE_HINT
        if argument[:1] == "'":
            return "strings stand in double quotes"
        shown = in_quotes(argument)
        return "write it as a string" + (f": {shown}" if len(shown) <= 40 else "")


_BRACE_HINT = "initial operations stand once, before the first flow"
_SPACE_HINT = "blanks are space, tab and newline"


def _nearest(word: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the word of `known` that is nearest to `word`, if one is near."""
    # A hostile word costs little: one that is much longer than a name is not compared with it.
    near = difflib.get_close_matches(word.lower(), list(known), n=1)
    return f"did you mean {quote(near[0])}?" if near else None
