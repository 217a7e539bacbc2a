"""JSON documents: schemas, round trips through replay, and what is refused."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import attrs
import jsonschema
import pytest

import netsim
from netsim.errors import FileError, TraceVersionError
from netsim.results import Bounds
from netsim.run import check, load, matrix, replay
from netsim.trace.documents import (
    check_writable,
    dump_check,
    dump_matrix,
    dump_replay,
    dump_trace,
    load_document,
    read_file,
    trace_of,
    write_atomically,
)
from netsim.trace.schedule import Schedule

SCHEMAS = Path(netsim.__file__).parent / "schemas"
RACE = ("netoops-v1@2.6.35", "{ set 10.0.0.1 } off || unregister eth0")


def valid(document: str, name: str) -> Any:
    """Return the parsed document after checking it against its schema."""
    data = json.loads(document)
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(data)
    assert json.dumps(data, indent=2, sort_keys=True) + "\n" == document
    return data


@pytest.mark.parametrize("scenario", [RACE[1], "read", "{ set 10.0.0.1; off } panic"])
def test_check_document(scenario: str) -> None:
    data = valid(dump_check(check(RACE[0], scenario)), "check")

    assert data["format"] == "netsim-check"
    assert data["version"] == 1


def test_initial_findings_fit_the_schema() -> None:
    data = valid(dump_check(check("netoops-v1", "{ set 10.0.0.1; unregister eth0 } read")), "check")

    assert data["start"] == "unreachable"


def test_matrix_document() -> None:
    design = load("netoops-v1")
    small = attrs.evolve(
        design,
        operations={
            name: operation if name in {"read", "oops"} else attrs.evolve(operation, samples=())
            for name, operation in design.operations.items()
        },
        starts=design.starts[:2],  # off, set
    )
    result = matrix([small])
    data = valid(dump_matrix(result), "matrix")

    assert len(data["cells"]) == 2 * (2 + 3)
    assert data["findings"][0]["design"] == "netoops-v1"


def test_replay_and_trace_documents_and_a_replay_from_the_file(tmp_path: Path) -> None:
    (finding,) = [f for f in check(*RACE).findings if f.kind == "not-serialisable"]
    schedule = Schedule.parse(finding.schedule)
    again = replay(schedule)
    valid(dump_replay(again), "replay")
    path = tmp_path / "trace.json"
    write_atomically(path, dump_trace(trace_of(schedule, again)))
    valid(path.read_text(), "trace")

    (recorded,) = read_file(path)
    from_file = replay(recorded.schedule, expected=recorded.trace)

    assert from_file.diverged is None
    assert [f.id for f in from_file.findings] == [f.id for f in again.findings]


def test_a_trace_of_another_design_diverges_where_it_stops_to_fit() -> None:
    (finding,) = [f for f in check(*RACE).findings if f.kind == "not-serialisable"]
    schedule = Schedule.parse(finding.schedule)
    trace = trace_of(schedule, replay(schedule))
    bent = attrs.evolve(trace.steps[3], call="mutex_lock something_else")
    trace = attrs.evolve(trace, steps=(*trace.steps[:3], bent, *trace.steps[4:]))

    again = replay(schedule, expected=trace)

    assert again.diverged is not None
    assert again.diverged.step == 4
    assert "something_else" in again.diverged.expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"\xff\xfe",
        b"{}",
        b'{"format": "other", "version": 1}',
        b'{"format": "netsim-check", "version": "1"}',
        b'{"format": "netsim-check", "version": 1}',
        b'{"format": "netsim-check", "version": 1, "findings": [{"id": 3, "schedule": "x"}]}',
        b'{"format": "netsim-check", "version": 1, "findings": []}',
        b'{"format": "netsim-trace", "version": 1, "steps": 3}',
        b'{"format": "netsim-check", "format": "netsim-check", "version": 1}',
        b'{"format": "netsim-check", "version": NaN}',
        b'{"format": "netsim-check", "version": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\x00" * 1000,
        b"netsim-schedule 1 d 1 -- a\n\nmore",
        b'{"format": "netsim-check", "version": 1e999}',
        b'{"format": "netsim-check", "version": 1, "findings": [{"id": "123", "schedule": ""}]}',
    ],
)
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(FileError) as caught:
        load_document(data)

    assert "expected" in str(caught.value) or "at most" in str(caught.value)
    assert len(str(caught.value)) < 400


def damaged(finding: dict[str, Any]) -> bytes:
    whole = {"id": "0123456789ab", "schedule": "netsim-schedule 1 d 1 -- a", **finding}
    document = {"format": "netsim-check", "version": 1, "findings": [whole]}
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (damaged({"schedule": 3}), "$.findings[0].schedule: expected text, found 3"),
        (damaged({"schedule": None}), "$.findings[0].schedule: expected text, found nothing"),
        (damaged({"id": "x"}), "$.findings[0].id: expected 12 hexadecimal digits"),
        (damaged({"schedule": "netsim-schedule 1 d"}), "$.findings[0].schedule: expected ' -- '"),
        (b'{"format": "netsim-check", "version": true}', "$.version: expected a whole number"),
        (b'{"format": ["x"], "version": 1}', "$.format: expected netsim-check"),
    ],
)
def test_the_place_of_a_mistake_is_named(data: bytes, message: str) -> None:
    with pytest.raises(FileError) as caught:
        load_document(data)

    assert message in str(caught.value)


def test_a_small_file_cannot_ask_for_much_memory() -> None:
    bomb = {"id": "0123456789ab", "schedule": "netsim-schedule 1 d 1*1000000 -- a"}
    document = {"format": "netsim-check", "version": 1, "findings": [bomb] * 5}

    with pytest.raises(FileError, match="in all schedules together"):
        load_document(json.dumps(document).encode())


@pytest.mark.parametrize("kind", ["netsim-check", "netsim-trace", "netsim-matrix"])
def test_an_unknown_version_cannot_be_judged(kind: str) -> None:
    with pytest.raises(TraceVersionError) as caught:
        load_document(json.dumps({"format": kind, "version": 99}).encode())

    assert caught.value.exit_code == 125


def test_nothing_is_half_written(tmp_path: Path) -> None:
    path = tmp_path / "there"
    path.mkdir()

    with pytest.raises(FileError):
        write_atomically(path, "x")
    assert [p.name for p in tmp_path.iterdir()] == ["there"]
    with pytest.raises(FileError):
        write_atomically(tmp_path / "no" / "folder", "x")


class TestWriting:
    """A file is there whole or not at all, and what is no file stays what it is."""

    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        target, link = tmp_path / "target", tmp_path / "link"
        target.write_text("old")
        link.symlink_to(target)

        write_atomically(link, "new")

        assert link.is_symlink()
        assert target.read_text() == "new"

    def test_what_is_there_keeps_its_mode(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.touch(mode=0o600)

        write_atomically(path, "new")

        assert path.stat().st_mode & 0o777 == 0o600

    def test_a_pipe_is_written_into(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            write_atomically(pipe, "text")
            assert os.read(reading, 100) == b"text"
        finally:
            os.close(reading)
        assert stat.S_ISFIFO(pipe.stat().st_mode)

    def test_an_interrupt_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(Path, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_atomically(tmp_path / "file", "text")

        assert list(tmp_path.iterdir()) == []

    def test_it_is_known_before_whether_it_will_work(self, tmp_path: Path) -> None:
        check_writable(tmp_path / "new")
        check_writable(Path(os.devnull))

        for wrong in (tmp_path, tmp_path / "no" / "file", Path("a\0b")):
            with pytest.raises(FileError, match="cannot be written"):
                check_writable(wrong)
            with pytest.raises(FileError, match="cannot be written"):
                write_atomically(wrong, "text")
        assert list(tmp_path.iterdir()) == []


def test_a_number_that_json_has_not_is_never_written() -> None:
    result = attrs.evolve(check("netoops-v1", "read"), bounds=Bounds(seconds=float("inf")))

    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_check(result)
