"""The tables of `docs/kernel.md` are what the code has."""

from pathlib import Path

from netsim_models.kernel.oops import OOPS_PATHS, OopsPath, Stage
from netsim_models.netoops_v1.symbols import unknown

PAGE = (Path(__file__).parents[3] / "docs" / "kernel.md").read_text(encoding="utf-8")


def nested(path: OopsPath) -> str:
    if Stage.LOCK not in path.stages:
        return "has no lock"
    return "passes the lock" if path.nests else "waits for ever"


def test_the_oops_paths() -> None:
    for path in OOPS_PATHS:
        stages = ", ".join(stage.value for stage in path.stages)
        lock = "spin_lock_irq" if path.irq else "irqsave" if path.nests else "none"
        row = f"| {path.name} | `{path.function}` | {stages} | {lock} | {nested(path)} |"
        assert row in PAGE


def test_what_a_module_misses() -> None:
    for missing in (10, 11):
        (symbol,) = unknown(missing)
        assert (
            f"| `netoops-v1-{missing}` | without {missing} | -ENOENT, `netoops: Unknown symbol "
            in PAGE
        )
        assert f"Unknown symbol {symbol} (err 0)" in PAGE
