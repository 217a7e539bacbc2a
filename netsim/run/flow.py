"""How a sequence of operations runs on a thread: each begins, acts, and ends with a result."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import attrs

from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import Context, SimThread
from netsim.core.traps import perform


@attrs.frozen
class Bound:
    """An operation ready to run: its canonical text, the call itself, and where it runs."""

    text: str
    call: Callable[[], Awaitable[Any]]
    context: Context


class _Begin(Op):
    """An operation begins; a place where control may pass, touching nothing."""

    __slots__ = ("context", "text")
    name = "begin"

    def __init__(self, text: str, context: Context) -> None:
        self.text = text
        self.context = context

    def label(self) -> str:
        return self.text

    def apply(self, sim: Sim, thread: SimThread) -> None:
        thread.operation = self.text
        thread.begun += 1
        thread.context = self.context


class _End(Op):
    """An operation ends; its result becomes visible."""

    __slots__ = ("result", "results", "text")
    name = "end"

    def __init__(self, text: str, result: Any, results: list[Any]) -> None:
        self.text = text
        self.result = result
        self.results = results

    def label(self) -> str:
        return self.text

    def apply(self, sim: Sim, thread: SimThread) -> None:
        self.results.append(self.result)
        thread.operation = ""


async def run_flow(operations: Sequence[Bound], results: list[Any]) -> None:
    """Run `operations` one after the other; `results` gets the result of each that ends."""
    for operation in operations:
        await perform(_Begin(operation.text, operation.context))
        result = await operation.call()
        await perform(_End(operation.text, result, results))
