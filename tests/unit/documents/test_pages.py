"""Every page: its links lead somewhere, its tests and files exist, its examples parse, its words are calm."""

import json
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.unit.documents.documentation import PAGES, ROOT, blocks, prose, relative_path, rows, section


def test_the_newest_change_is_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    first = re.search(r"^## (\S+) \((\d{4}-\d\d-\d\d)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first
    assert first[1] == version


def headings_of(page: Path) -> set[str]:
    """Return the anchors of a page, as renderers of Markdown make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=relative_path)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        destination = (page.parent / path).resolve() if path else page
        assert destination.exists(), target
        assert destination.is_relative_to(ROOT), target
        assert not anchor or anchor in headings_of(destination), target


@pytest.mark.parametrize("page", PAGES, ids=relative_path)
def test_every_test_that_is_named_exists(page: Path) -> None:
    # Its name follows the link to its file or its folder.
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for name in re.findall(r"`(test_[a-z0-9_]+)`", page.read_text()):
        assert f"def {name}(" in tests, name
    for path, name in re.findall(r"\]\(([^)]*test_\w+\.py)\)\s+`(test_\w+)`", page.read_text()):
        assert f"def {name}(" in (page.parent / path).read_text(), name


def test_every_promise_names_a_test() -> None:
    table = rows(section("README.md", "## What it promises"))[1:]
    assert len(table) >= 7
    assert all(re.search(r"`test_\w+`", row[1]) for row in table)


# The project speaks of itself, not of the machine or the people that made it.
FORBIDDEN = re.compile(
    r"/(?:home|root|work|tmp|(?-i:Users)|mnt|srv)/|\.\./shared|\bassistants?\b|\bAI\b|\bhelpers?\b|(?<![-\w`])sessions?(?![-\w`])|"
    r"\bpypi\.org\b|files\.pythonhosted|\bTODO\b|\bsimply\b|\bblazing|\bseamless|\bpowerful\b|\bplease\b",
    re.IGNORECASE,
)
EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f]")


@pytest.mark.parametrize("page", PAGES, ids=relative_path)
def test_the_words_are_calm_and_our_own(page: Path) -> None:
    assert not FORBIDDEN.findall(page.read_text())
    assert not EMOJI.findall(page.read_text())
    assert "!" not in prose(page)


@pytest.mark.parametrize("page", PAGES, ids=relative_path)
def test_examples_are_well_formed(page: Path) -> None:
    for text in blocks(page, "json"):
        json.loads(text)
    for text in blocks(page, "python"):
        compile(text, relative_path(page), "exec")
    assert page.read_text().count("```") % 2 == 0


@pytest.mark.parametrize("name", ["picture", "demo"])
def test_a_picture_is_small_and_fits_light_and_dark(name: str) -> None:
    picture = ROOT / f"docs/{name}.svg"
    root = ElementTree.parse(picture).getroot()
    assert root.find("{http://www.w3.org/2000/svg}title") is not None
    assert "prefers-color-scheme: dark" in picture.read_text()
    assert picture.stat().st_size < 8_000
