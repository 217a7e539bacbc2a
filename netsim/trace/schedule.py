"""
A schedule as one line of text: self-contained, readable, pasteable.

    netsim-schedule 1 netoops-v1@2.6.35 2*16,1*7,2*13 #faa85494 -- { set 10.0.0.1 } off || ...

After the version come the design, what the environment may do (``faults=N``, ``choose=a,b``) if
anything, the choices as runs ``thread*count`` (a count of 1 is left out) or ``thread?value`` for
a value chosen by the environment, a checksum of what the steps did, and after ``--`` the scenario.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from netsim.errors import FileError, TraceVersionError, escape
from netsim.results import Options

WORD = "netsim-schedule"
VERSION = 1
#: Limits on hostile input.
TEXT_MAX = 1 << 20
CHOICES_MAX = 1_000_000

_THREAD = r"[A-Za-z0-9_.:@()/+-]+"
_RUN = re.compile(rf"({_THREAD})(?:\*([0-9]{{1,7}})|\?([0-9]{{1,7}}))?", re.ASCII)
NAME = re.compile(_THREAD, re.ASCII)
_CHOOSE = re.compile(r"[a-z][a-z0-9-]*(?:,[a-z][a-z0-9-]*)*", re.ASCII)


@attrs.frozen
class Schedule:
    """Everything that fixes one execution: design, scenario, environment, and every choice."""

    design: str
    scenario: str
    options: Options
    choices: tuple[tuple[str, int], ...]
    digest: str = ""

    def __str__(self) -> str:
        words = [WORD, str(VERSION), self.design]
        if self.options.faults:
            words.append(f"faults={self.options.faults}")
        if self.options.choose:
            words.append(f"choose={','.join(self.options.choose)}")
        runs = ",".join(_runs(self.choices)) or "-"
        # A thread may be called "-", which alone would be no choice at all, or "--".
        words.append(f"{runs}*1" if self.choices and runs in ("-", "--") else runs)
        if self.digest:
            words.append(f"#{self.digest}")
        return f"{' '.join(words)} -- {self.scenario}"

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """
        Read the text form.

        Raises FileError if it is damaged or too large, TraceVersionError if it is of a version
        that this build does not know.
        """
        if len(text) > TEXT_MAX:
            raise FileError(
                "schedule", f"expected at most {TEXT_MAX} characters, found {len(text)}"
            )
        head, separator, scenario = text.strip().partition(" -- ")
        words = head.split(" ")
        if words[0] != WORD:
            raise FileError(
                "schedule",
                f"expected '{WORD} {VERSION} DESIGN CHOICES -- SCENARIO', found {_shown(text)}",
            )
        if len(words) < 2 or words[1] != str(VERSION):
            found = words[1] if len(words) > 1 else "nothing"
            if re.fullmatch("[0-9]{1,18}", found):
                raise TraceVersionError(WORD, int(found), (VERSION,))
            raise FileError("schedule", f"expected version {VERSION}, found {_shown(found)}")
        if not separator:
            raise FileError("schedule", "expected ' -- ' and a scenario at the end")
        if "\n" in scenario or "\r" in scenario:
            raise FileError("schedule", "expected one line, found more")
        return cls._from_words(words[2:], scenario)

    @classmethod
    def _from_words(cls, words: list[str], scenario: str) -> Schedule:
        if not words or not NAME.fullmatch(words[0]):
            raise FileError("schedule", "expected the name of a design after the version")
        design = words.pop(0)
        faults, digest = 0, ""
        if words and re.fullmatch(r"faults=[0-9]{1,6}", words[0], re.ASCII):
            faults = int(words.pop(0)[7:])
        choose: tuple[str, ...] = ()
        if words and words[0].startswith("choose=") and _CHOOSE.fullmatch(words[0][7:]):
            choose = tuple(words.pop(0)[7:].split(","))
        if words and re.fullmatch(r"#[0-9a-f]{8}", words[-1], re.ASCII):
            digest = words.pop()[1:]
        if len(words) != 1:
            raise FileError("schedule", f"expected the choices, found {_shown(' '.join(words))}")
        choices = () if words[0] == "-" else tuple(_choices(words[0]))
        return cls(design, scenario, Options(faults, choose), choices, digest)


def _runs(choices: tuple[tuple[str, int], ...]) -> Iterator[str]:
    index = 0
    while index < len(choices):
        thread, value = choices[index]
        count = 1
        if value:
            yield f"{thread}?{value}"
        else:
            while index + count < len(choices) and choices[index + count] == (thread, 0):
                count += 1
            yield thread if count == 1 else f"{thread}*{count}"
        index += count


def _choices(text: str) -> Iterator[tuple[str, int]]:
    total = 0
    for run in text.split(","):
        match = _RUN.fullmatch(run)
        if match is None:
            raise FileError(
                "schedule", f"expected THREAD, THREAD*COUNT or THREAD?VALUE, found {_shown(run)}"
            )
        thread, count, value = match.groups()
        repeat = int(count) if count is not None else 1
        total += repeat
        if not repeat or total > CHOICES_MAX:
            raise FileError(
                "schedule", f"expected 1 to {CHOICES_MAX} choices in all, found {_shown(run)}"
            )
        choice = (thread, int(value) if value is not None else 0)
        for _ in range(repeat):  # all of a run are one object: a million cost 8 MB
            yield choice


def _shown(text: str) -> str:
    short = text if len(text) <= 60 else text[:57] + "..."
    return f"'{escape(short)}'"
