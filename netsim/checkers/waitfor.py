"""Who waits for whom when an execution has come to rest, and which predictions that confirms."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias

import attrs

from netsim.checkers.lockorder import Edge, Node, Prediction
from netsim.core.thread import Context


@attrs.frozen
class Waiting:
    """A thread that is blocked, and the threads known to keep it so, with their CPUs."""

    thread: str
    cpu: int
    context: Context
    node: Node
    blockers: tuple[tuple[str, int], ...]


Stuck: TypeAlias = tuple[Waiting, ...]
"""All blocked threads of one ending."""

Enders: TypeAlias = Mapping[Node, Collection[str]]
"""The threads that were seen to end a wait; what an operation knows of its blockers is less."""


def reaches(stuck: Stuck, prediction: Prediction, enders: Enders) -> bool:
    """Tell whether the threads of an ending wait for each other as predicted."""
    if prediction.uses:
        return any(
            _interrupted(stuck, waiting, prediction, enders)
            for waiting in stuck
            if waiting.context is prediction.uses[0].context
        )
    edges = set(prediction.edges)
    return any(edges <= cycle for cycle in _cycles(stuck, enders))


def _holders(stuck: Stuck, waiting: Waiting, enders: Enders) -> Iterator[Waiting]:
    """Yield the blocked threads that `waiting` waits for."""
    names = [name for name, _ in waiting.blockers]
    names += enders.get(waiting.node, ())
    for other in stuck:
        if other.thread in names and other is not waiting:
            yield other


def _cycles(stuck: Stuck, enders: Enders) -> Iterator[set[Edge]]:
    """Yield the edges of each cycle of threads that wait for each other."""
    for start, first in enumerate(stuck):
        todo: list[tuple[Waiting, ...]] = [(first,)]
        while todo:
            path = todo.pop()
            for other in _holders(stuck, path[-1], enders):
                if other is first:
                    nodes = [waiting.node for waiting in path]
                    yield set(zip(nodes, [*nodes[1:], nodes[0]], strict=True))
                elif other not in path and stuck.index(other) > start:
                    todo.append((*path, other))


def _interrupted(stuck: Stuck, waiting: Waiting, prediction: Prediction, enders: Enders) -> bool:
    """Tell whether an interrupt waits, along the path, for a thread of its own CPU."""
    some = [waiting]
    for node in prediction.nodes[:-1]:
        some = [o for one in some if one.node == node for o in _holders(stuck, one, enders)]
    return any(
        cpu == waiting.cpu and name != waiting.thread
        for last in some
        if last.node == prediction.nodes[-1]
        for name, cpu in last.blockers
    )
