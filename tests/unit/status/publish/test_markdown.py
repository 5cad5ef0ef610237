"""Markdown: the allowed elements, and no hostile content."""

import re

import pytest

from heartbeat.status.publish import markdown

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](java\tscript:alert(1))",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](vbscript:x)",
    "<javascript:alert(1)>",
    "![x](https://elsewhere.example/track.png)",
    '[a](https://x.example "onmouseover=alert(1)")',
    '<a href="https://x.example" onclick="alert(1)">a</a>',
    "<svg/onload=alert(1)>",
    "<iframe src=https://elsewhere.example></iframe>",
    "<style>body{display:none}</style>",
    "<base href=https://elsewhere.example>",
    "<form action=https://elsewhere.example><button>x</button></form>",
    "`</code><script>alert(1)</script>`",
    "```\n</pre><script>alert(1)</script>\n```",
    "[a]: javascript:alert(1)\n\n[a]",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u202egnp.exe",
    "*" * 5_000,
    "[" * 5_000,
    "> " * 2_000 + "x",
]
TAG = re.compile(r"<\s*/?\s*([a-zA-Z0-9]+)([^>]*)>")


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:24])
def test_nothing_hostile_gets_through(text: str) -> None:
    rendered = markdown.html(text)
    for name, attributes in TAG.findall(rendered):
        assert name in markdown.ALLOWED
        if attributes:
            assert name == "a"
            assert re.fullmatch(r' href="(?:https?:|mailto:|(?![a-z]+:))[^"]*" rel="[a-z ]+"', attributes), (
                attributes
            )
    assert "\u202e" not in rendered


def test_markdown_is_rendered() -> None:
    rendered = markdown.html(
        "Since **03:15** see [the list](https://example.com/a?b=1&c=2):\n\n- one\n- `two`\n\n> three"
    )
    assert "<strong>03:15</strong>" in rendered
    assert (
        '<a href="https://example.com/a?b=1&amp;c=2" rel="nofollow noopener noreferrer">the list</a>'
        in rendered
    )
    assert "<li>one</li>" in rendered
    assert "<code>two</code>" in rendered
    assert "<blockquote>" in rendered


def test_a_heading_in_markdown_stays_text() -> None:
    assert markdown.html("# Big\n\nunder\n===") == "<p># Big</p>\n<p>under\n===</p>\n"
