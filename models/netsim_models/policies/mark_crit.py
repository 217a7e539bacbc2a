"""
Critical messages marked as such, by how they begin.

Randy Dunlap, 2010-11-03 18:51, of critical messages: "They can begin with any of these strings (and
others can be added too easily): BUG|panic|MCE|NMI|error:|Oops|Bad|Fatal|Unrecoverable|Unhandled|
Weird", and "We need a simple (single?) tagging method to identify any/all of these"; Joe Perches,
19:40: "Simply marking these messages KERN_CRIT or higher would seem to work."  To mark them is to
change each printk() in the kernel.  Here printk() looks at the beginning of the message, which
comes to the same.
"""

from __future__ import annotations

import re

KERN_CRIT = 2

_CRITICAL = re.compile(
    rb"BUG|panic|MCE|NMI|error:|Oops|Bad|Fatal|Unrecoverable|Unhandled|Weird",
)


def mark(text: bytes, level: int) -> int:
    """Return the level of a message: KERN_CRIT at least if it begins with one of the strings."""
    return min(level, KERN_CRIT) if _CRITICAL.match(text) else level
