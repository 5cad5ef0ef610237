"""`python -m tests.picture`: draw docs/wings.svg, who imports whom, from the imports themselves.

A box is a wing (a folder of heartbeat) or a room of heartbeat's root that uses one. The rooms that every wing stands
on share a box, and so does all of alerting. A line is an import that no longer path implies.
"""

from collections import defaultdict
from pathlib import Path

import grimp

PICTURE = Path("docs/wings.svg")
GROUND = "ground floor"
BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 128, 44, 28, 46, 24
CAPTIONS = {
    "__main__": "command line",
    "operations": "what an operator runs",
    "app": "puts all together",
    "beside": "loops beside the ticker",
    "foundation": "what all stand on",
    "http": "pings, API, console",
    "ticker": "runs the loops",
    "canary_watch": "pages itself",
    "sight_alarm": "tells of lost sight",
    "clock_guard": "moves times",
    "receipt_watch": "asks about receipts",
    "retention": "forgets old rows",
    "rekey": "replaces keys",
    "notifier_clients": "notifiers, set up",
    "trial": "test pages",
    "verification": "codes to contacts",
    "configuration_file": "reads and applies it",
    "status": "what customers read",
    "access": "users, keys, sign-in",
    "review": "looks back at trouble",
    "definitions": "configuration, edits",
    "on_call": "looks ahead",
    "pings": "pings in",
    "measurements": "numbers of runs",
    "checks": "silences out",
    GROUND: "clock, database, audit …",
    "alerting": "incidents, pages, phones",
}

Graph = dict[str, set[str]]


def imports() -> Graph:
    """Return which box imports which, from the modules of the product."""
    graph = grimp.build_graph("heartbeat", "alerting", cache_dir=None)
    wings = {module.split(".")[1] for module in graph.modules if module.count(".") > 1}
    pairs = {
        (module, target)
        for module in graph.modules
        for target in graph.find_modules_directly_imported_by(module)
    }
    # A room of the root stands apart when it uses a wing, or a room that does.
    above = {module for module in graph.modules if module.startswith("heartbeat.") and module.count(".") == 1}
    above -= {f"heartbeat.{wing}" for wing in wings}
    apart: set[str] = set()
    while True:
        more = {a for a, b in pairs if a in above - apart and (b in apart or _wing(b, wings))}
        if not more:
            break
        apart |= more
    edges: Graph = defaultdict(set)
    for module, target in pairs:
        a, b = _box(module, wings, apart), _box(target, wings, apart)
        if a and b and a != b:
            edges[a].add(b)
    return {box: edges.get(box, set()) for box in edges.keys() | {b for bs in edges.values() for b in bs}}


def _wing(module: str, wings: set[str]) -> bool:
    parts = module.split(".")
    return parts[0] == "heartbeat" and len(parts) > 1 and parts[1] in wings


def _box(module: str, wings: set[str], apart: set[str]) -> str:
    parts = module.split(".")
    if parts[0] == "alerting":
        return "alerting"
    if len(parts) == 1:
        return ""
    if parts[1] in wings or module in apart:
        return parts[1]
    return GROUND


def direct(graph: Graph) -> Graph:
    """Leave out each import that a longer path implies."""

    def reached(box: str) -> set[str]:
        return graph[box].union(*(reached(target) for target in graph[box]))

    return {box: targets - set().union(*map(reached, targets)) for box, targets in graph.items()}


def levels(graph: Graph) -> list[list[str]]:
    """Put each box one row above the highest box that it imports; return the rows, top first."""

    def height(box: str) -> int:
        return max((height(target) + 1 for target in graph[box]), default=0)

    rows: dict[int, list[str]] = defaultdict(list)
    for box in sorted(graph):
        rows[height(box)].append(box)
    return [rows[level] for level in sorted(rows, reverse=True)]


def draw() -> str:
    """Return the picture as SVG."""
    graph = imports()
    rows = levels(graph)
    width = max(len(row) for row in rows) * (BOX_WIDTH + GAP_X) - GAP_X + 2 * MARGIN
    height = len(rows) * (BOX_HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    corners: dict[str, tuple[float, float]] = {}
    for level, row in enumerate(rows):
        left = (width - len(row) * (BOX_WIDTH + GAP_X) + GAP_X) / 2
        for column, box in enumerate(row):
            corners[box] = (left + column * (BOX_WIDTH + GAP_X), MARGIN + level * (BOX_HEIGHT + GAP_Y))
    lines = [
        _line(corners[box], corners[target]) for box in sorted(graph) for target in sorted(direct(graph)[box])
    ]
    boxes = [_rectangle(box, *corners[box]) for box in sorted(graph)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            'aria-label="Who imports whom: each box imports only boxes below it">',
            "<style>text{font:13px system-ui,sans-serif;fill:#1b1f24;text-anchor:middle}.c{font-size:10px;fill:#57606a}"
            "rect{fill:#fff;stroke:#8c959f}path{fill:none;stroke:#8c959f}svg{background:#fff}"
            "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.c{fill:#9198a1}rect{fill:#161b22}svg{background:#0d1117}}"
            "</style>",
            *lines,
            *boxes,
            "</svg>",
            "",
        ]
    )


def _line(start: tuple[float, float], end: tuple[float, float]) -> str:
    x1, y1 = start[0] + BOX_WIDTH / 2, start[1] + BOX_HEIGHT
    x2, y2 = end[0] + BOX_WIDTH / 2, end[1]
    bend = GAP_Y * 0.8
    return f'<path d="M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"/>'


def _rectangle(box: str, x: float, y: float) -> str:
    middle = x + BOX_WIDTH / 2
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6"/>'
        f'<text x="{middle:g}" y="{y + 19:g}">{box}</text>'
        f'<text class="c" x="{middle:g}" y="{y + 34:g}">{CAPTIONS[box]}</text>'
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
