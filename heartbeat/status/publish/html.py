"""A status page as HTML that loads only the files beside it, and nothing from another host. Pure.

Templates and assets are read once, from the package's own data.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from alerting import times
from heartbeat.definitions.status_page import picture
from heartbeat.safe_text import harmless
from heartbeat.status.announcement import MOST_SHOWN, Affected, Announcement, Status, Update, by_component
from heartbeat.status.health import Health
from heartbeat.status.publish import markdown
from heartbeat.status.publish.snapshot import PAST, RECENT, Snapshot, recent
from heartbeat.status.uptime import days as uptime_days

HERE = Path(__file__).parent
SHARED = HERE.parents[1] / "assets"
"""Files that the console has as well."""
STALE = (b' id="stale" hidden', b' id="stale"')
"""The hidden warning in a recent page, and its replacement in one that is too old."""

_ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/svg+xml": "svg",
}


def index(snapshot: Snapshot) -> bytes:
    """Render the status page."""
    return _rendered(
        "index.html",
        snapshot,
        headline=snapshot.headline,
        groups=snapshot.groups(),
        open=snapshot.open,
        upcoming=snapshot.upcoming,
        past=snapshot.past(RECENT),
        recent=RECENT.days,
        subscribe=f"{snapshot.home}/subscribe" if snapshot.subscribable else "",
    )


def history(snapshot: Snapshot) -> bytes:
    """Render the page of past incidents."""
    return _rendered(
        "history.html", snapshot, past=snapshot.past(PAST), more=len(snapshot.announcements) >= MOST_SHOWN
    )


def as_published(announcement: Announcement, now: datetime) -> Announcement:
    """Return a draft as it will be once it is published. Others stay as they are."""
    if announcement.published_at is not None:
        return announcement
    first = Update(0, now, announcement.status, announcement.draft or "…", "", announcement.automatic)
    first = replace(first, affected=announcement.affected)
    return replace(announcement, published_at=now, changed_at=now, updates=(first,))


def preview(snapshot: Snapshot, announcement: Announcement) -> Markup:
    """Render a published announcement for its author as customers read it."""
    template_macro = _templates.get_template("announcement.html").make_module(_shared(snapshot)).announcement  # type: ignore[attr-defined]
    return Markup(template_macro(announcement))  # noqa: S704  # a macro escapes its arguments


def logo_name(snapshot: Snapshot) -> str:
    """Return the name of the logo's file, or an empty text without one. It changes with the content."""
    if not snapshot.page.logo:
        return ""
    kind, raw = picture(snapshot.page.logo)
    return f"logo-{sha256(raw).hexdigest()[:8]}.{_ENDINGS[kind]}"


def asset(name: str) -> str:
    """Return the name of an asset's file beside the page. It changes with the content."""
    stem, _, ending = name.rpartition(".")
    return f"{stem}-{sha256(ASSETS[name]).hexdigest()[:8]}.{ending}"


def when(snapshot: Snapshot) -> Callable[[datetime], Markup]:
    """Return a filter that shows an instant in the zone of the page, with the day if it is another."""

    def say(at: datetime) -> Markup:
        local, zone = at.astimezone(snapshot.zone), snapshot.page.timezone
        name = snapshot.page.zone_name(at)
        if local.year != snapshot.at.astimezone(snapshot.zone).year:
            return _time(at, f"{local:%d %b %Y %H:%M} {name}")
        return _time(at, f"{times.instant(at, snapshot.at, zone)} {name}")

    return say


def _rendered(template: str, snapshot: Snapshot, **context: Any) -> bytes:
    return _templates.get_template(template).render(_shared(snapshot) | context).encode()


def _shared(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "page": snapshot.page,
        "regions": snapshot.page.regions,
        "as_of": _time(snapshot.at, _as_of(snapshot), id="as-of"),
        "updated": _time(
            snapshot.at, f"{_as_of(snapshot)} on {snapshot.at.astimezone(snapshot.zone):%d %b %Y}"
        ),
        "logo": logo_name(snapshot),
        "when": when(snapshot),
        "days": snapshot.days,
        "region_days": snapshot.region_days,
        "unrelated": snapshot.unrelated(),
        "in_force": snapshot.in_force,
        "progress": snapshot.progress_of,
        "places": _places(snapshot),
    }


def _places(snapshot: Snapshot) -> dict[int, str]:
    """Return the page that shows each announcement."""
    on_index = {announcement.id for announcement in recent(snapshot.announcements, snapshot.at)}
    return {
        announcement.id: "./" if announcement.id in on_index else "history.html"
        for announcement in snapshot.announcements
    }


def _day(day: date) -> str:
    return f"{day:%A}, {day.day} {day:%B %Y}"


def _date(day: date) -> str:
    return f"{day.day} {day:%b}"


def _status_text(status: Status) -> str:
    return status.value.replace("_", " ").capitalize()


def _time(at: datetime, text: str, **named: str) -> Markup:
    identity = Markup(' id="{}"').format(named["id"]) if named else ""
    return Markup('<time{} datetime="{:%Y-%m-%dT%H:%M:%SZ}">{}</time>').format(
        identity, at.astimezone(UTC), text
    )


def _as_of(snapshot: Snapshot) -> str:
    return f"{snapshot.at.astimezone(snapshot.zone):%H:%M:%S} {snapshot.page.zone_name(snapshot.at)}"


def _kind(health: Health) -> str:
    return health.name.lower()


def _by_component(
    affected: Sequence[Affected], *, well: bool, with_health: bool
) -> list[tuple[str, list[Affected]]]:
    """Return the affected components, or those that an announcement says to work normally."""
    parts = by_component([part for part in affected if (part.health is Health.NORMAL) is well])
    return list(parts.items()) if with_health else [(name, [_merged(own)]) for name, own in parts.items()]


def _merged(parts: Sequence[Affected]) -> Affected:
    """Return the parts of a component as one, for readers who do not see their health."""
    everywhere = any(not part.regions for part in parts)
    regions = () if everywhere else tuple(dict.fromkeys(region for part in parts for region in part.regions))
    return replace(parts[0], regions=regions)


def _harmless_value(value: object) -> object:
    if value is None:
        return ""
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_harmless_value,
    )
    environment.filters |= {
        "kind": _kind,
        "day": _day,
        "words": _status_text,
    }
    environment.filters |= {"markdown": markdown.html, "by_component": _by_component}
    environment.filters |= {
        "uptime": uptime_days.in_words,
        "bars": uptime_days.paths,
        "runs": uptime_days.runs,
        "date": _date,
        "share": uptime_days.share,
    }
    environment.globals |= {"asset": asset}
    return environment


ASSETS = {
    path.name: path.read_bytes() for folder in (SHARED, HERE / "assets") for path in sorted(folder.iterdir())
}
_templates = _environment()
