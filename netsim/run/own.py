"""
A design of one's own: a Python file that the user names.

Loading one runs it.  So only a request that names the file does: never a schedule, nor a file
that holds one, which may come from anywhere.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from netsim.core.raised import kind, told
from netsim.design import Design
from netsim.errors import FileError, NetsimError
from netsim.run.vet import vet

#: Modules of such files are called so, which tells their code from netsim's.
MODULE = "_design_"
#: The name in the file that decides if there are several designs.
CHOSEN = "DESIGN"


def is_file(name: str) -> bool:
    """Tell whether a design is named by its file."""
    return name.endswith(".py")


def load_file(name: str) -> Design:
    """
    Run the file and return the design that it declares: `DESIGN`, or the only one.

    Raises FileError with the line for a file that cannot be read, has a syntax error, fails, or
    declares no design, several, or one that makes no sense.
    """
    path = Path(name)
    try:
        source = path.read_bytes()
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise FileError(
            name, f"cannot be read: {problem}; expected a Python file that declares a netsim.Design"
        ) from error
    try:
        tree = ast.parse(source, name)
        code = compile(tree, name, "exec")
    except SyntaxError as error:
        raise FileError(_at(name, error.lineno), f"{type(error).__name__}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise FileError(name, f"is no Python source: {error}") from error
    return _declared(name, tree, _run(name, path, code))


def _run(name: str, path: Path, code: Any) -> ModuleType:
    module = ModuleType(MODULE + path.stem)
    module.__file__ = name
    folder = str(path.resolve().parent)
    sys.modules[module.__name__] = module
    sys.path.insert(0, folder)  # as for a script: the file may have been cut in two
    try:
        exec(code, module.__dict__)
    except (Exception, SystemExit) as error:
        raise FileError(_at(name, _line(error, name)), _failed(error)) from error
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
    return module


def _failed(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "it ends Python (SystemExit); expected a file that can be imported"
    if isinstance(error, SyntaxError):  # in something that it imports
        return f"{type(error).__name__} in {error.filename}, line {error.lineno}: {error.msg}"
    return str(error) if isinstance(error, NetsimError) else told(error)


def _declared(name: str, tree: ast.Module, module: ModuleType) -> Design:
    lines = _assignments(tree)
    found: dict[str, Design] = {}
    for key, value in vars(module).items():
        if isinstance(value, Design) and not any(value is other for other in found.values()):
            found[key] = value
    chosen = getattr(module, CHOSEN, None)
    if chosen is not None:
        if not isinstance(chosen, Design):
            raise FileError(
                _at(name, lines.get(CHOSEN)),
                f"{CHOSEN} is {kind(chosen)}; expected a netsim.Design",
            )
        key, design = CHOSEN, chosen
    elif len(found) == 1:
        ((key, design),) = found.items()
    elif found:
        where = ", ".join(f"{key} (line {lines.get(key, '?')})" for key in found)
        raise FileError(
            name, f"declares {len(found)} designs: {where}; expected one called {CHOSEN}"
        )
    else:
        raise FileError(name, f"declares no design; expected {CHOSEN} = netsim.Design(...)")
    try:
        vet(design)
    except NetsimError as error:
        raise FileError(_at(name, lines.get(key)), str(error).replace("\n  ", "; ")) from error
    return design


def _assignments(tree: ast.Module) -> dict[str, int]:
    """Return the line on which each name of the module was last assigned."""
    lines: dict[str, int] = {}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Name):
                lines[target.id] = node.lineno
    return lines


def _line(error: BaseException, name: str) -> int | None:
    """Return the line of the file that was being executed."""
    line = None
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == name:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _at(name: str, line: int | None) -> str:
    return f"{name}:{line}" if line else name
