"""Endings made by hand: which predictions they confirm."""

from netsim.checkers.lockorder import Need, Node, Prediction, Use
from netsim.checkers.waitfor import Waiting, reaches
from netsim.core.fault import Site
from netsim.core.thread import Context

A, B, C = (Node("", name) for name in "abc")
DONE = Node("wait_for_completion", "done")
NOWHERE = Site("", "", 0, "", "")


def need(first: Node, then: Node, thread: str) -> Need:
    return Need(first, then, thread, thread, False, False, (), ())


def waiting(thread: str, node: Node, *blockers: str, **changes: object) -> Waiting:
    """Thread n runs on CPU n, and so do those that block it, unless told otherwise."""
    cpu = changes.get("cpu", int(thread))
    context = changes.get("context", Context.PROCESS)
    assert isinstance(cpu, int)
    assert isinstance(context, Context)
    return Waiting(thread, cpu, context, node, tuple((name, int(name)) for name in blockers))


CYCLE = Prediction("lock-order", (A, B), (need(A, B, "1"), need(B, A, "2")))


def test_a_cycle() -> None:
    assert reaches((waiting("1", B, "2"), waiting("2", A, "1")), CYCLE, {})


def test_two_that_wait_for_a_third_are_none() -> None:
    assert not reaches((waiting("1", B, "3"), waiting("2", A, "3")), CYCLE, {})
    assert not reaches((waiting("1", B, "2"), waiting("2", A, "3")), CYCLE, {})


def test_a_cycle_of_other_locks_is_another() -> None:
    assert not reaches((waiting("1", B, "2"), waiting("2", C, "1")), CYCLE, {})


def test_a_cycle_through_more_locks_confirms_what_it_contains() -> None:
    longer = (
        waiting("1", B, "2"),
        waiting("2", A, "3"),
        waiting("3", C, "4"),
        waiting("4", A, "1"),
    )

    assert reaches(longer, CYCLE, {})


def test_one_that_waits_for_a_cycle_is_no_part_of_it() -> None:
    stuck = (waiting("1", C, "2"), waiting("2", A, "3"), waiting("3", B, "2"))

    assert reaches(stuck, CYCLE, {})
    three = Prediction("lock-order", (A, C), (need(A, C, "1"), need(C, A, "2")))
    assert not reaches(stuck, three, {})


def test_who_ends_a_wait_may_be_known_from_other_executions_only() -> None:
    through = Prediction("lock-order", (A, DONE), (need(A, DONE, "1"), need(DONE, A, "2")))
    stuck = (waiting("1", DONE), waiting("2", A, "1"))

    assert not reaches(stuck, through, {})
    assert not reaches(stuck, through, {DONE: ("3",)})
    assert reaches(stuck, through, {DONE: ("2",)})


def use(node: Node, thread: str, *, inside: bool) -> Use:
    return Use(node, Context.HARDIRQ, inside, False, thread, thread, NOWHERE)


def test_an_interrupt_that_waits_for_its_own_cpu() -> None:
    one = Prediction(
        "irq-lock-order", (A,), (), "", (use(A, "1", inside=True), use(A, "2", inside=False))
    )

    def struck(cpu: int, context: Context = Context.HARDIRQ, node: Node = A) -> bool:
        return reaches((waiting("1", node, "2", cpu=cpu, context=context),), one, {})

    assert struck(2)
    assert not struck(1)
    assert not struck(2, context=Context.PROCESS)
    assert not struck(2, node=B)
    assert not reaches((waiting("1", A, "1", context=Context.HARDIRQ),), one, {})


def test_an_interrupt_that_waits_for_one_that_waits_for_its_cpu() -> None:
    uses = (use(A, "1", inside=True), use(B, "2", inside=False))
    two = Prediction("irq-lock-order", (A, B), (need(A, B, "3"),), "", uses)
    irq = waiting("1", A, "3", cpu=2, context=Context.HARDIRQ)

    assert reaches((irq, waiting("3", B, "2")), two, {})
    assert not reaches((irq, waiting("3", C, "2")), two, {})
    assert not reaches((irq, waiting("3", B, "4")), two, {})
    assert not reaches((irq, waiting("4", B, "2")), two, {})
