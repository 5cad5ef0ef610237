"""The symptoms of deleted checks get keys that no check has

Revision ID: 0016
Revises: 0015

SQLite gives the number of a deleted check again, and a symptom's key is the number: the new check had the incidents of
the deleted one. There, the owner of a symptom is found by the evidence of the audit log, of the symptom and of its
incident. PostgreSQL never gives a number again.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

MARGIN = timedelta(seconds=10)
"""A check that its first ping makes can fail by that ping: its symptom may be a little older than its audit entry."""

LONG_AGO = datetime(1970, 1, 1)  # noqa: DTZ001  # as all instants here


def upgrade() -> None:
    db = op.get_bind()
    retire = sa.text("UPDATE symptoms SET key = 'deleted:' || substr(key, 7) WHERE id = :id")
    checks = {row.id: row for row in db.execute(sa.text("SELECT id, slug, name FROM checks"))}
    retired = _orphans(db, checks)
    if db.dialect.name == "sqlite":
        retired += _inherited(db, checks)
    if retired:
        db.execute(retire, [{"id": number} for number in retired])


def _symptoms(db):
    query = """
        SELECT s.id, s.key, s.title, s.raised_at, s.cleared_why, i.cause_key
        FROM symptoms s JOIN incidents i ON i.id = s.incident_id
        WHERE s.key LIKE 'check:%' AND s.cleared_at IS NOT NULL ORDER BY s.id
    """
    for row in db.execute(sa.text(query)):
        yield int(row.key.removeprefix("check:")), row


def _orphans(db, checks) -> list[int]:
    """Return the symptoms of checks that no longer exist."""
    return [symptom.id for number, symptom in _symptoms(db) if number not in checks]


def _inherited(db, checks) -> list[int]:
    """Return the symptoms that belong to an earlier check of the same number.

    The numbers of symptoms rise with time: what is older than a symptom of the earlier check is its own, too.
    """
    history = _History(db)
    of_check, last_inherited = defaultdict(list), {}
    for number, symptom in _symptoms(db):
        if number in checks:
            of_check[number].append(symptom.id)
            if history.is_of_an_earlier_check(symptom, checks[number]):
                last_inherited[number] = symptom.id
    return [each for number, last in last_inherited.items() for each in of_check[number] if each <= last]


class _History:
    """When checks were made and deleted, and the names that they had, by slug, as far as the audit log tells."""

    def __init__(self, db) -> None:
        self.made: dict[str, list[datetime]] = defaultdict(list)
        self.deleted: dict[str, list[datetime]] = defaultdict(list)
        self.names: dict[str, set[str]] = defaultdict(set)
        query = """
            SELECT at, action, target, before, after FROM audit
            WHERE target = 'configuration' OR target LIKE 'check %' ORDER BY id
        """
        for row in db.execute(sa.text(query)):
            for slug, action, name in _changes(row):
                times = {"make": self.made, "delete": self.deleted}.get(action)
                if times is not None:
                    times[slug].append(_instant(row.at))
                self.names[slug] |= {slug, name or slug}
        self.last_bearer: dict[str, datetime] = {}
        """By name, when the last deleted check that had it was deleted."""
        for slug, times in self.deleted.items():
            for name in self.names[slug]:
                self.last_bearer[name] = max(*times, self.last_bearer.get(name, LONG_AGO))

    def is_of_an_earlier_check(self, symptom, check) -> bool:
        raised_at, slug = _instant(symptom.raised_at), check.slug
        if symptom.cleared_why is not None and re.match("deleted (by |from the conf)", symptom.cleared_why):
            return True
        named = re.fullmatch(r"[a-z_]+:check=([^;]+)(;.*)?", symptom.cause_key)
        if named is not None and named[1] != slug:
            return True
        begun = [*(at - MARGIN for at in self.made[slug]), *self.deleted[slug]]
        if any(raised_at < at for at in begun):
            return True
        own_names = self.names[slug] | {slug, check.name}
        bearer = self.last_bearer.get(symptom.title, LONG_AGO)
        return symptom.title not in own_names and raised_at <= bearer


def _changes(row) -> Iterator[tuple[str, str, str | None]]:
    """Yield the slugs of the checks that an audit entry is about, with what was done, and their names."""
    if row.target != "configuration":
        for state in (row.before, row.after):
            fields = json.loads(state) if isinstance(state, str) else state
            name = fields.get("name") if isinstance(fields, dict) else None
            yield row.target.removeprefix("check "), row.action.removeprefix("check."), name
        return
    after = json.loads(row.after) if isinstance(row.after, str) else row.after
    for line in (after or {}).get("changes", ()):
        change = re.match(r"([+-]) check ([^ :]+)", line)
        if change is not None:
            yield change[2], "make" if change[1] == "+" else "delete", None


def _instant(at) -> datetime:
    """Return an instant without its zone, which is UTC. SQLite stores it as text."""
    stored = datetime.fromisoformat(at) if isinstance(at, str) else at
    return stored.replace(tzinfo=None)
