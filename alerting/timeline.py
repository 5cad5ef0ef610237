"""Writes the timelines of incidents, and their life to the log of the process.

The log has a line for each incident that opens, is held, pages, is answered, pages again, or is resolved, with its
number. If one transaction writes many lines of a kind, one line stands for all.
"""

import logging
from collections.abc import Mapping, Sequence
from functools import partial

from sqlalchemy import Connection

from alerting import after_commit, store, timeline_store
from alerting.incident import Entry, State

LINES = 10
"""The most log lines of one kind that one transaction writes; more become one line."""
LIFE = (
    "reopened",
    "held",
    "paged",
    "reassigned",
    "withdrawn",
    State.ACKNOWLEDGED.value,
    State.SNOOZED.value,
    State.RESOLVED.value,
)
"""The kinds of entries that are logged. Notes, and the words of jobs and providers, stay in the timeline."""

log = logging.getLogger(__name__)


def write(db: Connection, entries: Sequence[Entry]) -> None:
    """Add lines to timelines, and to the log after the commit."""
    timeline_store.write(db, entries)
    for kind in LIFE:
        of_kind = [entry for entry in entries if entry.kind == kind and entry.incident_id != store.DRILL]
        if of_kind:
            after_commit.then(db, partial(_tell, kind, of_kind))


def opened(db: Connection, titles: Mapping[int, str]) -> None:
    """Log incidents that have opened, by number, after the commit."""
    if titles := {number: title for number, title in titles.items() if number != store.DRILL}:
        after_commit.then(db, partial(_tell_opened, titles))


def _tell(kind: str, entries: Sequence[Entry]) -> None:
    if len(entries) > LINES:
        _tell_many(kind, [entry.incident_id for entry in entries])
        return
    for entry in entries:
        names_kind = entry.words.startswith((kind, "paging again", "no longer held"))
        line = entry.words if names_kind else f"{kind}: {entry.words}"
        by = {"by": entry.by} if entry.by else {}
        log.info("incident %d %s", entry.incident_id, line, extra=_fields(kind, entry.incident_id) | by)


def _tell_opened(titles: Mapping[int, str]) -> None:
    if len(titles) > LINES:
        _tell_many("opened", list(titles))
        return
    for number, title in titles.items():
        log.info("incident %d opened: %s", number, title, extra=_fields("opened", number))


def _tell_many(kind: str, numbers: Sequence[int]) -> None:
    first = sorted(numbers)[:LINES]
    extra = {"event": kind, "count": len(numbers), "incidents": first}
    log.info("%d incidents %s: %s and more", len(numbers), kind, ", ".join(map(str, first)), extra=extra)


def _fields(kind: str, number: int) -> dict[str, object]:
    return {"event": kind, "incident": number}
