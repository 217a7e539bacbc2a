"""What a design offers, for reading: operations, starting points, locks, sources, gaps."""

from __future__ import annotations

from collections.abc import Sequence

from netsim.design import AcceptedLoss, Design, Part
from netsim.view.report import fill


def list_text(designs: Sequence[Design]) -> str:
    """Return one line for each design."""
    if not designs:
        return "no design is installed (entry-point group netsim.designs)"
    width = max(len(design.name) for design in designs)
    return "\n".join(f"{design.name:<{width}}  {design.summary}" for design in designs)


def design_text(design: Design) -> str:
    """Tell everything that a design declares about itself."""
    lines = [f"{design.name}: {design.summary}", "", "Operations"]
    for operation in design.operations.values():
        where = "; ".join([", ".join(c.value for c in operation.contexts), operation.source])
        lines.append(f"  {operation.signature()}")
        lines.append(fill(f"{operation.meaning}  [{where.removesuffix('; ')}]", "      ", "      "))
    parameters = {p.name: p for o in design.operations.values() for p in o.parameters}
    wide = max(map(len, parameters), default=0)
    sections = {
        "Arguments": [f"  {p.name:<{wide}}  {p.meaning}" for p in parameters.values()],
        "Starting points of the matrix": [
            f"  {start.name:<12} {{ {start.initial} }}" for start in design.starts
        ],
        "Variants (written behind the name; see `netsim show NAME+VARIANT`)": [
            fill(f"+{variant.name}: {variant.summary}", "  ", "      ")
            for variant in design.variants
        ],
        "Probes (run alone at the end; their results belong to the outcome)": [
            f"  {name}" for name in design.probes
        ],
        "Left to the environment if asked (--choose)": [f"  {what}" for what in design.environment],
        "Promises (what its documentation says; netsim promises says which are kept)": [
            fill(f'{p.name} ({p.mode}): "{p.sentence}" ({p.source})', "  ", "      ")
            for p in design.promises
        ],
        "Starting points of the page of promises, too": [
            f"  {start.name:<12} {{ {start.initial} }}" for start in design.promise_starts
        ],
        "Promises that it takes back": [
            fill(f"{name}: {reason}", "  ", "      ") for name, reason in design.taken_back.items()
        ],
        "Locks, outermost first": [
            fill(f"{name}: {what}; inside it: {inner}", "  ", "      ")
            for name, what, inner in design.locks
        ],
        "Sources": [fill(source, "  ", "    ") for source in design.sources],
        "Part by part": [row for part in design.parts for row in _part(part)],
        "Left out": [fill(gap, "  ", "    ") for gap in design.left_out],
    }
    for title, rows in sections.items():
        if rows:
            lines += ["", title, *rows]
    promised = [promise.kind for promise in design.promises]
    for loss in design.accepted:
        if loss.kind.startswith("promise:") and loss.kind not in promised:
            continue  # nobody asks
        lines.append(
            fill(f"accepted: {loss.kind}{_where(loss, design)}: {loss.reason}", "  ", "    ")
        )
    return "\n".join(lines)


def _where(loss: AcceptedLoss, design: Design) -> str:
    """Say to which objects and operations an accepted loss is limited, or to fewer it is not."""
    objects = f" of {', '.join(loss.objects)}" if loss.objects else ""
    others = [name for name in design.operations if name not in loss.operations]
    if not loss.operations or not others:
        return f"{objects} in any operation"
    if len(others) < len(loss.operations):
        return f"{objects} in any operation but {', '.join(others)}"
    return f"{objects} in {', '.join(loss.operations)}"


def _part(part: Part) -> list[str]:
    """Tell what became of a part; each thing on lines of its own."""
    rows = {
        "": part.modelled,
        "where: ": ", ".join(part.where),
        "left out: ": part.left_out or "nothing",
    }
    return [
        f"  {part.number:02} {part.title}",
        *(fill(f"{label}{text}", "     ", "       ") for label, text in rows.items()),
    ]
