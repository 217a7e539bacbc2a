"""The page about policies: its command gives its tables, and what it says of variants is so."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from netsim.cli import cli
from netsim.run import load
from tests.models.policies.storms import READY, between, compared

PAGE = (Path(__file__).parents[3] / "docs" / "policies.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("heading", "name"),
    [("## Three storms", "policies.txt"), ("## Dumps, a stream, or both", "streams.txt")],
)
def test_the_command_prints_the_tables(
    heading: str, name: str, golden: Callable[[str, str], None]
) -> None:
    section = PAGE.split(heading, 1)[1]
    command = section.split("```sh\n", 1)[1].split("```", 1)[0]
    told = CliRunner().invoke(cli, shlex.split(command.replace("\\\n", " "))[1:])

    assert told.exit_code == 0, told.stderr
    golden(name, told.stdout)
    tables = section.split("```text\n", 1)[1].split("\n```", 1)[0]
    assert told.stdout.startswith(tables + "\n\n")


def test_every_variant_stands_in_the_table() -> None:
    told = re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)

    assert sorted(told) == sorted(one.name for one in load("netoops-v1").variants)


def test_what_a_copied_mac_costs() -> None:
    storm = "{ set 10.0.0.1 } neigh-reply 10.0.0.1; oops"
    for design, whole in (("netoops-v1", 1), ("netoops-v1+mac-copy", 0)):
        cell = compared(design, storm)
        assert between(cell, "dumps delivered whole") == (whole, whole)
        assert between(cell, "crashes nobody hears of") == (1 - whole, 1 - whole)


def test_what_spacing_costs() -> None:
    cell = compared("netoops-v1+spacing", f"{{ {READY} }} oops")
    assert between(cell, "milliseconds spun with irqs off") == (30, 30)
