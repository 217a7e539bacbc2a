"""An `await` of what is none of netsim's: nobody would ever let the thread go on."""

from __future__ import annotations

from netsim.core.op import Op
from netsim.core.raised import kind
from netsim.core.sim import ModelError, Sim
from netsim.core.thread import Life


def refuse_foreign(sim: Sim) -> None:
    """Raise ModelError if a thread awaits what is no step, as `asyncio.sleep(0)` is none."""
    for thread in sim.threads:
        pending: object = thread.pending
        if thread.life is not Life.LIVE or isinstance(pending, Op):
            continue
        what = "something" if pending is None else kind(pending)
        raise ModelError(
            f"{sim.title(thread)} awaits {what} that is none of netsim's (asyncio.sleep?); "
            "expected a step of a World or of its objects"
        )
