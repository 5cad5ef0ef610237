"""A maintenance window as a form has it: every field is text, as it was typed. Pure."""

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
"""How long a window may last at one press, counted from now."""
MORNING = "morning"
"""The length that lasts until the next morning in the form's zone."""
OWN = "own"
"""The length that the fields `starts` and `ends` say."""
FIELDS = {"match": "labels", "starts_at": "starts", "ends_at": "ends"}
"""What the definition calls a field, and what the form calls it."""
LABELS = {"labels": "Labels", "starts": "From", "ends": "Until", "title": "Title", "timezone": "Time zone"}
"""What the form's fields are called on the page."""
_TIME = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What stands in the form. `labels` are lines such as `host=vault-1`; `starts` and `ends` are clock times in
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
        """What somebody has typed."""
        said = {name: _said(form.get(name, "")) for name in cls.__slots__ if name != "labels"}
        if said["length"] not in (*LENGTHS, MORNING):
            said["length"] = OWN
        labels = dict.fromkeys(filter(None, map(_said, form.getlist("label"))))
        return cls(**said, labels=tuple(labels))

    @classmethod
    def of(cls, window: WindowDefinition) -> Self:
        """The form of a window that there is, in UTC."""
        return cls(
            title=window.title,
            description=window.description,
            labels=tuple(written(window.match)),
            length=OWN,
            starts=_clock(window.starts_at, "UTC"),
            ends=_clock(window.ends_at, "UTC"),
        )

    def match(self) -> dict[str, str]:
        """The labels that a check must have. Raises ValueError where a line is none."""
        found: dict[str, str] = {}
        for line in self.labels:
            name, is_pair, value = (part.strip() for part in line.partition("="))
            if not is_pair:
                raise ValueError(f"match: {line[:40]!r} is no label; write it as name=value.")
            if name in found:
                raise ValueError(f"match: {name[:40]!r} stands there twice; a check has one value of it.")
            found[name] = value
        return found

    def given(self, now: datetime, before: WindowDefinition | None) -> dict[str, object]:
        """The same as the API takes it. `before` is the window that is changed. Raises ValueError."""
        words: dict[str, object] = {
            "title": self.title,
            "description": self.description or None,
            "match": self.match(),
        }
        starts_at, ends_at = self.times(now, before)
        return words | {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}

    def times(self, now: datetime, before: WindowDefinition | None) -> tuple[datetime, datetime]:
        """From when until when it is meant. A length counts from now; what has begun stays begun."""
        zone = _zone(self.timezone)
        if self.length != OWN:
            began = before is not None and phase(before, now) is not Phase.UPCOMING
            until = next_morning(now, zone) if self.length == MORNING else now + LENGTHS[self.length]
            return (before.starts_at if before is not None and began else now), until
        starts_at = now if before is None else before.starts_at
        if self.starts:
            starts_at = _instant("starts_at", self.starts, zone, before.starts_at if before else None)
        if not self.ends:
            raise ValueError("ends_at: is empty; say when it ends, or choose a length.")
        return starts_at, _instant("ends_at", self.ends, zone, before.ends_at if before else None)


def written(match: Mapping[str, str]) -> list[str]:
    """Labels as lines."""
    return [f"{name}={value}" for name, value in match.items()]


def meant_by(named: Sequence[Mapping[str, str]], names: Sequence[str]) -> Arrangement:
    """The form for these checks, by their labels and names: what they all have in common is ticked."""
    shared = [
        (name, value)
        for name, value in (named[0].items() if named else ())
        if all(labels.get(name) == value for labels in named)
    ]
    what = names[0] if len(names) == 1 else ", ".join(value for _, value in shared)
    title = f"Maintenance of {what}"[: definition_entry.MAX_NAME].strip() if what else ""
    return replace(Arrangement(), title=title, labels=tuple(written(dict(shared))))


def like(window: WindowDefinition) -> Arrangement:
    """The form of another window about the same."""
    return replace(Arrangement.of(window), length=Arrangement().length, starts="", ends="")


def wrong(problems: Iterable[str]) -> list[tuple[str, str]]:
    """Each problem with the field of the form that it is about, in the form's own words."""
    found = []
    for said in problems:
        path, _, rest = said.partition(": ")
        name = path.partition(".")[0]
        about = FIELDS.get(name, name)
        if about not in LABELS:
            found.append(("", said))
            continue
        for field, there in FIELDS.items():
            rest = rest.replace(field, LABELS[there])
        found.append((about, f"{LABELS[about]}: {rest}"))
    return found


def _said(given: Any) -> str:
    return str(given).replace("\r\n", "\n").strip()


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(definition_entry.zone(name))
    except ValueError as error:
        raise ValueError(f"timezone: {error}") from None


def _instant(field: str, text: str, zone: ZoneInfo, before: datetime | None) -> datetime:
    # The form tells no seconds, and not which of two equal hours is meant when clocks go back: what was not touched
    # stays exactly as it was.
    if before is not None and text == _clock(before, zone.key):
        return before
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{field}: {text[:40]!r} is no time; write it as 2026-05-02 05:00.") from None


def _clock(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime(_TIME)
