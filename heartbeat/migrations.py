"""The database's shape, brought up to date by Alembic: one set of migrations for SQLite and PostgreSQL."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from heartbeat.database import transact

HOME = Path(__file__).resolve().parent.parent / "alembic"
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
    config.attributes["connection"] = db
    command.upgrade(config, "head")


def behind(db: Connection) -> bool:
    """Whether the database has no tables yet, or older ones than this program wants."""
    current = MigrationContext.configure(db).get_current_revision()
    return current != ScriptDirectory.from_config(_config()).get_current_head()


def known() -> frozenset[str]:
    """The revisions of the database that this program can bring up to date."""
    return frozenset(one.revision for one in ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(HOME))
    return config
