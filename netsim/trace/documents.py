"""
Results as JSON documents, and back: versioned, with sorted keys, without clock, path or host.

What is read is untrusted: it is refused, with the place and what was expected there, before any
of it is used.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import attrs
import cattrs

from netsim._version import __version__
from netsim.errors import FileError, TraceVersionError, escape
from netsim.results import MatrixResult, Options, ReplayResult, Result
from netsim.trace.schedule import CHOICES_MAX, WORD, Schedule

VERSION = 1
FILE_MAX = 64 << 20
STEPS_MAX = CHOICES_MAX
#: Choices of all schedules of one file together.
FILE_CHOICES_MAX = 4 * CHOICES_MAX

_ID = re.compile(r"[0-9a-f]{12}", re.ASCII)

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
    """
    One recorded execution, step by step.

    `finding` is the id that it shows, or None; `kind` and `objects` are those of that finding, by
    which it is known again when functions have been renamed ("" and none in older traces).
    """

    netsim: str
    design: str
    scenario: str
    options: Options
    finding: str | None
    steps: tuple[TraceStep, ...]
    kind: str = ""
    objects: tuple[str, ...] = ()

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


def _document(kind: str, data: Mapping[str, Any]) -> str:
    whole = {"format": kind, "version": VERSION, **data}
    return json.dumps(whole, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _data(value: Any) -> dict[str, Any]:
    made: dict[str, Any] = cattrs.Converter().unstructure(value)
    return made


def dump_check(result: Result) -> str:
    """Return the `netsim-check` document of a result."""
    data = _data(result)
    del data["tell"], data["why"], data["covered"], data["estimate"]
    return _document(CHECK, data)


def dump_matrix(result: MatrixResult) -> str:
    """Return the `netsim-matrix` document of a result."""
    data = _data(result)
    data["findings"] = [{**m["finding"], "design": m["design"]} for m in data["findings"]]
    return _document(MATRIX, data)


def dump_replay(result: ReplayResult) -> str:
    """Return the `netsim-replay` document of a result."""
    return _document(REPLAY, _data(result))


def dump_trace(trace: Trace) -> str:
    """Return the `netsim-trace` document of an execution."""
    return _document(TRACE, _data(trace))


def trace_of(schedule: Schedule, replay: ReplayResult, finding: str | None = None) -> Trace:
    """
    Make the trace of a schedule that was replayed.

    `finding` is the id that the schedule was recorded for; the trace keeps it if it happened
    again, else the first finding that did.
    """
    shown = next((found for found in replay.findings if found.id == finding), None)
    if shown is None:
        shown = next(iter(replay.findings), None)
    return Trace(
        netsim=__version__,
        design=replay.design,
        scenario=replay.scenario,
        options=schedule.options,
        finding=shown.id if shown is not None else None,
        steps=tuple(
            TraceStep(e.thread, value, e.operation, e.call, e.function, e.enabled)
            for e, (_, value) in zip(replay.events, schedule.choices, strict=False)
        ),
        kind=shown.kind if shown is not None else "",
        objects=shown.objects if shown is not None else (),
    )


def check_writable(path: Path) -> None:
    """Raise the FileError now that `write_atomically` would raise after hours of search."""
    try:
        if path.is_dir():
            raise _unwritable(path, "it is a folder")
        if path.exists() and not path.is_file():
            return
        folder = path.resolve().parent
        if not folder.is_dir():
            raise _unwritable(path, "there is no such folder")
        if not os.access(folder, os.W_OK):
            raise _unwritable(path, "its folder is read-only")
    except (OSError, ValueError, RuntimeError) as error:
        raise _unwritable(path, getattr(error, "strerror", None) or str(error)) from error


def write_atomically(path: Path, text: str) -> None:
    """
    Write a file so that it is there whole or not at all.

    A link stays a link, and what is no file (a terminal, a pipe, /dev/null) stays what it is: there
    the text is just written.  Raises FileError if it cannot be written; what was there before is
    then untouched.
    """
    try:
        try:
            mode: int | None = path.stat().st_mode
        except FileNotFoundError:
            mode = None
        if mode is not None and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            path.write_text(text, encoding="utf-8")
        else:
            _replace(path.resolve(), text, mode)
    except (OSError, ValueError, RuntimeError) as error:
        raise _unwritable(path, getattr(error, "strerror", None) or str(error)) from error


def _replace(path: Path, text: str, mode: int | None) -> None:
    if mode is None:  # mkstemp keeps its file private; this one is as public as any other
        umask = os.umask(0)
        os.umask(umask)
        mode = 0o666 & ~umask
    handle, name = tempfile.mkstemp(prefix=".netsim-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        temporary = Path(name)
        temporary.chmod(stat.S_IMODE(mode))
        temporary.replace(path)
    except BaseException:  # an interrupt, too, leaves nothing behind
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _unwritable(path: Path, problem: str) -> FileError:
    return FileError(
        str(path),
        f"cannot be written: {problem}; expected a file name in a folder that can be written",
    )


# -- in --------------------------------------------------------------------------------------------


def read_file(path: Path) -> list[Recorded]:
    """
    Read what `netsim replay` can replay from a file.

    That is a `netsim-check` or `netsim-matrix` document (the schedules of its findings), a
    `netsim-trace`, or a line with a schedule.  Raises FileError, or TraceVersionError for a
    netsim document of another version.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(FILE_MAX + 1)  # its size says nothing about a pipe or device
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise FileError(str(path), f"cannot be read: {problem}") from error
    if len(data) > FILE_MAX:
        raise FileError(str(path), f"expected at most {FILE_MAX} bytes, found more")
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
    choices = 0
    for index, item in enumerate(_list(top.get("findings"), "$.findings")):
        path = f"$.findings[{index}]"
        finding = _object(item, path)
        line = _text(finding.get("schedule"), f"{path}.schedule")
        identity = _identity(finding.get("id"), f"{path}.id")
        if not line:  # findings of the initial part have none
            continue
        try:
            schedule = Schedule.parse(line)
        except FileError as error:
            raise FileError(DOCUMENT, f"{path}.schedule: {error.problem}") from error
        choices += len(schedule.choices)
        if choices > FILE_CHOICES_MAX:
            raise FileError(
                DOCUMENT,
                f"{path}.schedule: expected at most {FILE_CHOICES_MAX} choices in all schedules "
                "together, found more",
            )
        found.append(Recorded(schedule, identity))
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
        finding=None if finding is None else _identity(finding, "$.finding"),
        steps=tuple(_step(item, f"$.steps[{i}]") for i, item in enumerate(steps)),
        kind=_text(top.get("kind", ""), "$.kind"),
        objects=tuple(
            _text(o, f"$.objects[{i}]")
            for i, o in enumerate(_list(top.get("objects", []), "$.objects"))
        ),
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


def _identity(value: Any, path: str) -> str:
    text = _text(value, path)
    if not _ID.fullmatch(text):
        raise FileError(
            DOCUMENT, f"{path}: expected 12 hexadecimal digits (0-9a-f), found {_shown(text)}"
        )
    return text


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
    if not isinstance(value, str):
        return json.dumps(value)
    return f"'{escape(value if len(value) <= 40 else value[:37] + '...')}'"
