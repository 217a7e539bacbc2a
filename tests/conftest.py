"""Shared by all tests: golden files, updated with ``--golden-update``."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# No test asserts a clock: a busy machine must not make one fail.
settings.register_profile("netsim", deadline=None)
settings.load_profile("netsim")

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option that rewrites golden files."""
    parser.addoption("--golden-update", action="store_true", help="rewrite tests/golden")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with tests/golden/NAME, or write it there when asked to."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--golden-update"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare
