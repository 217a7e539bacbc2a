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

from netsim.notation.reader import parse
from netsim.notation.scenario import (
    CONTEXTS,
    FLOWS_MAX,
    OPERATIONS_MAX,
    TEXT_BYTES_MAX,
    Call,
    Context,
    Flow,
    Scenario,
)

__all__ = [
    "CONTEXTS",
    "FLOWS_MAX",
    "OPERATIONS_MAX",
    "TEXT_BYTES_MAX",
    "Call",
    "Context",
    "Flow",
    "Scenario",
    "parse",
]
