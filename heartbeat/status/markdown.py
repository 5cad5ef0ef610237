"""Markdown that people write, as HTML that can do nothing but say something. Pure.

The HTML that somebody writes into it is shown as text; what Markdown makes of the rest is sanitised once more by a
short list of what may remain. Source: CommonMark.
"""

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from heartbeat.legible import harmless

ALLOWED = frozenset({"p", "br", "strong", "em", "a", "ul", "ol", "li", "code", "pre", "blockquote"})
SCHEMES = frozenset({"http", "https", "mailto"})

_parser = MarkdownIt("commonmark", {"html": False}).disable(["image", "heading", "lheading", "hr"])


def html(text: str) -> Markup:
    """The text as HTML, for a page or a feed."""
    made: str = _parser.render(harmless(text))
    clean = nh3.clean(
        made,
        tags=set(ALLOWED),
        attributes={"*": set(), "a": {"href"}},
        url_schemes=set(SCHEMES),
        link_rel="nofollow noopener noreferrer",
    )
    return Markup(clean)  # noqa: S704  # it has been sanitised in the line above


def plain(text: str) -> str:
    """The text as it is read aloud or in a mail: Markdown is legible as it stands."""
    return harmless(text).replace("\r\n", "\n").strip()
