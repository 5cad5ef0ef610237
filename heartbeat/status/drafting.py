"""Drafts of announcements, made from an incident or from a maintenance window."""

from datetime import datetime

from sqlalchemy import Connection

from alerting import desk
from alerting.incident import State
from heartbeat.actor import Actor
from heartbeat.checks import maintenance_store
from heartbeat.checks.maintenance import Kind
from heartbeat.checks.symptoms import check_ids
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.status_page import StatusPage
from heartbeat.status import draft, editor, health, standing, store
from heartbeat.status.announcement import Affected, Announcement, InvalidAnnouncement
from heartbeat.status.editor import NoAnnouncement, page_of


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
    affected, since = affected_by(db, page, number, now)
    if not affected:
        raise InvalidAnnouncement(
            f"Nothing on the page {page.title!r} belongs to incident {number}. Write an announcement by hand."
        )
    fields = draft.incident(page, affected, since, now)
    return editor.make(db, actor, slug, fields, now, incident_id=number)


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


def affected_by(
    db: Connection, page: StatusPage, number: int, now: datetime
) -> tuple[tuple[Affected, ...], datetime]:
    """Return the components of a page that an incident affects, and its start. Raises `NoAnnouncement`."""
    dossier = desk.dossier(db, number)
    if dossier is None:
        raise NoAnnouncement(f"There is no incident {number}.")
    open_symptoms = [symptom for symptom in dossier.symptoms if symptom.cleared_at is None]
    symptoms = dossier.symptoms if dossier.incident.state is State.RESOLVED else open_symptoms
    ids = list(check_ids(symptom.key for symptom in symptoms).values())
    stands = standing.at(db, page, store.check_counts(db), store.open_of(db, page.slug), now)
    affected = draft.affected_components(page, store.labels(db, ids), stands.rows)
    return affected, dossier.incident.opened_at
