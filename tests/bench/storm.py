"""Many checks silent at once, and calm again, made by plain SQL: what comes about is measured, not how."""

from datetime import datetime

from sqlalchemy import Connection, Engine, Text, cast, text, update

from heartbeat import installation
from heartbeat.checks.tables import checks
from tests.bench.databases import GRACE, PERIOD

MANY = 10_000
EVERY = 100
"""One check in this many is silent, so that they lie all over the table."""
ALONE = "'check=' || slug"
"""Each silent check is its own cause."""
BY_HOST = f"'host=h' || id / {EVERY} % 100"
"""The silent checks lie on a hundred hosts."""

_SILENT = """
UPDATE checks SET last_ok_at = :heard, armed_at = :heard, since = :heard, wake_at = :now, group_key = {group}
WHERE id % {every} = 0
"""
_HEARD = """
UPDATE checks SET state = 'up', cause = NULL, last_ok_at = updated.at, armed_at = updated.at, since = updated.at,
  wake_at = updated.at + interval '25 hours'
FROM (SELECT max(last_ok_at) AS at FROM checks) AS updated WHERE id % {every} = 0
"""


def gather(db: Connection, group: str, now: datetime) -> None:
    """`MANY` checks have been due for a while, and nobody has looked; incidents page without gathering."""
    heard = now - 2 * (PERIOD + GRACE)
    db.execute(text(_SILENT.format(group=group, every=EVERY)), {"heard": heard, "now": now})
    installation.remember(db, "gathering", 0)


def silence_hosts(db: Connection, hosts: int, now: datetime, at: datetime | None = None) -> None:
    """The first `hosts` checks, each on its own host, have been due for a while. They are looked at from `at` on."""
    heard = now - 2 * (PERIOD + GRACE)
    hosted = update(checks).where(checks.c.id <= hosts)
    silent = {"last_ok_at": heard, "armed_at": heard, "since": heard, "wake_at": at or now}
    db.execute(hosted.values(silent | {"group_key": "host=h" + cast(checks.c.id, Text)}))


def calm(engine: Engine) -> None:
    """As before any storm: every check is heard, no incident was ever opened, and nothing is left to be vacuumed."""
    with engine.begin() as db:
        db.execute(text("TRUNCATE incidents, symptoms, pages, digests, attempts, timeline, transitions"))
        db.execute(text(_HEARD.format(every=EVERY)))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("VACUUM checks"))


def outcome(db: Connection) -> tuple[int, int]:
    """How many checks are down, and how many incidents nobody has been paged for."""
    down = db.execute(text("SELECT count(*) FROM symptoms WHERE cleared_at IS NULL")).scalar_one()
    unpaged = db.execute(
        text(
            "SELECT count(*) FROM incidents WHERE NOT EXISTS (SELECT 1 FROM pages WHERE incident_id = incidents.id)"
        )
    ).scalar_one()
    return down, unpaged
