"""Merges and splits incidents: see `regrouping`, which decides. Each function works inside the caller's transaction."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from alerting import gather, outbox, recovery, regrouping, store, symptom_store, timeline
from alerting.answer import Missing
from alerting.incident import MERGED, Entry, Incident, Pace, State
from alerting.notice import NoticeKind
from alerting.regrouping import Merged, Split, Unmergeable
from alerting.tell import tell


def regrouped(db: Connection, incidents: Collection[Incident]) -> set[int]:
    """Return the numbers of those that have taken in others, or were split off others."""
    split_off = {incident.id for incident in incidents if incident.is_split}
    return split_off | store.taken_in(db, [incident.id for incident in incidents])


def merge(
    db: Connection,
    source: int,
    target: int,
    by: str,
    now: datetime,
    pace: Pace,
    *,
    by_person: str | None = None,
) -> Merged | Unmergeable | Missing:
    """Put an incident into another one, for a human. Those who were paged for it are told where it went."""
    locked = store.lock(db, {source, target})
    if source not in locked or target not in locked:
        return Missing()
    symptoms = symptom_store.symptoms_of(db, [source])[source]
    outcome = regrouping.merge(locked[source], locked[target], symptoms, by, now, pace)
    if not isinstance(outcome, Merged) or outcome.repeated:
        return outcome
    line = outcome.words
    store.save(db, [outcome.source])
    store.save_merged(db, source, target)
    outbox.supersede(db, [source], tuple(NoticeKind))
    leaving = [symptom.id for symptom in (*outcome.moved, *outcome.settling)]
    symptom_store.move(db, leaving, target, line, now)
    gather.save_counted(db, [outcome.target], now)
    joined = f"incident {source} was merged into this one by {by}: {regrouping.titles(outcome.moved)}"
    timeline.write(
        db,
        [
            Entry(source, now, State.RESOLVED.value, line, by),
            Entry(target, now, MERGED, joined, by),
        ],
    )
    tell(db, NoticeKind.RECOVERED, [(outcome.source, line)], now, by_person)
    return outcome


def split(
    db: Connection, incident_id: int, keys: Collection[str], by: str, now: datetime, pace: Pace
) -> tuple[Split, int] | Unmergeable | Missing:
    """Take symptoms out of an incident into one of their own, for a human. Return it with its number."""
    incident = store.lock(db, [incident_id]).get(incident_id)
    if incident is None:
        return Missing()
    symptoms = symptom_store.symptoms_of(db, [incident_id])[incident_id]
    outcome = regrouping.split(incident, symptoms, keys, by, now, pace)
    if not isinstance(outcome, Split):
        return outcome
    (number,) = store.insert_incidents(db, [outcome.new]).values()
    timeline.opened(db, {number: outcome.new.title})
    moved = outcome.words(number)
    lines = [Entry(incident_id, now, "moved", f"{symptom.title} {moved}", by) for symptom in outcome.moved]
    lines.append(
        Entry(
            number,
            now,
            "down",
            f"split from incident {incident_id} by {by}: {regrouping.titles(outcome.moved)}",
            by,
        )
    )
    recovery.take_out(db, [(symptom, moved) for symptom in outcome.moved], lines, now, pace)
    symptom_store.copy_untold(db, {symptom.id: number for symptom in outcome.moved})
    return outcome, number
