"""
adapt(): a schedule recorded before an edit of the design, followed by the names of its steps.

What is new and what is gone can be told only from what a thread does further on.  So, whenever a
thread takes over, it is first run ahead, as if nobody else moved, and that is aligned with what is
recorded of it (`netsim.run.align`).  Where a new step is the same as a recorded one beside it,
names cannot tell which is which: the earlier ones are taken for the recorded ones, then, if the
finding does not show, the later ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from netsim.checkers.datarace import DataRaces
from netsim.core.label import class_of
from netsim.design import Design
from netsim.explorer.loop import execute
from netsim.notation import parse
from netsim.results import Adapted, Divergence, Finding, ReplayResult
from netsim.run.adapter import Adapter, Ahead, Plan, named, plan_of, shortened
from netsim.run.digest import Digest
from netsim.run.program import ScenarioProgram
from netsim.run.registry import load_installed
from netsim.run.replay import told
from netsim.trace.documents import Trace, TraceStep
from netsim.trace.schedule import Schedule

#: No thread is run ahead, and no strike inside a step tried, more often than this in all.
PASSES_MAX = 200
#: An adapted execution that takes more steps does not end.
STEPS_MAX = 20_000


def adapt(trace: Trace, *, design: Design | None = None) -> ReplayResult:
    """
    Run the schedule of a trace on a design that was edited since, and judge it.

    `adapted` tells every departure and holds the new schedule; `reproduced` tells whether the
    recorded finding shows again: by its id, or by its kind and objects, since functions may have
    been renamed.  `diverged` is set where it cannot fit: the start is not reached, some flow does
    nothing that was recorded of it, or the execution does not end.  Raises UsageError if design
    or scenario are not known here.
    """
    design = design or load_installed(trace.design)
    scenario = parse(trace.scenario, design.operations)
    program = ScenarioProgram(design, scenario, trace.options, sites=True)
    program.start()
    if program.run.unreached:
        missed = Divergence(0, "a start that is reached", program.run.unreached)
        return ReplayResult(design.name, str(scenario), False, missed, ())
    first = _adapt(program, trace, late=False)
    if (
        first.reproduced
        or trace.finding is None
        or not first.adapted
        or not first.adapted.departures
    ):
        return first
    second = _adapt(program, trace, late=True)
    return second if second.reproduced else first


def _adapt(program: ScenarioProgram, trace: Trace, *, late: bool) -> ReplayResult:
    design, scenario = program.design, program.scenario
    plans: dict[tuple[str, int], Plan] = {}
    refused: frozenset[int] = frozenset()
    for left in range(PASSES_MAX, -1, -1):
        adapter = Adapter(trace.steps, plans, refused, hurried=not left)
        digest, races = Digest(), DataRaces()
        execution = execute(program, adapter, (digest, races), STEPS_MAX)
        if adapter.void is not None:
            refused |= {adapter.void}
        elif adapter.wants is not None:
            name = adapter.wants
            ahead = Ahead(execution.schedule, name)
            execute(program, ahead)
            plans[name, len(execution.schedule)] = plan_of(
                trace.steps, adapter.tracks[name], ahead.places, late
            )
        else:
            break
    departures = adapter.finish(execution.sim)
    choices = tuple((choice.thread, choice.value) for choice in execution.schedule)
    schedule = Schedule(design.name, str(scenario), trace.options, choices, digest.text)
    adapted = Adapted(len(trace.steps), len(adapter.followed), departures, str(schedule))
    diverged = _unfit(trace.steps, adapter)
    if diverged is None and not execution.complete:
        found = f"it goes on after {len(execution.schedule)} steps"
        if execution.void:
            found = f"no place for the strikes inside its steps, in {PASSES_MAX} tries"
        diverged = Divergence(len(trace.steps), "an execution that ends", found)
    if diverged is not None:
        events = adapter.story(execution.sim)
        return ReplayResult(
            design.name, str(scenario), False, diverged, (), events, adapted=adapted
        )
    result = told(program, execution, adapter, schedule)
    again = any(shows(trace, finding) for finding in result.findings)
    return attrs.evolve(result, reproduced=again, adapted=adapted)


def shows(trace: Trace, finding: Finding) -> bool:
    """Tell whether a finding is the one that a trace was recorded for, if for one."""
    if trace.finding is None or finding.id == trace.finding:
        return True
    return bool(trace.kind) and (finding.kind, _classes(finding.objects)) == (
        trace.kind,
        _classes(trace.objects),
    )


def _classes(objects: Iterable[str]) -> list[str]:
    return [class_of(label) for label in objects]


def _unfit(steps: Sequence[TraceStep], adapter: Adapter) -> Divergence | None:
    """Say of a flow that none of its recorded steps, but begin and end, is among those it made."""
    for name, track in adapter.tracks.items():
        inner = [number for number in track.steps if steps[number].function]
        made = [place for place in track.places if place.function]
        if name.isdigit() and inner and made and name not in adapter.fits:
            return Divergence(
                inner[0] + 1,
                named(name, [steps[number] for number in inner]),
                f"none of it, but {shortened([place.call for place in made])}",
            )
    return None
