"""
The rules of ARCHITECTURE.md that can be read off the sources, as tables.

The checker looks at every import, at the top of a module or inside a function.  It does not see
iteration over a set, nor a module that is imported under a computed name.
"""

import ast
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: Top-level package: the folder, relative to the root, that it lies in.
SOURCES = {"netsim": ".", "netsim_models": "models"}

# ---- the tables: a new room, dependency or exception is one line

#: Rooms of `netsim`, bottom up.  A room imports itself and lower rows; rooms of a row are blind to
#: each other.  `__init__` is the façade.
LAYERS = (
    {"errors", "_version"},
    {"caught", "core", "notation", "results"},
    {"sync", "trace", "promise"},
    {"catch", "checkers", "design", "explorer", "world"},
    {"view"},
    {"run"},
    {"__init__"},
    {"cli"},
    {"__main__"},
)
#: What models see of `netsim`.
MODELS_SEE = {"caught", "core", "design", "errors", "promise", "sync"}
#: Third-party package: the modules (with what is below them) that may import it.
HOMES: dict[str, tuple[str, ...]] = {
    "attr": ("netsim", "netsim_models"),
    "attrs": ("netsim", "netsim_models"),
    "cattrs": ("netsim.trace", "netsim.view"),
    "click": ("netsim.cli",),
    "structlog": ("netsim.view.log",),
    "transitions": ("netsim.core.fsm",),
}
#: The only module that suspends simulated code.
TRAPS = "netsim.core.traps"
#: Rooms that may differ from run to run; everything else, models included, is deterministic.
NONDETERMINISTIC_ROOMS = {"catch", "view", "__init__", "cli", "__main__"}
#: What makes a run differ from the next: modules, members of modules, builtins.
NONDETERMINISTIC = (
    "builtins.hash",
    "builtins.id",
    "datetime",
    "os.environ",
    "os.environb",
    "os.getenv",
    "os.urandom",
    "random",
    "secrets",
    "time",
    "uuid",
)
#: Exceptions: module, and what it may use all the same.
NONDETERMINISTIC_ALLOWED = {
    ("netsim.run", "time"),  # its clock ends an exploration in time
    ("netsim.explorer.walk", "random"),  # draws from a source that was seeded by the caller
    ("netsim.explorer.pct", "random"),
    ("netsim.explorer.pos", "random"),
    ("netsim.explorer.directed", "random"),
    ("netsim.explorer.strategies", "random"),  # seeds it with what the user asked for
    ("netsim.core.snapshot", "builtins.id"),  # only to visit nothing twice
    ("netsim.core.canonical", "builtins.id"),  # likewise
}
#: What `import netsim` must not load, so that it stays fast.
NOT_LOADED = {"cattrs", "click", "jinja2", "netsim_models", "structlog", "transitions"}


# ---- reading sources


class Import(NamedTuple):
    target: str
    line: int
    #: Under `if TYPE_CHECKING:`: known, but never executed.
    typing_only: bool


class Module(NamedTuple):
    name: str
    path: str
    tree: ast.Module
    imports: tuple[Import, ...]

    def at(self, line: int) -> str:
        return f"{self.path}:{line}: {self.name}"


Modules: TypeAlias = dict[str, Module]


def read_modules(root: Path) -> Modules:
    """Parse every source file of the packages; the keys are the dotted names."""
    trees: dict[str, tuple[Path, ast.Module]] = {}
    for package, folder in SOURCES.items():
        for path in sorted((root / folder / package).rglob("*.py")):
            parts = path.relative_to(root / folder).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            trees[name] = path, ast.parse(path.read_text(encoding="utf-8"), str(path))
    return {
        name: Module(
            name,
            path.relative_to(root).as_posix(),
            tree,
            tuple(read_imports(tree, name, path.stem == "__init__", frozenset(trees))),
        )
        for name, (path, tree) in trees.items()
    }


def read_imports(
    node: ast.AST, importer: str, is_package: bool, known: frozenset[str], typing_only: bool = False
) -> Iterator[Import]:
    """Yield each import below `node`; `from a import b` names the module `a.b` if there is one."""
    match node:
        case ast.Import(names=names):
            for alias in names:
                yield Import(alias.name, node.lineno, typing_only)
        case ast.ImportFrom(module=module, names=names, level=level):
            parents = importer.split(".") + ([""] if is_package else [])
            start = parents[: len(parents) - level] if level else []
            base = ".".join([*start, module] if module else start)
            members = (f"{base}.{alias.name}" for alias in names)
            for target in dict.fromkeys(m if m in known else base for m in members):
                yield Import(target, node.lineno, typing_only)
        case ast.Call(
            func=ast.Name("import_module" | "__import__") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(str(target)), *_],
        ):
            yield Import(target, node.lineno, typing_only)
        case ast.If(test=ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            for statement in node.body:
                yield from read_imports(statement, importer, is_package, known, True)
            for statement in node.orelse:
                yield from read_imports(statement, importer, is_package, known, typing_only)
            return
    for child in ast.iter_child_nodes(node):
        yield from read_imports(child, importer, is_package, known, typing_only)


def room_of(name: str) -> str:
    """Return the room of a module of `netsim`: the second part of its name."""
    return name.split(".")[1] if "." in name else "__init__"


def is_within(name: str, ancestor: str) -> bool:
    return name == ancestor or name.startswith(f"{ancestor}.")


def read_uses(module: Module) -> Iterator[tuple[str, int]]:
    """Yield what the module uses, under its full name (`os.environ`), whatever it calls it."""
    origins = {"id": "builtins.id", "hash": "builtins.hash"}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                origins[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                origins[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield f"{node.module}.{alias.name}", node.lineno
    for node in ast.walk(module.tree):
        match node:
            case ast.Attribute(value=ast.Name(name), attr=attr) if name in origins:
                yield f"{origins[name]}.{attr}", node.lineno
            # Only as a function: a field or an argument may well be called `id`.
            case ast.Call(func=ast.Name("id" | "hash" as name)):
                yield origins[name], node.lineno
            case ast.keyword(arg="key", value=ast.Name("id" | "hash" as name)):
                yield origins[name], node.value.lineno


# ---- the rules: each yields what is wrong


def layers(modules: Modules) -> Iterator[str]:
    """Imports of `netsim` point downward; siblings are blind to each other."""
    row_of = {room: row for row, rooms in enumerate(LAYERS) for room in rooms}
    for module in modules.values():
        if not is_within(module.name, "netsim"):
            continue
        room = room_of(module.name)
        if room not in row_of:
            yield f"{module.at(1)}: the room {room!r} has no row in LAYERS"
            continue
        for target, line, _ in module.imports:
            where = f"{module.at(line)} imports {target}"
            if is_within(target, "netsim_models"):
                yield f"{where}: netsim never imports models"
            if not is_within(target, "netsim") or room_of(target) == room:
                continue
            row = row_of.get(room_of(target))
            if row is None:
                yield f"{where}: the room {room_of(target)!r} has no row in LAYERS"
            elif row > row_of[room]:
                yield f"{where}, which is above it"
            elif row == row_of[room]:
                yield f"{where}, its sibling"


def models_see(modules: Modules) -> Iterator[str]:
    """Models import only what is meant for them."""
    for module in modules.values():
        if is_within(module.name, "netsim_models"):
            for target, line, _ in module.imports:
                if is_within(target, "netsim") and room_of(target) not in MODELS_SEE:
                    yield f"{module.at(line)} imports {target}: not for models"


def homes(modules: Modules) -> Iterator[str]:
    """Each dependency is imported where it is at home; one without a home is not imported."""
    for module in modules.values():
        for target, line, _ in module.imports:
            top = target.split(".")[0]
            if top in sys.stdlib_module_names or top in SOURCES:
                continue
            if not any(is_within(module.name, home) for home in HOMES.get(top, ())):
                home = " and ".join(HOMES.get(top, ())) or "no module"
                yield f"{module.at(line)} imports {target}, which is at home in {home}"


def cycles(modules: Modules) -> Iterator[str]:
    """No module needs itself in order to run.  Imports for type checkers alone are not executed."""
    graph = {
        module.name: [
            target
            for target, _, typing_only in module.imports
            if target in modules and not typing_only
        ]
        for module in modules.values()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield "import cycle: " + " → ".join(reversed(error.args[1]))


def suspension(modules: Modules) -> Iterator[str]:
    """Simulated code is suspended in one place."""
    for module in modules.values():
        if module.name == TRAPS:
            continue
        for used, line in read_uses(module):
            if used == "types.coroutine":
                yield f"{module.at(line)} uses types.coroutine: only {TRAPS} suspends"
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef) and node.name == "__await__":
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Yield):
                        yield f"{module.at(inner.lineno)} yields: only {TRAPS} suspends"


def determinism(modules: Modules) -> Iterator[str]:
    """Nothing below the doors reads a clock, a random source, the environment or an address."""
    for module in modules.values():
        if is_within(module.name, "netsim") and room_of(module.name) in NONDETERMINISTIC_ROOMS:
            continue
        for used, line in read_uses(module):
            for banned in NONDETERMINISTIC:
                if is_within(used, banned) and not any(
                    is_within(module.name, name) and banned == allowed
                    for name, allowed in NONDETERMINISTIC_ALLOWED
                ):
                    yield f"{module.at(line)} uses {used}: not deterministic"


Rule: TypeAlias = Callable[[Modules], Iterator[str]]
RULES: tuple[Rule, ...] = (layers, models_see, homes, cycles, suspension, determinism)


# ---- the project


@pytest.fixture(scope="module")
def project() -> Modules:
    return read_modules(ROOT)


def test_the_packages_are_seen(project: Modules) -> None:
    rooms = {room_of(name) for name in project if is_within(name, "netsim")}
    assert {"core", "__init__"} <= rooms
    assert "netsim_models" in project
    assert len([name for name in project if is_within(name, "netsim_models")]) > 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_obeys(rule: Rule, project: Modules) -> None:
    assert list(rule(project)) == []


def test_import_netsim_loads_no_library_that_it_does_not_need() -> None:
    program = "import json, sys, netsim; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert "netsim" in loaded
    assert loaded & NOT_LOADED == set()


# ---- the checker itself, on small trees

#: A tree without any fault, close to the edge of every rule.
SOUND = {
    "netsim/__init__.py": "def check():\n    from netsim.run import explore\n    return explore()",
    "netsim/__main__.py": "from netsim.cli import main",
    "netsim/cli.py": "import os\nimport click\nimport netsim\nos.environ",
    "netsim/core/__init__.py": "",
    "netsim/core/fsm.py": "from transitions import Machine",
    "netsim/core/op.py": (
        "from typing import TYPE_CHECKING\nimport attrs\n"
        "if TYPE_CHECKING:\n    from netsim.core.sim import Sim\n"
        "class Op:\n    id: int\n    def __await__(self):\n        return self.go().__await__()"
    ),
    "netsim/core/sim.py": "from netsim.core import op\ndef f(id, clock): clock.time(id)",
    "netsim/core/traps.py": "import types\n@types.coroutine\ndef perform(op):\n    yield op",
    "netsim/errors.py": "",
    "netsim/run.py": "import time\nfrom netsim import errors\nimport netsim.core.sim",
    "netsim/trace/file.py": "import cattrs",
    "netsim/view/log.py": "import structlog\nimport datetime",
    "models/netsim_models/__init__.py": "",
    "models/netsim_models/design.py": "import os\nfrom netsim.core import op\nos.path",
}


def read_tree(root: Path, files: dict[str, str]) -> Modules:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    return read_modules(root)


def test_a_sound_tree_obeys(tmp_path: Path) -> None:
    modules = read_tree(tmp_path, SOUND)
    assert len(modules) == len(SOUND)
    assert [problem for rule in RULES for problem in rule(modules)] == []


FAULTS = [
    (layers, "netsim/core/a.py", "import netsim.run", "which is above it"),
    (layers, "netsim/core/a.py", "def f():\n    from netsim import run", "which is above it"),
    (layers, "netsim/core/a.py", "from ..view import log", "which is above it"),
    (
        layers,
        "netsim/core/a.py",
        "import importlib\nimportlib.import_module('netsim.run')",
        "above",
    ),
    (layers, "netsim/core/a.py", "from netsim import check", "imports netsim, which is above it"),
    (layers, "netsim/sync/a.py", "from netsim.trace.file import x", "its sibling"),
    (layers, "netsim/checkers/a.py", "if TYPE_CHECKING:\n    import netsim.explorer", "sibling"),
    (layers, "netsim/attic/a.py", "", "the room 'attic' has no row"),
    (layers, "netsim/view/a.py", "import netsim.attic", "the room 'attic' has no row"),
    (layers, "netsim/cli.py", "import netsim_models.design", "netsim never imports models"),
    (models_see, "models/netsim_models/a.py", "from netsim import check", "not for models"),
    (models_see, "models/netsim_models/a.py", "from netsim.explorer import x", "not for models"),
    (homes, "netsim/core/sim.py", "import transitions.core", "at home in netsim.core.fsm"),
    (homes, "netsim/view/story.py", "import structlog", "at home in netsim.view.log"),
    (homes, "netsim/run.py", "from click import echo", "at home in netsim.cli"),
    (homes, "netsim/core/a.py", "import cattrs", "at home in netsim.trace and netsim.view"),
    (homes, "netsim/core/a.py", "import numpy", "at home in no module"),
    (cycles, "netsim/errors.py", "def f():\n    from netsim import errors", "netsim.errors → "),
    (cycles, "netsim/core/op.py", "from . import sim", "netsim.core.op → netsim.core.sim → "),
    (suspension, "netsim/sync/a.py", "from types import coroutine as c", "types.coroutine"),
    (suspension, "netsim/sync/a.py", "import types as t\nt.coroutine", "types.coroutine"),
    (suspension, "netsim/sync/a.py", "class A:\n def __await__(self):\n  yield", "yields"),
    (determinism, "netsim/core/a.py", "def f(x):\n    return id(x)", "builtins.id"),
    (determinism, "netsim/core/a.py", "sorted([], key=hash)", "builtins.hash"),
    (determinism, "netsim/core/a.py", "from time import monotonic", "time.monotonic"),
    (determinism, "netsim/explorer/a.py", "def f():\n    import random", "uses random"),
    (determinism, "netsim/sync/a.py", "import os as o\no.environ['A']", "os.environ"),
    (determinism, "netsim/run.py", "import random", "uses random"),
    (determinism, "models/netsim_models/a.py", "import datetime", "uses datetime"),
    (determinism, "models/netsim_models/a.py", "import time", "uses time"),
]


@pytest.mark.parametrize(("rule", "file", "text", "expected"), FAULTS)
def test_a_fault_is_found(rule: Rule, file: str, text: str, expected: str, tmp_path: Path) -> None:
    problems = list(rule(read_tree(tmp_path, {**SOUND, file: text})))
    assert problems
    assert expected in problems[0]
    assert rule is cycles or problems[0].startswith(f"{file}:")
