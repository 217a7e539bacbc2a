"""The tables of the benchmark, and that each part is there to be run."""

from benchmarks.parts import PARTS
from benchmarks.table import Table


def test_table() -> None:
    table = Table("Title", ("program", "count", "s"), "About it.")
    table.add("one", 12345, 0.5)
    table.add("another", None, 1234.567)

    assert table.text() == (
        "Title\nAbout it.\n\n"
        "program   count         s\n"
        "-------------------------\n"
        "one      12,345      0.50\n"
        "another       -  1,234.57\n"
    )


def test_parts() -> None:
    assert list(PARTS) == ["speed", "reduction", "classes", "memory", "matrix", "hostile", "logs"]
