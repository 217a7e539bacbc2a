"""Where simulated code raised an exception: in whose function, on which line of whose file."""

from pathlib import PurePath
from types import CodeType
from typing import Any, TypeAlias

Frame: TypeAlias = tuple[CodeType, int]
"""A function and the line in it that was being executed."""


def own_frames(error: BaseException, module: str = "") -> tuple[list[Frame], bool]:
    """
    Return the frames outside netsim through which `error` came, innermost first.

    With `module`, only those in modules whose name begins so are outside.  The second value is
    True if netsim itself raised it, because it was used wrongly or broke.
    """
    frames: list[Frame] = []
    ours = False
    traceback = error.__traceback__
    while traceback is not None:
        name = traceback.tb_frame.f_globals.get("__name__", "")
        ours = not name.startswith(module) if module else name.startswith("netsim.")
        if not ours:
            frames.append((traceback.tb_frame.f_code, traceback.tb_lineno))
        traceback = traceback.tb_next
    frames.reverse()
    return frames, ours


def place(code: CodeType, line: int = 0) -> str:
    """Return `file:line` without the folder, which differs from machine to machine."""
    return f"{PurePath(code.co_filename).name}:{line or code.co_firstlineno}"


def kind(value: object) -> str:
    """Say what a value is that should be something else: `None`, `an int`, `a str`."""
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def told(error: BaseException) -> str:
    """Say in one line what went wrong."""
    try:
        text = str(error).strip().partition("\n")[0]
    except Exception:  # it cannot say so itself
        text = ""
    if isinstance(error, AssertionError):
        return f"assertion fails: {text}" if text else "assertion fails"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def written(value: Any) -> str:
    """Return the repr of a value of somebody else's, which may raise, for a report."""
    try:
        return repr(value)
    except Exception as error:
        return f"{kind(value)} whose repr() raises {type(error).__name__}"
