"""Coming back to a snapshot is like booting anew: nothing of an execution stays behind."""

from __future__ import annotations

import types
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest

from netsim.core.memory import KObject, bind, kfree, kmalloc, shared
from netsim.core.sim import Sim
from netsim.core.snapshot import NotAtRest, Snapshot, members
from netsim.explorer.loop import execute
from netsim.explorer.optimal import OptimalDpor
from netsim.notation import parse
from netsim.results import Options
from netsim.run.boot import Boots
from netsim.run.outcome import observe
from netsim.run.program import ScenarioProgram
from netsim.run.registry import available, load
from netsim.sync.sleep import schedule_point
from netsim.sync.workqueue import Work


def picture(*roots: Any) -> list[Any]:
    """Describe all that can be reached: each object once, by number in order of discovery."""
    numbers: dict[int, int] = {}
    kept: list[Any] = []
    rows: list[Any] = []

    def name(value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float, str, bytes, Enum, type)):
            return value
        if id(value) not in numbers:
            numbers[id(value)] = len(kept)
            kept.append(value)
        return f"<{numbers[id(value)]}>"

    for root in roots:
        name(root)
    done = 0
    while done < len(kept):
        rows.append((done, *described(kept[done], name)))
        done += 1
    return rows


def described(value: Any, name: Any) -> Iterator[Any]:
    yield type(value).__name__
    if isinstance(value, (list, tuple)):
        yield [name(item) for item in value]
    elif isinstance(value, (set, frozenset)):
        yield sorted(str(name(item)) for item in value)
    elif isinstance(value, dict):
        yield [(name(key), name(item)) for key, item in value.items()]
    elif isinstance(value, bytearray):
        yield bytes(value)
    elif isinstance(value, types.FunctionType):
        yield value.__qualname__, [name(cell.cell_contents) for cell in value.__closure__ or ()]
    elif isinstance(value, types.MethodType):
        yield value.__qualname__, name(value.__self__)
    elif isinstance(value, types.CoroutineType):
        yield value.__qualname__, value.cr_frame is None
    elif not isinstance(value, types.BuiltinFunctionType):
        for member in members(type(value)):
            try:
                yield member.__name__, name(member.__get__(value))
            except AttributeError:
                yield member.__name__
        yield [(key, name(item)) for key, item in getattr(value, "__dict__", {}).items()]


def calls_of(design: str) -> list[str]:
    return [
        " ".join([operation.name, *sample])
        for operation in load(design).operations.values()
        for sample in operation.samples
    ]


@pytest.mark.parametrize("design", available())
def test_what_executions_did_is_gone(design: str) -> None:
    loaded = load(design)
    for start in loaded.starts:
        for call in calls_of(design):
            text = f"{{ {start.initial} }} {call} || soft-dump" if start.initial else call
            scenario = parse(text, loaded.operations)
            program = ScenarioProgram(loaded, scenario, Options())
            program.start()
            if program.run.unreached:
                continue
            strategy = OptimalDpor(program)
            execute(program, strategy)
            observe(program)
            program.start()
            fresh = ScenarioProgram(loaded, scenario, Options())
            fresh.start()

            assert picture(program.run) == picture(fresh.run), text


@shared
class Box(KObject):
    """Something with a recorded field."""

    content: Any = None


class Globals:
    """A root with every kind of container."""

    def __init__(self, sim: Sim) -> None:
        self.box = bind(sim, Box(), "box")
        self.list: list[Any] = [1, [2]]
        self.dict: dict[Any, Any] = {"a": {3}}
        self.bytes = bytearray(b"ring")
        hidden = [4]

        def function() -> list[int]:
            return hidden

        self.function = function


def test_every_kind_of_state_comes_back() -> None:
    sim = Sim()
    world = Globals(sim)
    inner = kmalloc(sim, Box(), "inner")
    world.box.content = inner
    before = picture(sim, world)
    snapshot = Snapshot(sim, [world])

    world.list[1].append(5)
    world.list.append(6)
    world.dict["a"].add(7)
    world.dict["b"] = 8
    world.bytes += b"!"
    world.function().append(9)
    world.new = 10  # type: ignore[attr-defined]
    inner.content = kmalloc(sim, Box(), "inner")
    kfree(inner)
    world.box.content = None
    assert picture(sim, world) != before

    snapshot.restore()

    assert picture(sim, world) == before
    assert world.box.content.content is None


class _Private:
    """Slots whose names the compiler mangles."""

    __slots__ = ("__value",)

    def __init__(self) -> None:
        self.__value = 1

    def change(self) -> int:
        self.__value += 1
        return self.__value


def test_private_slots_come_back() -> None:
    private = _Private()
    snapshot = Snapshot(Sim(), [private])
    assert private.change() == 2

    snapshot.restore()

    assert private.change() == 2


def test_an_idle_worker_starts_afresh_and_works() -> None:
    sim = Sim()
    box = bind(sim, Box(content=0), "box")

    async def count() -> None:
        await schedule_point("count")
        box.content = box.content + 1

    work = Work(sim, "work", count)

    def run(name: str) -> None:
        async def queue() -> None:
            await work.schedule_work()

        sim.spawn(name, queue())
        while sim.enabled():
            sim.step(sim.enabled()[0])

    run("1")
    snapshot = Snapshot(sim, [box, work])
    for _ in range(2):
        run("2")
        assert (box.content, work.completed) == (2, 2)
        snapshot.restore()
        assert (box.content, work.completed) == (1, 1)


def test_a_thread_amid_its_work_is_not_at_rest() -> None:
    sim = Sim()

    async def sleep() -> None:
        await schedule_point("sleep")

    sim.spawn("1", sleep())

    with pytest.raises(NotAtRest):
        Snapshot(sim, [])


def test_boots_lend_the_same_machine_as_it_was() -> None:
    design = load("netoops-v1")
    boots = Boots()
    scenario = parse("{ set 10.0.0.1 } off || read", design.operations)
    one = ScenarioProgram(design, scenario, Options(), boots=boots)
    first = one.start()
    execute(one, OptimalDpor(one))

    again = one.with_flows_of(parse("{ set 10.0.0.1 } read", design.operations)).start()

    assert again is first
    assert [t.name for t in again.threads if t.flow] == ["1"]
