"""The feed of a page. Pure. Source: RFC 4287."""

from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement, tostring

from heartbeat.legible import harmless
from heartbeat.status import markdown
from heartbeat.status.announcement import Announcement
from heartbeat.status.snapshot import Snapshot

MOST = 50
"""Entries of a feed."""


def feed(snapshot: Snapshot) -> bytes:
    """Every incident and maintenance as an entry, with everything that was said of it."""
    root = Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": "en"})
    _text(root, "id", _urn(snapshot.home))
    _text(root, "title", snapshot.page.title)
    told = snapshot.told[:MOST]
    _text(root, "updated", _at(max((one.changed_at for one in told), default=_day(snapshot))))
    SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": f"{snapshot.home}/"})
    SubElement(root, "link", {"rel": "self", "href": f"{snapshot.home}/history.atom"})
    _text(SubElement(root, "author"), "name", snapshot.page.title)
    for one in told:
        _entry(SubElement(root, "entry"), snapshot, one)
    whole: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return whole


def _entry(entry: Element, snapshot: Snapshot, one: Announcement) -> None:
    _text(entry, "id", _urn(f"{snapshot.home}/{one.id}"))
    _text(entry, "title", one.title)
    _text(entry, "updated", _at(one.changed_at))
    _text(entry, "published", _at(one.published_at or one.made_at))
    where = f"{snapshot.home}/history.html#i{one.id}"
    SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": where})
    said = "".join(
        f"<p><strong>{update.status.value.replace('_', ' ').capitalize()}</strong> {_at(update.at)}</p>"
        f"{markdown.html(update.body)}"
        for update in one.updates
    )
    SubElement(entry, "content", {"type": "html"}).text = said


def _text(parent: Element, name: str, words: str) -> None:
    SubElement(parent, name).text = harmless(words)


def _urn(name: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, name)}"


def _day(snapshot: Snapshot) -> datetime:
    """The beginning of the day: a feed with nothing in it need not be read again each minute."""
    return snapshot.at.replace(hour=0, minute=0, second=0, microsecond=0)


def _at(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
