"""The tables of `docs/wire.md` are what the code computes."""

import re
from pathlib import Path

from netsim_models.wire import v1, v3
from netsim_models.wire.delivery import bursts, delivery, independent

PAGE = (Path(__file__).parents[3] / "docs" / "wire.md").read_text(encoding="utf-8")
LAYOUTS = (*v1.LAYOUTS, *v3.LAYOUTS)


def rows(after: str) -> list[list[str]]:
    """The cells of the first table after some words, without its head."""
    lines = PAGE.split(after, 1)[1].lstrip("\n").split("\n")
    start = next(n for n, line in enumerate(lines) if line.startswith("|---"))
    table = []
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


def test_sizes() -> None:
    stated = {(name.strip("`"), int(data), int(size)) for name, data, size, _ in rows("## Packets")}
    assert stated == {(one.name, one.header_bytes, one.packet_bytes) for one in LAYOUTS}


def test_offsets_of_v1() -> None:
    table = rows("The header of v1")
    for number, layout in ((2, v1.CORE), (3, v1.X86_I386), (4, v1.USER_X86_64)):
        offsets = {field.offset: field for field in layout.fields}
        assert {int(row[0]) for row in table if "(data)" not in row[number]} == set(offsets)
        for row in table:
            name = re.match(r"\w*", row[number] or row[2])
            field = offsets.get(int(row[0]))
            if field is not None:
                assert name is not None
                assert field.name == name[0] or (name[0] == "0" and "__reserved" in field.name)
                assert str(field.size) in row[1].split(" or ")


def test_offsets_of_v3() -> None:
    table = [row for row in rows("The header of v3") if row[0].isdigit()]
    for number, layout in ((2, v3.FIRST), (3, v3.BOOT_ID_I386), (4, v3.BLOB_I386)):
        for field in layout.fields:
            if field.name.startswith("x86_") or field.name == "regs":
                continue
            (row,) = (one for one in table if int(one[0]) == field.offset)
            assert (row[number] or row[2]).startswith(field.name) or field.name in layout.constants


def test_odds() -> None:
    for loss, *odds in rows("by rounds:"):
        channel = independent(int(loss.split()[0]) / 100)
        assert odds == [f"{delivery(channel, 129, r).whole:.3f}" for r in (1, 2, 3, 4)]
    for length, *odds in rows("waited:"):
        slots = int(length.split()[0])
        channel = independent(0.1) if slots == 1 else bursts(0.1, slots)
        ways = ((1, 0), (1, 129), (1, 1000), (5, 0))
        assert odds == [
            f"{delivery(channel, 129, 3, spacing, pause).whole:.3f}" for spacing, pause in ways
        ]
