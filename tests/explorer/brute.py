"""
The oracle: every interleaving, one after the other.

It shares with the explorer only "is it enabled" and "do it" (`Sim.enabled`, `Op.options`,
`Sim.step`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import attrs

from netsim.checkers.datarace import DataRaces
from netsim.core.access import dependent
from netsim.core.sim import Sim
from netsim.core.step import Step


class Observable(Protocol):
    """A program whose end can be looked at."""

    def start(self) -> Sim:
        """Return a fresh machine."""

    def observe(self) -> tuple[Any, ...]:
        """Return everything that one could see of the machine at rest."""


class TooLarge(Exception):
    """The program has more interleavings than one wants to wait for."""


@attrs.frozen
class Everything:
    """All observations, all data races, and the number of executions and of classes."""

    observations: frozenset[tuple[Any, ...]]
    races: frozenset[tuple[str, ...]]
    executions: int
    classes: int
    deadlocks: int


def every_interleaving(
    program: Observable, executions_max: int, at_end: Callable[[Sim], None] | None = None
) -> Everything:
    """Run all interleavings, each with `at_end`; raises TooLarge beyond `executions_max`."""
    observations: set[tuple[Any, ...]] = set()
    races: set[tuple[str, ...]] = set()
    classes: set[frozenset[Any]] = set()
    deadlocks = executions = 0
    todo: list[list[tuple[str, int]]] = [[]]
    while todo:
        prefix = todo.pop()
        sim = program.start()
        detector = DataRaces()
        detector.begin(sim, 0)
        steps: list[Step] = []
        void = False
        for depth in range(1 << 30):
            enabled = sim.enabled()
            if not enabled:
                break
            ways = [(t.name, v) for t in enabled for v in range(t.pending.options(sim))]  # type: ignore[union-attr]
            if depth < len(prefix):
                name, value = prefix[depth]
            else:
                name, value = ways[0]
                todo += [[*prefix, other] for other in ways[1:]]
                prefix = [*prefix, ways[0]]
            step = sim.step(sim.by_name[name], value)
            if len(prefix) == depth + 1:  # these values show only now, and only once
                todo += [[*prefix[:depth], (name, inside)] for inside in step.inside]
            void = step.inner is not None and step.inner.void
            if void:
                break
            steps.append(step)
            detector.stepped(sim, step)
        if void:
            continue
        races |= {r.objects for r in sim.reports if r.kind == "data-race"}
        sim.reports[:] = [r for r in sim.reports if r.kind != "data-race"]
        classes.add(class_of(steps))
        if at_end is not None:
            at_end(sim)
        if not sim.halted and any(t.pending is not None and not t.daemon for t in sim.threads):
            deadlocks += 1
        observations.add(program.observe())
        executions += 1
        if executions > executions_max:
            raise TooLarge
    return Everything(
        frozenset(observations), frozenset(races), executions, len(classes), deadlocks
    )


def class_of(steps: list[Step]) -> frozenset[Any]:
    """Return the Mazurkiewicz class: which dependent steps come in which order."""
    counts: dict[str, int] = {}
    names: list[tuple[str, int, int]] = []
    for step in steps:
        counts[step.thread] = counts.get(step.thread, 0) + 1
        names.append((step.thread, counts[step.thread], step.choice))
    return frozenset(
        (names[i], names[j])
        for j in range(len(steps))
        for i in range(j)
        if steps[i].thread == steps[j].thread or dependent(steps[i].footprint, steps[j].footprint)
    ) | frozenset((name,) for name in names)
