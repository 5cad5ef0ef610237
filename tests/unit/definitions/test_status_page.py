"""The definition of a status page in the file, and its problems, each in one sentence."""

import base64
from pathlib import Path

import pytest

from alerting.notifiers import registry
from heartbeat.definitions import file as configuration_file
from heartbeat.definitions import status_page
from heartbeat.definitions.file import Wrong
from heartbeat.definitions.model import Configuration
from heartbeat.definitions.status_page import Component, Group, Regions

FULL = """
status_pages:
  public:
    title: Example status
    description: What we run for you.
    url: https://example.com
    support: mailto:help@example.com
    timezone: Europe/London
    logo: logo.svg
    publish: automatically
    regions: {label: region, columns: {us: United States, eu: Europe}}
    components:
      - {name: CPU, match: {component: cpu}, showcase: false, silent_means: not working, progress: repair}
    groups:
      - name: Messages
        description: In and out
        components: [{name: Mail, match: {component: mail}}]
"""
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>'
GIF = b"GIF89a" + b"x" * 10


def parsed(text: str, picture: bytes = SVG) -> Configuration:
    return configuration_file.parse(
        text, "f", notifiers=registry.installed().kinds, env={}, read=Path.read_text, look=lambda _: picture
    )


def problems(text: str, picture: bytes = SVG) -> str:
    with pytest.raises(Wrong) as refused:
        parsed(text, picture)
    return "\n".join(refused.value.problems)


def test_a_page_is_read_whole() -> None:
    page = parsed(FULL).status_pages["public"]
    assert page.components == (
        Component("CPU", {"component": "cpu"}, showcase=False, silent_means="not working", progress="repair"),
        Component("Mail", {"component": "mail"}, group="Messages"),
    )
    assert page.groups == (Group("Messages", "In and out"),)
    assert page.regions == Regions("region", {"us": "United States", "eu": "Europe"})
    assert (page.url, page.support, page.timezone) == (
        "https://example.com",
        "mailto:help@example.com",
        "Europe/London",
    )
    assert page.automatic
    assert status_page.picture(page.logo) == ("image/svg+xml", SVG)


def test_columns_may_be_a_list() -> None:
    page = parsed(FULL.replace("{us: United States, eu: Europe}", "[us, eu]")).status_pages["public"]
    assert page.regions == Regions("region", {"us": "us", "eu": "eu"})


@pytest.mark.parametrize(
    ("typed", "place", "heading"),
    [
        ("the US", "the US", "US"),
        ("Europe", "Europe", "Europe"),
        ("United States", "the United States", "United States"),
        ("us", "the US", "US"),
        ("EU", "the EU", "EU"),
        ("the Nordics", "the Nordics", "Nordics"),
        ("The Hague", "The Hague", "The Hague"),
        ("eu-west-1", "eu-west-1", "eu-west-1"),
    ],
)
def test_a_region_reads_with_its_article_in_a_sentence_and_without_it_alone(
    typed: str, place: str, heading: str
) -> None:
    regions = Regions("region", {"r": typed})
    assert (regions.place("r"), regions.heading("r"), regions.columns["r"]) == (place, heading, typed)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("name: Mail", "name: CPU", "has two components called 'CPU'; give each a name of its own."),
        ("https://example.com", "example.com", "must be an address, such as https://example.com"),
        ("mailto:help", "javascript:help", "must be an address"),
        ("Europe/London", "Mars", "'Mars' is no time zone"),
        ("automatically", "sometimes", "must be 'by hand' or 'automatically'."),
        ("label: region, ", "", "label"),
        ("{us: United States, eu: Europe}", "[]", "needs at least one, such as [us, eu]"),
        ("logo.svg", "https://example.com/logo.svg", "nothing is loaded from elsewhere"),
        ("logo.svg", "data:image/png;base64,AAAA", "must be a PNG, JPEG, GIF, WebP or SVG picture."),
        ("logo.svg", "data:image/png;base64,A", "this is not base64"),
        ("match: {component: mail}", "match: {}", "needs at least one label"),
        ("progress: repair", "progress: No Slug", "'No Slug' cannot be a name"),
        ("silent_means: not working", "silent_means: dead", "must be 'delayed' or 'not working'."),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(old: str, new: str, problem: str) -> None:
    assert problem in problems(FULL.replace(old, new, 1))


def test_there_must_be_components_somewhere() -> None:
    assert "components" in problems("status_pages: {a: {title: t}}")


@pytest.mark.parametrize(
    "inside",
    [
        b"<script>alert(1)</script>",
        b'<path onload="alert(1)"/>',
        b'<image href="https://elsewhere.example/x.png"/>',
        b'<use href="other.svg#a"/>',
        b"<foreignObject></foreignObject>",
        b"<style>@import 'x'</style>",
        b'<a href=" javascript:alert(1)"/>',
    ],
)
def test_a_drawing_that_does_something_is_refused(inside: bytes) -> None:
    assert "must be a drawing without scripts" in problems(FULL, SVG.replace(b"<path", inside + b"<path"))


def test_a_drawing_may_use_its_own_parts() -> None:
    parsed(FULL, SVG.replace(b"<path", b'<use href="#a"/><path'))


def test_a_logo_has_a_limit() -> None:
    parsed(FULL, GIF + b"x" * (status_page.LOGO_LIMIT - len(GIF)))
    assert "a logo can have at most 40,000" in problems(
        FULL, GIF + b"x" * (status_page.LOGO_LIMIT - len(GIF) + 1)
    )


def test_only_the_file_can_name_a_path() -> None:
    with pytest.raises(ValueError, match="only the file can name a path"):
        status_page.logo("/etc/passwd", None)
    logo = f"data:image/gif;base64,{base64.b64encode(GIF).decode()}"
    assert status_page.logo(logo, None) == logo


def test_a_logo_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ValueError, match=r"'nowhere.png' cannot be read: No such file"):
        status_page.logo("nowhere.png", Path.read_bytes)
