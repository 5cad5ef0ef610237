"""The files of a status page, as they are served and pushed to other hosts. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from heartbeat.definitions.status_page import picture
from heartbeat.status import health
from heartbeat.status.publish import atlassian, atom, badge, html
from heartbeat.status.publish.snapshot import Snapshot

AS_OF = "as-of.json"
"""The file with the time of an edition."""
STALE = timedelta(minutes=3)
"""The age from which an edition is shown with a warning."""


@dataclass(frozen=True, slots=True)
class Edition:
    """The files of one page by their paths below it, and the time they were made."""

    slug: str
    at: datetime
    files: Mapping[str, bytes] = field(repr=False)


def render(snapshot: Snapshot) -> Edition:
    """Render every file of a page."""
    files = {html.asset(name): content for name, content in html.ASSETS.items()}
    if logo := html.logo_name(snapshot):
        files[logo] = picture(snapshot.page.logo)[1]
    files[AS_OF] = _json({"as_of": snapshot.at.astimezone(UTC).isoformat()})
    # Files that refer to others come last, so that the others exist first.
    files |= _badges(snapshot)
    files |= {path: _json(body) for path, body in atlassian.documents(snapshot).items()}
    files["history.atom"] = atom.feed(snapshot)
    files["history.html"] = html.history(snapshot)
    files["index.html"] = html.index(snapshot)
    return Edition(snapshot.page.slug, snapshot.at, files)


def read_back(slug: str, files: Mapping[str, bytes]) -> Edition | None:
    """Return the edition that the files on the disk make, or None if it is incomplete."""
    try:
        at = datetime.fromisoformat(json.loads(files[AS_OF])["as_of"])
    except (KeyError, ValueError, TypeError):
        return None
    return Edition(slug, at, files) if "index.html" in files and at.tzinfo else None


def stale(path: str, content: bytes) -> bytes:
    """Return the file as it is shown once it is too old."""
    if path.startswith("badge"):
        return badge.drawn("status", *badge.OLD)[path.rpartition(".")[2]]
    return content.replace(*html.STALE, 1) if path.endswith(".html") else content


def _badges(snapshot: Snapshot) -> dict[str, bytes]:
    worst = (
        health.worst([row.whole for row in snapshot.rows]).health if snapshot.rows else health.Health.UNKNOWN
    )
    badges = {"badge": badge.of(snapshot.page.title, worst)}
    for row in snapshot.rows:
        name = atlassian.component_id(snapshot, row.name)
        badges[f"badge/{name}"] = badge.of(row.name, row.whole.health)
    return {
        f"{path}.{ending}": content
        for path, drawings in badges.items()
        for ending, content in drawings.items()
    }


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
