"""What the order of locks predicts, against all choices of needs, on graphs made at random."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, permutations, product
from random import Random

import pytest

from netsim.checkers.lockorder import Edge, Need, Node, Use, gate, predict_cycles, predict_irqs
from netsim.core.fault import Site
from netsim.core.thread import Context

#: Three classes of locks and two waits.
NODES = (*(Node("", name) for name in "abc"), Node("flush_work", "w"), Node("wait", "done"))
SITE = Site("takes", "1", 0, "f", "f.c")


def need(
    first: Node, then: Node, thread: str, *, had: bool = False, wants: bool = False, gates: str = ""
) -> Need:
    return Need(first, then, thread, thread, had, wants, tuple(gates), ())


def graph(random: Random) -> dict[Edge, list[Need]]:
    """Return needs of some threads: dense enough for cycles, sparse enough to miss some."""
    needs: dict[Edge, list[Need]] = {}
    nodes = random.sample(NODES, random.randint(2, 4))
    for _ in range(random.randint(2, 9)):
        first, then = random.choice(nodes), random.choice(nodes)
        if first == then and first.call:
            continue
        one = need(
            first,
            then,
            str(random.randint(1, 4)),
            had=random.random() < 0.4,
            wants=random.random() < 0.4,
            gates="".join(sorted(random.sample("abgh", random.randint(0, 3)))),
        )
        needs.setdefault((first, then), []).append(one)
    return needs


def closes(chosen: Sequence[Need]) -> bool:
    """Tell whether each need waits for the next, whose thread is another."""
    if len({one.thread for one in chosen}) < len(chosen):
        return False
    return all(
        not (one.needs_shared and other.had_shared)
        for one, other in zip(chosen, [*chosen[1:], chosen[0]], strict=True)
    )


def cycles(needs: dict[Edge, list[Need]]) -> Iterator[tuple[Node, ...]]:
    """Yield every cycle that some choice of needs closes, from its first node on."""
    for size in range(1, 6):
        for nodes in permutations(NODES, size):
            if nodes[0] != min(nodes) or all(node.call for node in nodes):
                continue
            rounds = nodes * 2 if size == 1 else nodes
            edges = list(zip(rounds, [*rounds[1:], rounds[0]], strict=True))
            if any(map(closes, product(*(needs.get(edge, []) for edge in edges)))):
                yield nodes


@pytest.mark.parametrize("seed", range(400))
def test_cycles(seed: int) -> None:
    needs = graph(Random(seed))
    found = list(predict_cycles(needs))
    assert sorted(one.nodes for one in found) == sorted(cycles(needs))
    assert [len(one.needs) for one in found] == sorted(len(one.needs) for one in found)
    for one in found:
        assert closes(one.needs)
        assert all(some in needs[some.edge] for some in one.needs)
        assert list(one.nodes) == [some.first for some in one.needs][: len(one.nodes)]
        locks = [set(some.gates) for edge in one.edges for some in needs[edge]]
        free = set.intersection(*locks) - {node.label for node in one.nodes}
        assert (one.gate in free) if free else not one.gate


def uses(random: Random) -> list[Use]:
    """Return uses of locks: half taken in an interrupt, half held with it enabled."""
    return [
        Use(
            random.choice(NODES[:3]),
            random.choice((Context.HARDIRQ, Context.SOFTIRQ)),
            random.random() < 0.5,
            random.random() < 0.4,
            thread,
            thread,
            SITE,
        )
        for thread in random.choices("12345", k=random.randint(2, 6))
    ]


def irqs(
    needs: dict[Edge, list[Need]], all_uses: list[Use]
) -> Iterator[tuple[Context, tuple[Node, ...]]]:
    """Yield every way from what an interrupt takes to what is held with it enabled."""
    for inside, use in product(all_uses, all_uses):
        if not inside.inside or use.inside or inside.context is not use.context:
            continue
        for size in range(1, 6):
            for nodes in permutations(NODES, size):
                if (nodes[0], nodes[-1]) == (inside.node, use.node) and any(
                    _holds(needs, inside, use, nodes)
                ):
                    yield inside.context, nodes


def _holds(
    needs: dict[Edge, list[Need]], inside: Use, use: Use, nodes: Sequence[Node]
) -> Iterator[bool]:
    for chain in product(*(needs.get(edge, []) for edge in pairwise(nodes))):
        threads = [inside.thread, *(one.thread for one in chain), use.thread]
        wants = [inside.shared, *(one.needs_shared for one in chain)]
        had = [*(one.had_shared for one in chain), use.shared]
        yield len(set(threads)) == len(threads) and not any(
            w and h for w, h in zip(wants, had, strict=True)
        )


@pytest.mark.parametrize("seed", range(400))
def test_interrupts(seed: int) -> None:
    random = Random(seed)
    needs, all_uses = graph(random), uses(random)
    found = list(predict_irqs(needs, all_uses))
    told = [(one.uses[0].context, one.nodes) for one in found]
    assert len(set(told)) == len(told)
    assert set(told) == set(irqs(needs, all_uses))
    for one in found:
        inside, use = one.uses
        assert (inside.inside, use.inside) == (True, False)
        assert one.nodes == (inside.node, *(some.then for some in one.needs))
        assert use.node == one.nodes[-1]
    lengths: dict[int, list[int]] = {}
    for one in found:
        at = next(i for i, use in enumerate(all_uses) if use is one.uses[0])
        lengths.setdefault(at, []).append(len(one.nodes))
    assert all(some == sorted(some) for some in lengths.values())


def test_a_gate_is_held_in_every_need() -> None:
    a, b = NODES[:2]
    forth, back = (a, b), (b, a)
    needs = {forth: [need(a, b, "1", gates="xgb")], back: [need(b, a, "2", gates="gbx")]}
    assert gate([forth, back], needs) == "x"
    needs[back].append(need(b, a, "3", gates="bg"))
    assert gate([forth, back], needs) == "g"
    needs[forth].append(need(a, b, "4", gates="b"))
    assert gate([forth, back], needs) == ""  # b is of the cycle itself


def by_edge(*some: Need) -> dict[Edge, list[Need]]:
    return {one.edge: [one] for one in some}


def use(node: Node, thread: str, *, inside: bool = False, shared: bool = False) -> Use:
    return Use(node, Context.HARDIRQ, inside, shared, thread, thread, SITE)


def test_waits_alone_hide_no_longer_cycle() -> None:
    a, b, c, work, done = NODES
    needs = by_edge(
        need(work, done, "1"),
        need(done, work, "2"),
        need(a, b, "1"),
        need(b, c, "2"),
        need(c, a, "3"),
    )
    assert [one.nodes for one in predict_cycles(needs)] == [(a, b, c)]


def test_the_last_of_a_chain_tells_whether_it_waits_for_a_reader() -> None:
    a, b, c = NODES[:3]
    chain = by_edge(need(a, b, "2", wants=True), need(b, c, "3"))
    reader = [use(a, "1", inside=True), use(c, "4", shared=True)]
    assert [one.nodes for one in predict_irqs(chain, reader)] == [(a, b, c)]
    chain = by_edge(need(a, b, "2"), need(b, c, "3", wants=True))
    assert list(predict_irqs(chain, reader)) == []


def test_of_an_interrupt_the_short_ways_come_first() -> None:
    a, b, c = NODES[:3]
    needs = by_edge(need(a, b, "2"), need(a, c, "3"), need(c, b, "4"))
    found = predict_irqs(needs, [use(a, "1", inside=True), use(b, "5")])
    assert [one.nodes for one in found] == [(a, b), (a, c, b)]
