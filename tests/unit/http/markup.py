"""Strict HTML: well-formed, with nothing inline and nothing from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

VOID = {"meta", "link", "input", "img"}
INLINE = {"time", "bdi", "q", "code"}
ADDRESSES = {"href", "src", "action", "formaction", "poster", "data"}


@dataclass
class Markup(HTMLParser):
    """HTML, read strictly. `faults` says what is wrong with it."""

    html: str
    faults: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self._ids: set[str] = set()
        self.feed(self.html)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]

    @property
    def words(self) -> str:
        """The visible text, in one line."""
        return " ".join("".join(self.text).split())

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self._part(tag)
        if tag in ("style", "iframe", "object", "embed", "base"):
            self.faults.append(f"<{tag}> on a page")
        if tag == "script" and not attributes.get("src", "").startswith("/static/"):
            self.faults.append("<script> that is not a file of ours")
        self.faults += [
            f"{tag} has {name}" for name in attributes if name == "style" or name.startswith("on")
        ]
        self.faults += [
            f"{tag} has {name} twice" for name in attributes if [n for n, _ in attrs].count(name) > 1
        ]
        if (identity := attributes.get("id")) is not None:
            self.faults += [f"two elements are called {identity}"] if identity in self._ids else []
            self._ids.add(identity)
        for name in ADDRESSES & attributes.keys():
            # A link of the operator's, such as a runbook, says nothing of where it was followed from.
            outward = tag == "a" and attributes.get("rel") == "noreferrer"
            self._address(tag, attributes[name], outward)
        if tag == "form" and attributes.get("method") == "post":
            self.forms.append(attributes.get("action", ""))
        if tag == "input" and "name" in attributes:
            self.fields[attributes["name"]] = attributes.get("value", "")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        self._part(tag)
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else, at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def _part(self, tag: str) -> None:
        self.text += [] if tag in INLINE else [" "]

    def _address(self, tag: str, address: str, outward: bool) -> None:
        parts = urlsplit(address)
        if (parts.scheme or parts.netloc) and not (outward and parts.scheme in ("http", "https")):
            self.faults.append(f"{tag} leads elsewhere: {address}")
        elif tag == "a":
            self.links.append(address)


def sound(html: str) -> Markup:
    """Return the parsed HTML. It must have no faults."""
    page = Markup(html)
    assert not page.faults, page.faults
    assert html.startswith("<!doctype html>")
    assert '<html lang="en">' in html
    return page


class _Paths(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.paths: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if ("rel", "external") not in attrs:
            # What a field holds is sent to the service, which knows its own paths.
            self.paths += [
                at for name, at in attrs if at and at[0] == "/" and (tag, name) != ("input", "value")
            ]


def paths_in(html: str) -> list[str]:
    """Return the paths in the attributes of any HTML: links, forms, files, streams, and those of kinds to come."""
    page = _Paths()
    page.feed(html)
    page.close()
    return page.paths
