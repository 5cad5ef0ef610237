"""Rotations, teams and channels of heartbeat.yaml as JSON Schema. Pure."""

from alerting.rotation import WEEKDAYS
from alerting.severity import Severity
from heartbeat.checks.time_of_day import WINDOW_PATTERN
from heartbeat.definitions import entry
from heartbeat.definitions import schema_values as values

_DAY = "|".join(WEEKDAYS)
DAYS = f"({_DAY})(-({_DAY}))?"
"""A weekday or several in a row, such as mon-fri, as a regular expression."""
WORDS = {"daily": "1d", "weekly": "1w", "monthly": "1mo"}
"""The lengths of shifts that have a name."""
BEGINS = r"\d{4}-\d{2}-\d{2}([ T]([01]\d|2[0-3]):[0-5]\d)?"
"""A day, or a day and a time on it, as a regular expression."""

_HOURS = {
    "days": values.names("Weekdays, such as mon-fri or [sat, sun]. Every day if missing.", 7, DAYS),
    "hours": {
        "type": "string",
        "pattern": f"^{WINDOW_PATTERN}$",
        "description": "Such as 09:00-17:00, or 22:00-06:00 over midnight. All day if missing.",
    },
}
WINDOW = values.mapping("Weekdays and hours, in the time zone of the rotation.", _HOURS)
CONDITION = values.mapping(
    "The incidents that a step is meant for. All others fall through to the next step at once.",
    {
        "severity": values.names("All severities if missing.", len(Severity), f"({'|'.join(Severity)})"),
        **_HOURS,
        "timezone": values.ZONE,
    },
)

WORKING_HOURS = values.mapping(
    "Pages of incidents that are not critical wait for these hours. What is critical never waits.",
    {**_HOURS, "timezone": values.ZONE},
)

LAYER = values.mapping(
    "People who take turns.",
    {
        "people": values.names("People, in the order of their turns.", entry.MAX_TURNS, entry.SLUG),
        "shift": {
            "type": "string",
            "pattern": f"^([1-9][0-9]{{0,3}}(h|d|w|mo)|{'|'.join(WORDS)})$",
            "description": "The length of a shift, such as 12h, 1d, 1w or 1mo; or daily, weekly, monthly.",
        },
        "from": {
            "type": "string",
            "pattern": f"^{BEGINS}$",
            "description": "When the first shift begins, which sets the time of each hand-over: 2026-11-02 09:00.",
        },
        "only": {
            "oneOf": [WINDOW, {"type": "array", "items": WINDOW, "maxItems": entry.MAX_WINDOWS}],
            "description": "The hours in which somebody of this layer is on call. Always if missing.",
        },
    },
    ("people", "shift", "from"),
)

CALENDAR = values.mapping(
    "A layer that follows a calendar which another program keeps.",
    {
        "ical": {
            "type": "string",
            "maxLength": entry.MAX_ADDRESS,
            "description": "The address of the calendar (iCalendar). Its events name people.",
        },
    },
    ("ical",),
)

ROTATION = values.mapping(
    "People who take turns at being on call.",
    {
        "timezone": values.ZONE,
        "layers": values.array(
            "The first layer that has somebody on call decides.", entry.MAX_LAYERS, "layer"
        ),
    },
    ("layers",),
)

TEAM = values.names("People who are paged together.", entry.MAX_PAGED, entry.SLUG)

CHANNEL = values.mapping(
    "A room that several people read. It is paged like a person, but counts as nobody.",
    {
        "name": values.text("Its name in pages. If missing, its name here.", entry.MAX_NAME),
        "timezone": values.ZONE,
        "contacts": values.array("Tried in this order.", entry.MAX_CONTACTS, "contact"),
    },
    ("contacts",),
)
