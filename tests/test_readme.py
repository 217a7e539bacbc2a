"""What the README says is what happens."""

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_program_prints_what_stands_below_it() -> None:
    section = README.partition("\n## Explore a program of your own\n")[2].partition("\n## ")[0]
    program, printed = re.findall(r"```(?:python|text)\n(.*?)```", section, re.DOTALL)

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == printed
