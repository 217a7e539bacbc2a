"""Raw notifier chains: callbacks by priority, then by registration; no lock of their own."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import attrs

from netsim.core.access import READ, WRITE, Key
from netsim.core.op import Op
from netsim.core.sim import Sim
from netsim.core.thread import SimThread
from netsim.core.traps import perform

NOTIFY_DONE = 0x0000
NOTIFY_OK = 0x0001
NOTIFY_STOP_MASK = 0x8000
NOTIFY_BAD = 0x8002

Callback = Callable[[int, Any], Coroutine[Op, Any, int]]


@attrs.frozen(eq=False)
class NotifierBlock:
    """struct notifier_block: a callback (event, object) -> NOTIFY_*, with its priority."""

    name: str
    call: Callback
    priority: int = 0


class NotifierChain:
    """
    A raw notifier chain.

    Kernel:     struct raw_notifier_head
    Context:    the caller's; the caller serialises
    Footprint:  registering writes it, a call reads it
    """

    __slots__ = ("blocks", "key", "name", "sim")

    def __init__(self, sim: Sim, name: str) -> None:
        self.sim = sim
        self.name = name
        self.key: Key = sim.new_key(name, "notifiers")
        self.blocks: tuple[NotifierBlock, ...] = ()

    def register(self, block: NotifierBlock) -> Awaitable[None]:
        """Link a block.  Context: the caller's."""
        return perform(_Link(self, block, True))

    def unregister(self, block: NotifierBlock) -> Awaitable[None]:
        """Unlink a block.  Context: the caller's."""
        return perform(_Link(self, block, False))

    async def call_chain(self, event: int, subject: Any) -> int:
        """
        Call every block in order until one answers with the stop bit; return the last answer.

        Kernel:     raw_notifier_call_chain()
        """
        answer = NOTIFY_DONE
        for block in await perform(_Call(self)):
            answer = await block.call(event, subject)
            if answer & NOTIFY_STOP_MASK:
                break
        return answer


class _Link(Op):
    __slots__ = ("add", "block", "chain")

    name = "notifier_chain_register"

    def __init__(self, chain: NotifierChain, block: NotifierBlock, add: bool) -> None:
        self.chain = chain
        self.block = block
        self.add = add

    def label(self) -> str:
        return self.chain.name

    def apply(self, sim: Sim, thread: SimThread) -> None:
        chain = self.chain
        sim.touch(chain.key, WRITE, None)
        rest = [block for block in chain.blocks if block is not self.block]
        if self.add:
            rest.append(self.block)
            rest.sort(key=lambda block: -block.priority)
        old, chain.blocks = chain.blocks, tuple(rest)
        sim.value_changed(chain.key, old, chain.blocks)


class _Call(Op):
    __slots__ = ("chain",)

    name = "call_chain"

    def __init__(self, chain: NotifierChain) -> None:
        self.chain = chain

    def label(self) -> str:
        return self.chain.name

    def apply(self, sim: Sim, thread: SimThread) -> tuple[NotifierBlock, ...]:
        sim.touch(self.chain.key, READ, None)
        sim.value_read(self.chain.key)
        return self.chain.blocks
