"""Public status pages as they are defined: their texts, and their rows, which follow from labels. Pure."""

import base64
import re
from binascii import Error as BadBase64
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from alerting import times
from alerting.origin import Origin
from heartbeat.definitions import entry, schema
from heartbeat.definitions.document import Node

LOGO_LIMIT: Final = 40_000
"""Bytes of a logo: a page with all that it loads stays under 100 kB."""
BY_HAND, AUTOMATICALLY = "by hand", "automatically"
DELAYED, NOT_WORKING = "delayed", "not working"
"""The meanings of silence for customers."""
UNDER_WAY = "Under way"
"""The words before the progress of a component that has none of its own."""

Look = Callable[[Path], bytes]
"""Reads a picture from a path. Raises OSError."""

_NAME = entry.line(entry.MAX_NAME)
_DESCRIPTION = entry.paragraphs(entry.MAX_DESCRIPTION)
_VALUE = entry.line(entry.MAX_LABEL_VALUE)
_ADDRESS = re.compile(r"(https?://[^\s\"<>]+|mailto:[^\s\"<>]+)")
_DATA = re.compile(r"data:(image/(?:png|jpeg|gif|webp|svg\+xml));base64,([A-Za-z0-9+/=\s]+)")
_MAGIC: Final[Mapping[str, Callable[[bytes], bool]]] = {
    "image/png": lambda raw: raw.startswith(b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": lambda raw: raw.startswith(b"\xff\xd8\xff"),
    "image/gif": lambda raw: raw.startswith((b"GIF87a", b"GIF89a")),
    "image/webp": lambda raw: raw[:4] == b"RIFF" and raw[8:12] == b"WEBP",
    "image/svg+xml": lambda raw: (
        re.match(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<svg[\s>]", raw, re.DOTALL) is not None
    ),
}
# A drawing may hold a program, or load another from elsewhere. Ours is shown from the page itself and needs neither.
_ACTIVE = re.compile(
    rb"<script|<foreignObject|<!ENTITY|<!DOCTYPE|\son\w+\s*=|javascript:|@import|(?:href|src)\s*=\s*[\"']?\s*(?!#)[^\s#\"']",
    re.IGNORECASE,
)


_ABBREVIATED = ("the US", "the USA", "the UK", "the EU", "the UAE")
_NAMED = (
    *("United States", "United States of America", "United Kingdom", "European Union", "Netherlands"),
    *("Philippines", "United Arab Emirates", "Czech Republic", "Middle East", "Americas"),
)
_WITH_ARTICLE: Final[Mapping[str, str]] = {
    name.removeprefix("the ").casefold(): name
    for name in (*_ABBREVIATED, *(f"the {name}" for name in _NAMED))
}
"""Regions that read wrong without their article. All others read as their author wrote them."""


@dataclass(frozen=True, slots=True)
class Component:
    """A row of a status page: the checks that have all the labels of `match`.

    `group` names its group, or is empty. `showcase` is passed on to readers of the JSON documents. `silent_means` is
    what customers read while all of these checks are down: "delayed" or "not working". `progress` is the slug of the
    check whose progress it shows, after the words `progress_says`.
    """

    name: str
    match: dict[str, str]
    description: str = ""
    showcase: bool = True
    group: str = ""
    silent_means: str = DELAYED
    progress: str = ""
    progress_says: str = UNDER_WAY

    @property
    def stops(self) -> bool:
        """True if it does not work while all of its checks are down."""
        return self.silent_means == NOT_WORKING


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Regions:
    """The columns of a status page: a label, and the customers' names of places by its values, as typed."""

    label: str
    columns: dict[str, str]

    def ordered(self, values: Collection[str]) -> list[str]:
        """Return regions in the order of the columns; those without a column come last."""
        without = [value for value in values if value not in self.columns]
        return [*(value for value in self.columns if value in values), *without]

    def place(self, value: str) -> str:
        """Return a region as it reads after "in", with its article: "the US"."""
        name = self.columns.get(value, value)
        return _WITH_ARTICLE.get(name.casefold(), name)

    def heading(self, value: str) -> str:
        """Return a region as it reads alone, without its article: "US"."""
        return self.place(value).removeprefix("the ")


@dataclass(frozen=True, slots=True)
class StatusPage:
    """The status page under /status/<slug>. `logo` is a data URL. An `automatic` page publishes by itself."""

    slug: str
    title: str
    components: tuple[Component, ...]
    groups: tuple[Group, ...] = ()
    regions: Regions | None = None
    description: str = ""
    url: str = ""
    support: str = ""
    timezone: str = "UTC"
    logo: str = field(default="", repr=False)
    automatic: bool = False
    origin: Origin = field(default=Origin.FILE, compare=False)

    def zone_name(self, at: datetime) -> str:
        """Return the name of the page's time zone at an instant: "UTC", "BST"."""
        return times.zone_name(at, self.timezone)

    def date_and_time(self, at: datetime) -> str:
        """Return an instant in the zone of the page: "3 May 2024, 04:00 BST"."""
        local = at.astimezone(times.zone(self.timezone))
        return f"{local.day} {local:%B %Y, %H:%M} {self.zone_name(at)}"

    def component(self, name: str) -> Component | None:
        """Return the component of this name, or None."""
        return next((component for component in self.components if component.name == name), None)


def status_page(slug: str, node: Node, timezone: str, look: Look | None) -> StatusPage:
    """Return a status page as written. Problems are reported. A logo can be a path only with `look`."""
    node.only(schema.STATUS_PAGE, "a status page")
    groups, rows = _rows(node)
    _distinct(node, [row.name for row in rows], "component")
    _distinct(node, [group.name for group in groups], "group")
    return StatusPage(
        slug=slug,
        title=node.need("title", "Example status").as_(_NAME, ""),
        components=tuple(rows),
        groups=tuple(groups),
        regions=_regions(node.get("regions")),
        description=node.read("description", _DESCRIPTION, ""),
        url=node.read("url", _address, ""),
        support=node.read("support", _address, ""),
        timezone=node.read("timezone", entry.zone, timezone),
        logo=node.read("logo", lambda text: logo(text, look), ""),
        automatic=node.read("publish", _publish, BY_HAND) == AUTOMATICALLY,
    )


def components(page: Node) -> list[Node]:
    """Return every row of a page that has no problems."""
    groups = page.get("groups")
    held = [page, *(groups.items() if groups else ())]
    return [row for holder in held if (rows := holder.get("components")) for row in rows.items()]


def logo(text: str, look: Look | None) -> str:
    """Return a logo as a data URL, from one or from a path. Raises ValueError unless it is a small, safe picture."""
    if match := _DATA.fullmatch(text):
        kind = match[1]
        try:
            raw = base64.b64decode("".join(match[2].split()), validate=True)
        except BadBase64:
            raise ValueError("must be a picture in base64; this is not base64.") from None
    elif text.startswith("data:") or "://" in text:
        raise ValueError(
            "must be a path to a file, or data:image/png;base64,…; nothing is loaded from elsewhere."
        )
    elif look is None:
        raise ValueError("must be data:image/png;base64,…; only the file can name a path.")
    else:
        raw = _looked(Path(text), look)
        kind = next((kind for kind, is_so in _MAGIC.items() if is_so(raw)), "")
    _judge(kind, raw)
    return f"data:{kind};base64,{base64.b64encode(raw).decode()}"


def picture(logo: str) -> tuple[str, bytes]:
    """Return the kind and the bytes of a logo."""
    head, _, body = logo.partition(";base64,")
    return head.removeprefix("data:"), base64.b64decode(body)


def _looked(path: Path, look: Look) -> bytes:
    try:
        return look(path)
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error.strerror}.") from None


def _judge(kind: str, raw: bytes) -> None:
    if not kind or not _MAGIC[kind](raw):
        raise ValueError("must be a PNG, JPEG, GIF, WebP or SVG picture.")
    if len(raw) > LOGO_LIMIT:
        raise ValueError(f"has {len(raw):,} bytes; a logo can have at most {LOGO_LIMIT:,}.")
    if kind == "image/svg+xml" and _ACTIVE.search(raw):
        raise ValueError("must be a drawing without scripts, entities and links to other files.")


def _rows(node: Node) -> tuple[list[Group], list[Component]]:
    example = "{name: Mail, match: {component: mail}}"
    group_list = node.get("groups")
    single = node.get("components") if group_list is not None else node.need("components", f"[{example}]")
    rows: list[Component] = []
    if single is not None:
        rows += [
            _component(row, "") for row in entry.some(single, entry.MAX_COMPONENTS, "components", example)
        ]
    groups = []
    for group_node in (
        entry.some(group_list, entry.MAX_GROUPS, "groups", f"{{name: Mail, components: [{example}]}}")
        if group_list
        else ()
    ):
        group, members = _group(group_node, example)
        groups.append(group)
        rows += members
    if group_list is not None and len(rows) > entry.MAX_COMPONENTS:
        node.report(f"has {len(rows):,} components; there can be at most {entry.MAX_COMPONENTS:,}.")
    return groups, rows


def _group(node: Node, example: str) -> tuple[Group, list[Component]]:
    node.only(schema.GROUP, "a group")
    group = Group(node.need("name", "Hosting").as_(_NAME, ""), node.read("description", _DESCRIPTION, ""))
    rows = entry.some(node.need("components", f"[{example}]"), entry.MAX_COMPONENTS, "components", example)
    return group, [_component(row, group.name) for row in rows]


def _component(node: Node, group: str) -> Component:
    node.only(schema.COMPONENT, "a component")
    match = node.need("match", "{component: mail}")
    if not match.value:
        match.report("needs at least one label, such as {component: mail}.")
    return Component(
        name=node.need("name", "Mail").as_(_NAME, ""),
        match=entry.labels(match),
        description=node.read("description", _DESCRIPTION, ""),
        showcase=node.read("showcase", entry.truth, True),
        group=group,
        silent_means=node.read("silent_means", _silent_means, DELAYED),
        progress=node.read("progress", entry.slug, ""),
        progress_says=node.read("progress_says", _NAME, UNDER_WAY),
    )


def _regions(node: Node | None) -> Regions | None:
    if node is None:
        return None
    node.only(schema.REGIONS, "regions")
    label = node.need("label", "region").as_(entry.label, "")
    columns = node.need("columns", "[us, eu]")
    entry.at_most(columns, entry.MAX_REGIONS, "columns")
    if not columns.value:
        columns.report("needs at least one, such as [us, eu] or {us: the US, eu: Europe}.")
    if isinstance(columns.value, dict):
        return Regions(label, {value: name.as_(_NAME, "") for value, name in columns.fields().items()})
    values = [column.as_(_VALUE, "") for column in columns.items()]
    return Regions(label, {value: value for value in values})


def _distinct(node: Node, names: Sequence[str], noun: str) -> None:
    """Report names that stand twice: history, addresses and JSON documents know rows by name."""
    for name in dict.fromkeys(name for name in names if name and names.count(name) > 1):
        node.report(f"has two {noun}s called {name!r}; give each a name of its own.")


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text) or len(text) > entry.MAX_ADDRESS:
        raise ValueError("must be an address, such as https://example.com or mailto:help@example.com.")
    return text


def _silent_means(text: str) -> str:
    if text not in (DELAYED, NOT_WORKING):
        raise ValueError(f"must be {DELAYED!r} or {NOT_WORKING!r}.")
    return text


def _publish(text: str) -> str:
    if text not in (BY_HAND, AUTOMATICALLY):
        raise ValueError(f"must be {BY_HAND!r} or {AUTOMATICALLY!r}.")
    return text
