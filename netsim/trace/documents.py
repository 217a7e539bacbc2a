"""
Results as JSON documents, and back: versioned, with sorted keys, without clock, path or host.

What is read is untrusted: it is refused, with the place and what was expected there, before any
of it is used.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import attrs
import cattrs

from netsim._version import __version__
from netsim.errors import FileError, TraceVersionError, escape
from netsim.results import MatrixResult, Options, ReplayResult, Result
from netsim.trace.schedule import WORD, Schedule

VERSION = 1
FILE_MAX = 64 << 20
STEPS_MAX = 1_000_000

#: What a fault names where no file is known.
DOCUMENT = "document"

CHECK, MATRIX, REPLAY, TRACE = "netsim-check", "netsim-matrix", "netsim-replay", "netsim-trace"


@attrs.frozen
class TraceStep:
    """One recorded step: who ran, the value chosen, what it was about to do, who could have run."""

    thread: str
    value: int
    operation: str
    call: str
    function: str
    enabled: tuple[str, ...]


@attrs.frozen
class Trace:
    """One recorded execution, step by step; `finding` is the id that it shows, or None."""

    netsim: str
    design: str
    scenario: str
    options: Options
    finding: str | None
    steps: tuple[TraceStep, ...]

    def schedule(self) -> Schedule:
        """Return the schedule that was recorded."""
        choices = tuple((step.thread, step.value) for step in self.steps)
        return Schedule(self.design, self.scenario, self.options, choices)


@attrs.frozen
class Recorded:
    """What a file holds for replay: a schedule, the id it showed, and its trace if there is one."""

    schedule: Schedule
    finding: str | None
    trace: Trace | None = None


# -- out -------------------------------------------------------------------------------------------


def _document(kind: str, value: Any) -> str:
    data = {"format": kind, "version": VERSION, **cattrs.Converter().unstructure(value)}
    return json.dumps(data, indent=2, sort_keys=True, ensure_ascii=True) + "\n"


def dump_check(result: Result) -> str:
    """Return the `netsim-check` document of a result."""
    data = cattrs.Converter().unstructure(result)
    del data["tell"]
    data = {"format": CHECK, "version": VERSION, **data}
    return json.dumps(data, indent=2, sort_keys=True, ensure_ascii=True) + "\n"


def dump_matrix(result: MatrixResult) -> str:
    """Return the `netsim-matrix` document of a result."""
    converter = cattrs.Converter()
    data = converter.unstructure(result)
    data["findings"] = [{**m["finding"], "design": m["design"]} for m in data["findings"]]
    data = {"format": MATRIX, "version": VERSION, **data}
    return json.dumps(data, indent=2, sort_keys=True, ensure_ascii=True) + "\n"


def dump_replay(result: ReplayResult) -> str:
    """Return the `netsim-replay` document of a result."""
    return _document(REPLAY, result)


def dump_trace(trace: Trace) -> str:
    """Return the `netsim-trace` document of an execution."""
    return _document(TRACE, trace)


def trace_of(schedule: Schedule, replay: ReplayResult) -> Trace:
    """Make the trace of a schedule that was replayed."""
    return Trace(
        netsim=__version__,
        design=replay.design,
        scenario=replay.scenario,
        options=schedule.options,
        finding=replay.findings[0].id if replay.findings else None,
        steps=tuple(
            TraceStep(e.thread, value, e.operation, e.call, e.function, e.enabled)
            for e, (_, value) in zip(replay.events, schedule.choices, strict=False)
        ),
    )


def write_atomically(path: Path, text: str) -> None:
    """
    Write a file so that it is there whole or not at all.

    Raises FileError if it cannot be written; what was there before is then untouched.
    """
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=".netsim-", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        raise FileError(
            str(path),
            f"cannot be written: {error.strerror or error}; "
            "expected a file name in a folder that can be written",
        ) from error


# -- in --------------------------------------------------------------------------------------------


def read_file(path: Path) -> list[Recorded]:
    """
    Read what `netsim replay` can replay from a file.

    That is a `netsim-check` or `netsim-matrix` document (the schedules of its findings), a
    `netsim-trace`, or a line with a schedule.  Raises FileError, or TraceVersionError for a
    netsim document of another version.
    """
    try:
        if path.stat().st_size > FILE_MAX:
            raise FileError(str(path), f"expected at most {FILE_MAX} bytes, found more")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise FileError(str(path), f"cannot be read: {problem}") from error
    try:
        return load_document(data)
    except FileError as error:
        raise FileError(str(path), error.problem) from error


def load_document(data: bytes) -> list[Recorded]:
    """Read the bytes of a file for replay; raises as `read_file` does."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise FileError(
            DOCUMENT, f"expected UTF-8 text, found the byte {data[error.start]:#04x}"
        ) from error
    if text.lstrip().startswith(WORD):
        schedule = Schedule.parse(text)
        return [Recorded(schedule, None)]
    try:
        document = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_constant, parse_int=_integer
        )
    except RecursionError as error:
        raise FileError(
            DOCUMENT, "expected a netsim document, found JSON nested too deeply"
        ) from error
    except ValueError as error:
        raise FileError(DOCUMENT, f"expected a netsim document, found no JSON: {error}") from error
    top = _object(document, "$")
    if "format" not in top:
        raise FileError(DOCUMENT, 'expected a netsim document with a "format", found none')
    kind = top["format"]
    if kind not in (CHECK, MATRIX, REPLAY, TRACE):
        raise FileError(
            DOCUMENT, f"$.format: expected {CHECK}, {MATRIX} or {TRACE}, found {_shown(kind)}"
        )
    version = _number(top.get("version"), "$.version")
    if version != VERSION:
        raise TraceVersionError(kind, version, (VERSION,))
    if kind == TRACE:
        trace = _trace(top)
        return [Recorded(trace.schedule(), trace.finding, trace)]
    found: list[Recorded] = []
    for index, item in enumerate(_list(top.get("findings"), "$.findings")):
        path = f"$.findings[{index}]"
        finding = _object(item, path)
        line = _text(finding.get("schedule"), f"{path}.schedule")
        identity = _text(finding.get("id"), f"{path}.id")
        if line:  # findings of the initial part have none
            found.append(Recorded(Schedule.parse(line), identity))
    if not found:
        raise FileError(DOCUMENT, "expected a finding with a schedule to replay, found none")
    return found


def _trace(top: Mapping[str, Any]) -> Trace:
    options = _object(top.get("options"), "$.options")
    choose = _list(options.get("choose"), "$.options.choose")
    steps = _list(top.get("steps"), "$.steps")
    if len(steps) > STEPS_MAX:
        raise FileError(
            DOCUMENT, f"$.steps: expected at most {STEPS_MAX} steps, found {len(steps)}"
        )
    finding = top.get("finding")
    return Trace(
        netsim=_text(top.get("netsim"), "$.netsim"),
        design=_text(top.get("design"), "$.design"),
        scenario=_text(top.get("scenario"), "$.scenario"),
        options=Options(
            _number(options.get("faults"), "$.options.faults"),
            tuple(_text(c, f"$.options.choose[{i}]") for i, c in enumerate(choose)),
        ),
        finding=None if finding is None else _text(finding, "$.finding"),
        steps=tuple(_step(item, f"$.steps[{i}]") for i, item in enumerate(steps)),
    )


def _step(item: Any, path: str) -> TraceStep:
    step = _object(item, path)
    enabled = _list(step.get("enabled"), f"{path}.enabled")
    return TraceStep(
        thread=_text(step.get("thread"), f"{path}.thread"),
        value=_number(step.get("value"), f"{path}.value"),
        operation=_text(step.get("operation"), f"{path}.operation"),
        call=_text(step.get("call"), f"{path}.call"),
        function=_text(step.get("function"), f"{path}.function"),
        enabled=tuple(_text(e, f"{path}.enabled[{i}]") for i, e in enumerate(enabled)),
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise FileError(DOCUMENT, "expected each key once in an object, found one twice")
    return made


def _constant(word: str) -> NoReturn:
    raise FileError(DOCUMENT, f"expected a number, found {word}")


def _integer(digits: str) -> int:
    if len(digits) > 18:
        raise FileError(DOCUMENT, "expected a number of at most 18 digits, found a longer one")
    return int(digits)


def _object(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FileError(DOCUMENT, f"{path}: expected an object, found {_shown(value)}")
    return value


def _list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise FileError(DOCUMENT, f"{path}: expected a list, found {_shown(value)}")
    return value


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise FileError(DOCUMENT, f"{path}: expected text, found {_shown(value)}")
    return value


def _number(value: Any, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise FileError(
            DOCUMENT, f"{path}: expected a whole number of 0 or more, found {_shown(value)}"
        )
    return value


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = str(value)
    return f"'{escape(text if len(text) <= 40 else text[:37] + '...')}'"
