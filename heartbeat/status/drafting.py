"""Drafts of announcements, made from an incident or from a maintenance window."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerting import desk
from alerting.incident import Incident, State
from heartbeat.actor import Actor
from heartbeat.checks import maintenance_store
from heartbeat.checks.maintenance import Kind
from heartbeat.checks.symptoms import check_ids
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.status_page import StatusPage
from heartbeat.status import draft, editor, health, standing, store
from heartbeat.status.announcement import Affected, Announcement, AnnouncementFields, InvalidAnnouncement
from heartbeat.status.editor import NoAnnouncement, page_of
from heartbeat.status.health import ServiceRow


def from_incident(db: Connection, actor: Actor, slug: str, number: int, now: datetime) -> Announcement:
    """Return a draft about an incident for this page. Calling it again returns the same announcement.

    Raises `NoPage`, `NoAnnouncement` for an unknown incident, and `InvalidAnnouncement` if it affects nothing there.
    """
    page = page_of(db, slug)
    # Of two calls at once, the second returns the draft of the first.
    definition_store.wait_for_turn(db)
    existing = store.drafted_from(db, slug, number)
    if existing is not None:
        return editor.announcement_of(db, existing)
    dossier = going_on(db, number)
    if dossier is None:
        raise NoAnnouncement(f"There is no incident {number}.")
    existing = store.drafted_from(db, slug, dossier.incident.id)
    if existing is not None:
        return editor.announcement_of(db, existing)
    affected, rows = affected_by(db, page, dossier, now)
    if not affected:
        raise InvalidAnnouncement(
            f"Nothing on the page {page.title!r} belongs to incident {number}. Write an announcement by hand."
        )
    fields = _fields(page, dossier.incident, affected, rows, now)
    return editor.make(db, actor, slug, fields, now, incident_id=dossier.incident.id)


def from_window(db: Connection, actor: Actor, slug: str, number: int, now: datetime) -> Announcement:
    """Return a draft about a maintenance window for this page, like `from_incident`."""
    page = page_of(db, slug)
    definition_store.wait_for_turn(db)
    window = maintenance_store.load(db, number, now)
    if window is None or window.kind is Kind.SILENCE:
        raise NoAnnouncement(f"There is no maintenance {number}.")
    existing = store.drafted_from_window(db, slug, window)
    if existing is not None:
        return editor.announcement_of(db, existing)
    matching = [labels for labels in store.labels(db) if window.match.items() <= labels.items()]
    affected = draft.affected_components(page, matching, health.rows(page, store.check_counts(db), ()))
    fields = draft.maintenance(window.title, window.description, affected, window.starts_at, window.ends_at)
    return editor.make(db, actor, slug, fields, now, maintenance_id=number)


def going_on(db: Connection, number: int) -> desk.Dossier | None:
    """Return an incident, or the one in which it goes on because somebody merged it. None if there is none."""
    dossier = desk.dossier(db, number)
    while dossier is not None and dossier.incident.merged_into is not None:
        dossier = desk.dossier(db, dossier.incident.merged_into)
    return dossier


def affected_by(
    db: Connection, page: StatusPage, dossier: desk.Dossier, now: datetime
) -> tuple[tuple[Affected, ...], Sequence[ServiceRow]]:
    """Return the components that an incident affects, and all rows of the page as they are now.

    Once nothing is down any more, it is all that it has affected.
    """
    down = [symptom for symptom in dossier.symptoms if symptom.cleared_at is None]
    is_over = dossier.incident.state is State.RESOLVED or dossier.incident.recovering
    ids = list(check_ids(symptom.key for symptom in (dossier.symptoms if is_over else down)).values())
    stands = standing.at(db, page, store.check_counts(db), store.open_of(db, page.slug), now)
    return draft.affected_components(page, store.labels(db, ids), stands.rows), stands.rows


def _fields(
    page: StatusPage,
    incident: Incident,
    affected: tuple[Affected, ...],
    rows: Sequence[ServiceRow],
    now: datetime,
) -> AnnouncementFields:
    """Return the draft in the words that fit how the incident stands."""
    if incident.ended_at is not None:
        return draft.past_incident(page, affected, rows, incident.opened_at, incident.ended_at, now)
    if incident.recovering:
        return draft.recovering_incident(page, affected, rows, incident.opened_at, now)
    return draft.incident(page, affected, incident.opened_at, now)
