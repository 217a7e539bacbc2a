"""Fair loops against an oracle that tries every set of edges."""

from __future__ import annotations

import itertools
import random

import pytest

from netsim.core.step import Choice
from netsim.explorer.fairness import Graph, fair, is_fair, lasso, starving

THREADS = ("a", "b", "c")


def generate(seed: int) -> Graph:
    """Make a graph of few edges; a thread that can run in a state has an edge there."""
    source = random.Random(seed)
    graph = Graph()
    count = source.randint(2, 4)
    left = 9
    for _ in range(count):
        wants = [t for t in THREADS if source.random() < 0.6][:left]
        left -= len(wants)
        graph.wants.append(tuple(wants))
        graph.edges.append([(Choice(t), source.randrange(count)) for t in wants])
    return graph


def reachable(graph: Graph) -> set[int]:
    found = {0}
    for _ in graph.edges:
        found |= {to for state in found for _, to in graph.edges[state]}
    return found


def walks(graph: Graph) -> list[tuple[set[int], set[str]]]:
    """Return states and threads of every closed walk: a set of edges that is connected so."""
    edges = [
        (state, choice.thread, to)
        for state in sorted(reachable(graph))
        for choice, to in graph.edges[state]
    ]
    found = []
    for size in range(1, len(edges) + 1):
        for some in itertools.combinations(edges, size):
            states = {e[0] for e in some}
            if states != {e[2] for e in some}:
                continue
            if all(_leads(some, one, states) for one in states):
                found.append((states, {e[1] for e in some}))
    return found


def _leads(edges: tuple[tuple[int, str, int], ...], start: int, states: set[int]) -> bool:
    met = {start}
    for _ in states:
        met |= {to for state, _, to in edges if state in met}
    return met == states


def strong(graph: Graph, states: set[int], ran: set[str]) -> bool:
    return all(thread in ran for state in states for thread in graph.wants[state])


def weak(graph: Graph, states: set[int], ran: set[str]) -> bool:
    return all(
        thread in ran or any(thread not in graph.wants[state] for state in states)
        for thread in THREADS
    )


def pruned(graph: Graph) -> Graph:
    """Drop the edges of states that are not reached: a search never meets them."""
    seen = reachable(graph)
    edges = [e if state in seen else [] for state, e in enumerate(graph.edges)]
    return Graph(graph.wants, edges)


@pytest.mark.parametrize("seed", range(150))
def test_a_fair_loop_is_found_exactly_if_there_is_one(seed: int) -> None:
    graph = pruned(generate(seed))
    every = walks(graph)

    found = list(fair(graph))

    assert bool(found) == any(strong(graph, *walk) for walk in every)
    inside = {state for states, ran in every if strong(graph, states, ran) for state in states}
    assert {state for component in found for state in component} == inside
    starves = list(starving(graph))
    if not any(strong(graph, *walk) for walk in every):
        assert bool(starves) == any(weak(graph, *walk) for walk in every)


@pytest.mark.parametrize("seed", range(150))
def test_a_lasso_is_a_way_there_and_a_fair_loop(seed: int) -> None:
    graph = pruned(generate(seed))
    for component in fair(graph):
        prefix, loop = lasso(graph, component)
        states = [0]
        for choice in (*prefix, *loop):
            states.append(dict(graph.edges[states[-1]])[choice])

        assert states[len(prefix)] == states[-1]
        wants = [graph.wants[state] for state in states[len(prefix) :]]
        assert is_fair(wants, [choice.thread for choice in loop])
        assert len(prefix) + len(loop) == shortest(graph, set(component))


def shortest(graph: Graph, component: set[int]) -> int:
    """Return the length of the shortest lasso into a component: all walks, by their length."""
    layer: list[tuple[int, ...]] = [(0,)]
    threads: dict[tuple[int, ...], set[tuple[str, ...]]] = {(0,): {()}}
    for length in range(1, 12):
        longer: dict[tuple[int, ...], set[tuple[str, ...]]] = {}
        for path in layer:
            for choice, to in graph.edges[path[-1]]:
                names = {(*ran, choice.thread) for ran in threads[path]}
                longer.setdefault((*path, to), set()).update(names)
        for path, runs in longer.items():
            if path[-1] not in component:
                continue
            for at in (i for i, state in enumerate(path[:-1]) if state == path[-1]):
                for ran in runs:
                    if strong(graph, set(path[at:]), set(ran[at:])):
                        return length
        layer, threads = list(longer), longer
    raise AssertionError("no lasso of a dozen steps")


def test_who_can_run_now_and_again_starves_but_is_not_kept_from_running_at_once() -> None:
    # a goes to and fro; b can run in one of the two states only.
    graph = Graph(
        [("a", "b"), ("a",)],
        [[(Choice("a"), 1), (Choice("b"), 0)], [(Choice("a"), 0)]],
    )
    del graph.edges[0][1]

    assert list(fair(graph)) == []
    assert list(starving(graph)) == [([0, 1], ["b"])]
