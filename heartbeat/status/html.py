"""A public page as HTML that stands alone: it loads what lies beside it and nothing from any other host. Pure.

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

from alerting import spell
from heartbeat.config.public import StatusPage, picture
from heartbeat.legible import harmless
from heartbeat.status import markdown, uptime
from heartbeat.status.announcement import Affected, Announcement, Status, Update, by_component
from heartbeat.status.health import Health
from heartbeat.status.snapshot import MOST, PAST, RECENT, Snapshot, recent

HERE = Path(__file__).parent
SHARED = HERE.parent / "assets"
"""Files that the console has as well."""
STALE = (b' id="stale" hidden', b' id="stale"')
"""What stands in a page that is new, and what in one that is too old: the warning is always there."""

_ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/svg+xml": "svg",
}


def index(snapshot: Snapshot) -> bytes:
    """The page itself."""
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
    """What has been, in one page."""
    return _rendered("history.html", snapshot, past=snapshot.past(PAST), more=len(snapshot.told) >= MOST)


def preview(page: StatusPage, one: Announcement, others: Sequence[Announcement], now: datetime) -> Markup:
    """One announcement as customers read it; a draft as they would. For who writes it."""
    shown = one
    if one.published_at is None:
        first = Update(0, now, one.status, one.draft or "…", "", one.automatic)
        shown = replace(one, published_at=now, updates=(first,))
    told = (shown, *(other for other in others if other.id != one.id))
    snapshot = Snapshot(page, now, (), "", told)
    part = _templates.get_template("told.html").make_module(_shared(snapshot)).announcement  # type: ignore[attr-defined]
    return Markup(part(shown))  # noqa: S704  # a macro escapes what it is given


def logo_name(snapshot: Snapshot) -> str:
    """The file of the logo; empty where there is none. Its name changes with its content."""
    if not snapshot.page.logo:
        return ""
    kind, raw = picture(snapshot.page.logo)
    return f"logo-{sha256(raw).hexdigest()[:8]}.{_ENDINGS[kind]}"


def asset(name: str) -> str:
    """The name under which an asset lies beside the page; it changes with its content."""
    stem, _, ending = name.rpartition(".")
    return f"{stem}-{sha256(ASSETS[name]).hexdigest()[:8]}.{ending}"


def when(snapshot: Snapshot) -> Callable[[datetime], Markup]:
    """Says an instant as customers of this page need it: the time, the day where it is another, always the zone."""

    def say(at: datetime) -> Markup:
        here, zone = at.astimezone(snapshot.zone), snapshot.page.timezone
        name = "UTC" if zone == "UTC" else here.tzname()
        if here.year != snapshot.at.astimezone(snapshot.zone).year:
            return _time(at, f"{here:%d %b %Y %H:%M} {name}")
        return _time(at, f"{spell.instant(at, snapshot.at, zone)} {name}")

    return say


def _rendered(template: str, snapshot: Snapshot, **facts: Any) -> bytes:
    return _templates.get_template(template).render(_shared(snapshot) | facts).encode()


def _shared(snapshot: Snapshot) -> dict[str, Any]:
    """What every template is given."""
    return {
        "page": snapshot.page,
        "regions": snapshot.page.regions,
        "at": snapshot.at,
        "logo": logo_name(snapshot),
        "when": when(snapshot),
        "days": snapshot.days,
        "there": snapshot.there,
        "unrelated": snapshot.unrelated(),
        "places": _places(snapshot),
    }


def _places(snapshot: Snapshot) -> dict[int, str]:
    """On which page each announcement stands."""
    near = {one.id for one in recent(snapshot.told, snapshot.at)}
    return {one.id: "./" if one.id in near else "history.html" for one in snapshot.told}


def _day(day: date) -> str:
    return f"{day:%A}, {day.day} {day:%B %Y}"


def _date(day: date) -> str:
    return f"{day.day} {day:%b}"


def _words(status: Status) -> str:
    return status.value.replace("_", " ").capitalize()


def _time(at: datetime, words: str, **named: str) -> Markup:
    identity = Markup(' id="{}"').format(named["id"]) if named else ""
    return Markup('<time{} datetime="{:%Y-%m-%dT%H:%M:%SZ}">{}</time>').format(
        identity, at.astimezone(UTC), words
    )


def _clock(at: datetime) -> Markup:
    return _time(at, f"{at.astimezone(UTC):%H:%M:%S} UTC", id="as-of")


def _stamp(at: datetime) -> Markup:
    return _time(at, f"{at.astimezone(UTC):%H:%M:%S} UTC on {at.astimezone(UTC):%d %b %Y}")


def _kind(one: Health) -> str:
    return one.name.lower()


def _by_component(affected: Sequence[Affected]) -> list[tuple[str, list[Affected]]]:
    return list(by_component(affected).items())


def _shown(value: object) -> object:
    if value is None:
        return ""
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_shown,
    )
    made.filters |= {"clock": _clock, "stamp": _stamp, "kind": _kind, "day": _day, "words": _words}
    made.filters |= {"markdown": markdown.html, "by_component": _by_component}
    made.filters |= {
        "uptime": uptime.in_words,
        "bars": uptime.paths,
        "runs": uptime.runs,
        "date": _date,
        "share": uptime.share,
    }
    made.globals |= {"asset": asset}
    return made


ASSETS = {
    path.name: path.read_bytes() for folder in (SHARED, HERE / "assets") for path in sorted(folder.iterdir())
}
_templates = _environment()
