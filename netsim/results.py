"""
What a check, a matrix and a replay find out, as values.

The fields are those of the JSON documents (`netsim-check`, `netsim-matrix`, `netsim-replay`,
version 1), in the same words; all are immutable and compare by value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from typing import Any, Literal

import attrs

from netsim.errors import CounterexampleFound

Status = Literal["reached", "unreachable", "undecided"]
Where = Literal["initial", "flows", "end"]
CutBy = Literal["executions", "steps", "seconds", "preemptions", "interrupt"]
PromiseVerdict = Literal["kept", "broken", "void", "undecided"]
Decided = Literal["classes", "preemptions", "start"]


#: What a complete search of classes has run.
CLASSES = "one of every class"


class Verdict(Enum):
    """The answer to a check: a bound that cut the search makes it UNKNOWN, never HOLDS."""

    HOLDS = "holds"
    VIOLATED = "violated"
    UNKNOWN = "unknown"


@attrs.frozen
class Site:
    """One place that takes part in a finding; `step` is 1-based, 0 if none belongs to it."""

    role: str
    flow: str
    step: int
    function: str
    source: str


@attrs.frozen
class Difference:
    """One way in which an outcome differs from the nearest sequential one."""

    what: str
    expected: str
    found: str


@attrs.frozen
class Nearest:
    """The sequential order that comes nearest to an outcome, and what differs."""

    order: tuple[str, ...]
    differs: tuple[Difference, ...]


@attrs.frozen
class Place:
    """
    A step of a counterexample: who is about to perform which call; `step` is 1-based.

    It is 0 for one that the counterexample does not get to.
    """

    step: int
    thread: str
    operation: str
    function: str
    call: str


@attrs.frozen
class Explanation:
    """
    Why a counterexample shows its finding: the step that decides it, and what would not have.

    After `critical` every continuation shows the finding, before it one does not; None if every
    execution shows it.  Of the executions that have all before that step in common and do not show
    the finding, `passing` is the schedule of the one whose order differs least, as far as they
    were looked at.  There `earlier` comes before the critical step (None if that is given another
    value), with which it conflicts at `location` ("" for a halt); `instead` are the kinds of
    findings that it shows.

    `undecided` says why nothing of this is known, "" if it is.
    """

    undecided: str = ""
    critical: Place | None = None
    passing: str = ""
    earlier: Place | None = None
    location: str = ""
    instead: tuple[str, ...] = ()


@attrs.frozen
class Finding:
    """
    One rule, one set of objects and functions, its smallest known schedule.

    It is a violation if it was `reached`.  A prediction (of a deadlock, by the order of locks)
    that no execution reached has no schedule: it is `unreachable` if all were explored, else
    `undecided`.  `minimal` says that its schedule is proved to have the fewest preemptions of all
    that show it, and of those the fewest steps.
    """

    id: str
    kind: str
    status: Status
    where: Where
    message: str
    flows: tuple[str, ...]
    operations: tuple[str, ...]
    objects: tuple[str, ...]
    sites: tuple[Site, ...]
    schedule: str
    steps: int
    preemptions: int
    minimal: bool
    consequences: tuple[str, ...] = ()
    nearest: Nearest | None = None
    #: Why the design's authors accept it, "" if they do not: then it makes nothing red.
    accepted: str = ""
    #: The predicted lock orders that it confirms, such as "a -> b -> a".
    confirms: tuple[str, ...] = ()
    #: Why its schedule shows it, if that was asked for; see `Result.explained`.
    explanation: Explanation | None = None


@attrs.frozen
class Outcome:
    """One distinct outcome: what was observed, whether a sequential order gives it, a schedule."""

    observed: tuple[tuple[str, str], ...]
    serial: bool
    schedule: str


@attrs.frozen
class Promised:
    """
    What was found out about one promise of a design.

    "void" is one that nothing put to the test.  `scenarios` counts those that did, the first of
    which is `first`; `followed` the executions in which it is not kept, but only as follows from
    another finding: if there is nothing else it is "undecided".  `findings` are the ids of those
    that break it.
    """

    design: str
    name: str
    mode: Literal["always", "eventually", "reachable"]
    sentence: str
    source: str
    meaning: str
    verdict: PromiseVerdict
    scenarios: int
    followed: int
    first: str
    findings: tuple[str, ...]


@attrs.frozen
class Bounds:
    """Limits of a search; None is no limit.  `seconds` is wall time."""

    executions: int | None = None
    steps: int | None = None
    seconds: float | None = None
    preemptions: int | None = None


@attrs.frozen
class Options:
    """What the environment may do: number of failures, and what it decides by itself."""

    faults: int = 0
    choose: tuple[str, ...] = ()


@attrs.frozen
class Plan:
    """
    Which executions of a check are run, and in which order.

    `strategy` is a name of `netsim.explorer.strategies`; `seed` fixes all that is drawn at
    random; `depth` is that of the bugs for which `pct` gives a bound.
    """

    strategy: str
    seed: int = 0
    depth: int = 3


@attrs.frozen
class Result:
    """The result of a check."""

    netsim: str
    design: str
    scenario: str
    start: Literal["reached", "unreachable"]
    options: Options
    verdict: Verdict
    complete: bool
    cut_by: CutBy | None
    bounds: Bounds
    executions: int
    blocked: int
    deadlocked: int
    steps: int
    findings: tuple[Finding, ...]
    outcomes: tuple[Outcome, ...]
    #: What the executions say about each promise of the design.
    promises: tuple[Promised, ...] = ()
    #: Sentences that are no findings: a start that was not reached, orders that hang anyway.
    notes: tuple[str, ...] = ()
    #: What a complete search has covered, for the report.
    covered: str = "one of every class"
    #: Between how many executions a search that was cut is estimated to have in all.
    estimate: tuple[int, int] | None = None
    #: Makes the report of this result; no part of its value.
    tell: Callable[[Result], str] = attrs.field(default=str, eq=False, repr=False)
    #: Explains a finding of this result; no part of its value.
    why: Callable[[Finding], Explanation | None] = attrs.field(
        default=lambda _: None, eq=False, repr=False
    )

    def assert_holds(self) -> None:
        """
        Do nothing if the verdict is HOLDS.

        Raises CounterexampleFound, whose text is the report, if it is VIOLATED or UNKNOWN.
        """
        if self.verdict is not Verdict.HOLDS:
            raise CounterexampleFound(self.tell(self), self)

    def explain(self, finding: Finding) -> Explanation | None:
        """Search for why the schedule of a finding shows it; None if it has no schedule."""
        return self.why(finding)

    def explained(self) -> Result:
        """Return this result with every finding explained, a search for each, until Ctrl-C."""
        findings = list(self.findings)
        with suppress(KeyboardInterrupt):
            for at, finding in enumerate(findings):
                findings[at] = attrs.evolve(finding, explanation=self.explain(finding))
        return attrs.evolve(self, findings=tuple(findings))


@attrs.frozen
class Start:
    """A starting point that a design declares."""

    name: str
    scenario: str


@attrs.frozen
class Count:
    """A number that a design counts, at least and at most over all executions of a scenario."""

    name: str
    least: int
    most: int


@attrs.frozen
class Cell:
    """
    One cell of the matrix: one scenario and what it showed.

    `findings` are ids of findings that need all its operations; `alone` are those that a part of
    them shows by itself.  `decided` says by what its verdict stands: one of every `classes`;
    every execution with at most so many `preemptions` and no others, so that HOLDS is a statement
    under that bound and the cell not `complete`; or a `start` that is not reached, where nothing
    starts.  None: a bound cut, and what has no finding here may have one.
    """

    design: str
    start: str
    operations: tuple[str, ...]
    scenario: str
    verdict: Verdict
    complete: bool
    executions: int
    findings: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    decided: Decided | None = None
    #: The bound under which it was decided, if by preemptions.
    preemptions: int | None = None
    #: What it comes to in numbers, in a matrix of scenarios; of the executions that were counted.
    tallies: tuple[Count, ...] = ()
    #: Whether all were counted: one of every class.
    tallied: bool = False


@attrs.frozen
class MatrixFinding:
    """A distinct finding of a matrix with the design that shows it."""

    design: str
    finding: Finding


@attrs.frozen
class MatrixResult:
    """
    The result of a matrix.

    `complete` tells whether every cell is, and that there is one for every group of operations.
    """

    netsim: str
    designs: tuple[str, ...]
    flows: int
    options: Options
    starts: tuple[Start, ...]
    operations: tuple[str, ...]
    complete: bool
    executions: int
    steps: int
    findings: tuple[MatrixFinding, ...]
    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()
    #: How many operations a flow has at most; more than one only with one flow.
    length: int = 1
    #: What the cells say about each promise of each design.
    promises: tuple[Promised, ...] = ()
    #: Whether there is a cell for every group of operations, each decided one way or another.
    decided: bool = True
    #: The scenarios that were given, if cells are of those instead of operations from starts.
    scenarios: tuple[str, ...] = ()


@attrs.frozen
class PromiseSurvey:
    """One survey behind a table of promises: its shape, and how many scenarios it had."""

    flows: int
    length: int
    starts: int
    scenarios: int
    complete: bool
    decided: bool
    options: Options


@attrs.frozen
class PromiseTable:
    """
    What was found out about the promises of a design, over all of `surveys`.

    `smallest` has the findings that break a promise, by id, each with its smallest counterexample:
    fewest operations, then preemptions, then steps.  `behind` has by the name of a promise the
    kinds of findings of which it is not kept as a consequence.
    """

    design: str
    surveys: tuple[PromiseSurvey, ...]
    promises: tuple[Promised, ...]
    smallest: Mapping[str, Finding]
    behind: Mapping[str, tuple[str, ...]]
    #: Promises that it takes back, with the reason: see `Design.taken_back`.
    taken_back: Mapping[str, str]


@attrs.frozen
class Divergence:
    """Where a replay left its recording."""

    step: int
    expected: str
    found: str


@attrs.frozen
class Departure:
    """
    One place where a schedule was adapted to an edited design.

    `step` is that of the recording, one past its end for what comes after it; `what` is "new" (the
    thread does something first), "gone", "moved" (to another function), "replaced" (by another call
    in the same function), "waits" (others go first), "never" (it is still waiting, or has ended)
    or "value" (what the environment chose cannot be chosen).
    """

    step: int
    thread: str
    what: Literal["new", "gone", "moved", "replaced", "waits", "never", "value"]
    expected: str
    found: str


@attrs.frozen
class Adapted:
    """
    How a recorded schedule was adapted to an edited design.

    Of `recorded` steps `followed` were made, perhaps elsewhere or otherwise; `schedule` is the
    adapted one, which can be replayed verified.
    """

    recorded: int
    followed: int
    departures: tuple[Departure, ...]
    schedule: str


@attrs.frozen
class Event:
    """One step of a replayed execution, for the eye: who, where, what it did, what changed."""

    step: int
    thread: str
    operation: str
    function: str
    call: str
    changes: tuple[str, ...]
    enabled: tuple[str, ...]
    findings: tuple[str, ...] = ()
    #: The strike inside the step, in words: at which place, and each of its operations.
    inside: tuple[str, ...] = ()
    #: What the thread did in the same step, since no other could come between (on one CPU).
    follows: tuple[str, ...] = ()


@attrs.frozen
class ReplayResult:
    """The result of a replay: `reproduced` tells whether the recorded finding happened again."""

    design: str
    scenario: str
    reproduced: bool
    diverged: Divergence | None
    findings: tuple[Finding, ...]
    events: tuple[Event, ...] = ()
    outcome: tuple[tuple[str, str], ...] = ()
    #: None for a schedule that was verified at each step.
    adapted: Adapted | None = None


# -- what exploring a program finds out ------------------------------------------------------------


@attrs.frozen
class ProgramFinding(Finding):
    """A finding of a program; its text is the whole story, in columns."""

    story: str = attrs.field(default="", eq=False, repr=False)

    def __str__(self) -> str:
        return self.story


@attrs.frozen
class ProgramOutcome:
    """
    One distinct outcome of a program with its shortest known schedule.

    `value` is what the program's reader returned, None if a thread never ended; `text` is that in
    words, by which outcomes are compared; `unfinished` says of each such thread what it waits for.
    `minimal` tells that no other schedule for it has fewer preemptions, or as many and fewer steps.
    """

    text: str
    unfinished: tuple[str, ...]
    schedule: str
    steps: int
    preemptions: int
    value: Any = attrs.field(default=None, eq=False, repr=False)
    minimal: bool = False


@attrs.frozen
class ProgramResult:
    """
    The result of exploring a program; its text is the report.

    `executions` are the complete ones, of which in `deadlocked` some thread never ended;
    `blocked` are those that were given up because what they would show had been seen.  They are
    of the search of classes; where executions never end, all states are searched after it.
    """

    netsim: str
    program: str
    verdict: Verdict
    complete: bool
    cut_by: CutBy | None
    bounds: Bounds
    executions: int
    blocked: int
    deadlocked: int
    steps: int
    findings: tuple[ProgramFinding, ...]
    outcomes: tuple[ProgramOutcome, ...]
    notes: tuple[str, ...] = ()
    #: Between how many executions a search that was cut is estimated to have in all.
    estimate: tuple[int, int] | None = None
    #: What a complete search has run, in words.
    covered: str = CLASSES
    #: The report; no part of the value.
    report: str = attrs.field(default="", eq=False, repr=False)

    def __str__(self) -> str:
        return self.report

    def assert_holds(self) -> None:
        """
        Do nothing if the verdict is HOLDS.

        Raises CounterexampleFound, whose text is the report, if it is VIOLATED or UNKNOWN.
        """
        if self.verdict is not Verdict.HOLDS:
            raise CounterexampleFound(self.report, self)


@attrs.frozen
class ProgramReplay(ReplayResult):
    """
    The result of replaying a program; its text is the story, in columns.

    The steps from number `loop` on repeat for ever, unless it is 0.
    """

    loop: int = 0
    story: str = attrs.field(default="", eq=False, repr=False)

    def __str__(self) -> str:
        return self.story
