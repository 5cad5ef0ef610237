"""The stylesheet: text can be read in both themes, and nothing is fetched from elsewhere."""

import re
from hashlib import sha256
from pathlib import Path

import pytest

from heartbeat.http.pages import render

VENDORED = {
    name: rest
    for name, *rest in re.findall(
        r"^\| `([\w.]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| `(\w+)` \|$",
        (render.HERE / "static" / "VENDORED.md").read_text(),
        re.MULTILINE,
    )
}
THEME = (render.SHARED / "theme.css").read_text()
STYLE = THEME + (render.HERE / "static" / "style.css").read_text()
LIGHT = dict(
    re.findall(
        r"--([\w-]+): (#\w{6})", THEME[: THEME.index("@media screen and (prefers-color-scheme: dark)")]
    )
)
DARK = dict(
    re.findall(
        r"--([\w-]+): (#\w{6})", THEME[THEME.index("@media screen and (prefers-color-scheme: dark)") :]
    )
)
TEXT = [
    ("ink", "paper"),
    ("ink", "sunk"),
    ("ink", "tint"),
    ("quiet", "paper"),
    ("quiet", "sunk"),
    ("accent", "paper"),
    ("accent", "sunk"),
    ("down", "paper"),
    ("down", "sunk"),
    ("late", "paper"),
    ("late", "sunk"),
    ("up", "paper"),
    ("on-accent", "accent"),
    ("on-down", "down"),
]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_stands_out_from_its_ground(theme: dict[str, str], text: str, ground: str) -> None:
    assert contrast(theme[text], theme[ground]) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_drawings_stand_out_from_their_ground(theme: dict[str, str]) -> None:
    assert LIGHT.keys() == DARK.keys()
    for kind in ("down", "late"):
        assert contrast(theme[kind], theme["paper"]) >= 3


def test_there_are_five_sizes_of_type() -> None:
    sizes = set(re.findall(r"font-size: (\d+)px", STYLE)) | set(re.findall(r"font: (\d+)px", STYLE))
    assert sizes - {"0"} == {"12", "14", "16", "20", "26"}


OF_THE_APP = {render.WORKER, "app.js", "app.webmanifest", "lost.js"}
"""Files that only the overview loads, one's own page, or the service worker."""


def test_assets_are_ours_and_light() -> None:
    files = [
        path
        for folder in (render.SHARED, render.HERE / "static")
        for path in folder.iterdir()
        if path.is_file()
    ]
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    own = {path for path in files if path.name not in VENDORED}
    of_the_app = {path for path in own if path.suffix == ".png" or path.name in OF_THE_APP}
    assert sum(path.stat().st_size for path in own - of_the_app) < 46_000
    assert sum(path.stat().st_size for path in of_the_app) < 24_000
    assert (render.HERE / "static" / "console.js").stat().st_size < 12_000
    texts = [path for path in own if path.suffix != ".png"]
    assert all("http:" not in text and "https" not in text for text in map(_without_namespaces, texts))


def test_what_others_wrote_is_listed_with_its_licence_and_as_it_came() -> None:
    assert set(VENDORED) == {path.name for path in (render.HERE / "static").glob("*.min.*")}
    for name, (product, version, licence, source, digest) in VENDORED.items():
        assert sha256((render.HERE / "static" / name).read_bytes()).hexdigest() == digest
        assert product
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert licence in ("0BSD", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC")
        assert name in source


def test_the_script_makes_no_code_and_no_markup_of_text() -> None:
    script = (render.HERE / "static" / "console.js").read_text()
    for risky in ("eval", "Function(", "innerHTML =", "outerHTML =", "insertAdjacentHTML", "document.write"):
        assert risky not in script


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours. Source: WCAG 2.2, "contrast ratio"."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _without_namespaces(path: Path) -> str:
    return path.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
