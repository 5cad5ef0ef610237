"""PostgreSQL databases for tests that are emptied and used again: a twelfth of the work of making and dropping one."""

import uuid

import psycopg
from psycopg import sql

_SEQUENCES = "SELECT seqrelid::regclass::text FROM pg_sequence"
_TABLES = (
    "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)
_SCHEMA = """SELECT (SELECT array_agg((oid, relname, relnatts, reloptions) ORDER BY oid) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace)::text,
  (SELECT array_agg((oid, tgenabled) ORDER BY oid) FROM pg_trigger)::text,
  (SELECT count(*) FROM pg_constraint), (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_namespace),
  (SELECT count(*) FROM pg_attribute WHERE attisdropped),
  (SELECT setconfig FROM pg_db_role_setting
    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))"""
"""What must be as it was for a database to be used again."""
_END_OTHERS = """SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()"""
# The files of an empty table have no bytes, and TRUNCATE leaves the planner as little to know as a new table does. The
# role of a replica fires no triggers: one of them forbids to empty the audit log.
_EMPTY = f"""DO $$ DECLARE filled text; one text; BEGIN
  PERFORM set_config('session_replication_role', 'replica', true);
  SELECT string_agg(name, ', ') INTO filled FROM ({_TABLES}) AS tables (name)
    WHERE pg_relation_size(name::regclass) > 0;
  EXECUTE 'TRUNCATE ' || filled || ' CASCADE';
  FOR one IN {_SEQUENCES} LOOP PERFORM setval(one::regclass, 1, false); END LOOP;
END $$"""


class SpareDatabases:
    """Databases with the rows of a migrated one, each for one test at a time. `server` is the address."""

    def __init__(self, server: str, template: str) -> None:
        self._server = server
        self._template = template
        self._spare: list[str] = []
        self._schemas: dict[str, tuple[object, ...] | None] = {}
        with self._connected(template) as db:
            tables = [name for (name,) in db.execute(_TABLES)]
            rows = {table: _rows(db, table) for table in tables}
        self._rows = {table: found for table, found in rows.items() if found is not None}

    def take(self) -> str:
        """Return the name of a database that nobody else has."""
        if self._spare:
            return self._spare.pop()
        name = f"test_{uuid.uuid4().hex}"
        # Files are copied in two thirds of the time in which pages are logged, and dropped sooner.
        self._execute(f"CREATE DATABASE {name} TEMPLATE {self._template} STRATEGY FILE_COPY")
        with self._connected(name) as db:
            self._schemas[name] = db.execute(_SCHEMA).fetchone()
        return name

    def give_back(self, name: str) -> None:
        """End whatever is connected to a database, and empty it. One with another schema is dropped."""
        with self._connected(name) as db:
            db.execute(_END_OTHERS)
            db.execute("SELECT pg_stat_reset()")
            changed = db.execute(_SCHEMA).fetchone() != self._schemas[name]
            if not changed:
                with db.transaction():
                    self._empty(db)
        if changed:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")
        else:
            self._spare.append(name)

    def _empty(self, db: psycopg.Connection) -> None:
        db.execute(_EMPTY)
        for table, rows in self._rows.items():
            again = sql.SQL("INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, %s::json)")
            db.execute(again.format(sql.Identifier(table)), [rows])

    def _connected(self, name: str) -> psycopg.Connection:
        return psycopg.connect(self._server, dbname=name, autocommit=True)

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as db:
            db.execute(statement.encode())


def _rows(db: psycopg.Connection, table: str) -> str | None:
    """Return the rows of a table as JSON, None if there are none."""
    query = sql.SQL("SELECT json_agg(one)::text FROM {} AS one").format(sql.Identifier(table))
    found = db.execute(query).fetchone()
    return None if found is None else found[0]
