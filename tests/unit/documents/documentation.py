"""The pages of the documentation, as its tests read them."""

import re
from datetime import timedelta
from pathlib import Path

from heartbeat.settings import Settings

ROOT = Path(__file__).parents[3]
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
DEFAULT = Settings()
HOUR = timedelta(hours=1)


def read(name: str) -> str:
    """Return a page with its lines joined, so that line breaks do not matter."""
    return " ".join((ROOT / name).read_text().split())


def everything() -> str:
    return "\n".join(page.read_text() for page in PAGES)


def section(name: str, heading: str) -> str:
    """Return the section under a heading of a page, up to the next heading of its level or a higher one."""
    level = len(heading) - len(heading.lstrip("#"))
    rest = (ROOT / name).read_text().split(f"\n{heading}\n", 1)[1]
    return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of every row of the tables in a text, without the rows of dashes."""
    lines = [line.strip().strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in lines if not set("".join(row)) <= set("-: ")]


def row_of(text: str, first: str) -> str:
    """Return the row of a table that begins with this cell."""
    (row,) = [cells for cells in rows(text) if cells[0] == first]
    return " | ".join(row)


def blocks(page: Path, language: str) -> list[str]:
    """Return the examples in one language on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def prose(page: Path) -> str:
    """Return a page without its examples, its code in backticks, and its pictures."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`]*`|!\[", "", text)


def relative_path(page: Path) -> str:
    return str(page.relative_to(ROOT))
