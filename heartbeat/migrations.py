"""Migrations of the database by Alembic: one set for SQLite and PostgreSQL."""

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
"""The folder of the migrations: beside the packages in a checkout, else in the data of the installed package."""
_LOCK = 7_061_530
"""The number of the advisory lock that lets one replica at a time migrate PostgreSQL."""


def migrate(engine: Engine) -> None:
    """Bring the database up to date. Several processes may call this at once: one works, the others wait.

    Raises `Unavailable` if the database cannot be reached.
    """
    transact(engine, _upgrade)


def _upgrade(db: Connection) -> None:
    if db.dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = _config()
    current = MigrationContext.configure(db).get_current_revision()
    if current is not None and current not in _revisions(ScriptDirectory.from_config(config)):
        # A newer release has migrated it already. During a rolling upgrade, both serve.
        log.warning("a newer release has migrated the database (revision %s); using it unchanged", current)
        return
    config.attributes["connection"] = db
    command.upgrade(config, "head")


def behind(db: Connection) -> bool:
    """Return True if the database has no tables yet, or lacks migrations of this program.

    A database that a newer release has migrated is not behind. Migrations only add (docs/decisions/0013), so the
    previous release goes on working during an upgrade.
    """
    current = MigrationContext.configure(db).get_current_revision()
    scripts = ScriptDirectory.from_config(_config())
    return current is None or (current != scripts.get_current_head() and current in _revisions(scripts))


def revisions() -> frozenset[str]:
    """Return the revisions that this program can bring up to date."""
    return _revisions(ScriptDirectory.from_config(_config()))


def _revisions(scripts: ScriptDirectory) -> frozenset[str]:
    return frozenset(script.revision for script in scripts.walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(HOME))
    return config
