"""The SQL of labels."""

import json
from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, Text, case, cast, false, func

from heartbeat.checks.tables import checks


def labelled(db: Connection, match: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """Return the conditions that a check has all of these labels.

    Labels are JSON, which is slow to read. Only those that contain the text of the value are read.
    """
    text = cast(checks.c.labels, Text)
    return [
        case((occurs(db, json.dumps(value), text), checks.c.labels[name].as_string() == value), else_=false())
        for name, value in match.items()
    ]


def occurs(db: Connection, part: str, text: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that a part occurs in a text, exactly."""
    place = func.strpos if db.dialect.name == "postgresql" else func.instr
    return place(text, part) > 0
