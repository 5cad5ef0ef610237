"""The fields of the form of a maintenance window: each is text, as it was typed. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData

from heartbeat.checks.maintenance import Phase, WindowDefinition, phase
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
FIELDS = {"match": "labels", "starts_at": "starts", "ends_at": "ends"}
"""The names of fields in the definition, and in the form."""
LABELS = {"labels": "Labels", "starts": "From", "ends": "Until", "title": "Title", "timezone": "Time zone"}
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

    @classmethod
    def typed(cls, form: FormData) -> Self:
        """Return the texts of a sent form."""
        texts = {name: _text(form.get(name, "")) for name in cls.__slots__ if name != "labels"}
        if texts["length"] not in (*LENGTHS, MORNING):
            texts["length"] = OWN
        labels = dict.fromkeys(filter(None, map(_text, form.getlist("label"))))
        return cls(**texts, labels=tuple(labels))

    @classmethod
    def of(cls, window: WindowDefinition) -> Self:
        """Return the form of a window, in UTC."""
        return cls(
            title=window.title,
            description=window.description,
            labels=tuple(written(window.match)),
            length=OWN,
            starts=_clock(window.starts_at, "UTC"),
            ends=_clock(window.ends_at, "UTC"),
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
        }
        starts_at, ends_at = self.times(now, window)
        return texts | {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}

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
