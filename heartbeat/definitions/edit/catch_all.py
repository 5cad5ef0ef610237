"""The catch-all that is defined outside of the file: the only definition of its kind, so it has no name."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from alerting import desk
from alerting.crew import CatchAll
from heartbeat.definitions import single as single_definition
from heartbeat.definitions.edit import crew
from heartbeat.definitions.kind import Edit, Kind
from heartbeat.written import one_or_more

ONLY: Final = ""
"""The name of the only one."""


def _read(edit: Edit, _name: str, fields: Mapping[str, object]) -> CatchAll:
    return single_definition.read_catch_all(fields, crew.scope(edit.db))


def load(db: Connection) -> dict[str, CatchAll]:
    """Return the catch-all as the only one of its kind; nothing while it is the terminal of the service."""
    defined = desk.catch_all(db)
    return {} if defined is None else {ONLY: defined}


def _written(_name: str, catch_all: CatchAll) -> dict[str, Any]:
    return {"page": one_or_more(catch_all.names)}


CATCH_ALL = Kind(
    name="catch_all",
    plural="catch_all",
    read=_read,
    load=load,
    put=lambda db, _name, catch_all: desk.define_catch_all(db, catch_all),
    remove=lambda db, _name: desk.forget_catch_all(db),
    written=_written,
)
