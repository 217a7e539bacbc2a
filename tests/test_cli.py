"""The command line: exit codes, one message for each mistake, never a traceback."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

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
        ("expected", ["check", "netoops-v1", "{ read"]),
        ("expected", ["check", "netoops-v1", "(" * 5000]),
        ("device name", ["check", "netoops-v1", 'unregister "../../etc/passwd"']),
        ("not yet", ["check", "netoops-v1", "off || !oops"]),
        ("not yet", ["matrix", "netoops-v1", "--flows", "3"]),
        ("must be more than 0", ["check", "netoops-v1", "read", "--max-executions", "0"]),
        ("integer", ["check", "netoops-v1", "read", "--max-steps", "many"]),
        ("No such command", ["explode"]),
        ("Missing argument", ["check", "netoops-v1"]),
        ("neither a file nor a schedule", ["replay", "no-such-file"]),
        ("expected", ["replay", "netsim-schedule 1 x"]),
        ("no design is called", ["replay", "netsim-schedule 1 nobody 1 -- read"]),
        ("cannot be written", ["check", "netoops-v1", "read", "-o", "/no/such/folder/x"]),
        ("once", ["matrix", "netoops-v1", "netoops-v1"]),
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
    (finding,) = document["findings"]

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


def test_reports_for_people(golden: Callable[[str, str], None]) -> None:
    golden(
        "recursive-lock.txt",
        netsim("check", "netoops-v1", "{ set 10.0.0.1 } unregister eth0").stdout,
    )
    golden("lost-off.txt", netsim("check", "netoops-v1@2.6.35", RACE).stdout)
    golden("show.txt", netsim("show", "netoops-v1").stdout)
    golden("notation.txt", netsim("check", "netoops-v1", "off || || read").stderr)


def test_no_line_is_wider_than_a_hundred_columns_but_the_one_to_copy() -> None:
    done = netsim("check", "netoops-v1@2.6.35", RACE)

    wide = [line for line in done.stdout.splitlines() if len(line) > 100]
    assert all(line.lstrip().startswith("netsim replay ") for line in wide)
