"""The only functions that ever suspend simulated code; every scheduling point goes through here."""

import types
from collections.abc import Generator
from typing import Any

from netsim.core.op import Op


@types.coroutine
def perform(op: Op) -> Generator[Op, Any, Any]:
    """Stop before `op`, let the explorer decide who runs, then return the result of `op`."""
    return (yield op)
