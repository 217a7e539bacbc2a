"""The smallest schedule of each finding of a check, and the proof that there is no smaller one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from netsim.checkers.datarace import DataRaces
from netsim.explorer.events import History
from netsim.explorer.loop import Execution, Program, execute
from netsim.explorer.merged import MergedDfs
from netsim.results import Finding
from netsim.run.judge import Judged, judge, judge_run
from netsim.run.outcome import observe
from netsim.run.program import ScenarioProgram
from netsim.run.search import Search
from netsim.run.serial import faults_of
from netsim.run.walk import Candidate

#: So many runs at most for all findings of a check together: a second or two.  Most of them end
#: where an execution meets one that is known.
RUNS_MAX = 4000


def smallest(search: Search) -> list[Finding]:
    """
    Return the findings of a search, each with its smallest schedule if that can be had.

    Smallest is what has fewest preemptions, then fewest steps, then comes first when threads go on
    as long as they can and else the first that was made runs.  All executions with 0 preemptions
    are looked at, then with 1, and so on to the most that a finding needs so far (iterative context
    bounding; see `netsim.explorer.merged`).  A finding is proved `minimal` when that ends with all
    executions seen that have as few preemptions as its own; RUNS_MAX or the bound on
    seconds may end it before.

    Nothing is tried after a search that was cut, nor with strikes, whose places inside steps
    a bounded search does not try.
    """
    findings = search.findings()
    if not findings or not search.complete or search.program.striking:
        return findings
    known = {f.id: (f.preemptions, f.steps) for f in findings}
    mine = search.program
    program = ScenarioProgram(mine.design, mine.scenario, mine.options, boots=mine.boots)

    def judged(execution: Execution, history: History) -> list[tuple[str, Judged]]:
        at_end = judge_run(program.run)
        faults, leads = faults_of(execution.sim), history.leads_to_end
        found = judge(observe(program), at_end, search.reference, faults, program, leads)
        return [(one.id, one) for one in found]

    try:
        found, proved = look(program, judged, known, search.hurry)
    except KeyboardInterrupt:
        search.hurried = True
        return findings
    search.minimal.update(proved)
    search.candidates.update(found)
    return search.findings()


def look(
    program: Program,
    judged: Callable[[Execution, History], Iterable[tuple[str, Judged | None]]],
    known: Mapping[str, tuple[int, int]],
    hurry: Callable[[], bool],
) -> tuple[dict[str, Candidate], dict[str, None]]:
    """
    Look for executions that show something smaller than `known`, preemptions and steps.

    `judged` says what an execution shows: identities of findings, or of outcomes (with None).
    Returns those that are smaller, or proved to be the smallest there is; and which are proved.
    Gives up after RUNS_MAX runs, or once `hurry` says so.
    """
    found: dict[str, Candidate] = {}
    proved: dict[str, None] = {}
    strategy, races = MergedDfs(max(size[0] for size in known.values())), DataRaces()
    level = 0
    for _ in range(RUNS_MAX):
        if hurry():
            break
        execution = execute(program, strategy, (races,))
        if execution.complete:
            preemptions = strategy.path[-1].preemptions() if strategy.path else 0
            for identity, one in judged(execution, strategy.history):
                candidate = Candidate(execution.schedule, preemptions, one)
                best = found.setdefault(identity, candidate)
                if candidate.size() < best.size():
                    found[identity] = candidate
        more = strategy.more()
        if strategy.done < level:
            continue
        level = strategy.done + 1
        proved.update((identity, None) for identity in known if identity in found)
        if not more or len(proved) == len(known):
            break
    better = {
        identity: candidate
        for identity, candidate in found.items()
        if identity in proved or candidate.size() < known.get(identity, (-1, 0))
    }
    return better, proved
