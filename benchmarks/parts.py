"""The parts of the benchmark: each measures one thing and returns its table."""

import gc
import time
import tracemalloc
from collections.abc import Callable, Mapping

from benchmarks.exploring import (
    Counts,
    Exhaustive,
    PlainDfs,
    classes_of,
    explore,
    replay_bare,
    schedules,
)
from benchmarks.families import (
    SCALES,
    Family,
    increments,
    last_zero,
    lost_wakeups,
    pairs,
    philosophers,
    producers,
    readers,
    trylocks,
    writers,
)
from benchmarks.hostile import survive
from benchmarks.logs import logs
from benchmarks.table import Table
from netsim.notation import parse
from netsim.results import Bounds, Options
from netsim.run.matrix import matrix
from netsim.run.program import ScenarioProgram
from netsim.run.registry import load
from netsim.run.search import Search

#: Scenarios whose exploring is timed: design, text.
SCENARIOS = (
    ("netoops-v1@2.6.35", "{ set 10.0.0.1 } off || unregister eth0"),
    ("netoops-v1@2.6.35", "{ set 10.0.0.1 } set 10.0.0.1 || off"),
    ("netoops-v1", "{ set 10.0.0.1 } set 10.0.1.1 || unregister eth0"),
    ("netoops-v1", "set 10.0.0.1 || set 10.0.0.1"),
    ("netoops-v1", "{ set 10.0.0.1 } off || unregister eth0 || carrier-off eth0"),
)
#: Each thing is timed so often, and the best time counts.
REPEATS = 3
#: Nobody waits for more executions than these of one scenario, nor of one depth-first search.
EXECUTIONS_MAX = 2_000
INTERLEAVINGS_MAX = 20_000
#: Datagrams of each seed.
HOSTILE, HOSTILE_SEEDS = 100_000, (2010, 2011)
MEMORY_MARKS = (1_000, 5_000, 10_000)


def _scenario(design: str, text: str) -> ScenarioProgram:
    loaded = load(design)
    return ScenarioProgram(loaded, parse(text, loaded.operations), Options())


def speed() -> Table:
    """Time the explorer with all checkers against the bare replay of what it ran."""
    table = Table(
        "Speed: the explorer with every check, against a bare replay of the same schedules",
        ("program", "executions", "steps", "bare steps/s", "steps/s", "ratio", "1 in"),
        "ratio = explorer / bare; '1 in' = bare / explorer. A scenario is also judged:\n"
        "endings, leaks, outcome with probes, sequential orders.",
    )
    for design, text in SCENARIOS:
        recorded = schedules(_scenario(design, text), EXECUTIONS_MAX)
        steps = sum(map(len, recorded))
        bare = min(replay_bare(_scenario(design, text), recorded) for _ in range(REPEATS))
        mine = min(_search(design, text) for _ in range(REPEATS))
        _rate(table, f"{design}: {text}", len(recorded), steps, bare, mine)
    for family in (increments(6), philosophers(7), trylocks(5), producers(5), lost_wakeups(3)):
        recorded = schedules(family, 10**9)
        steps = sum(map(len, recorded))
        bare = min(replay_bare(family, recorded) for _ in range(REPEATS))
        mine = min(
            explore(family, Exhaustive(family), checked=True).seconds for _ in range(REPEATS)
        )
        _rate(table, f"{family.name} ({family.size})", len(recorded), steps, bare, mine)
    return table


def _search(design: str, text: str) -> float:
    search = Search(_scenario(design, text), Bounds(executions=EXECUTIONS_MAX))
    started = time.perf_counter()
    search.explore(first=False, progress=None)
    return time.perf_counter() - started


def _rate(table: Table, name: str, executions: int, steps: int, bare: float, mine: float) -> None:
    table.add(
        name, executions, steps, round(steps / bare), round(steps / mine), bare / mine, mine / bare
    )


def reduction() -> Table:
    """Run the plain depth-first search and the explorer on the same programs."""
    table = Table(
        f"Reduction: every interleaving (at most {INTERLEAVINGS_MAX:,}) against the explorer",
        ("program", "interleavings", "s", "executions", "s", "fewer", "faster"),
    )
    families = (
        writers(5), readers(6), increments(5), pairs(3), philosophers(3), last_zero(3),
        trylocks(4), producers(3), lost_wakeups(2), philosophers(5), last_zero(5), pairs(8),
    )  # fmt: skip
    for family in families:
        plain = explore(family, PlainDfs(), INTERLEAVINGS_MAX)
        mine = explore(family, Exhaustive(family))
        more = ">" if plain.stopped else ""
        table.add(
            f"{family.name} ({family.size})",
            f"{more}{plain.executions:,}",
            f"{more}{plain.seconds:.2f}",
            mine.executions,
            mine.seconds,
            f"{more}{plain.executions / mine.executions:,.1f}",
            f"{more}{plain.seconds / mine.seconds:,.1f}",
        )
    return table


def classes() -> Table:
    """Count executions against classes on scaling families."""
    table = Table(
        "Classes: executions of the explorer, with the number of classes from its formula",
        ("family (size)", "classes", "by brute force", "executions", "per class", "blocked",
         "deadlocked", "expected", "s"),
        "By brute force where there are few enough interleavings; each formula is proved in\n"
        "benchmarks/families.py.",
    )  # fmt: skip
    for scale in SCALES:
        for size in scale.sizes:
            family = scale.make(size)
            counts = explore(family, Exhaustive(family))
            _counted(table, family, counts)
    return table


def _counted(table: Table, family: Family, counts: Counts) -> None:
    brute = classes_of(family, INTERLEAVINGS_MAX) if family.classes < 2_000 else None
    table.add(
        f"{family.name} ({family.size})",
        family.classes,
        brute,
        counts.executions,
        counts.executions / family.classes,
        counts.blocked,
        counts.deadlocked,
        family.deadlocks,
        counts.seconds,
    )


def memory() -> Table:
    """Measure the memory that is in use after more and more executions of one search."""
    table = Table(
        "Memory in use after so many executions of one search (tracemalloc, kB)",
        ("program", *(f"{mark:,}" for mark in MEMORY_MARKS), "peak"),
    )
    search_text = "{ set 10.0.0.1 } set 10.0.0.1 || set 10.0.1.1 || unregister eth0"
    makes: dict[str, Callable[[], list[int | None]]] = {
        f"netoops-v1: {search_text}": lambda: _marks_of_search("netoops-v1", search_text),
        "writers of one variable (8)": lambda: _marks_of_family(writers(8)),
        "trylock once (6)": lambda: _marks_of_family(trylocks(6)),
    }
    for name, make in makes.items():
        tracemalloc.start()
        try:
            used = make()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        used += [None] * (len(MEMORY_MARKS) - len(used))
        table.add(name, *used, peak // 1024)
    return table


def _kilobytes() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0] // 1024


def _marks_of_search(design: str, text: str) -> list[int | None]:
    search = Search(_scenario(design, text), Bounds(executions=max(MEMORY_MARKS)))
    used: list[int | None] = []

    def note(_: object) -> None:
        if len(used) < len(MEMORY_MARKS) and search.executions >= MEMORY_MARKS[len(used)]:
            used.append(_kilobytes())

    search.explore(first=False, progress=note)
    note(None)
    return used


def _marks_of_family(family: Family) -> list[int | None]:
    strategy = Exhaustive(family)
    used: list[int | None] = []
    for mark, last in zip(MEMORY_MARKS, (0, *MEMORY_MARKS), strict=False):
        if explore(family, strategy, mark - last, checked=True).stopped:
            used.append(_kilobytes())
    return used


def cells() -> Table:
    """Time the matrix of all pairs of a design."""
    table = Table(
        "Matrix: all pairs of a design, from every start",
        ("design", "cells", "executions", "steps", "s", "ms per cell", "executions per cell"),
    )
    for design in ("netoops-v1", "netoops-v1@2.6.35"):
        started = time.perf_counter()
        result = matrix([design])
        seconds = time.perf_counter() - started
        count = len(result.cells)
        table.add(
            design,
            count,
            result.executions,
            result.steps,
            seconds,
            1000 * seconds / count,
            result.executions / count,
        )
    return table


def hostile() -> Table:
    """Feed a catcher what nobody wants to receive, with a dump among it."""
    table = Table(
        f"Hostile: {HOSTILE:,} datagrams at a catcher (noise, errors, floods), and one dump",
        ("seed", "datagrams", "refused", "dumps held", "forgotten", "held, kB", "dump whole", "s"),
        "'held' is the most that was accounted for at once.",
    )
    for seed in HOSTILE_SEEDS:
        started = time.perf_counter()
        survived = survive(HOSTILE, seed)
        table.add(
            str(seed),
            survived.datagrams,
            survived.refused,
            survived.held,
            survived.forgotten,
            survived.cost_max // 1024,
            "yes" if survived.whole else "NO",
            time.perf_counter() - started,
        )
    return table


PARTS: Mapping[str, Callable[[], Table]] = {
    "speed": speed,
    "reduction": reduction,
    "classes": classes,
    "memory": memory,
    "matrix": cells,
    "hostile": hostile,
    "logs": logs,
}
