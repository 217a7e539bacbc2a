"""Tables as text."""

from collections.abc import Sequence

import attrs


@attrs.define
class Table:
    """A title, what the columns are, rows, and a sentence or two about how to read them."""

    title: str
    columns: Sequence[str]
    about: str = ""
    rows: list[Sequence[str]] = attrs.Factory(list)

    def add(self, *cells: object) -> None:
        """Add a row: numbers with thousands apart, None as a dash."""
        self.rows.append([_cell(cell) for cell in cells])

    def text(self) -> str:
        """Return the table: the first column flush left, the others right."""
        lines = [list(self.columns), *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        shown = [
            "  ".join(
                cell.rjust(width) if i else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        rule = "-" * max(map(len, shown))
        return "\n".join([self.title, *([self.about] if self.about else []), "", shown[0], rule,
                          *shown[1:], ""])  # fmt: skip


def _cell(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.2f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
