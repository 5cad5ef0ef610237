"""Drafts from what is known inside: one click from an incident, or from a window of maintenance."""

from datetime import datetime

from sqlalchemy import Connection

from alerting import desk
from alerting.incident import State
from heartbeat import definitions, windows
from heartbeat.checks import symptoms
from heartbeat.config.public import StatusPage
from heartbeat.status import announcement, draft, editor, health, store
from heartbeat.status.announcement import Affected, Announcement, NotSo
from heartbeat.status.editor import NoAnnouncement, page_of
from heartbeat.who import Who


def from_incident(db: Connection, who: Who, slug: str, number: int, now: datetime) -> Announcement:
    """A draft about an incident for this page. The same again gives the one that there is.

    Raises `NoPage`, `NoAnnouncement` where there is no such incident, and `NotSo` where it touches nothing there.
    """
    page = page_of(db, slug)
    # Of two that ask at once, the second gets what the first has made.
    definitions.wait_for_turn(db)
    there = store.drafted_from(db, slug, number)
    if there is not None:
        return editor.known(db, there)
    affected, since = concerned(db, page, number)
    if not affected:
        raise NotSo(
            f"Nothing on the page {page.title!r} belongs to incident {number}. Write an announcement by hand."
        )
    wanted = draft.incident(page, affected, since, now)
    return editor.make(db, who, slug, wanted, now, incident_id=number)


def from_window(db: Connection, who: Who, slug: str, number: int, now: datetime) -> Announcement:
    """A draft about a window of maintenance for this page. The same again, and what it raises: as `from_incident`."""
    page = page_of(db, slug)
    definitions.wait_for_turn(db)
    there = store.drafted_from_window(db, slug, number)
    if there is not None:
        return editor.known(db, there)
    window = windows.load(db, number)
    if window is None:
        raise NoAnnouncement(f"There is no maintenance {number}.")
    matched = [labels for labels in store.labels(db) if window.match.items() <= labels.items()]
    affected = draft.touched(page, matched, health.rows(page, store.bearings(db), ()))
    wanted = draft.maintenance(window.title, window.description, affected, window.starts_at, window.ends_at)
    return editor.make(db, who, slug, wanted, now, maintenance_id=number)


def concerned(db: Connection, page: StatusPage, number: int) -> tuple[tuple[Affected, ...], datetime]:
    """What of a page an incident touches, and since when. Raises `NoAnnouncement`."""
    found = desk.dossier(db, number)
    if found is None:
        raise NoAnnouncement(f"There is no incident {number}.")
    standing = [one for one in found.symptoms if one.cleared_at is None]
    relevant = found.symptoms if found.incident.state is State.RESOLVED else standing
    ids = list(symptoms.check_ids(symptom.key for symptom in relevant).values())
    claims = announcement.claims(store.open_of(db, page.slug))
    rows = health.rows(page, store.bearings(db), claims)
    return draft.touched(page, store.labels(db, ids), rows), found.incident.opened_at
