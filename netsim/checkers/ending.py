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
    return [thread for thread in sim.threads if _waits(sim, thread)[0]]


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
    return [
        thread
        for thread in unfinished(sim)
        if any(other.life is Life.KILLED for other in _waits(sim, thread)[1])
    ]


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
        cycle, others = _waits(sim, thread)
        if cycle:
            names = frozenset(member.name for member in cycle)
            if names not in cycles:
                cycles.add(names)
                reports.append(_deadlock(sim, cycle))
        elif not others:
            reports.append(_hung(sim, thread))
        elif any(_is_root(sim, other) for other in others):
            consequences.append(_follows(sim, thread))
    return Ending(tuple(reports), tuple(consequences), bool(left))


def _blockers(sim: Sim, thread: SimThread) -> list[SimThread]:
    """List who keeps a thread waiting, each of whom is enough, by name: not as they came."""
    op = thread.pending
    if op is None or thread.life is not Life.LIVE or op.enabled(sim, thread):
        return []
    found = {b.name: b for b in op.blockers(sim) if b.life is not Life.DONE or b.held}
    return [found[name] for name in sorted(found)]


def _waits(sim: Sim, thread: SimThread) -> tuple[list[SimThread], list[SimThread]]:
    """Return a shortest cycle of waits through a thread, if any, and all whom it waits for."""
    cycle: list[SimThread] = []
    chains = [[thread]]
    met = {thread.name: thread}
    for chain in chains:  # which grows
        for blocker in _blockers(sim, chain[-1]):
            if blocker is thread and not cycle:
                cycle = chain
            if blocker.name not in met:
                met[blocker.name] = blocker
                chains.append([*chain, blocker])
    return cycle, [other for other in met.values() if other is not thread]


def _is_root(sim: Sim, thread: SimThread) -> bool:
    """Tell whether it is a finding that a thread waits, or why it was stopped."""
    cycle, others = _waits(sim, thread)
    return bool(cycle) or (not others and thread.life is not Life.KILLED)


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
