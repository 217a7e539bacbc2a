"""
Fair loops of a state graph: executions that go on for ever although every thread has its turn.

A loop is *fair* if every thread that can run somewhere in it runs in it: strong fairness, which
fits locks that are handed over in order (ticket spinlocks, mutexes).  It is only *weakly* fair if
some thread can run now and again, but not in every state, and never does: it may starve, if what
it waits for is not handed over in order.

The loops are found by Tarjan's strongly connected components (SIAM J. Comput. 1:2, 1972), and
for strong fairness by leaving out the states that a component must not visit, as for Streett
conditions (Lichtenstein, Pnueli, *Checking That Finite State Concurrent Programs Satisfy Their
Linear Specification*, POPL 1985, section 4).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import attrs

from netsim.core.step import Choice

Edge: TypeAlias = tuple[Choice, int]
"""A step and the number of the state that it leads to."""

_Place: TypeAlias = tuple[int, int, int]
"""A state, and as bits the threads that ran on the way there and those that could."""

#: So many places of a walk are tried while a shorter loop is looked for.
_PLACES_MAX = 100_000


@attrs.define
class Graph:
    """
    States by number, 0 the first; `wants` are the threads that can run there.

    A thread that waits for time to pass can run: nothing keeps time from passing.
    """

    wants: list[tuple[str, ...]] = attrs.Factory(list)
    edges: list[list[Edge]] = attrs.Factory(list)


def components(graph: Graph, among: Iterable[int]) -> Iterator[list[int]]:
    """Yield the strongly connected components with at least one edge, among the states given."""
    inside = dict.fromkeys(sorted(among))
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: dict[int, bool] = {}
    for root in inside:
        if root in index:
            continue
        work = [(root, iter(graph.edges[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack[root] = True
        while work:
            state, rest = work[-1]
            for _, to in rest:
                if to not in inside:
                    continue
                if to not in index:
                    index[to] = low[to] = len(index)
                    stack.append(to)
                    on_stack[to] = True
                    work.append((to, iter(graph.edges[to])))
                    break
                if on_stack[to]:
                    low[state] = min(low[state], index[to])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[state])
                if low[state] == index[state]:
                    found = stack[stack.index(state) :]
                    del stack[-len(found) :]
                    for member in found:
                        on_stack[member] = False
                    if len(found) > 1 or any(to == state for _, to in graph.edges[state]):
                        yield sorted(found)


def fair(graph: Graph) -> Iterator[list[int]]:
    """Yield the largest components in which a strongly fair loop visits every state."""
    todo: list[Iterable[int]] = [range(len(graph.edges))]
    while todo:
        for component in components(graph, todo.pop()):
            ran = _ran(graph, component)
            starved = {t for state in component for t in graph.wants[state] if t not in ran}
            if not starved:
                yield component
            else:
                kept = [s for s in component if starved.isdisjoint(graph.wants[s])]
                todo.append(kept)


def starving(graph: Graph) -> Iterator[tuple[list[int], list[str]]]:
    """Yield the components of weakly fair loops, with the threads that starve there."""
    for component in components(graph, range(len(graph.edges))):
        ran = _ran(graph, component)
        wants = [graph.wants[state] for state in component]
        starved = {t: None for threads in wants for t in threads if t not in ran}
        if starved and not any(all(t in threads for threads in wants) for t in starved):
            yield component, sorted(starved)


def lasso(graph: Graph, component: Sequence[int]) -> tuple[list[Choice], list[Choice]]:
    """
    Return the steps that lead to a fair loop of a component of `fair`, and those of the loop.

    Together they are as short as any, unless the component is so large that not every place of
    every loop is looked at.
    """
    ways = from_start(graph)
    best: tuple[list[Choice], list[Choice]] | None = None
    places = 0
    inside = dict.fromkeys(component)
    for start in sorted(component, key=lambda state: (len(ways[state]), state)):
        prefix = ways[start]
        limit = None if best is None else len(best[0]) + len(best[1]) - len(prefix)
        if limit is not None and (limit <= 1 or places > _PLACES_MAX):
            break
        loop, tried = _loop(graph, inside, start, limit)
        places += tried
        if loop is not None:
            best = (prefix, loop)
    assert best is not None, "a component of `fair` has a fair loop through each state"
    return best


def is_fair(wants: Iterable[Sequence[str]], ran: Iterable[str]) -> bool:
    """Tell whether a loop through states with these threads that can run, which ran, is fair."""
    return {thread for threads in wants for thread in threads} <= set(ran)


def from_start(graph: Graph) -> dict[int, list[Choice]]:
    """Return a shortest way from the first state to each other."""
    ways: dict[int, list[Choice]] = {0: []}
    todo = deque([0])
    while todo:
        state = todo.popleft()
        for choice, to in graph.edges[state]:
            if to not in ways:
                ways[to] = [*ways[state], choice]
                todo.append(to)
    return ways


def _ran(graph: Graph, component: Sequence[int]) -> set[str]:
    inside = set(component)
    return {c.thread for state in component for c, to in graph.edges[state] if to in inside}


def _loop(
    graph: Graph, inside: dict[int, None], start: int, limit: int | None
) -> tuple[list[Choice] | None, int]:
    """Return the shortest fair walk from `start` back to it, if shorter than `limit`."""
    names = sorted({thread for state in inside for thread in graph.wants[state]})
    bit = {name: 1 << at for at, name in enumerate(names)}
    wants = {state: sum(bit[name] for name in graph.wants[state]) for state in inside}
    first = (start, 0, wants[start])
    cameby: dict[_Place, tuple[_Place, Choice] | None] = {first: None}
    todo: deque[tuple[_Place, int]] = deque([(first, 0)])
    while todo:
        place, length = todo.popleft()
        if limit is not None and length + 1 >= limit:
            break
        state, ran, wanted = place
        for choice, to in graph.edges[state]:
            if to not in inside:
                continue
            new = (to, ran | bit[choice.thread], wanted | wants[to])
            if new in cameby:
                continue
            cameby[new] = (place, choice)
            if to == start and not new[2] & ~new[1]:
                return _back(cameby, new), len(cameby)
            todo.append((new, length + 1))
    return None, len(cameby)


def _back(cameby: dict[_Place, tuple[_Place, Choice] | None], place: _Place) -> list[Choice]:
    steps: list[Choice] = []
    while (came := cameby[place]) is not None:
        place, choice = came
        steps.append(choice)
    steps.reverse()
    return steps
