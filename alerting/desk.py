"""The one door into alerting: raise and clear symptoms, answer incidents, define people and policies.

Every function works inside the caller's transaction: a check's state, its incident and the intent to page are
written together or not at all. Outcomes are values; see `alerting.incident`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from alerting import attempts as attempt_store
from alerting import contact_code_store as contact_code_store
from alerting import gather, incident_lists, outbox, recovery, store, symptom_store, timeline, timeline_store
from alerting import imported_calendars as imported_calendars
from alerting import notifier_settings as notifier_settings
from alerting import paging_history as paging_history
from alerting import polls as polls
from alerting.answering import DIGEST_AT_ONCE as DIGEST_AT_ONCE
from alerting.answering import DigestAnswer as DigestAnswer
from alerting.answering import acknowledge as acknowledge
from alerting.answering import acknowledge_digest as acknowledge_digest
from alerting.answering import lock as lock
from alerting.answering import page_next as page_next
from alerting.answering import reassign as reassign
from alerting.answering import resolve as resolve
from alerting.answering import snooze as snooze
from alerting.answering import take_over as take_over
from alerting.answering import withdraw as withdraw
from alerting.attempts import Attempt as Attempt
from alerting.attempts import last_attempts as last_attempts
from alerting.attempts import told as told
from alerting.breaker_store import failing_notifiers as failing_notifiers
from alerting.calendar_feeds import Feed as Feed
from alerting.calendar_feeds import Noun as Noun
from alerting.calendar_feeds import feed_by_id as feed_by_id
from alerting.calendar_feeds import feed_of as feed_of
from alerting.calendar_feeds import make_feed as make_feed
from alerting.calendar_feeds import revoke_feed as revoke_feed
from alerting.definitions import add_device as add_device
from alerting.definitions import catch_all as catch_all
from alerting.definitions import contact_proofs as contact_proofs
from alerting.definitions import crew as crew
from alerting.definitions import crew_of_rotations as crew_of_rotations
from alerting.definitions import define_catch_all as define_catch_all
from alerting.definitions import define_person as define_person
from alerting.definitions import define_policy as define_policy
from alerting.definitions import define_rotation as define_rotation
from alerting.definitions import define_team as define_team
from alerting.definitions import defined_people as defined_people
from alerting.definitions import devices_at as devices_at
from alerting.definitions import devices_of as devices_of
from alerting.definitions import forget_catch_all as forget_catch_all
from alerting.definitions import forget_person as forget_person
from alerting.definitions import forget_policy as forget_policy
from alerting.definitions import forget_rotation as forget_rotation
from alerting.definitions import forget_team as forget_team
from alerting.definitions import install as install
from alerting.definitions import notifier_setups as notifier_setups
from alerting.definitions import notifiers as notifiers
from alerting.definitions import overrides as overrides
from alerting.definitions import people as people
from alerting.definitions import person_of_user as person_of_user
from alerting.definitions import policies as policies
from alerting.definitions import prove as prove
from alerting.definitions import record_test_page as record_test_page
from alerting.definitions import refute as refute
from alerting.definitions import remove_device as remove_device
from alerting.definitions import renew_device as renew_device
from alerting.definitions import reseal_person as reseal_person
from alerting.definitions import reseal_rotation as reseal_rotation
from alerting.definitions import rotations as rotations
from alerting.definitions import teams as teams
from alerting.devices import Device as Device
from alerting.digest_members import digest_incidents as digest_incidents
from alerting.digest_members import digest_states as digest_states
from alerting.imported_calendars import Imported as Imported
from alerting.incident import Entry, Hold, Incident, Pace, RaisedSymptom, State, Symptom, Wider
from alerting.incident_lists import lately_about as lately_about
from alerting.notice_ids import Named as Named
from alerting.notice_ids import NamedDigest as NamedDigest
from alerting.notice_ids import NamedPage as NamedPage
from alerting.notice_ids import NamedTest as NamedTest
from alerting.notice_ids import named as named
from alerting.notice_ids import sent_under as sent_under
from alerting.outbox import Page as Page
from alerting.proof import NO_PROOF as NO_PROOF
from alerting.proof import Proof as Proof
from alerting.receipts import known_ids as known_ids
from alerting.receipts import receipt as receipt
from alerting.regroup import merge as merge
from alerting.regroup import regrouped as regrouped
from alerting.regroup import split as split
from alerting.relief import Relief as Relief
from alerting.relief import relieve as relieve
from alerting.report import report as report
from alerting.retiming import retime_incidents as retime_incidents
from alerting.retiming import retime_pages as retime_pages
from alerting.rotation_store import Kept as Kept
from alerting.rotation_store import Swap as Swap
from alerting.rotation_store import add_override as add_override
from alerting.rotation_store import answer_swap as answer_swap
from alerting.rotation_store import propose_swap as propose_swap
from alerting.rotation_store import proposed_swaps as proposed_swaps
from alerting.rotation_store import remove_override as remove_override
from alerting.store import open_about as open_about
from alerting.symptom_store import standing as standing
from alerting.timeline_store import newest_entries as newest_entries
from alerting.timeline_store import timeline_ends as timeline_ends
from alerting.waiting import Move as Move
from alerting.waiting import anything_waits as anything_waits
from alerting.waiting import forget as forget
from alerting.waiting import move as move
from alerting.waiting import next_turn as next_turn
from alerting.waiting import turning as turning
from alerting.waiting import with_incidents as with_incidents
from alerting.workload import Workload as Workload
from alerting.workload import workload as workload

PACE = Pace()


@dataclass(frozen=True, slots=True)
class Dossier:
    """An incident with its symptoms, its timeline, and its pages with their attempts."""

    incident: Incident
    symptoms: list[RaisedSymptom]
    timeline: list[Entry]
    pages: list[Page]
    attempts: list[Attempt]


def raise_(
    db: Connection,
    symptoms: Sequence[Symptom],
    now: datetime,
    pace: Pace = PACE,
    wider: Mapping[str, Wider] = gather.NOTHING_WIDER,
) -> None:
    """Raise symptoms. Each joins the open incident of its cause, or opens one.

    First, the open incidents of the causes in `wider` get the causes that they have from now on.

    A symptom that stands already stays in its incident, whatever its cause is now: its facts are renewed, and a cause
    that people do not know is news. One whose recovery has not settled returns to its incident.
    """
    gather.raise_(db, symptoms, now, pace, wider)


def clear(
    db: Connection, reasons: Mapping[str, str], now: datetime, pace: Pace = PACE, *, by: str | None = None
) -> None:
    """Clear symptoms by key, each with its reason. The last one to clear lets its incident recover.

    If somebody does it, such as by deleting a check, `by` is their name, and the incident is over at once.
    """
    raised = symptom_store.raised_of(db, reasons.keys())
    recovery.clear(db, [(symptom, reasons[symptom.key]) for symptom in raised], now, pace, by)


def rename_symptoms(db: Connection, keys: Mapping[str, str]) -> None:
    """Give the symptoms of these keys new keys, such as those of something that no longer exists."""
    symptom_store.rename_symptoms(db, keys)


def foresee(
    db: Connection, symptom: Symptom, now: datetime, pace: Pace = PACE
) -> tuple[Incident, list[RaisedSymptom]]:
    """Return the incident that `raise_` would give the symptom, with all its symptoms. Writes nothing.

    The incident has the number 0 if it would be opened.
    """
    return gather.foresee(db, symptom, now, pace)


def paged_people(db: Connection, incident_id: int) -> list[str]:
    """Return everybody who was paged for an incident, by name."""
    return sorted(outbox.paged_people(db, [incident_id]).get(incident_id, ()))


def hold(
    db: Connection, holds: Mapping[str, Hold | None], now: datetime, pace: Pace = PACE
) -> dict[str, int]:
    """Hold symptoms by key, or (None) hold them no longer. Keys that are not raised are ignored.

    What people were told of is not silenced. Return by key the incident of each symptom that keeps paging.
    """
    return gather.hold(db, holds, now, pace)


def note(db: Connection, incident_id: int, by: str, text: str, now: datetime) -> bool:
    """Add a human's note to the timeline; False if there is no such incident."""
    if store.load(db, incident_id) is None:
        return False
    timeline.write(db, [Entry(incident_id, now, "note", text, by)])
    return True


def dossier(db: Connection, incident_id: int) -> Dossier | None:
    """Return an incident with everything that belongs to it."""
    incident = store.load(db, incident_id)
    if incident is None:
        return None
    return Dossier(
        incident,
        symptom_store.symptoms_of(db, [incident_id])[incident_id],
        timeline_store.timeline_of(db, incident_id),
        outbox.pages_of(db, incident_id),
        attempt_store.attempts_of(db, incident_id),
    )


def incident(db: Connection, incident_id: int) -> Incident | None:
    """Return an incident alone."""
    return store.load(db, incident_id)


def drill(db: Connection) -> Incident | None:
    """Return the drill: the incident of a symptom with the policy `escalation.DRILL`. No other function lists it."""
    return store.load(db, store.DRILL)


def end_drill(db: Connection) -> None:
    """Forget the drill, whatever becomes of its page."""
    store.remove_drill(db)


def is_drill(incident_id: int) -> bool:
    """Return whether this is the number of the drill."""
    return incident_id == store.DRILL


def opened_at(db: Connection, incident_id: int) -> datetime | None:
    """Return the time at which an incident opened, None if there is none of this number."""
    return store.opened_at(db, incident_id)


def incidents(
    db: Connection, *, open_only: bool = False, limit: int = 100, older_than: int | None = None
) -> list[Incident]:
    """Return incidents, newest first; those with a number below `older_than`."""
    return incident_lists.newest(db, open_only=open_only, limit=limit, older_than=older_than)


def open_incidents(db: Connection, limit: int, offset: int = 0) -> list[Incident]:
    """Return incidents that are not resolved, most urgent first: see `incident_lists.going_on`."""
    return incident_lists.going_on(db, limit, offset)


def mergeable(db: Connection, incident: Incident, limit: int) -> list[Incident]:
    """Return the open incidents into which this one can be merged, most urgent first: those of its policy."""
    return incident_lists.mergeable(db, incident, limit)


def past_incidents(db: Connection, limit: int, older_than: int | None = None) -> list[Incident]:
    """Return resolved incidents, newest first; those with a number below `older_than`."""
    return incident_lists.past(db, limit, older_than)


def count_open(db: Connection) -> dict[State, int]:
    """Count incidents that are not resolved, by state."""
    return incident_lists.count(db)


def count_recovering(db: Connection) -> dict[State, int]:
    """Count those of them that are recovering: everything in them is well."""
    return incident_lists.count_recovering(db)


def count_standing(db: Connection, causes: Collection[str]) -> int:
    """Count the incidents that opened for one of these causes, and are neither resolved nor recovering."""
    return incident_lists.count_standing(db, causes)


def incident_of(db: Connection, keys: Collection[str]) -> dict[str, int]:
    """Return the open incident of each of these symptoms, by key."""
    return {symptom.key: symptom.incident_id for symptom in symptom_store.raised_of(db, keys)}


def raised(db: Connection, keys: Collection[str]) -> list[RaisedSymptom]:
    """Return the symptoms of these keys that have not cleared."""
    return symptom_store.raised_of(db, keys)


def symptoms(db: Connection, incident_ids: Collection[int]) -> dict[int, list[RaisedSymptom]]:
    """Return all symptoms of these incidents, cleared ones included."""
    return symptom_store.symptoms_of(db, incident_ids)
