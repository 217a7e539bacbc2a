"""A small design with a promise of each mode: letters are posted into a box and taken out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from netsim.core.memory import KObject, bind, shared
from netsim.core.sim import Sim
from netsim.design import Design, Operation, Parameter, StartingPoint
from netsim.promise import KEPT, VOID, Answer, Broken, Promise, Shown
from netsim.sync.halt import halt
from netsim.sync.marked import SharedList, read_once, write_once
from netsim.sync.mutex import Mutex
from netsim.sync.sleep import schedule_point
from tests.run.bare import BareSystem


@shared
class Office(KObject):
    """How many letters its book says there are."""

    booked: int = 0


class PostSystem(BareSystem):
    """A box of letters, a book that counts them, and a door with a lock."""

    def __init__(self, sim: Sim) -> None:
        super().__init__(sim)
        self.box = SharedList(sim, "box")
        self.office = bind(sim, Office(), "office")
        self.door = Mutex(sim, "door")
        #: Who was here, in an order that nothing defines.
        self.visitors: list[str] = []

    def roots(self) -> Sequence[Any]:
        return (self.office,)


async def post(s: PostSystem, letter: str) -> int:
    """Put a letter into the box, then count it in two steps that nothing holds together."""
    await s.box.add(letter)
    booked = await read_once(s.office, "booked")
    await write_once(s.office, "booked", booked + 1)
    return 0


async def visit(s: PostSystem, name: str) -> int:
    """Touch nothing that anybody else touches."""
    await schedule_point("visit")
    s.visitors.append(name)
    return 0


async def count(s: PostSystem) -> int:
    """Look into the box."""
    return len(await s.box.snapshot())


async def double(s: PostSystem) -> int:
    """Take the lock of the door twice: it never ends."""
    await s.door.mutex_lock()
    await s.door.mutex_lock()
    return 0


async def enter(s: PostSystem) -> int:
    """Take the lock of the door once."""
    async with s.door.held():
        await s.box.snapshot()
    return 0


async def close(_s: PostSystem) -> NoReturn:
    """Stop the machine."""
    await halt("close")


def posted(shown: Shown) -> list[str]:
    return [o.call.arguments[0] for o in shown.operations if o.call.name == "post"]


def booked(shown: Shown) -> Answer | Broken:
    if not posted(shown):
        return VOID
    count, letters = shown.evidence["booked"], shown.evidence["box"]
    return KEPT if count == len(letters) else Broken(f"{len(letters)} letters, booked as {count}")


def nothing_strange(shown: Shown) -> Answer | Broken:
    letters = shown.evidence["box"]
    strange = [letter for letter in letters if letter == "bomb"]
    if not letters:
        return VOID
    return Broken("a bomb is in the box", ("box",)) if strange else KEPT


def seen(shown: Shown) -> Answer | Broken:
    counted = [o.result for o in shown.operations if o.call.name == "count"]
    if not counted or not posted(shown):
        return VOID
    return KEPT if 1 in counted else Broken("no letter is seen in the box")


def entered(shown: Shown) -> Answer | Broken:
    mine = [o for o in shown.operations if o.call.name == "enter"]
    if not mine:
        return VOID
    return KEPT if all(o.ended == "returned" for o in mine) else Broken("the door stays closed")


def never(_shown: Shown) -> Answer | Broken:
    return VOID


def who_comes_first(shown: Shown) -> Answer | Broken:
    """Break the rule: the order of visits is none that executions of a class share."""
    visitors = shown.evidence["visitors"]
    if len(visitors) < 2:
        return VOID
    return KEPT if visitors == sorted(visitors) else Broken("they came in another order")


PROMISES = (
    Promise("booked", "Every letter is booked.", "the book, page 1", "eventually", booked),
    Promise("safe", "No bombs.", "a sign at the door", "always", nothing_strange),
    Promise("seen", "You can see your letter.", "a leaflet", "reachable", seen),
    Promise("open", "The door opens.", "a sign at the door", "eventually", entered),
    Promise("golden", "Golden letters fly.", "a leaflet", "always", never),
)
ILL = Promise("first", "A comes before B.", "nowhere", "always", who_comes_first)


def evidence(s: PostSystem) -> dict[str, Any]:
    return {
        "box": list(s.box.items),
        "booked": s.office.booked,
        "visitors": list(s.visitors),
    }


def design(*promises: Promise, check: Callable[[str], str | None] = lambda _: None) -> Design:
    letter = Parameter("LETTER", "what it says", check)
    made = [
        Operation("post", "post a letter", post, (letter,), samples=(("a",), ("bomb",))),
        Operation("visit", "be there", visit, (letter,), samples=()),
        Operation("count", "look", count),
        Operation("double", "lock twice", double),
        Operation("enter", "lock once", enter),
        Operation("close", "stop the machine", close, halts=True, samples=(), alone=((),)),
    ]
    return Design(
        name="post",
        summary="letters and their book",
        boot=PostSystem,
        operations={operation.name: operation for operation in made},
        starts=(StartingPoint("empty", ""), StartingPoint("one", "post x")),
        probes=("count",),
        promises=promises or PROMISES,
        evidence=evidence,
    )
