"""The command line: exit codes, one message for each mistake, never a traceback."""

import importlib
import io
import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netsim.cli import main
from netsim.cli.meter import Meter
from netsim.explorer.estimate import Band
from netsim.results import Verdict
from netsim.run.walk import Progress
from tests.view.values import cell, matrix, result

RACE = "{ set 10.0.0.1 } off || unregister eth0"


def netsim(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command as a user would, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "netsim", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ["check", "netoops-v1", "unregister eth0"]),
        (0, ["check", "netoops-v1", "{ set 10.0.0.1 } unregister eth1"]),
        (0, ["check", "netoops-v1@2.6.35", "{ set 10.0.0.1 } unregister eth0"]),
        (0, ["check", "netoops-v1", "{ set 10.0.0.1 } read || read"]),
        (1, ["check", "netoops-v1", "{ set 10.0.0.1 } unregister eth0"]),
        (1, ["check", "netoops-v1@2.6.35", RACE]),
        (3, ["check", "netoops-v1", "{ set 10.0.0.1 } off || read", "--max-executions", "1"]),
        (3, ["check", "netoops-v1", "{ set 10.0.0.1; unregister eth0 } read"]),
        (0, ["check", "netoops-v1", "read || read", "--strategy", "states"]),
        (3, ["check", "netoops-v1", "read || read", "--max-preemptions", "0"]),
        (3, ["check", "netoops-v1", "read", "--strategy", "random", "--max-executions", "2"]),
        (1, ["check", "netoops-v1@2.6.35", RACE, "--strategy", "pct", "--depth", "2", "--first"]),
        (0, ["list"]),
        (0, ["show", "netoops-v1"]),
        (0, ["--version"]),
        (0, ["--help"]),
    ],
)
def test_exit_codes(code: int, arguments: list[str]) -> None:
    done = netsim(*arguments)

    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("did you mean 'netoops-v1'", ["check", "netops-v1", "read"]),
        ("did you mean 'unregister'", ["check", "netoops-v1", "unregistr eth0"]),
        ("expected", ["check", "netoops-v1", "read ||"]),
        ("netsim check --help tells what it takes", ["check", "netoops-v1"]),
        ("netsim.replay_program(", ["replay", "netsim-schedule 1 lost f*2 #3fb1fbbb -- lost()"]),
        ("expected", ["check", "netoops-v1", "{ read"]),
        ("expected", ["check", "netoops-v1", "(" * 5000]),
        ("device name", ["check", "netoops-v1", 'unregister "../../etc/passwd"']),
        ("process context", ["check", "netoops-v1", "off || !off"]),
        ("1 to 3", ["matrix", "netoops-v1", "--flows", "4"]),
        ("must be more than 0", ["check", "netoops-v1", "read", "--max-executions", "0"]),
        ("integer", ["check", "netoops-v1", "read", "--max-steps", "many"]),
        ("No such command", ["explode"]),
        ("Missing argument", ["check", "netoops-v1"]),
        ("neither a file nor a schedule", ["replay", "no-such-file"]),
        ("expected", ["replay", "netsim-schedule 1 x"]),
        ("no design is called", ["replay", "netsim-schedule 1 nobody 1 -- read"]),
        ("cannot be written", ["check", "netoops-v1", "read", "-o", "/no/such/folder/x"]),
        ("once", ["matrix", "netoops-v1", "netoops-v1"]),
        ("expected a command: catch, check, list,", []),
        ("expected one of", ["check", "netoops-v1", "read", "--strategy", "dfs"]),
        (
            "takes no bound",
            ["check", "netoops-v1", "read", "--strategy", "pos", "--max-preemptions", "1"],
        ),
        ("draws at random", ["check", "netoops-v1", "read", "--seed", "1"]),
        ("must be 0 or more", ["check", "netoops-v1", "read", "--max-preemptions", "-1"]),
        ("finite", ["check", "netoops-v1", "read", "--timeout", "inf"]),
        ("finite", ["check", "netoops-v1", "read", "--timeout", "nan"]),
        ("must be more than 0", ["matrix", "netoops-v1", "--max-steps", "-3"]),
        ("faults must be 0 or more", ["check", "netoops-v1", "read", "--faults", "-1"]),
        ("it is a folder", ["check", "netoops-v1", "read", "-o", "/"]),
        ("no such folder", ["matrix", "netoops-v1", "-o", "/no/such/folder/x"]),
        ("expected version 1", ["replay", "netsim-schedule ² netoops-v1 1 -- read"]),
        ("\\x1b[31m", ["\x1b[31m"]),
    ],
)
def test_a_wrong_request_is_one_message_and_exit_2(words: str, arguments: list[str]) -> None:
    done = netsim(*arguments)

    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("netsim: ")
    assert all(len(line) <= 160 for line in done.stderr.splitlines())


@pytest.mark.parametrize(
    ("code", "content"),
    [
        (2, b""),
        (2, b'{"format": "netsim-che'),
        (2, b"[" * 200_000),
        (2, b'{"format": "something"}'),
        (2, b"\xff\xff\xff"),
        (125, b'{"format": "netsim-trace", "version": 7}'),
        (125, b"netsim-schedule 9 netoops-v1 1 -- read"),
        (2, b"netsim-schedule 1 netoops-v1 1 -- read\nnetsim-schedule 1 netoops-v1 1 -- read"),
        (2, b'{"format": "netsim-check", "version": 1, "findings": [{"id": "\\ud800"}]}'),
    ],
)
def test_hostile_files(code: int, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    done = netsim("replay", str(path))

    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_finding_replays_from_its_string_from_its_file_and_from_its_trace(
    tmp_path: Path,
) -> None:
    path, trace = tmp_path / "check.json", tmp_path / "trace.json"
    done = netsim("check", "netoops-v1@2.6.35", RACE, "--json", "-o", str(path))
    document = json.loads(done.stdout)
    assert done.stdout == path.read_text()
    finding, _promise = document["findings"]

    from_string = netsim("replay", finding["schedule"], "--json", "-o", str(trace))
    from_file = netsim("replay", str(path))
    from_trace = netsim("replay", str(trace))

    assert [r.returncode for r in (from_string, from_file, from_trace)] == [1, 1, 1]
    assert json.loads(from_string.stdout)["findings"][0]["id"] == finding["id"]
    assert finding["id"] in from_file.stdout
    assert finding["id"] in from_trace.stdout


def test_a_harmless_schedule_replays_to_0_and_a_foreign_one_diverges() -> None:
    document = json.loads(netsim("check", "netoops-v1", "read || read", "--json").stdout)
    schedule = document["outcomes"][0]["schedule"]

    assert netsim("replay", schedule).returncode == 0
    other = netsim("replay", schedule.replace("read || read", "off || off"))
    assert other.returncode == 125
    assert "DIVERGED" in other.stdout


def test_the_log_of_a_replay_is_json_lines() -> None:
    document = json.loads(netsim("check", "netoops-v1", "read", "--json").stdout)

    done = netsim("replay", document["outcomes"][0]["schedule"], "--log", "json")

    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[0]["event"] == "begin read"


def test_each_outcome_is_printed_with_a_schedule_that_gives_it() -> None:
    scenario = "{ set 10.0.0.1 } off || read"
    done = netsim("check", "netoops-v1", scenario, "--outcomes")
    plain = netsim("check", "netoops-v1", scenario)

    assert done.stdout.startswith(plain.stdout.rstrip("\n"))
    # The read is before the off or after it.
    assert "2 distinct outcomes" in done.stdout
    assert done.stdout.count("as in a sequential order") == 2
    schedules = [line.split("'")[1] for line in done.stdout.splitlines() if "netsim replay" in line]
    assert len(schedules) == 2
    for schedule in schedules:
        # In one order or the other: two runs are enough.
        assert schedule.split(" ")[3].count(",") == 1
        assert netsim("replay", schedule).returncode == 0


def test_reports_for_people(golden: Callable[[str, str], None]) -> None:
    golden(
        "recursive-lock.txt",
        netsim("check", "netoops-v1", "{ set 10.0.0.1 } unregister eth0").stdout,
    )
    golden("lost-off.txt", netsim("check", "netoops-v1@2.6.35", RACE).stdout)
    golden("show.txt", netsim("show", "netoops-v1").stdout)
    beside, struck = (
        netsim("check", "netoops-v1", f"{{ set 10.0.0.1 }} off || {oops}").stdout
        for oops in ("oops", "!oops")
    )
    golden("strike.txt", beside + struck)
    golden("notation.txt", netsim("check", "netoops-v1", "off || || read").stderr)


def test_explain_adds_to_the_report_and_to_the_document() -> None:
    plain, explained = (
        netsim("check", "netoops-v1@2.6.35", RACE, *a) for a in ((), ("--explain",))
    )
    document = json.loads(netsim("check", "netoops-v1@2.6.35", RACE, "--explain", "--json").stdout)

    assert plain.returncode == explained.returncode == 1
    added = [
        line for line in explained.stdout.splitlines() if line not in plain.stdout.splitlines()
    ]
    assert added[0].startswith("    critical step ")
    assert document["findings"][-1]["explanation"]["passing"] in added[-1]


def test_no_line_is_wider_than_a_hundred_columns_but_the_one_to_copy() -> None:
    done = netsim("check", "netoops-v1@2.6.35", RACE)

    wide = [line for line in done.stdout.splitlines() if len(line) > 100]
    assert all(line.lstrip().startswith("netsim replay ") for line in wide)


def trace(**changes: Any) -> dict[str, Any]:
    step = {"thread": "1", "value": 0, "operation": "", "call": "", "function": "", "enabled": []}
    return {
        "format": "netsim-trace",
        "version": 1,
        "netsim": "0",
        "design": "netoops-v1",
        "scenario": "read",
        "options": {"faults": 0, "choose": []},
        "finding": None,
        "steps": [{**step, **changes}],
    }


@pytest.mark.parametrize("key", ["thread", "call"])
def test_a_file_cannot_write_to_the_terminal(key: str, tmp_path: Path) -> None:
    path = tmp_path / "trace"
    path.write_text(json.dumps(trace(**{key: "\x1b[2J\u202e"})))

    done = netsim("replay", str(path))

    assert done.returncode == 125
    assert "\\x1b[2J" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_a_file_without_end_is_refused() -> None:
    done = netsim("replay", "/dev/zero")

    assert done.returncode == 2
    assert "at most" in done.stderr


def test_a_trace_keeps_the_finding_that_it_was_made_for(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    document = json.loads(netsim("check", "netoops-v1@2.6.35", RACE, "--json").stdout)
    finding = document["findings"][0]
    check = tmp_path / "check.json"
    check.write_text(json.dumps({**document, "findings": [finding]}))

    assert netsim("replay", str(check), "-o", str(path)).returncode == 1
    assert json.loads(path.read_text())["finding"] == finding["id"]


# ---- the streams


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ["--help"]),
        (0, ["show", "netoops-v1"]),
        (0, ["check", "netoops-v1", "read"]),
        (1, ["check", "netoops-v1", "{ set 10.0.0.1 } unregister eth0", "--json"]),
        (3, ["check", "netoops-v1", "{ set 10.0.0.1 } off || read", "--max-executions", "1"]),
    ],
)
def test_the_verdict_survives_a_reader_that_leaves(code: int, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "netsim", *arguments],
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["list"], ["--help"]])
def test_a_full_disk_is_said(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "netsim", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 2
    assert done.stderr == "netsim: cannot write the output: No space left on device\n"


def test_a_file_is_as_public_as_any_other(tmp_path: Path) -> None:
    path, other = tmp_path / "check.json", tmp_path / "other"
    other.touch()

    assert netsim("check", "netoops-v1", "read", "-o", str(path)).returncode == 0
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


# ---- exit codes, whatever the search says


def run(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], function: str, behave: Callable[..., Any]
) -> int:
    """Run the command here, with `netsim.run.FUNCTION.FUNCTION` replaced."""
    module = importlib.import_module(f"netsim.run.{function}")
    monkeypatch.setattr(module, function, behave)
    monkeypatch.setattr(sys, "argv", ["netsim", *arguments])
    monkeypatch.delenv("NETSIM_DEBUG", raising=False)
    with pytest.raises(SystemExit) as caught:
        main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


CHECK = ["check", "netoops-v1", "read"]


@pytest.mark.parametrize(
    ("code", "verdict"), [(0, Verdict.HOLDS), (1, Verdict.VIOLATED), (3, Verdict.UNKNOWN)]
)
def test_a_verdict_is_an_exit_code(
    code: int, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, CHECK, "check", lambda *_, **__: result(verdict=verdict)) == code


def test_any_encoding_can_say_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    latin = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", latin)

    assert run(monkeypatch, CHECK, "check", lambda *_, **__: result(scenario="a ☃")) == 0
    latin.flush()
    assert b"HOLDS  toy: a \\u2603" in latin.buffer.getvalue()


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("code", "words", "error"),
    [
        (3, "netsim: interrupted", KeyboardInterrupt()),
        (
            125,
            "[netsim internal bug] ValueError: bad \\x1b[2J luck",
            ValueError("bad \x1b[2J\nluck"),
        ),
        (125, "[netsim internal bug] RecursionError", RecursionError("deep")),
        (125, "[netsim internal bug] FileNotFoundError", FileNotFoundError(2, "no", "file")),
    ],
)
def test_what_nobody_expected_is_one_message(
    code: int,
    words: str,
    error: BaseException,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, CHECK, "check", failing(error)) == code
    captured = capsys.readouterr()
    assert words in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("code", "arguments", "cells"),
    [
        (0, [], [cell("toy", "a", verdict=Verdict.VIOLATED, findings=("0" * 12,))]),
        (1, ["--expect", "holds"], [cell("toy", "a", verdict=Verdict.VIOLATED, alone=("0" * 12,))]),
        (0, ["--expect", "holds"], [cell("toy", "a")]),
        (3, ["--expect", "holds"], [cell("toy", "a", verdict=Verdict.UNKNOWN, complete=False)]),
        (3, [], [cell("toy", "a"), cell("toy", "b", verdict=Verdict.UNKNOWN, complete=False)]),
    ],
)
def test_a_matrix_is_a_survey(
    code: int, arguments: list[str], cells: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = matrix(*cells)
    # The document says it all; the table would need the findings.
    arguments = ["matrix", "toy", "--json", *arguments]

    assert run(monkeypatch, arguments, "matrix", lambda *_, **__: survey) == code


# ---- the line for those who wait


def on_a_terminal(*arguments: str) -> str:
    """Run the command with a terminal for stderr alone, and return what that shows."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "netsim", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "90"},
    ):
        os.close(theirs)
        shown = b""
        while True:
            try:
                read = os.read(ours, 4096)
            except OSError:  # so Linux says that nobody has it open any more
                read = b""
            if not read:
                break
            shown += read
    os.close(ours)
    return shown.decode()


def test_a_long_search_says_how_far_it_is_to_a_person_and_to_no_pipe() -> None:
    arguments = ["check", "netoops-v1", "set 10.0.0.1 || unregister eth0", "--timeout", "3"]
    lines = on_a_terminal(*arguments).split("\r\x1b[K")
    piped = netsim(*arguments)

    assert lines[0] == ""
    assert lines[-1] == ""  # taken away at the end
    pattern = r"\[#* *\] \d+ %  \d+ of \d+( to \d+)? executions \(estimate\), \d+( to \d+)? s left"
    assert lines[1:-1]
    assert all(re.fullmatch(pattern, line) for line in lines[1:-1])
    assert piped.stderr == ""
    assert "\x1b" not in piped.stdout
    assert piped.returncode == 1


class TestMeter:
    """What the line says, by a clock that the test moves."""

    @pytest.fixture(autouse=True)
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        now = [0.0]
        monkeypatch.setattr(time, "monotonic", lambda: now[0])
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        return now

    @pytest.mark.parametrize(
        ("unit", "progress", "text"),
        [
            ("executions", Progress(7, None, ""), "7 executions"),
            (
                "cells",
                Progress(5, 20, ""),
                "[#####               ] 25 %  5 of 20 cells, 30 s left if all take as long",
            ),
            (
                "executions",
                Progress(50, None, "", Band(100, 400)),  # their geometric mean is 200
                f"[{'#####':<20}] 25 %  50 of 100 to 400 executions (estimate), 10 to 70 s left",
            ),
            (
                "executions",
                Progress(50, 200, "", Band(200, 400)),  # the bound cuts the band
                "[#####               ] 25 %  50 of 200 executions, 30 s left if all take as long",
            ),
        ],
    )
    def test_ten_seconds_in(
        self,
        unit: str,
        progress: Progress,
        text: str,
        clock: list[float],
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        meter = Meter(unit)
        clock[0] = 10.0
        meter(progress)

        assert capsys.readouterr().err == f"\r\x1b[K{text}"

    def test_no_more_time_is_left_than_the_timeout_leaves(self, clock: list[float]) -> None:
        meter = Meter("executions", timeout=12)
        clock[0] = 10.0

        assert "2 s left" in meter._told(Progress(50, None, "", Band(100, 400)), 10.0)

    def test_within_a_second_nothing_is_said(
        self, clock: list[float], capsys: pytest.CaptureFixture[str]
    ) -> None:
        meter = Meter("cells")
        clock[0] = 0.9
        meter(Progress(5, 20, ""))
        meter.close()

        assert capsys.readouterr().err == ""


def test_ctrl_c_while_findings_are_drawn_still_tells_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    story = importlib.import_module("netsim.run.story")
    monkeypatch.setattr(story, "replay", failing(KeyboardInterrupt()))
    monkeypatch.setattr(sys, "argv", ["netsim", "check", "netoops-v1@2.6.35", RACE])
    with pytest.raises(SystemExit) as caught:
        main()

    assert caught.value.code == 1
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.startswith("VIOLATED")
    assert "netsim replay" in captured.out
