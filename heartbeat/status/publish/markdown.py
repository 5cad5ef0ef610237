"""Markdown as harmless HTML. Pure.

HTML inside the Markdown is shown as text, and the result is sanitised by a short list of allowed elements. Source:
CommonMark.
"""

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from heartbeat.safe_text import harmless

ALLOWED = frozenset({"p", "br", "strong", "em", "a", "ul", "ol", "li", "code", "pre", "blockquote"})
SCHEMES = frozenset({"http", "https", "mailto"})

_parser = MarkdownIt("commonmark", {"html": False}).disable(["image", "heading", "lheading", "hr"])


def html(text: str) -> Markup:
    """Return the text as HTML, for a page or a feed."""
    rendered: str = _parser.render(harmless(text))
    clean = nh3.clean(
        rendered,
        tags=set(ALLOWED),
        attributes={"*": set(), "a": {"href"}},
        url_schemes=set(SCHEMES),
        link_rel="nofollow noopener noreferrer",
    )
    return Markup(clean)  # noqa: S704  # it has been sanitised in the line above


def plain(text: str) -> str:
    """Return the text for a mail: Markdown is legible as it stands."""
    return harmless(text).replace("\r\n", "\n").strip()
