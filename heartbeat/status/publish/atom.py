"""The Atom feed of a status page. Pure. Source: RFC 4287."""

from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement, tostring

from heartbeat.safe_text import harmless
from heartbeat.status.announcement import Announcement
from heartbeat.status.publish import markdown
from heartbeat.status.publish.snapshot import Snapshot

MOST = 50
"""The largest number of entries in a feed."""


def feed(snapshot: Snapshot) -> bytes:
    """Render the feed, with an entry for each incident and maintenance and all of its updates."""
    root = Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": "en"})
    _text(root, "id", _urn(snapshot.home))
    _text(root, "title", snapshot.page.title)
    announcements = snapshot.announcements[:MOST]
    _text(
        root,
        "updated",
        _at(max((announcement.changed_at for announcement in announcements), default=_day(snapshot))),
    )
    SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": f"{snapshot.home}/"})
    SubElement(root, "link", {"rel": "self", "href": f"{snapshot.home}/history.atom"})
    _text(SubElement(root, "author"), "name", snapshot.page.title)
    for announcement in announcements:
        _entry(SubElement(root, "entry"), snapshot, announcement)
    whole: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return whole


def _entry(entry: Element, snapshot: Snapshot, announcement: Announcement) -> None:
    _text(entry, "id", _urn(f"{snapshot.home}/{announcement.outside_id}"))
    _text(entry, "title", announcement.title)
    _text(entry, "updated", _at(announcement.changed_at))
    _text(entry, "published", _at(announcement.published_at or announcement.made_at))
    address = f"{snapshot.home}/history.html#i{announcement.id}"
    SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": address})
    content = "".join(
        f"<p><strong>{update.status.value.replace('_', ' ').capitalize()}</strong> "
        f"{snapshot.page.date_and_time(update.at)}</p>{markdown.html(update.body)}"
        for update in announcement.updates
    )
    SubElement(entry, "content", {"type": "html"}).text = content


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = harmless(text)


def _urn(name: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, name)}"


def _day(snapshot: Snapshot) -> datetime:
    """Return the start of the day, so that an empty feed does not change each minute."""
    return snapshot.at.replace(hour=0, minute=0, second=0, microsecond=0)


def _at(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
