"""
Why an execution ended with somebody unfinished: deadlock, hang, or the consequence of a finding.

A thread that waits for one that a fatal finding stopped, or for one that is itself stuck, is no
finding of its own: the root is, and the rest is what follows from it.
"""

import attrs

from netsim.core.access import Key
from netsim.core.fault import Report, Site
from netsim.core.sim import Sim
from netsim.core.thread import Life, SimThread


@attrs.frozen
class Ending:
    """The reports that the end itself adds, and what follows from others, in words."""

    reports: tuple[Report, ...]
    consequences: tuple[str, ...]
    #: True if nothing was enabled although a thread was unfinished.
    stuck: bool


def unfinished(sim: Sim) -> list[SimThread]:
    """List the threads that should have ended and did not: flows, and workers amid their work."""
    if sim.halted:
        return []
    return [
        thread
        for thread in sim.threads
        if thread.life is Life.LIVE and (not thread.daemon or thread.operation)
    ]


def stuck(sim: Sim) -> list[SimThread]:
    """
    List the threads that would never go on, however the machine had ended.

    Without a halt these are the unfinished ones.  With one, others wait for what can no longer
    come, which is no fault of theirs; but those that wait for each other did so before it.
    """
    if not sim.halted:
        return unfinished(sim)
    found: dict[str, SimThread] = {}
    for thread in sim.threads:
        chain = _chain(sim, thread)
        last = chain[-1]
        if last in chain[:-1]:
            cycle = chain[chain.index(last) : -1]
            if all(t.pending is not None and not t.pending.enabled(sim, t) for t in cycle):
                found.update((member.name, member) for member in cycle)
    return [thread for thread in sim.threads if thread.name in found]


def held_by_killed(sim: Sim) -> dict[Key, str]:
    """Return the locks that stay held because a strike killed who holds them, by location."""
    return {
        lock.key: lock.name
        for thread in sim.threads
        if thread.life is Life.KILLED
        for lock, _ in thread.held
        if lock.is_locked()
    }


def stranded(sim: Sim) -> list[SimThread]:
    """List the threads that wait for ever for what a killed one holds."""
    return [t for t in unfinished(sim) if _chain(sim, t)[-1].life is Life.KILLED]


def aftermath(sim: Sim) -> list[str]:
    """Say what a killed flow leaves behind: information, for whoever kills it does that."""
    told = [
        f"{sim.title(thread)} is killed while it holds {lock.name}, which "
        + ("stays held" if lock.is_locked() else "keeps nobody out on one CPU")
        for thread in sim.threads
        if thread.life is Life.KILLED
        for lock, _ in thread.held
    ]
    return told + [_follows(sim, thread) for thread in stranded(sim)]


def judge_ending(sim: Sim) -> Ending:
    """Explain a machine at rest: each thread that would never go on is a root or a consequence."""
    left = stuck(sim)
    reports: list[Report] = []
    consequences: list[str] = []
    cycles: set[frozenset[str]] = set()
    for thread in left:
        chain = _chain(sim, thread)
        last = chain[-1]
        if last in chain[:-1]:
            cycle = chain[chain.index(last) : -1]
            names = frozenset(member.name for member in cycle)
            if names not in cycles:
                cycles.add(names)
                reports.append(_deadlock(sim, cycle))
            if thread not in cycle:
                consequences.append(_follows(sim, thread))
        elif last.life is Life.LIVE and last is thread:
            reports.append(_hung(sim, thread))
        elif last.life is not Life.KILLED:
            consequences.append(_follows(sim, thread))
    return Ending(tuple(reports), tuple(consequences), bool(left))


def _chain(sim: Sim, thread: SimThread) -> list[SimThread]:
    """Follow who waits for whom until it ends, or closes (the first repeated thread is last)."""
    chain = [thread]
    while True:
        last = chain[-1]
        if last.pending is None or last.life is not Life.LIVE:
            return chain
        blockers = [
            blocker
            for blocker in last.pending.blockers(sim)
            if blocker.life is not Life.DONE or blocker.held
        ]
        if not blockers:
            return chain
        following = next((blocker for blocker in blockers if blocker in chain), blockers[0])
        chain.append(following)
        if following in chain[:-1]:
            return chain


def _follows(sim: Sim, thread: SimThread) -> str:
    assert thread.pending is not None
    return f"{sim.title(thread)} then waits for ever for {thread.pending.waits_for(thread)}"


def _deadlock(sim: Sim, cycle: list[SimThread]) -> Report:
    start = min(range(len(cycle)), key=lambda i: cycle[i].name)
    cycle = cycle[start:] + cycle[:start]
    sites: list[Site] = []
    parts: list[str] = []
    objects: list[str] = []
    struck = [thread.interrupts for thread in cycle]
    for thread in cycle:
        assert thread.pending is not None
        wanted = thread.pending.label()
        if thread in struck:  # it waits for nothing but its CPU
            sites += [sim.site_at(mark, f"holds {lock.name} since") for lock, mark in thread.held]
            continue
        if thread.interrupts in cycle:
            objects.append(wanted)
            sites.append(sim.site_of(thread, f"acquires {wanted}"))
            parts.append(
                f"{sim.title(thread)} {'waits' if thread.pending.may_sleep else 'spins'} for "
                f"{wanted}, which {_holds(sim, thread)}"
            )
            continue
        objects.append(wanted)
        sites.append(sim.site_of(thread, f"acquires {wanted}"))
        sites += [sim.site_at(mark, f"holds {lock.name} since") for lock, mark in thread.held]
        held = ", ".join(lock.name for lock, _ in thread.held) or "no lock"
        parts.append(f"{sim.title(thread)} holds {held} and waits for {wanted}")
    first = cycle[0]
    return Report(
        "deadlock",
        "; ".join(parts),
        tuple(objects),
        tuple(sites),
        first.name,
        first.operation,
        sim.steps,
        True,
    )


def _holds(sim: Sim, thread: SimThread) -> str:
    assert thread.interrupts is not None
    assert thread.pending is not None
    if thread.interrupts in thread.pending.blockers(sim):
        return f"{sim.title(thread.interrupts)} holds, the flow that it interrupted"
    return f"cannot come free while {sim.title(thread.interrupts)} is interrupted"


def _hung(sim: Sim, thread: SimThread) -> Report:
    assert thread.pending is not None
    label = thread.pending.label()
    return Report(
        "hung",
        f"{sim.title(thread)} waits for {thread.pending.waits_for(thread)}; "
        f"no step that is left can end this",
        (label,) if label else (),
        (sim.site_of(thread, "waits"),),
        thread.name,
        thread.operation,
        sim.steps,
        True,
    )
