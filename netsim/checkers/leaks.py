"""
What is left behind at quiescence: references whose holder is gone, memory that nothing points to.

What live configuration holds is no leak, and neither is what a stopped or hung operation holds,
or one that a strike killed: whoever it was has no chance to give anything back.
"""

from collections.abc import Iterable, Sequence

from netsim.core.fault import Report
from netsim.core.memory import KObject, references
from netsim.core.sim import Sim
from netsim.core.thread import Life
from netsim.sync.refcount import RefCount


def leaked_references(sim: Sim, counts: Iterable[RefCount]) -> list[Report]:
    """Report each reference held by an operation that has returned or an object that was freed."""
    reports = []
    for refs in counts:
        for holder in refs.holders:
            why = _gone(sim, holder)
            if why is not None:
                thread, _, operation = holder.partition(":")
                reports.append(
                    Report(
                        "leak",
                        f"a reference to {refs.name} is never dropped: {why}",
                        (refs.name, "reference"),
                        (),
                        thread,
                        operation,
                        sim.steps,
                        False,
                    )
                )
    return reports


def _gone(sim: Sim, holder: str) -> str | None:
    """Say why `holder` can no longer drop what it holds; None if it can, or is configuration."""
    name, colon, operation = holder.partition(":")
    thread = sim.by_name.get(name)
    if colon and thread is not None:
        if thread.life is Life.DONE or (thread.life is Life.LIVE and not thread.operation):
            return f"{operation or name} took it and has returned"
        return None
    if "/" in holder and holder not in sim.heap:
        return f"{holder}, which held it, has been freed"
    return None


def leaked_memory(sim: Sim, roots: Sequence[KObject]) -> list[Report]:
    """Report each allocated object that live configuration does not reach."""
    if any(t.life is Life.STOPPED or (t.life is Life.LIVE and t.operation) for t in sim.threads):
        return []
    reached: set[str] = set()
    todo = list(roots)
    for thread in sim.threads:
        if thread.life is Life.KILLED:
            todo += [value for value in thread.variables() if isinstance(value, KObject)]
    while todo:
        obj = todo.pop()
        if obj._label in reached:
            continue
        reached.add(obj._label)
        todo.extend(references(obj))
    return [
        Report(
            "leak",
            f"{label} is allocated, and nothing points to it any more",
            (label,),
            (),
            "",
            "",
            sim.steps,
            False,
        )
        for label in sim.heap
        if label not in reached
    ]
