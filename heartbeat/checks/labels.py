"""The SQL of labels."""

import json
from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, Text, cast, func, or_

from heartbeat.checks.tables import checks


def labelled(db: Connection, match: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """Return the conditions that a check has all of these labels.

    Labels are stored as JSON, with or without a space after a colon. JSON is slow to read, and needs not be: a quote
    within a name or a value has a backslash before it, so that a label's text stands there only for itself.
    """
    text = cast(checks.c.labels, Text)
    return [
        or_(*(occurs(db, f"{json.dumps(name)}{colon}{json.dumps(value)}", text) for colon in (":", ": ")))
        for name, value in match.items()
    ]


def occurs(db: Connection, part: str, text: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that a part occurs in a text, exactly."""
    place = func.strpos if db.dialect.name == "postgresql" else func.instr
    return place(text, part) > 0
