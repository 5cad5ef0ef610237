"""The terminal of the replay: sentences, frames as phones show them, and the time to read them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from textwrap import wrap

from heartbeat.operations.demo.racing_loop import RacingSelector

WIDTH = 80
"""Columns of the terminal that are used."""
_INSIDE = 68
"""Columns of a line in a frame."""
_wrap = partial(wrap, break_on_hyphens=False)


@dataclass(slots=True)
class Screen:
    """Prints lines, and lets time stand still for as long as it takes to read them, in seconds a line."""

    racing: RacingSelector
    seconds_a_line: float

    def tell(self, at: datetime, sentence: str) -> None:
        """Print a sentence of the story with its time."""
        time = f"{at:%a %d %b %H:%M} UTC"
        self._print("", *_wrap(f"{time}  {sentence}", WIDTH, subsequent_indent=" " * (len(time) + 2)))

    def frame(self, heading: str, lines: Iterable[str]) -> None:
        """Print a frame with a heading."""
        parts = [part for line in lines for part in _wrap(line, _INSIDE) or [""]]
        self._print(
            "",
            f"   ╭─ {heading} ".ljust(_INSIDE + 6, "─") + "╮",
            *(f"   │ {part.ljust(_INSIDE)} │" for part in parts),
            "   ╰" + "─" * (_INSIDE + 2) + "╯",
        )

    def text(self, lines: Iterable[str]) -> None:
        """Print lines of a document as they are, the long ones in parts."""
        parts = [part for line in lines for part in _wrap(line, WIDTH - 3, subsequent_indent="  ") or [""]]
        self._print("", *(f"   {part}".rstrip() for part in parts))

    def table(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Print rows of three columns."""
        self._print("", *(f"{first:24}{second:>16}{third:>12}" for first, second, third in rows))

    def _print(self, *lines: str) -> None:
        for line in lines:
            print(line)
        self.racing.show(len(lines) * self.seconds_a_line)
