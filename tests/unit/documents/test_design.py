"""docs/design.md names every room, and the decisions name only what exists."""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.unit.documents.documentation import (
    DECISIONS,
    PAGES,
    ROOT,
    everything,
    relative_path,
    rows,
    section,
)

PACKAGES = ("heartbeat", "alerting")


def rooms(folder: Path) -> set[str]:
    """Return the names of the rooms and folders in a folder."""
    names = {path.stem for path in folder.glob("*.py")} | {
        path.name for path in folder.iterdir() if path.is_dir()
    }
    return names - {"__init__", "__main__", "__pycache__"}


@pytest.mark.parametrize(("where", "package"), [("Upstairs", "heartbeat"), ("Downstairs", "alerting")])
def test_every_room_is_in_the_design_and_no_other(where: str, package: str) -> None:
    top: set[str] = set()
    for names, description in (
        row[:2] for row in rows(section("docs/design.md", f"### {where}: `{package}`"))[1:]
    ):
        (folder, *others) = re.findall(r"`([a-z_/0-9]+)`", names)
        if not folder.endswith("/"):
            top |= {folder, *others}
            continue
        top.add(folder.split("/")[0])
        listed = set(re.findall(r"`([a-z_]+)`", description))
        inside = rooms(ROOT / package / folder)
        if folder == "http/v1/":  # its files are the nouns of the API
            continue
        folders = {path.name for path in (ROOT / package / folder).iterdir() if path.is_dir()}
        assert inside - folders <= listed <= inside, folder
    assert top == rooms(ROOT / package)


def modules() -> Mapping[str, list[Any]]:
    """Return every module by the name that pages use."""
    by_name: dict[str, list[Any]] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            if parts[1:]:
                by_name.setdefault(parts[-1], []).append(import_module(".".join(parts)))
    return by_name


@pytest.mark.parametrize("page", [ROOT / "docs/design.md", *DECISIONS], ids=relative_path)
def test_what_the_design_and_the_decisions_name_exists(page: Path) -> None:
    by_name = modules()
    for room, name in re.findall(r"`(\w+)\.(\w+(?:\.\w+)?)`", page.read_text()):
        if room in by_name and name not in ("py", "yaml", "db"):
            assert any(_has(module, name) for module in by_name[room]), f"{room}.{name}"


def _has(module: object, name: str) -> bool:
    for part in name.split("."):
        if not hasattr(module, part):
            return False
        module = getattr(module, part)
    return True


@pytest.mark.parametrize("page", PAGES, ids=relative_path)
def test_every_file_that_is_named_exists(page: Path) -> None:
    # A path in backticks starts at the top of the project or of a package.
    for name in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", page.read_text()):
        assert any((ROOT / top / name).exists() for top in ("", *PACKAGES)), name


def test_constraints_that_the_documentation_names_exist() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "alembic/versions").glob("*.py"))
    for name in re.findall(r"`((?:ck|uq|ix)_\w+)`", everything()):
        assert f'"{name}"' in sources, name


def test_decisions_are_numbered_whole_and_listed() -> None:
    listed = section("docs/design.md", "## Decisions")
    for number, page in enumerate(DECISIONS, 1):
        text = page.read_text()
        assert page.name.startswith(f"{number:04} ".strip() + "-")
        assert text.startswith(f"# {number:04} ")
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences", "The check that enforces it"]
        title = text.partition("\n")[0].removeprefix(f"# {number:04} ")
        replaced = re.search(r"^Replaced by \[(\d{4})\]", text, re.MULTILINE)
        note = f" (replaced by {replaced[1]})" if replaced else ""
        assert f"[{number:04}](decisions/{page.name}) | {title}{note} |" in listed
