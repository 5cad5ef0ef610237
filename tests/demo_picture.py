"""`python -m tests.demo_picture`: draw docs/demo.svg, what the demonstration shows, from a run of it."""

import html
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from heartbeat.operations import demo

PICTURE = Path("docs/demo.svg")
SECONDS = 1
SHOWN = (
    ("Four jobs fall silent together.", "CRITICAL us-housekeeping"),
    ("A run succeeds and changes nothing.", "CRITICAL daily-cpu-reset"),
    ("Customers read of both troubles.", "CPU allowance"),
    ("heartbeat itself was away.", "could not hear pings"),
    ("Then a job that really died pages.", "mail-queue", "silent"),
)
"""A caption, and the words by which the first frame is found whose title has them all."""
FRAME_WIDTH, GAP, MARGIN, LINE, CAPTION = 450, 24, 16, 15, 24
STYLE = (
    "text{font:10.5px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#1f2933;white-space:pre}"
    ".c{font:600 13px system-ui,sans-serif}.h{fill:#65717e}.t{font-weight:700}.bad{fill:#b3261e}.good{fill:#1d7a46}"
    "rect{fill:#f5f7fa;stroke:#9aa5b1}"
    "@media(prefers-color-scheme: dark){text{fill:#e4e9ee}.h{fill:#a3afbb}.bad{fill:#ff8a80}.good{fill:#5fcf92}"
    "rect{fill:#1d242b;stroke:#66727f}}"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame that the demonstration prints."""

    heading: str
    lines: tuple[str, ...]

    @property
    def title(self) -> tuple[str, ...]:
        """The lines of its title. The headline of a status page may have several, up to an empty line."""
        is_page = self.heading.startswith("https://") and "" in self.lines
        return self.lines[: self.lines.index("")] if is_page else self.lines[:1]


def frames(printed: str) -> list[Frame]:
    """Return the frames in what the demonstration has printed, as it has broken their lines."""
    found: list[Frame] = []
    lines: list[str] = []
    heading = ""
    for line in printed.splitlines():
        match line.strip()[:1]:
            case "╭":
                heading, lines = line.strip("╭╮─ "), []
            case "│":
                lines.append(line.strip().strip("│").strip())
            case "╰":
                found.append(Frame(heading, tuple(lines)))
    return found


def draw(printed: str) -> str:
    """Return the picture as SVG: the frames of `SHOWN` in two columns, each below its caption."""
    chosen = [(caption, _frame(printed, words)) for caption, *words in SHOWN]
    heights = [MARGIN, MARGIN]
    drawn: list[str] = []
    for caption, frame in chosen:
        column = heights.index(min(heights))
        drawn += _drawn(caption, frame, MARGIN + column * (FRAME_WIDTH + GAP), heights[column])
        heights[column] += CAPTION + _height(frame) + GAP
    width, height = 2 * (FRAME_WIDTH + MARGIN) + GAP, max(heights) - GAP + MARGIN
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-labelledby="t">'
    )
    title = '<title id="t">Notices of one day, and the status page</title>'
    return "\n".join([opening, title, f"<style>{STYLE}</style>", *drawn, "</svg>", ""])


def _frame(printed: str, words: list[str]) -> Frame:
    """Return the first frame whose title has these words."""
    return next(frame for frame in frames(printed) if all(word in frame.lines[0] for word in words))


def _height(frame: Frame) -> int:
    return (len(frame.lines) + 2) * LINE


def _drawn(caption: str, frame: Frame, x: int, y: int) -> Iterator[str]:
    yield _text(caption, x, y + 14, "c")
    top = y + CAPTION
    yield f'<rect x="{x}" y="{top}" width="{FRAME_WIDTH}" height="{_height(frame)}" rx="6"/>'
    yield _text(frame.heading, x + 10, top + LINE + 2, "h")
    kind = "bad" if frame.lines[0].startswith(("CRITICAL", "ERROR")) else ""
    kind = "good" if frame.lines[0].startswith("OK ") else kind
    for number, line in enumerate(frame.lines):
        yield _text(
            line,
            x + 10,
            top + (number + 2) * LINE + 2,
            f"t {kind}".strip() if number < len(frame.title) else "",
        )


def _text(text: str, x: int, y: int, kind: str) -> str:
    marked = f' class="{kind}"' if kind else ""
    return f'<text{marked} x="{x}" y="{y}">{html.escape(text, quote=False)}</text>'


if __name__ == "__main__":
    with redirect_stdout(StringIO()) as output:
        demo.run(seconds=SECONDS)
    PICTURE.write_text(draw(output.getvalue()), encoding="utf-8")
