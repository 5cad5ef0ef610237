"""What happens to incidents: all of it in their timelines, and their life in the log of the process.

The log has a line each for an incident that opened, is held, paged, was answered, pages again, or was resolved, with
its number. Where a storm brings many of a kind in one transaction, one line stands for all.
"""

import logging
from collections.abc import Mapping, Sequence
from functools import partial

from sqlalchemy import Connection

from alerting import after_commit, store
from alerting.incident import Entry, State

LINES = 10
"""Lines of one kind that one transaction writes; more become one line."""
LIFE = ("reopened", "held", "paged", State.ACKNOWLEDGED.value, State.SNOOZED.value, State.RESOLVED.value)
"""Kinds of entries that are logged. What a human notes and what jobs say stays in the timeline."""

log = logging.getLogger(__name__)


def write(db: Connection, entries: Sequence[Entry]) -> None:
    """Add lines to timelines, and to the log once that is committed."""
    store.write(db, entries)
    for kind in LIFE:
        of_kind = [entry for entry in entries if entry.kind == kind]
        if of_kind:
            after_commit.then(db, partial(_tell, kind, of_kind))


def opened(db: Connection, titles: Mapping[int, str]) -> None:
    """Log that these incidents have opened, by number, once that is committed."""
    if titles:
        after_commit.then(db, partial(_tell_opened, titles))


def _tell(kind: str, entries: Sequence[Entry]) -> None:
    if len(entries) > LINES:
        _tell_many(kind, [entry.incident_id for entry in entries])
        return
    for entry in entries:
        says_so = entry.words.startswith((kind, "paging again"))
        words = entry.words if says_so else f"{kind}: {entry.words}"
        by = {"by": entry.by} if entry.by else {}
        log.info("incident %d %s", entry.incident_id, words, extra=_about(kind, entry.incident_id) | by)


def _tell_opened(titles: Mapping[int, str]) -> None:
    if len(titles) > LINES:
        _tell_many("opened", list(titles))
        return
    for number, title in titles.items():
        log.info("incident %d opened: %s", number, title, extra=_about("opened", number))


def _tell_many(kind: str, numbers: Sequence[int]) -> None:
    first = sorted(numbers)[:LINES]
    shown = ", ".join(map(str, first))
    extra = {"event": kind, "count": len(numbers), "incidents": first}
    log.info("%d incidents %s: %s and more", len(numbers), kind, shown, extra=extra)


def _about(kind: str, number: int) -> dict[str, object]:
    return {"event": kind, "incident": number}
