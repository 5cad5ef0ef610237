"""The service's books as they lie on the disk, read in plain SQL with none of the service's own code."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.simulation.disk import Disk
from tests.simulation.virtual import seconds


@dataclass(frozen=True, slots=True)
class CheckRow:
    id: int
    slug: str
    state: str
    cause: str | None
    pings: int
    last_ok: float | None


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident. Times are on the wall clock, in seconds since the simulation's epoch."""

    id: int
    cause_key: str
    title: str
    state: str
    occurrence: int
    step: int
    policy: tuple[tuple[tuple[str, ...], float], ...]
    opened: float
    next: float | None
    tell: float | None
    resolved: float | None
    acknowledged_by: str | None
    recovered: float | None
    settles: float | None
    acknowledged: float | None
    rank: int = 0
    by: str = ""
    """The name of its policy."""
    rounds: frozenset[int] = frozenset()
    """The places of the steps of its policy that go round."""

    @property
    def quiet(self) -> bool:
        return self.state in ("acknowledged", "snoozed")

    def page(self, step: int) -> tuple[tuple[str, ...], float]:
        """Whom a step pages, and how long it waits: past the end, the last one repeats."""
        return self.policy[min(step, len(self.policy) - 1)]

    def goes_round(self, step: int) -> bool:
        """Whether a step pages one of its people, in turn."""
        return min(step, len(self.policy) - 1) in self.rounds


@dataclass(frozen=True, slots=True)
class PageRow:
    id: int
    incident: int
    kind: str
    person: str
    occurrence: int
    step: int
    state: str
    created: float
    next: float | None
    via: str
    contact_mark: str | None
    delivered: float | None
    rank: int = 0


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try to deliver a page, in the wall clock's time."""

    page: int
    at: float
    mark: str | None
    outcome: str
    provider_id: str | None


@dataclass(frozen=True, slots=True)
class PingRow:
    job: str
    n: int
    at: float
    kind: str


@dataclass(frozen=True, slots=True)
class Books:
    """One look at all of them."""

    checks: dict[str, CheckRow]
    incidents: dict[int, IncidentRow]
    belongs: dict[str, list[int]]
    """The incidents in which each symptom stands raised."""
    waits: dict[str, float]
    """Until when each symptom waits for another one at most, or may run because that one is well."""
    consequences: set[str]
    """The symptoms that wait in the incident of another one."""

    @property
    def open(self) -> list[IncidentRow]:
        return [one for one in self.incidents.values() if one.state != "resolved"]


def symptom_key(row: CheckRow) -> str:
    """The key of a check's symptom."""
    return f"check:{row.id}"


def read(disk: Disk) -> Books:
    """Checks and incidents as they stand."""
    belongs: dict[str, list[int]] = {}
    waits, consequences = {}, set()
    for row in disk.rows("SELECT * FROM symptoms WHERE cleared_at IS NULL ORDER BY id"):
        belongs.setdefault(row["key"], []).append(row["incident_id"])
        if row["waits_for"] or row["waited_for"]:
            waits[row["key"]] = _shown(row["held_until"]) or 0.0
        if row["waits_for"]:
            consequences.add(row["key"])
    return Books(
        {row["slug"]: _check(row) for row in disk.rows("SELECT * FROM checks ORDER BY id")},
        {row["id"]: _incident(row) for row in disk.rows("SELECT * FROM incidents ORDER BY id")},
        belongs,
        waits,
        consequences,
    )


def pages(disk: Disk) -> list[PageRow]:
    """The outbox, with all that ever lay in it."""
    return [_page(row) for row in disk.rows("SELECT * FROM pages ORDER BY id")]


def turns(disk: Disk) -> dict[int, list[tuple[str, str]]]:
    """By incident the lines of its timeline on pages, and on what begins its policy again, in order."""
    lines: dict[int, list[tuple[str, str]]] = {}
    kinds = "'paged', 'reopened', 'withdrawn'"
    for row in disk.rows(f"SELECT * FROM timeline WHERE kind IN ({kinds}) ORDER BY id"):
        lines.setdefault(row["incident_id"], []).append((row["kind"], row["words"]))
    return lines


def times(disk: Disk, query: str) -> list[float]:
    """The times, named `at`, that a query finds."""
    return [at for row in disk.rows(query) if (at := _shown(row["at"])) is not None]


def members(disk: Disk, incident: int) -> set[str]:
    """The jobs that an incident has ever been about, also for less than the time between two looks."""
    query = "SELECT DISTINCT c.slug FROM symptoms s JOIN checks c ON s.key = 'check:' || c.id WHERE s.incident_id = ?"
    return {row["slug"] for row in disk.rows(query, incident)}


def paged(disk: Disk) -> list[tuple[int, float]]:
    """Each time that an incident came to a step and paged, in order."""
    query = "SELECT incident_id, at FROM timeline WHERE kind = 'paged' ORDER BY id"
    return [(row["incident_id"], _shown(row["at"]) or 0.0) for row in disk.rows(query)]


def paged_at(disk: Disk, incident: int) -> list[float]:
    """When an incident last paged a step; nothing where it has not yet."""
    query = "SELECT max(at) AS at FROM timeline WHERE incident_id = ? AND kind = 'paged'"
    return [at for row in disk.rows(query, incident) if (at := _shown(row["at"])) is not None]


def attempts(disk: Disk) -> list[AttemptRow]:
    """All tries to deliver pages, in order."""
    rows = disk.rows(
        "SELECT a.* FROM attempts a JOIN pages p ON p.id = a.page_id WHERE p.kind = 'page' ORDER BY a.id"
    )
    return [
        AttemptRow(
            row["page_id"], _shown(row["at"]) or 0.0, row["contact_mark"], row["outcome"], row["provider_id"]
        )
        for row in rows
    ]


def ring(disk: Disk) -> list[PingRow]:
    """The last pings of every check, in the order in which they were taken in."""
    rows = disk.rows(
        "SELECT c.slug, p.n, p.at, p.kind FROM pings p JOIN checks c ON c.id = p.check_id ORDER BY c.id, p.n"
    )
    return [PingRow(row["slug"], row["n"], _shown(row["at"]) or 0.0, row["kind"]) for row in rows]


def reports(disk: Disk) -> set[tuple[str, float]]:
    """The checks whose runs have said how far they are, and when: no ring keeps these pings."""
    found = set()
    for row in disk.rows("SELECT slug, runs FROM checks WHERE runs IS NOT NULL"):
        for run in json.loads(row["runs"]):
            progress = run.get("progress") or {"points": []}
            times = [point[0] for point in progress["points"]] + [run["started_at"]]
            times += [progress["reported_at"]] if "reported_at" in progress else []
            found |= {(row["slug"], seconds(datetime.fromisoformat(at))) for at in times}
    return found


def _check(row: dict[str, Any]) -> CheckRow:
    known = {name: row[name] for name in ("id", "slug", "state", "cause", "pings")}
    if row["unheard"] and row["state"] == "new":
        known["state"] = "unknown"
    return CheckRow(**known, last_ok=_shown(row["last_ok_at"]))


def _incident(row: dict[str, Any]) -> IncidentRow:
    steps = json.loads(row["policy"])["steps"]
    known = {
        name: row[name]
        for name in ("id", "cause_key", "title", "state", "occurrence", "step", "acknowledged_by")
    }
    return IncidentRow(
        **known,
        policy=tuple((tuple(step["page"]), step["wait"]) for step in steps),
        opened=_shown(row["opened_at"]) or 0.0,
        next=_shown(row["next_at"]),
        tell=_shown(row["tell_at"]),
        resolved=_shown(row["resolved_at"]),
        recovered=_shown(row["recovered_at"]),
        settles=_shown(row["settles_at"]),
        acknowledged=_shown(row["acknowledged_at"]),
        rank=row["severity_rank"],
        by=json.loads(row["policy"])["name"],
        rounds=frozenset(place for place, step in enumerate(steps) if step.get("round_robin")),
    )


def _page(row: dict[str, Any]) -> PageRow:
    names = "id", "kind", "person", "occurrence", "step", "state", "via", "contact_mark"
    known = {name: row[name] for name in names}
    return PageRow(
        **known,
        incident=row["incident_id"],
        created=_shown(row["created_at"]) or 0.0,
        next=_shown(row["next_at"]),
        delivered=_shown(row["delivered_at"]),
        rank=row["severity_rank"],
    )


def _shown(text: str | None) -> float | None:
    return None if text is None else round(seconds(datetime.fromisoformat(text).replace(tzinfo=UTC)), 6)
