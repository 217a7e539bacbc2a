"""What counts as left behind: whose holder is gone, and what nothing reaches."""

from __future__ import annotations

import pytest

from netsim.checkers.leaks import leaked_memory, leaked_references
from netsim.core.memory import KObject, bind, kfree, kmalloc, shared
from netsim.core.sim import Sim
from netsim.core.thread import Life, SimThread
from netsim.sync.completion import Completion
from netsim.sync.refcount import RefCount


@shared
class Node(KObject):
    """Points to one and to several."""

    next: Node | None = None
    others: tuple[Node, ...] = ()
    number: int = 0


class Desk:
    """A machine with one thread, 1, that is suspended with `kept` in a variable."""

    def __init__(self, life: Life = Life.LIVE, operation: str = "", kept: object = None) -> None:
        self.sim = Sim()
        self.sim.recording = True
        done = Completion(self.sim, "done")

        async def body(kept: object) -> None:
            await done.wait_for_completion()
            assert kept

        self.thread: SimThread = self.sim.spawn("1", body(kept), flow=1)
        self.thread.life = life
        self.thread.operation = operation

    def node(self, base: str, **pointers: object) -> Node:
        return kmalloc(self.sim, Node(**pointers), base)  # type: ignore[arg-type]

    def static(self, **pointers: object) -> Node:
        return bind(self.sim, Node(**pointers), "root")  # type: ignore[arg-type]

    def references(self, *holders: str) -> list[str]:
        refs = RefCount(Sim(), "dev", holders)
        return [report.message for report in leaked_references(self.sim, [refs])]

    def memory(self, *roots: Node) -> list[str]:
        reports = leaked_memory(self.sim, roots)
        assert not any(report.fatal for report in reports)
        return [object for report in reports for object in report.objects]


TOOK = "a reference to dev is never dropped: set took it and has returned"


class TestReferences:
    """A holder is an operation of a thread, an allocated object, or a name that stays."""

    @pytest.mark.parametrize(
        ("life", "operation", "leaks"),
        [
            (Life.DONE, "", True),
            (Life.DONE, "set", True),
            (Life.LIVE, "", True),  # at rest behind its last operation
            (Life.LIVE, "off", False),  # hung: it could still be dropped
            (Life.STOPPED, "set", False),
            (Life.STOPPED, "", False),
            (Life.KILLED, "set", False),
            (Life.KILLED, "", False),
        ],
    )
    def test_of_an_operation(self, life: Life, operation: str, leaks: bool) -> None:
        assert Desk(life, operation).references("1:set") == ([TOOK] if leaks else [])

    def test_of_a_thread_before_its_first_operation(self) -> None:
        (message,) = Desk(Life.DONE).references("1:")
        assert message.endswith(": 1 took it and has returned")

    @pytest.mark.parametrize("holder", ["9:set", "1", "table", "dev eth0"])
    def test_configuration_leaks_nothing(self, holder: str) -> None:
        assert Desk(Life.DONE).references(holder) == []

    def test_of_an_object(self) -> None:
        desk = Desk()
        route = desk.node("rtable")
        assert desk.references(route._label) == []
        kfree(route)
        (message,) = desk.references(route._label)
        assert message.endswith(f": {route._label}, which held it, has been freed")

    def test_one_by_one(self) -> None:
        desk = Desk(Life.DONE)
        refs = [RefCount(desk.sim, name, ("1:set", "table", "1:off")) for name in ("dev", "neigh")]
        found = leaked_references(desk.sim, refs)
        assert [(report.objects, report.operation) for report in found] == [
            ((name, "reference"), operation)
            for name in ("dev", "neigh")
            for operation in ("set", "off")
        ]
        assert {report.thread for report in found} == {"1"}
        assert not any(report.fatal for report in found)

    def test_colons_in_an_operation(self) -> None:
        desk = Desk(Life.DONE)
        refs = RefCount(desk.sim, "dev", ("1:mac eth0 02:00:00:00:00:77",))
        (report,) = leaked_references(desk.sim, [refs])
        assert (report.thread, report.operation) == ("1", "mac eth0 02:00:00:00:00:77")


class TestMemory:
    """Reached is what a root points to, at any distance."""

    def test_what_nothing_points_to(self) -> None:
        desk = Desk()
        lost = desk.node("netpoll")
        assert desk.memory() == [lost._label]
        kfree(lost)
        assert desk.memory() == []

    def test_what_a_root_reaches(self) -> None:
        desk = Desk()
        far = desk.node("far")
        near = desk.node("near", next=far)
        listed = desk.node("listed")
        assert desk.memory() == [far._label, near._label, listed._label]
        assert desk.memory(desk.static(next=near, others=(listed,))) == []
        assert desk.memory(desk.static(others=(listed,))) == [far._label, near._label]

    def test_rings_end(self) -> None:
        desk = Desk()
        one = desk.node("one")
        other = desk.node("other", next=one)
        one.next = other
        assert desk.memory(desk.static()) == [one._label, other._label]
        assert desk.memory(desk.static(next=one)) == []

    def test_one_that_was_reached_keeps_nothing_from_the_next(self) -> None:
        desk = Desk()
        twice, last = desk.node("twice"), desk.node("last")
        assert desk.memory(desk.static(next=last, others=(twice, twice))) == []

    @pytest.mark.parametrize(
        ("life", "operation", "judged"),
        [
            (Life.STOPPED, "set", False),
            (Life.STOPPED, "", False),
            (Life.LIVE, "set", False),  # hung: what it holds, it may free
            (Life.LIVE, "", True),
            (Life.DONE, "set", True),
            (Life.KILLED, "set", True),
        ],
    )
    def test_who_may_still_hold_it(self, life: Life, operation: str, judged: bool) -> None:
        desk = Desk(life, operation)
        lost = desk.node("netpoll")
        assert desk.memory() == ([lost._label] if judged else [])

    @pytest.mark.parametrize("life", [Life.KILLED, Life.LIVE])
    def test_what_a_killed_thread_had_in_its_variables(self, life: Life) -> None:
        desk = Desk()
        behind = desk.node("behind")
        mine = desk.node("mine", next=behind)

        async def body(kept: Node) -> None:
            await Completion(desk.sim, "never").wait_for_completion()
            assert kept

        struck = desk.sim.spawn("2", body(mine), flow=2)
        struck.life = life
        found = [] if life is Life.KILLED else [behind._label, mine._label]
        assert desk.memory() == found
