"""The numbers of rows that were deleted, so that none is given twice.

PostgreSQL never gives a number again. SQLite gives that of the last row again once it is deleted, unless the table was
made with AUTOINCREMENT, which no migration can add to a table. Links and lines of the audit log would lead to another
row.
"""

from sqlalchemy import Connection, Table, func, select

from heartbeat import installation


def keep(db: Connection, table: Table, number: int) -> None:
    """Note the number of a row that is deleted, where the database would give it again."""
    if db.dialect.name == "sqlite" and number > (_last(db, table) or 0):
        installation.remember(db, _fact(table), number)


def following(db: Connection, table: Table) -> dict[str, int]:
    """Return the value of `id` for a new row; nothing if the database itself gives one that no row has had."""
    last = _last(db, table) if db.dialect.name == "sqlite" else None
    if last is None:
        return {}
    highest = db.execute(select(func.max(table.c.id))).scalar() or 0
    return {"id": max(last, highest) + 1}


def _last(db: Connection, table: Table) -> int | None:
    last: int | None = installation.recall(db, _fact(table))
    return last


def _fact(table: Table) -> str:
    return f"last number of {table.name}"
