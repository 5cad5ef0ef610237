"""The fields of the form of a maintenance window: each is text, as it was typed. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData

from alerting import wall_clock
from heartbeat import duration
from heartbeat.checks.maintenance import Kind, Phase, WindowDefinition, phase
from heartbeat.checks.recurrence import Recurrence
from heartbeat.definitions import entry as definition_entry
from heartbeat.http.console.incidents.morning import next_morning

LENGTHS: Mapping[str, timedelta] = {
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "2h": timedelta(hours=2),
    "4h": timedelta(hours=4),
}
"""The lengths that the form offers, counted from now."""
MORNING = "morning"
"""The length that lasts until the next morning in the form's zone."""
OWN = "own"
"""The length between the fields `starts` and `ends`."""
NEVER, RULE = "no", "rule"
"""The window does not repeat, or by the rule that is typed."""
REPEATS: Mapping[str, str] = {
    NEVER: "Never",
    "FREQ=DAILY": "Every day",
    "FREQ=WEEKLY": "Every week, on these days",
    "FREQ=WEEKLY;INTERVAL=2": "Every two weeks, on these days",
    "FREQ=MONTHLY": "Every month, on the same day of the month",
    "nth": "Every month, on the same weekday, such as the first Sunday",
    "FREQ=YEARLY": "Every year, on the same day",
    RULE: "By a rule (RFC 5545)",
}
"""How a window can repeat: the value of the field, and its label."""
DAYS: Mapping[str, str] = {
    "MO": "Mon",
    "TU": "Tue",
    "WE": "Wed",
    "TH": "Thu",
    "FR": "Fri",
    "SA": "Sat",
    "SU": "Sun",
}
FIELDS = {"match": "labels", "starts_at": "starts", "ends_at": "ends", "repeats": "repeats"}
"""The names of fields in the definition, and in the form."""
LABELS = {"labels": "Labels", "starts": "From", "ends": "Until", "title": "Title", "timezone": "Time zone"}
LABELS["repeats"] = "Repeats"
"""The labels of the form's fields on the screen."""
_TIME = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The texts of the form. `labels` are lines such as `host=vault-1`; `starts` and `ends` are local times in
    `timezone`; an empty `starts` is now."""

    title: str = ""
    description: str = ""
    labels: tuple[str, ...] = ()
    length: str = "1h"
    starts: str = ""
    ends: str = ""
    timezone: str = "UTC"
    repeats: str = NEVER
    days: tuple[str, ...] = ()
    """The weekdays of a window that repeats by weeks."""
    rule: str = ""
    kind: str = Kind.MAINTENANCE.value

    @classmethod
    def typed(cls, form: FormData) -> Self:
        """Return the texts of a sent form."""
        texts = {name: _text(form.get(name, "")) for name in cls.__slots__ if name not in ("labels", "days")}
        if texts["repeats"] not in REPEATS:
            texts["repeats"] = NEVER
        if texts["kind"] not in list(Kind):
            texts["kind"] = Kind.MAINTENANCE.value
        if texts["length"] not in (*LENGTHS, MORNING):
            texts["length"] = OWN
        labels = dict.fromkeys(filter(None, map(_text, form.getlist("label"))))
        days = tuple(day for day in DAYS if day in form.getlist("day"))
        return cls(**texts, labels=tuple(labels), days=days)

    @classmethod
    def of(cls, window: WindowDefinition) -> Self:
        """Return the form of a window: in UTC, or in the zone of one that repeats."""
        form = cls(
            title=window.title,
            description=window.description,
            labels=tuple(written(window.match)),
            length=OWN,
            starts=_clock(window.starts_at, "UTC"),
            ends=_clock(window.ends_at, "UTC"),
            kind=window.kind.value,
        )
        if window.recurrence is None:
            return form
        rule = window.recurrence
        return replace(
            form,
            starts=rule.starts.strftime(_TIME),
            ends=(rule.starts + rule.duration).strftime(_TIME),
            timezone=rule.timezone,
            **_choices(rule),
        )

    def match(self) -> dict[str, str]:
        """Return the labels that a check must have. Raises ValueError for a line that is not a label."""
        labels: dict[str, str] = {}
        for line in self.labels:
            name, is_pair, value = (part.strip() for part in line.partition("="))
            if not is_pair:
                raise ValueError(f"match: {line[:40]!r} is not a label; write it as name=value.")
            if name in labels:
                raise ValueError(f"match: {name[:40]!r} is listed twice; a check has only one value of it.")
            labels[name] = value
        return labels

    def as_in_api(self, now: datetime, window: WindowDefinition | None) -> dict[str, object]:
        """Return the fields in the form of the API. `window` is the window to change. Raises ValueError."""
        texts: dict[str, object] = {
            "title": self.title,
            "description": self.description or None,
            "match": self.match(),
            "kind": self.kind,
        }
        if self.repeats != NEVER:
            return texts | {"repeats": self.recurrence(now, window)}
        starts_at, ends_at = self.times(now, window)
        return texts | {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}

    def recurrence(self, now: datetime, window: WindowDefinition | None) -> dict[str, object]:
        """Return how the window repeats, in the form of the API. Raises ValueError."""
        zone = _zone(self.timezone)
        starts, ends = (wall_clock.shown(at, zone) for at in self.times(now, window))
        starts = _wall(self.starts) if self.length == OWN and self.starts else starts
        ends = _wall(self.ends) if self.length == OWN and self.ends else ends
        starts = starts.replace(second=0, microsecond=0)
        minutes = -(-(ends - starts) // timedelta(minutes=1))
        if minutes < 1:
            raise ValueError("ends_at: must be after starts_at.")
        return {
            "rrule": self._rrule(starts),
            "starts": starts.isoformat(timespec="minutes"),
            "timezone": zone.key,
            "duration": duration.written(timedelta(minutes=minutes)),
        }

    def _rrule(self, starts: datetime) -> str:
        if self.repeats == RULE:
            return self.rule or "none"
        if self.repeats == "nth":
            nth = (starts.day - 1) // 7 + 1
            return f"FREQ=MONTHLY;BYDAY={nth if nth < 5 else -1}{list(DAYS)[starts.weekday()]}"
        weekly = self.repeats.startswith("FREQ=WEEKLY")
        days = ",".join(self.days or [list(DAYS)[starts.weekday()]])
        return f"{self.repeats};BYDAY={days}" if weekly else self.repeats

    def times(self, now: datetime, window: WindowDefinition | None) -> tuple[datetime, datetime]:
        """Return the start and the end. A length counts from now; a window that has begun keeps its start."""
        zone = _zone(self.timezone)
        if self.length != OWN:
            began = window is not None and phase(window, now) is not Phase.UPCOMING
            until = next_morning(now, zone) if self.length == MORNING else now + LENGTHS[self.length]
            return (window.starts_at if window is not None and began else now), until
        starts_at = now if window is None else window.starts_at
        if self.starts:
            starts_at = _instant("starts_at", self.starts, zone, window.starts_at if window else None)
        if not self.ends:
            raise ValueError("ends_at: is empty; enter a time, or choose a length.")
        return starts_at, _instant("ends_at", self.ends, zone, window.ends_at if window else None)


def _choices(rule: Recurrence) -> dict[str, Any]:
    """Return the fields by which a rule is chosen, or else typed."""
    begin, _, days = rule.rule.partition(";BYDAY=")
    weekly = begin.startswith("FREQ=WEEKLY") and begin in REPEATS
    if weekly and (not days or set(days.split(",")) <= DAYS.keys()):
        return {"repeats": begin, "days": tuple(filter(None, days.split(",")))}
    if not days and begin in REPEATS:
        return {"repeats": begin}
    return {"repeats": RULE, "rule": rule.rule}


def _wall(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise ValueError(f"starts_at: {text[:40]!r} is not a time; write it as 2026-05-02 05:00.") from None


def written(match: Mapping[str, str]) -> list[str]:
    """Return labels as lines."""
    return [f"{name}={value}" for name, value in match.items()]


def for_checks(labels_of_checks: Sequence[Mapping[str, str]], names: Sequence[str]) -> Arrangement:
    """Return the form for checks with these labels and names. The labels that they share are ticked."""
    shared = [
        (name, value)
        for name, value in (labels_of_checks[0].items() if labels_of_checks else ())
        if all(labels.get(name) == value for labels in labels_of_checks)
    ]
    subject = names[0] if len(names) == 1 else ", ".join(value for _, value in shared)
    title = f"Maintenance of {subject}"[: definition_entry.MAX_NAME].strip() if subject else ""
    return replace(Arrangement(), title=title, labels=tuple(written(dict(shared))))


def like(window: WindowDefinition) -> Arrangement:
    """Return the form of another window for the same checks."""
    return replace(Arrangement.of(window), length=Arrangement().length, starts="", ends="")


def by_field(problems: Iterable[str]) -> list[tuple[str, str]]:
    """Return each problem with its field of the form, and with the form's names of the fields."""
    located = []
    for problem in problems:
        path, _, rest = problem.partition(": ")
        name = path.partition(".")[0]
        form_field = FIELDS.get(name, name)
        if form_field not in LABELS:
            located.append(("", problem))
            continue
        for field, its_field in FIELDS.items():
            rest = rest.replace(field, LABELS[its_field])
        located.append((form_field, f"{LABELS[form_field]}: {rest}"))
    return located


def _text(value: Any) -> str:
    return str(value).replace("\r\n", "\n").strip()


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(definition_entry.zone(name))
    except ValueError as error:
        raise ValueError(f"timezone: {error}") from None


def _instant(field: str, text: str, zone: ZoneInfo, current: datetime | None) -> datetime:
    # The form has no seconds, and cannot tell two equal hours apart when clocks go back: an untouched time stays
    # exactly as it was.
    if current is not None and text == _clock(current, zone.key):
        return current
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{field}: {text[:40]!r} is not a time; write it as 2026-05-02 05:00.") from None


def _clock(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime(_TIME)
