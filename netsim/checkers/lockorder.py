"""
The order of locks as a graph, and what in it could deadlock: pure values, no execution.

A node is a class of locks, or a wait: a call that ends only when another thread has done its
part.  An edge says that some thread had the first and needed the second.  Classes and rules are
those of lockdep (kernel documentation, locking/lockdep-design: recursion, inversion, irq-safe
against irq-unsafe); a wait is a node as in DEPT, whose edges lead to what the thread that ended
it had to go through before.  Goodlock's refinements (edges of different threads, gate locks) are
used as follows: the first to predict, the second only to explain; what is predicted is decided by
exploring.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import attrs

from netsim.core.fault import Site
from netsim.core.thread import Context


class Node(NamedTuple):
    """A class of locks (`call` is ""), or the wait in `call` for objects of a class."""

    call: str
    label: str

    def __str__(self) -> str:
        return f"{self.call}({self.label})" if self.call else self.label


Edge: TypeAlias = tuple[Node, Node]


@attrs.frozen
class Need:
    """
    One way in which a thread had `first` and needed `then`.

    It had a lock if it held it, and a wait if it was the one that ended it.  `gates` are the
    locks that it held alone, and longer than `first`.
    """

    first: Node
    then: Node
    thread: str
    #: The thread as reports name it.
    title: str
    had_shared: bool
    needs_shared: bool
    gates: tuple[str, ...]
    sites: tuple[Site, ...]

    @property
    def edge(self) -> Edge:
        """The two nodes."""
        return (self.first, self.then)

    def words(self) -> str:
        """Tell it in words."""
        had = f"has to end {self.first}" if self.first.call else f"holds {self.first}"
        needs = f"waits in {self.then}" if self.then.call else f"wants {self.then}"
        return f"{self.title} {had} and {needs}"


@attrs.frozen
class Use:
    """How a thread used a lock of a class: took it in a context, or held it with that enabled."""

    node: Node
    context: Context
    #: True if the lock was taken in `context`; False if held elsewhere, with `context` enabled.
    inside: bool
    shared: bool
    thread: str
    title: str
    site: Site

    def state(self) -> str:
        """Return the usage state as lockdep writes it, such as {IN-HARDIRQ-W}."""
        irq = self.context.value.upper()
        mode = "R" if self.shared else "W"
        return f"{{IN-{irq}-{mode}}}" if self.inside else f"{{{irq}-ON-{mode}}}"


@attrs.frozen
class Prediction:
    """
    A deadlock that the order of locks allows, whether or not it can happen.

    `lock-order`: a cycle, each node needed by the thread that has the one before; `needs` gives
    one need for each edge, all of different threads; `gate` is a lock under which every need of
    these edges was seen, or "".  `irq-lock-order`: a path from what an interrupt takes (the
    first of `uses`) to what is held with that interrupt enabled (the second).
    """

    kind: str
    nodes: tuple[Node, ...]
    needs: tuple[Need, ...]
    gate: str = ""
    uses: tuple[Use, ...] = ()

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The edges, in order."""
        return tuple(need.edge for need in self.needs)

    @property
    def threads(self) -> tuple[str, ...]:
        """The threads that take part, in order."""
        return tuple(
            dict.fromkeys([*(n.thread for n in self.needs), *(u.thread for u in self.uses)])
        )

    @property
    def sites(self) -> tuple[Site, ...]:
        """The places that take part."""
        return (*(site for n in self.needs for site in n.sites), *(u.site for u in self.uses))

    def path(self) -> str:
        """Return the order itself: `a -> b -> a`."""
        nodes = self.nodes if self.uses else (*self.nodes, self.nodes[0])
        return " -> ".join(map(str, nodes))

    def words(self) -> str:
        """Tell it in words."""
        if not self.uses:
            text = "; ".join(need.words() for need in self.needs)
            if self.gate:
                text += f"; they do so only under {self.gate}, which lets in one at a time"
            return text
        inside, outside = self.uses
        irq = inside.context.value
        if self.needs:
            text = f"{irq}-safe -> {irq}-unsafe lock order {self.path()}: "
        else:
            text = f"inconsistent {inside.state()} -> {outside.state()} usage of {inside.node}: "
        text += f"{inside.title} takes {inside.node} in {irq} context, "
        text += "".join(f"{need.words()}, " for need in self.needs)
        text += f"{outside.title} holds {outside.node} with {irq}s enabled; "
        text += f"a {irq} that strikes there waits for what it has interrupted"
        return text


Needs: TypeAlias = Mapping[Edge, Sequence[Need]]


def predict_cycles(needs: Needs) -> Iterator[Prediction]:
    """
    Yield each elementary cycle of classes that different threads could close, shortest first.

    At least one node of it is a lock.  A cycle of one node is lockdep's recursion rule: two
    threads each take two locks of one class.
    """
    following: dict[Node, list[Node]] = {}
    for first, then in sorted(needs):
        following.setdefault(first, []).append(then)
    threads = len({need.thread for some in needs.values() for need in some})
    found: list[tuple[Node, ...]] = []
    for start, successors in following.items():
        if start in successors:
            found.append((start, start))
        todo: list[tuple[Node, ...]] = [(start,)]
        while todo:
            path = todo.pop()
            for node in following.get(path[-1], ()):
                if node == start and len(path) > 1:
                    found.append(path)
                elif node > start and node not in path and len(path) < threads:
                    todo.append((*path, node))
    for nodes in sorted(found, key=lambda path: (len(path), path)):
        if all(node.call for node in nodes):
            continue
        edges = [(node, nodes[(i + 1) % len(nodes)]) for i, node in enumerate(nodes)]
        chosen = _different_threads([needs[edge] for edge in edges], ())
        if chosen is not None:
            if nodes[0] == nodes[1]:
                nodes = nodes[:1]
            yield Prediction("lock-order", nodes, chosen, gate(edges, needs))


def _different_threads(
    some: Sequence[Sequence[Need]], chosen: tuple[Need, ...]
) -> tuple[Need, ...] | None:
    """Choose one need of each, all of different threads, each of which can hold up the last."""
    if len(chosen) == len(some):
        return chosen if _holds_up(chosen[-1], chosen[0]) else None
    for need in some[len(chosen)]:
        if any(need.thread == other.thread for other in chosen):
            continue
        if chosen and not _holds_up(chosen[-1], need):
            continue
        found = _different_threads(some, (*chosen, need))
        if found is not None:
            return found
    return None


def _holds_up(waiter: Need, holder: Need) -> bool:
    """Tell whether one waits for the other; two readers of a lock do not."""
    return not (waiter.needs_shared and holder.had_shared)


def gate(edges: Sequence[Edge], needs: Needs) -> str:
    """Return a lock under which every need of `edges` was seen, or ""."""
    all_needs = [need for edge in edges for need in needs[edge]]
    inside = {node.label for edge in edges for node in edge}
    for lock in all_needs[0].gates:
        if lock not in inside and all(lock in need.gates for need in all_needs):
            return lock
    return ""


def predict_irqs(needs: Needs, uses: Sequence[Use]) -> Iterator[Prediction]:
    """Yield each way from a lock taken in an interrupt to one held with it enabled."""
    orders: dict[Node, list[Need]] = {}
    for edge in sorted(needs):
        orders.setdefault(edge[0], []).extend(needs[edge])
    seen: set[tuple[Context, tuple[Node, ...]]] = set()
    for inside in uses:
        if not inside.inside:
            continue
        todo: list[tuple[Need, ...]] = [()]
        while todo:
            path = todo.pop(0)
            node = path[-1].then if path else inside.node
            wants_shared = path[-1].needs_shared if path else inside.shared
            nodes = (inside.node, *(need.then for need in path))
            busy = {inside.thread, *(need.thread for need in path)}
            for use in uses:
                if (
                    use.inside
                    or use.context is not inside.context
                    or use.node != node
                    or use.thread in busy
                    or (use.shared and wants_shared)
                    or (use.context, nodes) in seen
                ):
                    continue
                seen.add((use.context, nodes))
                yield Prediction("irq-lock-order", nodes, path, "", (inside, use))
            todo += [
                (*path, need)
                for need in orders.get(node, ())
                if need.then not in nodes
                and need.thread not in busy
                and not (wants_shared and need.had_shared)
            ]
