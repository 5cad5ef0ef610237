"""Column types, names of constraints, and statements that write many rows at once.

All stores use this room. A statement over many rows is one round trip on PostgreSQL (arrays, `unnest`) and one
prepared statement on SQLite (`executemany`), because this is quick on each of them.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from types import NoneType
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    FromClause,
    Integer,
    MetaData,
    ScalarSelect,
    Table,
    Text,
    any_,
    cast,
    column,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import DateTime, TypeDecorator, TypeEngine, UserDefinedType

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING)
_ENCODER = json.JSONEncoder(separators=(",", ":"))
QUARTER = 900
"""Seconds of a quarter of an hour."""
DIFFERENT = 1000
"""The number of texts of one column whose values are cached."""
Row = Mapping[str, Any]


class Utc(TypeDecorator[datetime]):
    """An instant: aware when written, aware in UTC when read, also on SQLite, which stores no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"An instant must carry its zone; {value!r} has none.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # as above
        if value is None or value.tzinfo is UTC:
            return value
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Frozen(TypeDecorator[Any]):
    """A frozen value that is stored as JSON: `write` returns its JSON, `read` restores the value.

    Equal texts are read once, however many rows hold them: in a storm thousands share a policy or a schedule.
    """

    impl = JSON
    cache_ok = True

    def __init__(
        self, write: Callable[[Any], Any], read: Callable[[Any], Any], different: int = DIFFERENT
    ) -> None:
        super().__init__()
        self.write = write
        self.read = read
        self.text = lru_cache(different)(lambda value: _json(write(value)))
        self._value = lru_cache(different)(lambda text: read(json.loads(text)))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  # SQLAlchemy's signature
        """Return the JSON for the row."""
        return self.write(value)

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Select the text: psycopg would parse it again for each row."""
        return type_coerce(cast(column, Text), self)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], Any]:  # noqa: ARG002  # as above
        """Restore the value; NULL stays None."""
        return lambda text: None if text is None else self._value(text)


def key_type() -> TypeEngine[int]:
    """Return the type of a row's number: 64 bits on PostgreSQL, the rowid on SQLite."""
    return BigInteger().with_variant(Integer, "sqlite")


def sqlite_instant(at: datetime) -> str:
    """Return an instant as `Utc` writes it on SQLite, for statements that are written by hand."""
    return at.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def postgres_array(values: Sequence[object]) -> str:
    """Return an array as PostgreSQL reads it. psycopg writes a list element by element, at several times the cost."""
    if values and values.count(values[0]) == len(values):
        # Most columns of a batch hold the same value in every row.
        return "{" + ",".join([_ELEMENTS[type(values[0])](values[0])] * len(values)) + "}"
    return "{" + ",".join([_ELEMENTS[type(value)](value) for value in values]) + "}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


_ELEMENTS: Mapping[type, Callable[[Any], str]] = {
    NoneType: lambda _: "NULL",
    bool: str,
    int: str,
    float: str,
    str: _quoted,
    bytes: lambda value: '"\\\\x' + value.hex() + '"',
    datetime: datetime.isoformat,
    UUID: str,
}


class _ArrayText(UserDefinedType[str]):
    """An array that is written as text and that PostgreSQL reads when it is bound.

    The planner then knows its length, and uses an index or a hash instead of comparing each element in every row.
    """

    cache_ok = True
    render_bind_cast = True

    def __init__(self, element: str) -> None:
        self.element = element

    def get_col_spec(self, **_kw: object) -> str:
        """The type's name."""
        return f"{self.element}[]"


def array_of(kind: TypeEngine[Any], values: Collection[Any]) -> ColumnElement[Any]:
    """Return many values of a type as one parameter for PostgreSQL."""
    return literal(postgres_array(list(values)), _ArrayText(_pg_type(kind)))


def among(db: Connection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Return the condition that the column is one of many values.

    PostgreSQL takes them as one array: hundreds of parameters cost more to write and to parse than to look up.
    """
    if db.dialect.name == "postgresql":
        return column == any_(array_of(column.type, values))
    return column.in_(values)


def listed(db: Connection, values: Collection[str]) -> tuple[ColumnElement[str], FromClause]:
    """Return many texts as a table of one column, for a subquery of each: the column, and the table."""
    if db.dialect.name == "postgresql":
        table = (
            func.unnest(array_of(Text(), values))
            .table_valued(column("value", Text), name="listed")
            .render_derived()
        )
    else:
        table = func.json_each(json.dumps(list(values))).table_valued(column("value", Text))
    return table.c.value, table


def quarter(db: Connection, instant: ColumnElement[datetime]) -> ColumnElement[int]:
    """Return the quarter of an hour of an instant, counted from 1970 in UTC."""
    if db.dialect.name == "postgresql":
        return cast(func.floor(func.extract("epoch", instant) / QUARTER), BigInteger)
    return cast(func.strftime("%s", instant), Integer) // QUARTER


def earliest(instants: Column[datetime], *conditions: ColumnElement[bool]) -> ScalarSelect[datetime]:
    """Return the first instant in an indexed column: one step into the index, and quicker to plan than `min`."""
    filled = select(instants).where(instants.is_not(None), *conditions)
    return filled.order_by(instants).limit(1).scalar_subquery()


def insert_many(
    db: Connection, table: Table, rows: Sequence[Row], *, on_conflict: str = "", returning: Sequence[str] = ()
) -> list[tuple[Any, ...]]:
    """Insert all `rows`, which must share one set of keys. `on_conflict` is a clause in SQL.

    Return the values of the columns `returning`, in any order.
    """
    if not rows:
        return []
    names = list(rows[0])
    back = f" RETURNING {', '.join(returning)}" if returning else ""
    into = f"INSERT INTO {table.name} ({', '.join(names)})"
    if db.dialect.name == "postgresql":
        statement = (
            f"{into} SELECT {_selected(table, names)} FROM {_unnested(table, names)} {on_conflict}{back}"
        )
        result = db.exec_driver_sql(statement, tuple(_array(table.c[name], rows) for name in names))
        return [tuple(row) for row in result] if returning else []
    marks = ", ".join("?" * len(names))
    statement = f"{into} VALUES ({marks}) {on_conflict}{back}"
    values = list(zip(*(_plain(table.c[name], rows) for name in names), strict=True))
    if not returning:
        db.exec_driver_sql(statement, values)
        return []
    return [tuple(row) for of_row in values for row in db.exec_driver_sql(statement, of_row)]


def update_many(db: Connection, table: Table, rows: Sequence[Row], *, where: str = "") -> None:
    """Set columns of the rows named by `id`. `where` is a further condition in SQL."""
    if not rows:
        return
    names = [name for name in rows[0] if name != "id"]
    narrowed = f" AND {where}" if where else ""
    if db.dialect.name == "postgresql":
        columns = ["id", *names]
        sets = ", ".join(f"{name} = v.{name}::{_pg_type(table.c[name].type)}" for name in names)
        statement = (
            f"UPDATE {table.name} SET {sets} FROM {_unnested(table, columns)} "
            f"WHERE {table.name}.id = v.id{narrowed}"
        )
        db.exec_driver_sql(statement, tuple(_array(table.c[name], rows) for name in columns))
        return
    sets = ", ".join(f"{name} = ?" for name in names)
    values = list(zip(*(_plain(table.c[name], rows) for name in [*names, "id"]), strict=True))
    db.exec_driver_sql(f"UPDATE {table.name} SET {sets} WHERE id = ?{narrowed}", values)


@cache
def _pg_type(kind: TypeEngine[Any]) -> str:
    return kind.compile(postgresql.dialect())  # type: ignore[no-untyped-call]  # untyped upstream


def _array_type(column: Column[Any]) -> str:
    return "TEXT" if isinstance(column.type, JSON | Frozen) else _pg_type(column.type)


def _unnested(table: Table, names: Sequence[str]) -> str:
    arrays = ", ".join(f"%s::{_array_type(table.c[name])}[]" for name in names)
    return f"unnest({arrays}) AS v({', '.join(names)})"


def _selected(table: Table, names: Sequence[str]) -> str:
    return ", ".join(f"v.{name}::{_pg_type(table.c[name].type)}" for name in names)


def _array(column: Column[Any], rows: Sequence[Row]) -> str:
    return postgres_array(_written(column, rows))


def _plain(column: Column[Any], rows: Sequence[Row]) -> list[Any]:
    values = _written(column, rows)
    if isinstance(column.type, Utc):
        return [None if value is None else sqlite_instant(value) for value in values]
    return values


def _written(column: Column[Any], rows: Sequence[Row]) -> list[Any]:
    values = [row[column.name] for row in rows]
    match column.type:
        case Frozen() as kind:
            return [kind.text(value) for value in values]
        case JSON():
            return [_json(value) for value in values]
    return values


def _json(value: Any) -> str | None:
    return None if value is None else _ENCODER.encode(value)
