"""The only functions that ever suspend simulated code; every scheduling point goes through here."""

import inspect
from collections.abc import Callable, Coroutine, Generator
from types import FunctionType
from typing import Any, cast

from netsim.core.op import Op


def _coroutine(
    function: Callable[[Op], Generator[Op, Any, Any]],
) -> Callable[[Op], Coroutine[Op, Any, Any]]:
    """
    Make a generator function a native coroutine function, which may yield.

    As `types.coroutine` does, but of what this returns Python complains if its `await` is
    forgotten: the step would not be made, and what it should show would look absent.  (An
    `async def` around a generator would do the same, and cost a tenth of every step.)
    """
    assert isinstance(function, FunctionType)
    code = function.__code__
    flags = code.co_flags & ~inspect.CO_GENERATOR | inspect.CO_COROUTINE
    made = FunctionType(code.replace(co_flags=flags), function.__globals__, function.__name__)
    made.__doc__ = function.__doc__
    return cast("Callable[[Op], Coroutine[Op, Any, Any]]", made)


@_coroutine
def perform(op: Op) -> Generator[Op, Any, Any]:
    """Stop before `op`, let the explorer decide who runs, then return the result of `op`."""
    return (yield op)
