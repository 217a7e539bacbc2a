"""The distribution that users install: what is in it, and that it works away from the checkout."""

import os
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from netsim._version import __version__

ROOT = Path(__file__).resolve().parents[1]
#: Top-level package of the wheel: its folder in the checkout.
PACKAGES = {"netsim": ROOT / "netsim", "netsim_models": ROOT / "models" / "netsim_models"}
DESIGNS = tuple(
    tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"][
        "netsim.designs"
    ]
)
SECONDS_MAX = 300


def run(*command: str | Path, cwd: Path) -> str:
    """Run `command` as a user would, outside this test's Python; return what it printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, (
        f"{command} exited with {done.returncode}\n{done.stdout}{done.stderr}"
    )
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of the checkout, and the wheel made from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


def only(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


def shipped(folder: Path) -> set[str]:
    """Files of a package that must reach the user, relative to the folder above it."""
    return {
        path.relative_to(folder.parent).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }


def test_wheel_holds_the_two_packages_and_nothing_else(dist: Path) -> None:
    with zipfile.ZipFile(only(dist, "*.whl")) as wheel:
        names = set(wheel.namelist())
    dist_info = f"netsim_kernel-{__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {*PACKAGES, dist_info}
    assert f"{dist_info}/licenses/LICENSE" in names
    for package, folder in PACKAGES.items():
        files = shipped(folder)
        assert {f"{package}/__init__.py", f"{package}/py.typed"} <= files
        assert {name for name in names if name.startswith(f"{package}/")} == files


def test_sdist_holds_sources_tests_and_customary_files(dist: Path) -> None:
    with tarfile.open(only(dist, "*.tar.gz")) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "pyproject.toml"} <= names
    assert {f"tests/{path.name}" for path in (ROOT / "tests").glob("*.py")} <= names
    assert not [name for name in names if ".venv" in name or name.startswith(".ci/")]


def test_installed_wheel_works_outside_the_checkout(dist: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    python, netsim = scripts / "python", scripts / "netsim"
    cwd = tmp_path / "elsewhere"
    cwd.mkdir()
    run(python, "-m", "pip", "install", "--quiet", only(dist, "*.whl"), cwd=cwd)

    imported = run(
        python,
        "-c",
        "import netsim, netsim_models; print(netsim.__file__); print(netsim_models.__file__)",
        cwd=cwd,
    ).splitlines()
    assert len(imported) == len(PACKAGES)
    assert all(Path(path).is_relative_to(environment) for path in imported)
    run(
        python,
        "-c",
        "from importlib.util import find_spec as f; assert not f('models') and not f('tests')",
        cwd=cwd,
    )
    assert __version__ in run(netsim, "--version", cwd=cwd)
    listing = run(netsim, "list", cwd=cwd)
    assert [design for design in DESIGNS if design not in listing] == []
    run(netsim, "check", "netoops-v1", "{ set 10.0.0.1 } read || read", cwd=cwd)
