"""The database's shape, brought up to date by Alembic: one set of migrations for SQLite and PostgreSQL."""

import logging
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from heartbeat.database import transact

log = logging.getLogger(__name__)

_PLACES = (Path(__file__).resolve().parent.parent / "alembic", Path(sys.prefix) / "share/heartbeat/alembic")
HOME = next((place for place in _PLACES if (place / "env.py").exists()), _PLACES[0])
"""Where the migrations lie: beside the packages in a checkout, else where an installation puts its data."""
_LOCK = 7_061_530
"""The number of the advisory lock under which one replica at a time migrates PostgreSQL."""


def migrate(engine: Engine) -> None:
    """Bring the database up to date. Several processes may ask at once: one works, the others wait.

    Raises `Unavailable` where the database cannot be reached.
    """
    transact(engine, _upgrade)


def _upgrade(db: Connection) -> None:
    if db.dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = _config()
    current = MigrationContext.configure(db).get_current_revision()
    if current is not None and current not in _revisions(ScriptDirectory.from_config(config)):
        # A newer release has been here already; during a rolling upgrade both serve.
        log.warning("the database is of a newer release (revision %s); it is used as it is", current)
        return
    config.attributes["connection"] = db
    command.upgrade(config, "head")


def behind(db: Connection) -> bool:
    """Whether the database has no tables yet, or older ones than this program wants.

    One that a newer release has brought further is not behind: migrations only add (docs/decisions/0013), so that the
    release before goes on working while an upgrade is under way.
    """
    known = ScriptDirectory.from_config(_config())
    current = MigrationContext.configure(db).get_current_revision()
    return current is None or (current in _revisions(known) and current != known.get_current_head())


def _revisions(known: ScriptDirectory) -> set[str]:
    return {script.revision for script in known.walk_revisions()}


def known() -> frozenset[str]:
    """The revisions of the database that this program can bring up to date."""
    return frozenset(one.revision for one in ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(HOME))
    return config
