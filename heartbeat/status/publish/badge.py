"""Badges of a page or a component: an SVG image, and JSON for shields.io. Pure."""

import json

from markupsafe import escape

from heartbeat.safe_text import harmless
from heartbeat.status.health import Health

OLD = ("not up to date", "#5d656e")
"""The words and the colour of a badge whose page is too old."""
LABEL_LIMIT = 40
_COLOURS = {
    Health.NORMAL: "#1f7a4a",
    Health.DELAYED: "#8d5b00",
    Health.PARTLY: "#b8261b",
    Health.STOPPED: "#b8261b",
    Health.MAINTENANCE: "#2f4fb5",
    Health.UNKNOWN: "#5d656e",
}
_CHARACTER = 7.0
"""The usual width in pixels of a character of 11 pixels in Verdana and similar fonts."""


def of(label: str, health: Health) -> dict[str, bytes]:
    """Return the badge of a health, by file ending."""
    return drawn(label, health.value.lower(), _COLOURS[health])


def drawn(label: str, message: str, colour: str) -> dict[str, bytes]:
    """Return a badge with these words, by file ending."""
    label = harmless(label if len(label) <= LABEL_LIMIT else label[: LABEL_LIMIT - 1] + "…")
    left, right = (round(len(part) * _CHARACTER) + 12 for part in (label, message))
    title = escape(f"{label}: {message}")
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<clipPath id="r"><rect width="{left + right}" height="20" rx="3"/></clipPath><g clip-path="url(#r)">'
        f'<path fill="#33383d" d="M0 0h{left}v20H0z"/><path fill="{colour}" d="M{left} 0h{right}v20H{left}z"/></g>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{left / 2:g}" y="14">{escape(label)}</text>'
        f'<text x="{left + right / 2:g}" y="14">{escape(message)}</text></g></svg>'
    )
    return {"svg": svg.encode(), "json": _shield(label, message, colour)}


def _shield(label: str, message: str, colour: str) -> bytes:
    shield = {"schemaVersion": 1, "label": label, "message": message, "color": colour.removeprefix("#")}
    return json.dumps(shield, ensure_ascii=False, separators=(",", ":")).encode()
