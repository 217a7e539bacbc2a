"""A schedule recorded before an edit of the design: followed by names, every departure told."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from netsim.results import Adapted, ReplayResult
from netsim.run import check, load, replay
from netsim.run.adapt import adapt
from netsim.trace.documents import Trace, TraceStep, dump_trace, read_file, trace_of
from netsim.trace.schedule import Schedule

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "my_driver.py"
RACE = "{ set 10.0.0.1 } off || send"
TEXT = EXAMPLE.read_text(encoding="utf-8")
XMIT = '    await schedule_point("xmit")\n'
#: The packet is made, but no step sends it.
NOTED = ('await driver.sent.add(f"packet to {target.address}")', "str(target.address)")


def recorded(design: str, scenario: str, kind: str) -> Trace:
    loaded = load(design)
    finding = next(f for f in check(design, scenario).findings if f.kind == kind)
    schedule = Schedule.parse(finding.schedule)
    return trace_of(schedule, replay(schedule, design=loaded), finding.id)


def edited(folder: Path, *edits: tuple[str, str]) -> str:
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    path = folder / "edited.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


def adapted(result: ReplayResult) -> Adapted:
    assert result.diverged is None
    assert result.adapted is not None
    return result.adapted


def departures(result: ReplayResult) -> list[tuple[int, str, str]]:
    return [(d.step, d.thread, d.what) for d in adapted(result).departures]


def verified(result: ReplayResult, design: str) -> ReplayResult:
    """Replay the adapted schedule as any other: it must fit, checksum and all."""
    again = replay(adapted(result).schedule, design=load(design))
    assert again.diverged is None
    assert again.findings == result.findings
    return again


@pytest.fixture(scope="module")
def race() -> Trace:
    """Step 1 to 3 are of flow 2: begin, lock, unlock; 4 to 7 of flow 1; 8 is xmit, which dies."""
    trace = recorded(str(EXAMPLE), RACE, "use-after-free")
    assert [step.thread for step in trace.steps] == list("22211112")
    return trace


def test_without_an_edit_nothing_departs(race: Trace) -> None:
    result = adapt(race, design=load(str(EXAMPLE)))

    assert result.reproduced
    assert departures(result) == []
    assert Schedule.parse(adapted(result).schedule).choices == race.schedule().choices


def test_an_added_step_is_made_when_it_stands_in_the_way(race: Trace, tmp_path: Path) -> None:
    design = edited(tmp_path, (XMIT, '    await schedule_point("audit")\n' + XMIT))

    result = adapt(race, design=load(design))

    assert result.reproduced
    assert departures(result) == [(8, "2", "new")]
    (one,) = adapted(result).departures
    assert one.expected == "flow 2 in send() to perform xmit"
    assert one.found == "audit in send()"
    # not before flow 1 has freed it: only when xmit is due
    assert [thread for thread, _ in Schedule.parse(adapted(result).schedule).choices] == list(
        "222111122"
    )
    verified(result, design)


def test_an_added_step_like_a_later_one_is_told_from_it(race: Trace, tmp_path: Path) -> None:
    # The first xmit is the new one: only what comes later can tell that.
    head = "async def send(driver: Driver) -> None:\n"
    design = edited(tmp_path, (head, head + XMIT))

    result = adapt(race, design=load(design))

    assert result.reproduced
    assert adapted(result).followed == adapted(result).recorded == 8
    assert departures(result) == [(2, "2", "new")]
    verified(result, design)


@pytest.mark.parametrize("before", [True, False])
def test_of_equal_sections_that_is_taken_which_shows_the_finding(
    race: Trace, tmp_path: Path, before: bool
) -> None:
    section = "    async with driver.lock.irqsave():\n        target = driver.target\n"
    added = "    async with driver.lock.irqsave():\n        pass\n"
    design = edited(tmp_path, (section, added + section if before else section + added))

    result = adapt(race, design=load(design))

    assert result.reproduced
    assert adapted(result).followed == 8
    assert departures(result) == [(2 if before else 8, "2", "new")]
    verified(result, design)


def test_a_removed_step_is_left_out_and_the_fix_shows(race: Trace, tmp_path: Path) -> None:
    # Without a step of its own, the packet goes out right behind the unlock: before flow 1 moves.
    design = edited(tmp_path, (XMIT, ""), NOTED)

    result = adapt(race, design=load(design))

    assert not result.reproduced
    assert result.findings == ()
    assert departures(result) == [(8, "2", "new"), (8, "2", "gone")]
    assert adapted(result).departures[0].found == "end send"  # as recorded, it died before that
    assert adapted(result).followed == 7
    verified(result, design)


def test_a_removed_step_that_does_not_matter_leaves_the_finding(tmp_path: Path) -> None:
    longer = edited(tmp_path, (XMIT, '    await schedule_point("audit")\n' + XMIT))
    trace = recorded(longer, RACE, "use-after-free")
    at = next(n for n, step in enumerate(trace.steps, 1) if step.call == "audit")

    result = adapt(trace, design=load(str(EXAMPLE)))

    assert result.reproduced
    assert departures(result) == [(at, "2", "gone")]
    verified(result, str(EXAMPLE))


def test_a_renamed_function_is_recognised_by_call_and_object(race: Trace, tmp_path: Path) -> None:
    design = edited(tmp_path, ("replace(", "exchange("))

    result = adapt(race, design=load(design))

    assert departures(result) == [(5, "1", "moved")]  # told once, for both steps in it
    assert "exchange()" in adapted(result).departures[0].found
    assert result.findings[0].id != race.finding  # the name of a function is part of it
    assert result.reproduced
    blind = attrs.evolve(race, kind="", objects=())  # as recorded by an older netsim
    assert not adapt(blind, design=load(design)).reproduced


def test_another_call_in_the_same_function_takes_the_place(race: Trace, tmp_path: Path) -> None:
    design = edited(tmp_path, ('schedule_point("xmit")', 'schedule_point("queue_xmit")'))

    result = adapt(race, design=load(design))

    assert departures(result) == [(8, "2", "replaced")]
    assert result.reproduced


def test_who_has_to_wait_lets_go_first_whom_it_waits_for(race: Trace, tmp_path: Path) -> None:
    """The fix: send() keeps the lock, so that off, recorded in between, has to wait."""
    held = XMIT.replace("    await", "        await")
    told = "    if target:  # the lock has been given back: it may be gone\n        await driver."
    design = edited(tmp_path, (XMIT, held), (told, "        if target:\n            await driver."))

    result = adapt(race, design=load(design))

    assert not result.reproduced
    assert result.findings == ()
    wait = next(d for d in adapted(result).departures if d.what == "waits")
    assert (wait.step, wait.thread) == (5, "1")
    assert wait.expected == "flow 1 in replace() to perform spin_lock target_lock"
    assert "target_lock" in wait.found
    verified(result, design)


def test_what_has_nothing_of_the_recorded_steps_does_not_fit(race: Trace, tmp_path: Path) -> None:
    body = TEXT[TEXT.index("async def send") : TEXT.index("ADDRESS =")]
    other = 'async def send(driver: Driver) -> None:\n    await schedule_point("queue")\n\n\n'

    result = adapt(race, design=load(edited(tmp_path, (body, other))))

    assert result.diverged is not None
    assert result.diverged.step == 2
    assert "spin_lock target_lock" in result.diverged.expected
    assert "queue" in result.diverged.found
    assert not result.reproduced


def test_a_start_that_is_not_reached_does_not_fit(race: Trace, tmp_path: Path) -> None:
    design = edited(tmp_path, ("    await replace(driver, kmalloc", "    await missing(kmalloc"))

    result = adapt(race, design=load(design))

    assert result.diverged is not None
    assert result.diverged.expected == "a start that is reached"


def test_steps_of_a_thread_that_is_not_there_are_told_and_left_out(race: Trace) -> None:
    ghost = TraceStep("events/0", 0, "", "work", "worker", ("events/0",))
    trace = attrs.evolve(race, steps=(*race.steps[:3], ghost, *race.steps[3:]))

    result = adapt(trace, design=load(str(EXAMPLE)))

    assert result.reproduced
    assert departures(result) == [(4, "events/0", "never")]
    assert adapted(result).departures[0].found == "there is no such thread"


# ---- the designs that are installed

LOST_OFF = "{ set 10.0.0.1 } off || unregister eth0"


@pytest.fixture(scope="module")
def lost_off() -> Trace:
    return recorded("netoops-v1@2.6.35", LOST_OFF, "not-serialisable")


def test_the_lost_off_of_2_6_35_shows_again_with_unlocked_netpoll_calls(lost_off: Trace) -> None:
    result = adapt(lost_off, design=load("netoops-v1+unlocked"))

    assert result.reproduced
    assert result.findings[0].id == lost_off.finding
    assert [f.kind for f in result.findings[1:]] == ["promise:off-disables"]
    assert [what for _, _, what in departures(result)] == ["moved", "new"]
    assert adapted(result).followed == adapted(result).recorded
    verified(result, "netoops-v1+unlocked")


@pytest.mark.parametrize("seed", range(100, 125))
def test_many_edits_at_once_leave_the_schedule_what_it_was(lost_off: Trace, seed: int) -> None:
    """
    Steps left out of the recording are new in the design; those put in are gone from it.

    One that is not the last before another thread moves is made again at the same time: so the
    adapted schedule must be the recorded one exactly.
    """
    rng = random.Random(seed)
    steps: list[TraceStep] = []
    added = taken = 0
    for step, after in zip(lost_off.steps, (*lost_off.steps[1:], None), strict=True):
        if after is not None and after.thread == step.thread and rng.random() < 0.2:
            taken += 1
        else:
            steps.append(step)
        if rng.random() < 0.2:
            added += 1
            steps.append(attrs.evolve(step, call=f"old_call {added}", function="old_function"))

    result = adapt(attrs.evolve(lost_off, steps=tuple(steps)))

    assert Schedule.parse(adapted(result).schedule).choices == lost_off.schedule().choices
    assert result.reproduced
    assert adapted(result).recorded - adapted(result).followed == added
    assert len(lost_off.steps) - adapted(result).followed == taken


def test_on_2_6_36_the_flow_stops_at_rtnl_before_it_can_show(lost_off: Trace) -> None:
    result = adapt(lost_off, design=load("netoops-v1"))

    assert not result.reproduced
    assert [f.kind for f in result.findings] == ["recursive-lock"]
    assert adapted(result).departures[0].found == "mutex_lock rtnl_mutex in rtnl_lock()"
    assert adapted(result).departures[-1].what == "never"
    verified(result, "netoops-v1")


def test_a_strike_inside_a_step_stays_there_if_there_is_such_a_place() -> None:
    text = "netsim-schedule 1 netoops-v1 1*3,1?2 -- { set 10.0.0.1 } off || !oops"
    schedule = Schedule.parse(text)
    trace = trace_of(schedule, replay(schedule))

    same = adapt(trace)
    assert departures(same) == []
    assert Schedule.parse(adapted(same).schedule).choices == schedule.choices
    assert same.events[-1].inside

    # as if the step had had more accesses
    moved = adapt(attrs.evolve(trace, steps=(*trace.steps[:3], value_of(trace.steps[3], 9))))
    assert departures(moved)[0] == (4, "1", "value")
    assert adapted(moved).departures[0].expected == "a strike inside the step"
    after = [event.thread for event in moved.events[4:]]
    assert after.count("2") > 5  # it strikes later, at a place of its own
    assert not any(event.inside for event in moved.events)


def value_of(step: TraceStep, value: int) -> TraceStep:
    return attrs.evolve(step, value=value)


def test_what_the_environment_chose_is_dropped_where_nothing_is_left_to_it() -> None:
    schedule = Schedule.parse(check("netoops-v1", "read || read").outcomes[0].schedule)
    trace = trace_of(schedule, replay(schedule))
    trace = attrs.evolve(trace, steps=(value_of(trace.steps[0], 3), *trace.steps[1:]))

    result = adapt(trace)

    assert departures(result) == [(1, trace.steps[0].thread, "value")]
    assert adapted(result).departures[0].expected == "a choice of value 3"


# ---- the command line


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "netsim", "replay", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ},
    )


def test_strictly_it_diverges_and_says_how_to_go_on(race: Trace, tmp_path: Path) -> None:
    design = edited(tmp_path, (XMIT, '    await schedule_point("audit")\n' + XMIT))
    path = tmp_path / "trace.json"
    path.write_text(dump_trace(race), encoding="utf-8")

    strict = run(str(path), "--design", design)
    assert strict.returncode == 125
    assert "--adapt" in strict.stdout

    again = tmp_path / "again.json"
    loose = run(str(path), "--design", design, "--adapt", "-o", str(again))
    assert loose.returncode == 1
    assert "ADAPTED, not verified: 8 of 8 recorded steps followed" in loose.stdout
    assert "xmit; it does audit in send() first" in " ".join(loose.stdout.split())
    assert f"finding {race.finding} shows again" in loose.stdout
    (kept,) = read_file(again)
    assert len(kept.schedule.choices) == 9
    assert run(str(again), "--design", design).returncode == 1

    fixed = edited(tmp_path, (XMIT, ""), NOTED)
    gone = run(str(path), "--design", fixed, "--adapt")
    assert gone.returncode == 0
    assert f"finding {race.finding} does not show any more" in gone.stdout
    assert "netsim-schedule 1 my-driver" in gone.stdout

    told = run(str(path), "--design", fixed, "--adapt", "--json")
    document = json.loads(told.stdout)
    assert [d["what"] for d in document["adapted"]["departures"]] == ["new", "gone"]


def test_what_does_not_fit_at_all_cannot_be_judged(race: Trace, tmp_path: Path) -> None:
    body = TEXT[TEXT.index("async def send") : TEXT.index("ADDRESS =")]
    other = 'async def send(driver: Driver) -> None:\n    await schedule_point("queue")\n\n\n'
    path = tmp_path / "trace.json"
    path.write_text(dump_trace(race), encoding="utf-8")

    done = run(str(path), "--design", edited(tmp_path, (body, other)), "--adapt")

    assert done.returncode == 125
    assert "DIVERGED at step 2" in done.stdout


@pytest.mark.parametrize(
    ("schedule", "design"),
    [
        ("netsim-schedule 1 netoops-v1 1*3 -- read", []),
        ("netsim-schedule 1 netoops-v1 1*3 -- read", ["--design", "netoops-v1+unlocked"]),
        ("netsim-schedule 1 nobody 1*3 -- read", ["--design", "netoops-v1"]),
    ],
)
def test_a_bare_schedule_has_no_names(schedule: str, design: list[str]) -> None:
    done = run(schedule, "--adapt", *design)

    assert done.returncode == 2
    assert "a schedule has only those of threads" in " ".join(done.stderr.split())


def test_a_schedule_has_names_as_long_as_its_own_design_is_what_it_was() -> None:
    finding = next(f for f in check("netoops-v1@2.6.35", LOST_OFF).findings if f.preemptions)

    done = run(finding.schedule, "--design", "netoops-v1+unlocked", "--adapt")

    assert done.returncode == 1
    assert "ADAPTED, not verified: 77 of 77 recorded steps followed" in done.stdout
    assert f"finding {finding.id} shows again" in done.stdout
