"""A design of one's own file: what it takes, one message with its line for each mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import netsim
from netsim.errors import NetsimError
from netsim.results import Bounds, Verdict
from netsim.run import check, load, matrix, replay

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "my_driver.py"
RACE = "{ set 10.0.0.1 } off || send"

GOOD = EXAMPLE.read_text(encoding="utf-8")


def own(folder: Path, text: str) -> str:
    path = folder / "mine.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "netsim", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


# ---- the documented example


def test_the_example_is_short() -> None:
    assert len(GOOD.splitlines()) < 80


def test_its_race_is_found_and_replays_on_the_file_that_is_named() -> None:
    result = check(str(EXAMPLE), RACE)

    assert result.verdict is Verdict.VIOLATED
    (finding,) = result.findings
    assert (finding.kind, finding.preemptions) == ("use-after-free", 1)
    assert replay(finding.schedule, design=load(str(EXAMPLE))).reproduced
    with pytest.raises(netsim.CounterexampleFound) as caught:
        result.assert_holds()
    assert f"netsim replay --design {EXAMPLE} 'netsim-schedule 1 my-driver " in str(caught.value)


def test_its_operations_are_safe_but_for_what_sends() -> None:
    result = matrix([str(EXAMPLE)])

    assert result.complete
    assert {c.operations for c in result.cells if c.findings} == {
        ("set 10.0.0.1", "send"),
        ("off", "send"),
    }


def test_on_the_command_line(tmp_path: Path) -> None:
    document = tmp_path / "check.json"
    done = run("check", str(EXAMPLE), RACE, "-o", str(document))
    assert (done.returncode, done.stderr) == (1, "")
    schedule = next(
        line.split("'")[1] for line in done.stdout.splitlines() if "netsim replay" in line
    )

    # Neither a string nor a document makes netsim run a file: the user must name it.
    for source in (schedule, str(document)):
        unnamed = run("replay", source)
        assert unnamed.returncode == 2
        assert "no design is called 'my-driver'" in unnamed.stderr
        assert "--design FILE.py" in unnamed.stderr
        assert run("replay", source, "--design", str(EXAMPLE)).returncode == 1
    assert "my-driver: a target" in run("show", str(EXAMPLE)).stdout


def test_a_schedule_that_names_a_file_does_not_run_it(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    path = own(tmp_path, f"open({str(trace)!r}, 'w').close()\n")

    done = run("replay", f"netsim-schedule 1 {path} 1 -- off")

    assert done.returncode == 2
    assert "name the file yourself" in done.stderr
    assert not trace.exists()


def test_a_changed_design_diverges(tmp_path: Path) -> None:
    (finding,) = check(str(EXAMPLE), RACE).findings
    changed = own(tmp_path, GOOD.replace('schedule_point("xmit")', 'schedule_point("queue_xmit")'))

    done = run("replay", finding.schedule, "--design", changed)

    assert done.returncode == 125
    assert "DIVERGED" in done.stdout


# ---- mistakes

HEAD = "import netsim\nfrom netsim import Design, Operation, StartingPoint\n"
DESIGN = (
    'DESIGN = Design("mine", "", boot, {"off": Operation("off", "", off)}, '
    '(StartingPoint("a", ""),), ())\n'
)
OFF = "async def off(system): pass\n"
BOOT = "def boot(sim): pass\n"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("mine.py:2: SyntaxError: ", "x = 1\ndef (:\n"),
        ("null bytes", "x = '\0'\n"),
        ("mine.py:2: ModuleNotFoundError: No module named 'nowhere'", "x = 1\nimport nowhere\n"),
        ("mine.py:3: ZeroDivisionError: division by zero", "def f():\n    pass\n1 / 0\n"),
        ("mine.py:1: it ends Python (SystemExit)", "raise SystemExit(0)\n"),
        ("mine.py: declares no design; expected DESIGN = netsim.Design(...)", "x = 1\n"),
        ("mine.py:1: DESIGN is an int; expected a netsim.Design", "DESIGN = 3\n"),
        (
            "declares 2 designs: A (line 5), B (line 6); expected one called DESIGN",
            HEAD + OFF + BOOT + DESIGN.replace("DESIGN", "A") + DESIGN.replace("DESIGN", "B"),
        ),
        (
            "mine.py:5: design mine: operation 'off': off() at mine.py:3 is not an `async def`",
            HEAD + "def off(system): pass\n" + BOOT + DESIGN,
        ),
        (
            "operation 'off': run is called with (system); found off() at mine.py:3, which takes",
            HEAD + "async def off(system, address): pass\n" + BOOT + DESIGN,
        ),
        ("design mine: boot is called with (sim)", HEAD + OFF + "def boot(): pass\n" + DESIGN),
        (
            "design mine: boot is None; expected a function",
            HEAD + OFF + "boot = None\n" + DESIGN,
        ),
        ("cannot be called 'my design'", HEAD + OFF + BOOT + DESIGN.replace("mine", "my design")),
        ("stands under the name 'on'", HEAD + OFF + BOOT + DESIGN.replace('{"off"', '{"on"')),
        (
            "a sample of operation 'off': operation 'off' takes no argument, found 1",
            HEAD + OFF + BOOT + DESIGN.replace("off)}", 'off, samples=(("1",),))}'),
        ),
        (
            "start 'a': unknown operation 'of'; did you mean 'off'?; expected one of off",
            HEAD + OFF + BOOT + DESIGN.replace('("a", "")', '("a", "of")'),
        ),
        (
            "probe 'read' cannot run: design mine has no operation 'read'",
            HEAD + OFF + BOOT + DESIGN.replace("()", '("read",)'),
        ),
        (
            "expected netsim.Part for each part, found ('one',)",
            HEAD + OFF + BOOT + DESIGN.replace(", ())", ", (), parts=('one',))"),
        ),
        (
            "two starts are called 'set'; expected a name for each",
            GOOD.replace('("off", "")', '("set", "")'),
        ),
        (
            "mine.py:72: design my-driver: operation 'set': parameters is a Parameter; expected a",
            GOOD.replace("(ADDRESS,)", "ADDRESS"),
        ),
        (
            "my-driver: probes is a str; expected a tuple (one of one ends in a comma: (x,))",
            GOOD.replace('("read",)', '"read"'),
        ),
        ("has no starts", HEAD + OFF + BOOT + DESIGN.replace('(StartingPoint("a", ""),)', "()")),
        (
            "has no operations",
            HEAD + OFF + BOOT + DESIGN.replace('"off": Operation("off", "", off)', ""),
        ),
    ],
)  # fmt: skip
def test_mistake(words: str, text: str, tmp_path: Path) -> None:
    path = own(tmp_path, text)

    with pytest.raises(NetsimError) as caught:
        load(path)

    assert words in str(caught.value)
    assert str(caught.value).startswith(path)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            "mine.py:4: design mine does not boot: KeyError: 'x'",
            HEAD + OFF + "def boot(sim): raise KeyError('x')\n" + DESIGN,
        ),
        ("mine.py:4: design mine: boot returned None without sim and", HEAD + OFF + BOOT + DESIGN),
        (
            "mine.py:75: design my-driver does not boot: a second object is called 'a' (lock)",
            GOOD.replace('SpinLock(s, "target_lock")', '[SpinLock(s, "a"), SpinLock(s, "a")][0]'),
        ),
        (
            "my-driver: counts() of a Driver returned None; expected a list",
            GOOD.replace("return []", "return None"),
        ),
        (
            "operation 'off' returned None; expected an `async def` function",
            GOOD.replace("lambda driver: replace(driver, None)", "lambda driver: None"),
        ),
    ],
)
def test_what_shows_only_when_it_runs(words: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(NetsimError) as caught:
        check(own(tmp_path, text), "off")

    assert words in str(caught.value)
    assert caught.value.exit_code == 2


READ = '        return driver.target.address if driver.target else "off"\n'
BEFORE = "class Other:\n    def __await__(self):\n        yield 3\n\n\nTURNS = []\n"


def reading(code: str) -> str:
    """Return the example with another end of `read`."""
    assert READ in GOOD
    return BEFORE + GOOD.replace(READ, f"        {code}\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("flow 1 (read) awaits something that is none of", "await __import__('asyncio').sleep(0)"),
        ("flow 1 (read) awaits an int that is none of netsim's", "await Other()"),
        ("must be plain values (numbers, strings, tuples ...); found an object", "return object()"),
        ("found an int that cannot be written: ValueError", "return 10**5000"),
        (
            "design my-driver is not deterministic: the same schedule",
            "TURNS.append(0); return len(TURNS)",
        ),
        (
            "returned [3, 3]; expected a list of strings",
            "driver.sent.items = (*driver.sent.items, 3)",
        ),
    ],
)
def test_what_an_operation_does_that_makes_no_sense(words: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(NetsimError) as caught:
        check(own(tmp_path, reading(code)), "read || read")

    assert words in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("scenario", ["{ read } set 10.0.0.1", "set 10.0.0.1"])
def test_a_foreign_await_is_told_of_the_start_and_of_probes(scenario: str, tmp_path: Path) -> None:
    with pytest.raises(NetsimError, match="awaits an int that is none of netsim's"):
        check(own(tmp_path, reading("await Other()")), scenario)


def test_a_set_is_one_outcome_whatever_the_hash_seed(tmp_path: Path) -> None:
    # Eight falls on the place of nought, so that who comes first is printed first.
    members = 'return {"a", "b", "c", "d"} | (set([0, 8]) if driver.target else set([8, 0]))'
    path = own(tmp_path, reading(members))

    for seed in ("1", "2"):
        done = run("check", path, "{ set 10.0.0.1 } read || off", "--outcomes", PYTHONHASHSEED=seed)
        assert "2 distinct outcomes" not in done.stdout
        assert "flow 1: read: {'a', 'b', 'c', 'd', 0, 8}" in done.stdout


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("nowhere.py: cannot be read: No such file", ["check", "nowhere.py", "off"]),
        ("nowhere.py: cannot be read: No such file", ["matrix", "nowhere.py"]),
        ("nowhere.py: cannot be read: No such file", ["show", "nowhere.py"]),
        (
            "nowhere.py: cannot be read: No such file",
            ["replay", "--design", "nowhere.py", "netsim-schedule 1 a 1 -- off"],
        ),
    ],
)
def test_an_absent_file(words: str, arguments: list[str]) -> None:
    done = run(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_an_exception_in_an_operation_is_a_finding_with_its_line(tmp_path: Path) -> None:
    added = "    kfree(old)\n    await schedule_point('x')\n    assert driver.target is new"
    text = GOOD.replace("    kfree(old)", added)

    result = check(own(tmp_path, text), "{ set 10.0.0.1 } off || set 10.0.0.2")

    line = text.splitlines().index("    assert driver.target is new") + 1
    messages = [f.message for f in result.findings if f.kind == "bug-on"]
    assert len(messages) == 2  # in off, and in set
    assert all(f"assertion fails, in replace(), mine.py:{line}" in text for text in messages)


def test_a_mistake_outside_the_threads_is_one_message(tmp_path: Path) -> None:
    text = GOOD.replace("list(self.sent.items)", "list(self.sents)")

    done = run("check", own(tmp_path, text), "off")

    assert done.returncode == 2
    assert "mine.py:" in done.stderr
    assert "AttributeError" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_may_import_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "a_neighbour_of_mine.py").write_text(HEAD + OFF + BOOT + DESIGN)

    assert load(own(tmp_path, "from a_neighbour_of_mine import DESIGN\n")).name == "mine"


def test_what_operations_share_unseen_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("sent: SharedList = constant()", "sent: list[str] = constant()")
    text = text.replace('SharedList(s, "tx")', "[]").replace("self.sent.items", "self.sent")
    text = text.replace("await driver.sent.add(", "driver.sent.append(driver.sim.current.name + ")

    with pytest.raises(netsim.NetsimError, match="share something that is not seen"):
        check(own(tmp_path, text), "{ set 10.0.0.1 } send || send")
    assert check(str(EXAMPLE), "{ set 10.0.0.1 } send || send").verdict is Verdict.HOLDS


# ---- designs of other distributions


def test_a_design_of_another_distribution_is_found(tmp_path: Path) -> None:
    (tmp_path / "their_driver.py").write_text(GOOD.replace("my-driver", "their-driver"))
    (tmp_path / "their_broken.py").write_text("DESIGN = 3\n")
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[netsim.designs]\ntheir-driver = their_driver:DESIGN\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])

    listed = run("list", PYTHONPATH=path)
    checked = run("check", "their-driver", RACE, PYTHONPATH=path)

    assert "their-driver" in listed.stdout
    assert checked.returncode == 1
    assert "netsim replay 'netsim-schedule 1 their-driver " in checked.stdout
    (info / "entry_points.txt").write_text("[netsim.designs]\ntheir-driver = their_broken:DESIGN\n")
    broken = run("check", "their-driver", RACE, PYTHONPATH=path)
    assert broken.returncode == 2
    assert "design their-driver at their_broken:DESIGN is an int, no Design" in broken.stderr


def test_a_forgotten_await_is_no_green(tmp_path: Path) -> None:
    text = GOOD.replace('await schedule_point("xmit")', "driver.lock.spin_lock()")
    line = text[: text.index("driver.lock.spin_lock()")].count("\n") + 1

    for ask in (lambda path: check(path, RACE), lambda path: matrix([path])):
        with pytest.raises(NetsimError, match=rf"mine.py:{line}: a step was never awaited"):
            ask(own(tmp_path, text))


def test_a_design_that_ends_python_is_no_green(tmp_path: Path) -> None:
    text = GOOD.replace('await schedule_point("xmit")', "raise SystemExit(0)")

    found = check(own(tmp_path, text), RACE)

    assert [f.kind for f in found.findings] == ["bug-on"]
    assert run("check", own(tmp_path, text), RACE).returncode == 1


@pytest.mark.parametrize("strategy", ["classes", "random"])
def test_the_bound_on_seconds_cuts_an_execution_without_end(tmp_path: Path, strategy: str) -> None:
    text = GOOD.replace('await schedule_point("xmit")', 'while True: await schedule_point("xmit")')

    result = check(own(tmp_path, text), "send", bounds=Bounds(seconds=1e-6), strategy=strategy)

    assert (result.verdict, result.cut_by) == (Verdict.UNKNOWN, "seconds")


def test_a_design_that_differs_from_run_to_run_is_no_green(tmp_path: Path) -> None:
    counting = "    RUNS.append(1)\n    if len(RUNS) > {}:\n        await schedule_point('xmit')\n"
    text = GOOD.replace('    await schedule_point("xmit")\n', counting)
    text = text.replace("async def send", "RUNS: list[int] = []\n\n\nasync def send")

    for runs in range(1, 12):  # wherever in the search it changes its mind
        done = run("check", own(tmp_path, text.replace("{}", str(runs))), RACE)

        assert done.returncode in (1, 2, 125), done.stdout
        assert "internal bug" not in done.stderr
        assert done.returncode == 1 or "outlives a run" in " ".join(done.stderr.split())


def test_what_a_design_prints_is_no_part_of_the_document(tmp_path: Path) -> None:
    text = "print('loading')\n" + GOOD.replace("    kfree(old)", "    print('x')\n    kfree(old)")
    path = own(tmp_path, text)

    checked = run("check", path, RACE, "--json")
    surveyed = run("matrix", path, "--json")
    schedule = json.loads(checked.stdout)["findings"][0]["schedule"]
    replayed = run("replay", "--design", path, schedule, "--json")

    assert json.loads(surveyed.stdout)["format"] == "netsim-matrix"
    assert json.loads(replayed.stdout)["reproduced"]
    assert all("loading\nx\n" in done.stderr for done in (checked, surveyed, replayed))
