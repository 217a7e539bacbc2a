"""The smallest schedule of each finding of a check, and the proof that there is no smaller one."""

from __future__ import annotations

from netsim.checkers.datarace import DataRaces
from netsim.explorer.loop import execute
from netsim.explorer.merged import MergedDfs
from netsim.results import Finding
from netsim.run.judge import judge, judge_run
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
    executions seen that have as few preemptions as its own; RUNS_MAX may end it before.

    Nothing is tried after a search that was cut, nor with strikes, whose places inside steps
    a bounded search does not try.
    """
    findings = search.findings()
    if not findings or not search.complete or search.program.striking:
        return findings
    known = {f.id: (f.preemptions, f.steps) for f in findings}
    found: dict[str, Candidate] = {}
    try:
        _look(search, known, found)
    except KeyboardInterrupt:
        search.hurried = True
        return findings
    for identity, candidate in found.items():
        if identity in search.minimal or candidate.size() < known.get(identity, (-1, 0)):
            search.candidates[identity] = candidate
    return search.findings()


def _look(search: Search, known: dict[str, tuple[int, int]], found: dict[str, Candidate]) -> None:
    """Look for findings smaller than `known`, preemptions and steps; note which are minimal."""
    mine = search.program
    program = ScenarioProgram(mine.design, mine.scenario, mine.options, boots=mine.boots)
    strategy, races = MergedDfs(max(size[0] for size in known.values())), DataRaces()
    level = 0
    for _ in range(RUNS_MAX):
        execution = execute(program, strategy, (races,))
        if execution.complete:
            at_end = judge_run(program.run)
            faults, leads = faults_of(execution.sim), strategy.history.leads_to_end
            observed = observe(program)
            preemptions = strategy.path[-1].preemptions() if strategy.path else 0
            for judged in judge(observed, at_end, search.reference, faults, program, leads):
                candidate = Candidate(execution.schedule, preemptions, judged)
                best = found.setdefault(judged.id, candidate)
                if candidate.size() < best.size():
                    found[judged.id] = candidate
        more = strategy.more()
        if strategy.done < level:
            continue
        level = strategy.done + 1
        search.minimal.update(dict.fromkeys(identity for identity in known if identity in found))
        if not more or len(search.minimal) == len(known):
            return
