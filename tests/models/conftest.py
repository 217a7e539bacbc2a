"""Shared by the tests of models."""

from collections.abc import Iterator

import pytest

from netsim_models.machine import Machine
from tests.models.drive import machine


@pytest.fixture
def m() -> Iterator[Machine]:
    """A machine on which nothing may go wrong, unless the test takes the report away."""
    made = machine()
    yield made
    assert made.sim.reports == []
