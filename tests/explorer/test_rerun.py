"""What a re-run prefix leaves out is not missed: each execution is as if run whole."""

from __future__ import annotations

from typing import Any

import pytest

from netsim.checkers.datarace import DataRaces
from netsim.core.fault import Report
from netsim.explorer.loop import execute
from netsim.explorer.normal import Recorder
from netsim.explorer.optimal import OptimalDpor
from netsim.notation import parse
from netsim.results import Options
from netsim.run.judge import judge_run
from netsim.run.outcome import observe
from netsim.run.program import ScenarioProgram
from netsim.run.registry import load
from tests.explorer.programs import Interpreter, generate

EXECUTIONS = 60


def in_order(reports: list[Report]) -> list[Report]:
    return sorted(reports, key=repr)


@pytest.mark.parametrize("seed", range(60))
def test_random_programs(seed: int) -> None:
    program, fresh = (Interpreter(generate(seed), seed % 2) for _ in range(2))
    strategy, races = OptimalDpor(program), DataRaces()
    for _ in range(EXECUTIONS):
        execution = execute(program, strategy, (races,))
        if execution.complete:
            strategy.finish(execution.sim)
            reports = in_order(execution.sim.reports)
            whole = execute(fresh, Recorder(execution.schedule), (DataRaces(),))
            assert in_order(whole.sim.reports) == reports
            assert fresh.observe() == program.observe()
        if not strategy.more():
            break


@pytest.mark.parametrize(
    ("design", "text"),
    [
        ("netoops-v1", "{ set 10.0.0.1 } set 10.0.1.1 || unregister eth0"),
        ("netoops-v1@2.6.35", "{ set 10.0.0.1 } set 10.0.0.1 || off"),
        ("netoops-v1@2.6.35", "{ set 10.0.0.1 } soft-dump || unregister eth0"),
        ("netoops-v1+unlocked", "{ set 10.0.0.1; carrier-off eth0 } off || carrier-on eth0"),
        ("netoops-v1", "{ set 10.0.0.1 } panic || neigh-reply 10.0.0.1"),
    ],
)
def test_scenarios(design: str, text: str) -> None:
    loaded = load(design)
    scenario = parse(text, loaded.operations)
    program, fresh = (ScenarioProgram(loaded, scenario, Options()) for _ in range(2))

    def judged(p: ScenarioProgram) -> Any:
        ids = sorted((j.id, j.report.message, j.consequences) for j in judge_run(p.run))
        return ids, observe(p)

    strategy, races = OptimalDpor(program), DataRaces()
    for _ in range(EXECUTIONS):
        execution = execute(program, strategy, (races,))
        if execution.complete:
            strategy.finish(execution.sim)
            execute(fresh, Recorder(execution.schedule), (DataRaces(),))
            assert judged(program) == judged(fresh)
        if not strategy.more():
            break
