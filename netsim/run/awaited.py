"""An `await` that was forgotten: the step is not made, and what it would show looks absent."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from netsim.core.sim import ModelError
from netsim.core.traps import perform

_SAID = "was never awaited"


@contextmanager
def all_awaited() -> Iterator[None]:
    """
    Run something; raises ModelError, with the line, if an `await` was forgotten anywhere in it.

    Whatever else Python warned of is passed on at the end.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default", RuntimeWarning)
        yield
    for warning in caught:
        if _SAID in str(warning.message):
            raise ModelError(_told(warning))
    for warning in caught:
        warnings.warn_explicit(
            warning.message, warning.category, warning.filename, warning.lineno, source=None
        )


def _told(warning: warnings.WarningMessage) -> str:
    name = str(warning.message).partition("'")[2].partition("'")[0]
    what = "a step" if name == perform.__name__ else f"{name}()"
    file = warning.filename.replace("\\", "/")
    folder, _, base = file.rpartition("/")
    # One that was kept in a variable dies with its function, wherever that ends.
    where = "" if "/netsim/core" in folder else f"{base}:{warning.lineno}: "
    return f"{where}{what} {_SAID}, and so is not made; expected `await` before the call"
