"""
The faults: what netsim raises when it was used wrongly, or broke.

Findings are values, faults are exceptions: what is wrong in a *design* is a finding, reported in a
result and never raised; what is wrong in a *request*, in a file or in netsim itself is one of
these.  Every one of them knows the exit code with which the command line ends.

    NetsimError(Exception)           somebody used the tool wrongly, or it broke
      UsageError            2        a bad argument or bound, an unknown design or operation
        NotationError       2        the text of a scenario is wrong
        FileError           2        a file that cannot be read, or is no netsim file
      TraceVersionError     125      a netsim file of a version that this build does not know
      ReplayDiverged        125      the same schedule, but another enabled set or operation
      InternalError         125      a bug of netsim
    CounterexampleFound(AssertionError)     raised by Result.assert_holds() only

125 is what `git bisect run` takes for "cannot judge this commit".

Messages may quote hostile input, so whatever they quote goes through `escape()`.
"""

import re
import textwrap
import unicodedata
from collections.abc import Iterable
from typing import Any, ClassVar

#: No line of a message is longer than this, in columns of a terminal.
LINE_COLUMNS = 100

# The characters that a reader cannot see or that move the cursor: control, format and private-use
# characters, surrogates, and every space but ' '.  Written down instead of asking
# str.isprintable(), whose answer depends on the Unicode tables of the running Python: the canonical
# text of a scenario must not.
_UNPRINTABLE = re.compile(
    "[\\x00-\\x1f\\x7f-\\xa0\\xad"
    "\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u1680\\u180e"
    "\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u2064\\u2066-\\u206f\\u3000"
    "\\ud800-\\uf8ff\\ufeff\\ufff9-\\ufffb"
    "\\U000110bd\\U000110cd\\U00013430-\\U0001343f\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a"
    "\\U000e0001\\U000e0020-\\U000e007f\\U000f0000-\\U0010ffff]"
)
_SHORT_ESCAPES = {"\n": "\\n", "\t": "\\t", "\0": "\\0"}


def escape(text: str) -> str:
    r"""
    Return `text` with each unprintable character as \n, \t, \0, or its UTF-8 bytes as \xHH.

    A byte that stands in `text` as a surrogate (PEP 383) becomes that one byte.  The answer can be
    printed on any UTF-8 stream, and is the same on every Python.

    >>> escape("a\x1b[2J\u202eb\udcff é")
    'a\\x1b[2J\\xe2\\x80\\xaeb\\xff é'
    """
    return _UNPRINTABLE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    is_byte = "\udc80" <= character <= "\udcff"
    encoded = character.encode("utf-8", "surrogateescape" if is_byte else "surrogatepass")
    return "".join(f"\\x{byte:02x}" for byte in encoded)


class NetsimError(Exception):
    """The root of all faults: you get one of its subclasses, and may catch them all as this."""

    #: The exit code of the command line when this ends it.
    exit_code: ClassVar[int] = 125


class UsageError(NetsimError):
    """
    You asked for something that makes no sense, and another request would work.

    A bad argument or bound, an unknown design or operation, a value that breaks its own rules;
    raised where the argument enters, before anything ran.
    """

    exit_code: ClassVar[int] = 2


class NotationError(UsageError):
    """
    The text of a scenario is wrong, and this is where.

    `str()` is a message of several lines: the problem, the line with a caret under the column, the
    words expected there, and a hint such as the nearest known name.
    """

    def __init__(
        self,
        problem: str,
        text: str,
        column: int,
        expected: Iterable[str] = (),
        hint: str | None = None,
    ) -> None:
        #: What is wrong, in one line.
        self.problem = problem
        #: The whole text of the scenario.
        self.text = text
        #: Where it is wrong: the character of `text`, counted from 1 (over all lines).
        self.column = column
        #: What could stand there instead.
        self.expected = tuple(expected)
        #: What the writer probably meant.
        self.hint = hint
        super().__init__(problem, text, column, self.expected, hint)  # all of them: copy and pickle

    def __str__(self) -> str:
        index = self.column - 1
        where = f"column {self.column}"
        if "\n" in self.text:
            where += f" (line {self.text.count(chr(10), 0, index) + 1})"
        lines = [f"scenario, {where}: {self.problem}"]
        if not self.text.isspace() and self.text:
            excerpt, caret = _excerpt(self.text, index, LINE_COLUMNS - 2)
            lines += [f"  {excerpt}", f"  {' ' * caret}^"]
        if self.expected:
            lines += _wrapped("expected: " + ", ".join(map(escape, self.expected)))
        if self.hint:
            lines += _wrapped(self.hint)
        return "\n".join(lines)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        LINE_COLUMNS,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _excerpt(text: str, index: int, columns: int) -> tuple[str, int]:
    """
    Return the line of `text` that holds `index`, or what fits of it, and the caret's place in it.

    Looks at no more than `columns` characters to either side, however long the text is.
    """
    low = max(0, index - columns)
    high = index + columns
    begin = text.rfind("\n", low, index) + 1 or low
    end = text.find("\n", index, high)
    cut_left = begin > 0 and text[begin - 1] != "\n"
    cut_right = end < 0 and high < len(text)
    left = [escape(character) for character in text[begin:index]]
    right = [escape(character) for character in text[index : end if end >= 0 else high]]
    width_left, width_right = sum(map(_width, left)), sum(map(_width, right))

    if cut_left or cut_right or width_left + width_right > columns:
        dropped = 0
        while width_left > columns * 2 // 3:  # the caret needs what follows it, too
            width_left -= _width(left[dropped])
            dropped += 1
        if dropped or cut_left:
            left = ["...", *left[dropped:]]
            width_left += 3
        if cut_right or width_left + width_right > columns:
            while width_left + width_right > columns - 3:
                width_right -= _width(right.pop())
            right.append("...")
    return "".join(left + right), width_left


def _width(shown: str) -> int:
    """Return the columns that a terminal gives to escaped text."""
    if shown.isascii():
        return len(shown)
    return sum(
        0
        if unicodedata.category(character) in ("Mn", "Me")
        else 2
        if unicodedata.east_asian_width(character) in ("W", "F")
        else 1
        for character in shown
    )


class FileError(UsageError):
    """
    A file that you named cannot be used, and trying again without changing it is no use.

    It cannot be read or written, is not JSON, is not a netsim file, is too large or nested too
    deep.  A netsim file of another version is a `TraceVersionError` instead.
    """

    def __init__(self, path: str, problem: str) -> None:
        #: The file, as it was named in the request.
        self.path = path
        #: What is wrong with it, in one line.
        self.problem = problem
        super().__init__(path, problem)

    def __str__(self) -> str:
        return f"{escape(self.path)}: {escape(self.problem)}"


class TraceVersionError(NetsimError):
    """
    A netsim file is of a version that this build does not know, so it cannot judge it.

    The file may be perfectly good: another build of netsim reads it.  A file that no build reads is
    a `FileError` instead.
    """

    def __init__(self, format: str, version: int, known: Iterable[int]) -> None:
        #: The format that the file declares, such as "netsim-check".
        self.format = format
        #: The version that it declares.
        self.version = version
        #: The versions that this build reads.
        self.known = tuple(known)
        super().__init__(format, version, self.known)

    def __str__(self) -> str:
        known = ", ".join(map(str, self.known)) or "none"
        return (
            f"{escape(self.format)} file of version {self.version}; this build of netsim knows"
            f" version {known}: use the netsim that wrote the file"
        )


class ReplayDiverged(NetsimError):
    """
    A replayed schedule met another enabled set or operation than was recorded, so it says nothing.

    Usual causes, in this order:
      1. the design was changed after the schedule was recorded;
      2. netsim itself is another version, with other steps;
      3. the design reads something outside the simulation (a clock, an address, the order of a set,
         a module global), so the same schedule is not the same execution.
    """

    #: What `cause` says unless something better is known.
    USUAL_CAUSE: ClassVar[str] = (
        "the design or netsim was changed after the schedule was recorded, or the design reads"
        " something outside the simulation (a clock, the order of a set, a global)"
    )

    def __init__(self, step: int, expected: str, found: str, cause: str = USUAL_CAUSE) -> None:
        #: The step of the schedule that could not be replayed.
        self.step = step
        #: What was recorded there: the enabled set or the operation.
        self.expected = expected
        #: What the replay met there.
        self.found = found
        #: Why this usually happens.
        self.cause = cause
        super().__init__(step, expected, found, cause)

    def __str__(self) -> str:
        return (
            f"replay diverged at step {self.step}\n"
            f"  expected: {escape(self.expected)}\n"
            f"  found:    {escape(self.found)}\n"
            f"  usual cause: {self.cause}"
        )


class InternalError(NetsimError):
    """
    netsim broke one of its own rules: a bug of netsim, never of a design or of your request.

    Nothing that was computed is to be trusted.  Please report it, with the command that showed it.
    """

    def __init__(self, problem: str) -> None:
        #: The rule that was broken, in one line.
        self.problem = problem
        super().__init__(problem)

    def __str__(self) -> str:
        return f"[netsim internal bug] {self.problem}; please report it with the command you ran"


class CounterexampleFound(AssertionError):
    """
    `Result.assert_holds()` was called on a result that does not hold; nothing else raises this.

    An AssertionError, and no NetsimError, because the tool did its work: it is the design that
    fails your test.
    """

    def __init__(self, message: str, result: Any) -> None:
        #: The `Result` that does not hold, with its findings and schedules as values.
        self.result = result
        super().__init__(message, result)

    def __str__(self) -> str:
        return str(self.args[0])
