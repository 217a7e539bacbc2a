"""What somebody else's code returned, as text that equal values share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netsim.core.raised import kind, told
from netsim.errors import UsageError, escape


def shown(value: Any, write: Callable[[Any], str] = repr) -> str:
    """
    Write an outcome so that equal ones have equal texts, whatever the hash seed.

    What is no container of Python's is written by `write`.  Raises UsageError for a value whose
    text would tell its address, or that cannot be written.
    """
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(map(shown, value))) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(f"{shown(k)}: {shown(v)}" for k, v in value.items())) + "}"
    try:
        if type(value) in (tuple, list):
            inner = ", ".join(map(shown, value))
            if isinstance(value, list):
                return f"[{inner}]"
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        text = write(value)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(
            f"an outcome must be plain values (numbers, strings, tuples ...); found "
            f"{kind(value)} that cannot be written: {told(error)}"
        ) from error
    if " at 0x" in text:
        raise UsageError(
            f"an outcome must be plain values (numbers, strings, tuples ...); found {kind(value)}"
        )
    return escape(text) if write is repr else text
