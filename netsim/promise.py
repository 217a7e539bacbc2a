"""
Promises: what a design's own documentation says, as properties of what an execution shows.

A promise is asked once an execution has ended, and has to give the same answer for all executions
of a class.  So it may look only at what all of them share: results of operations, in the order of
their flow; what left the machine, in order; the answers of probes; the state at the end, as far as
steps that change it conflict.  An "always" about states in between is one about what was observed
of them.  ARCHITECTURE.md, "Promises", has the rule at length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Literal, TypeAlias

import attrs

from netsim.errors import UsageError
from netsim.notation import Call

Mode = Literal["always", "eventually", "reachable"]
Ended = Literal["returned", "stuck", "killed", "not begun", "halted", "stopped"]


@attrs.frozen
class Performed:
    """
    One operation of the scenario, and how it ended.

    `flow` is 0 for those of `{ }`.  It is "stuck" if it never ends, or its thread died of a
    finding.  "halted" is the one that stopped the machine; those of all other flows are "stopped"
    then: what became of them says nothing.  Only with "returned" there is a `result`.
    """

    flow: int
    call: Call
    ended: Ended
    result: Any = None


@attrs.frozen
class Shown:
    """
    What one execution shows to a promise.

    `probes` has what each probe said, as outcomes have it; None for one that could not be made, and
    nothing after a halt.  `evidence` is what `Design.evidence` read off the machine at the end.
    """

    operations: tuple[Performed, ...]
    probes: Mapping[str, str | None]
    halted: bool
    evidence: Any = None


class Answer(Enum):
    """What an execution says about a promise that it does not break."""

    #: Nothing: what the promise is about did not happen.
    VOID = "void"
    #: It was put to the test, and kept; of a reachable one: reached.
    KEPT = "kept"


VOID, KEPT = Answer.VOID, Answer.KEPT


@attrs.frozen
class Broken:
    """
    The answer that a promise is not kept: what happened instead, in words.

    `objects` tell ways of not keeping it apart: findings that differ in them are two.
    """

    message: str
    objects: tuple[str, ...] = ()


Check: TypeAlias = Callable[[Shown], Answer | Broken]


@attrs.frozen
class Promise:
    """
    One promise: the `sentence` as it stands at `source`, and what keeping it means.

    * always: nothing that an execution shows breaks it; asked of every execution.
    * eventually: it has come about when the machine is at rest; not asked after a halt.
    * reachable: of all executions of a scenario that put it to the test, one keeps it.

    `meaning` says how the sentence is read where it leaves that open.
    """

    name: str
    sentence: str
    source: str
    mode: Mode
    check: Check = attrs.field(repr=False)
    meaning: str = ""

    @property
    def kind(self) -> str:
        """The kind of findings that it makes."""
        return f"promise:{self.name}"

    def asked(self, shown: Shown) -> Answer | Broken:
        """Return what an execution says; raises UsageError if the check gives no answer."""
        if self.mode == "eventually" and shown.halted:
            return VOID
        answer = self.check(shown)
        if not isinstance(answer, (Answer, Broken)):
            raise UsageError(
                f"promise {self.name}: its check returned {answer!r}; expected VOID, KEPT or Broken"
            )
        return answer

    def told(self, broken: Broken) -> str:
        """Say that it is broken, citing its sentence."""
        return f'{broken.message}; promised is "{self.sentence}" ({self.source})'
