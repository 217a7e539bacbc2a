"""What a design tells about itself."""

from typing import Any

import attrs

from netsim.core.thread import Context
from netsim.design import AcceptedLoss, Design, Operation, Parameter, Part, StartingPoint
from netsim.view.show import design_text, list_text


async def nothing(*_: Any) -> None:
    return None


def toy(name: str = "toy") -> Design:
    return Design(
        name=name,
        summary="a toy",
        boot=lambda _sim: None,  # type: ignore[arg-type,return-value]
        operations={
            "put": Operation(
                "put",
                "puts it there",
                nothing,
                (Parameter("THING", "what to put"),),
                (Context.PROCESS, Context.SOFTIRQ),
                source="drivers/toy.c",
            )
        },
        starts=(StartingPoint("full", "put x"),),
        probes=("look",),
        locks=(("toy_lock", "the box", "nothing"),),
        sources=("drivers/toy.c of 2.6.36",),
        left_out=("the lid",),
        parts=(
            Part(3, "toy: Add a lid", "a lid that closes", ("toy.py", "put"), "its colour"),
            Part(4, "toy: Paint it", "all of it", ("toy.py",)),
        ),
        accepted=(AcceptedLoss("leak", ("put",), "it is small"),),
    )


def test_everything_declared_is_told() -> None:
    text = design_text(toy())

    for words in (
        "toy: a toy",
        "put THING",
        "puts it there  [process, softirq; drivers/toy.c]",
        "what to put",
        "{ put x }",
        "toy_lock: the box; inside it: nothing",
        "drivers/toy.c of 2.6.36",
        "the lid",
        (
            "  03 toy: Add a lid\n     a lid that closes\n     where: toy.py, put\n"
            "     left out: its colour\n"
            "  04 toy: Paint it\n     all of it\n     where: toy.py\n     left out: nothing\n"
        ),
        "accepted: leak in any operation: it is small",
    ):
        assert words in text


def told_where(accepted: tuple[str, ...], there: tuple[str, ...]) -> str:
    """Where a loss is said to be accepted, in a design with these operations."""
    made = attrs.evolve(
        toy(),
        operations={name: Operation(name, "does it", nothing) for name in there},
        accepted=(AcceptedLoss("leak", accepted, "it is small"),),
    )
    (line,) = [line for line in design_text(made).split("\n") if "accepted:" in line]
    return line.removeprefix("  accepted: leak in ").removesuffix(": it is small")


def test_where_a_loss_is_accepted_is_told_by_the_fewer_operations() -> None:
    """A variant that adds operations does not add them to what its design accepts."""
    assert told_where(("a", "b"), ("a", "b")) == "any operation"
    assert told_where(("a", "b"), ("a", "b", "added")) == "any operation but added"
    assert told_where(("a",), ("a", "b", "c")) == "a"


def test_a_promise_that_is_not_made_is_not_told_as_a_loss() -> None:
    made = attrs.evolve(toy(), accepted=(AcceptedLoss("promise:lid", ("put",), "no lid"),))
    assert "accepted" not in design_text(made)


def test_a_list_is_one_line_for_each() -> None:
    assert list_text([toy(), toy("toy+fixed")]) == "toy        a toy\ntoy+fixed  a toy"


def test_no_design_is_said() -> None:
    assert "no design is installed" in list_text([])
