"""The entry point of Alembic: migrates over the connection that heartbeat/migrations.py passes."""

from alembic import context

import alerting.crew_tables
import alerting.tables
import heartbeat.access.tables
import heartbeat.checks.tables
import heartbeat.definitions.tables
import heartbeat.measurements.tables
import heartbeat.measurements.unusual_tables
import heartbeat.pings.tables
import heartbeat.status.tables
import heartbeat.tables  # noqa: F401  # registers the tables in the metadata
from alerting.sql import metadata
from heartbeat import database, settings

target = metadata
assert alerting.tables.incidents.metadata is target


def run(connection) -> None:  # type: ignore[no-untyped-def]  # called by Alembic, which has no types for it
    context.configure(
        connection=connection,
        target_metadata=target,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


passed = context.config.attributes.get("connection")
if passed is not None:
    run(passed)
else:
    import os

    from sqlalchemy import make_url

    with database.engine(make_url(settings.read(os.environ).database_url), writing=True).begin() as own:
        run(own)
