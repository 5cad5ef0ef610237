"""The one door into alerting: raise a symptom, clear it, answer an incident, say who can be paged.

Every function here works inside the caller's transaction, so that a check's state, its incident and the intent
to page are written together or not at all. Outcomes are values; see `alerting.incident`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import gather, grouping, outbox, roster, store, timeline
from alerting import incident as life
from alerting import notifier_settings as notifier_settings
from alerting.escalation import Policy
from alerting.incident import (
    GATHERING,
    Acknowledged,
    Entry,
    Hold,
    Incident,
    Missing,
    RaisedSymptom,
    Resolved,
    Snoozed,
    Stale,
    State,
    Symptom,
)
from alerting.notice import Kind
from alerting.notifiers.registry import Setup
from alerting.origin import Origin
from alerting.outbox import Attempt as Attempt
from alerting.outbox import Page as Page
from alerting.outbox import Workload as Workload
from alerting.outbox import known_ids as known_ids
from alerting.outbox import sent_as as sent_as
from alerting.person import OPERATOR, Person
from alerting.receipts import receipt as receipt
from alerting.store import lately_about as lately_about
from alerting.store import newest_entries as newest_entries
from alerting.store import timeline_ends as timeline_ends


@dataclass(frozen=True, slots=True)
class Dossier:
    """All that is known of one incident, for those who read it."""

    incident: Incident
    symptoms: list[RaisedSymptom]
    timeline: list[Entry]
    pages: list[Page]
    attempts: list[Attempt]


def raise_(
    db: Connection, symptoms: Sequence[Symptom], now: datetime, gathering: timedelta = GATHERING
) -> None:
    """These things are wrong. Each joins the open incident of its cause, or opens it.

    What stands raised already in the same incident only has its facts renewed. What stands raised in another
    incident (a job that was silent now says that it failed) moves: a different cause always pages afresh.
    """
    by_key = {symptom.key: symptom for symptom in symptoms}
    standing = {known.key: known for known in store.raised_of(db, by_key)}
    homes = store.lock(db, {known.incident_id for known in standing.values()})
    renewed = [
        (known.id, by_key[key])
        for key, known in standing.items()
        if homes[known.incident_id].cause_key == by_key[key].cause_key
    ]
    store.refresh_symptoms(db, renewed)
    moved = [known for key, known in standing.items() if known.id not in {number for number, _ in renewed}]
    _clear(
        db,
        [(known, f"now {by_key[known.key].words.word}") for known in moved],
        now,
        gathering,
        "a new cause",
        "its cause has changed",
    )
    gone = {known.key for known in moved}
    fresh = [symptom for key, symptom in by_key.items() if key not in standing or key in gone]
    if fresh:
        gather.join(db, fresh, now, gathering)


def clear(db: Connection, why: Mapping[str, str], now: datetime, gathering: timedelta = GATHERING) -> None:
    """These symptoms are gone, each for its reason. The last one to go resolves its incident."""
    standing = store.raised_of(db, why.keys())
    _clear(
        db,
        [(known, why[known.key]) for known in standing],
        now,
        gathering,
        "recovery",
        "all symptoms have cleared",
    )


def foresee(
    db: Connection, symptom: Symptom, now: datetime, gathering: timedelta = GATHERING
) -> tuple[Incident, list[RaisedSymptom]]:
    """What `raise_` would make of it: the incident (number 0 where it would be opened), and all that is wrong in it.

    Nothing is written.
    """
    return gather.foresee(db, symptom, now, gathering)


def paged_people(db: Connection, incident_id: int) -> list[str]:
    """Everybody who was paged for an incident, by name."""
    return sorted(outbox.paged_people(db, [incident_id]).get(incident_id, ()))


def hold(
    db: Connection, holds: Mapping[str, Hold | None], now: datetime, gathering: timedelta = GATHERING
) -> dict[str, int]:
    """From now on these symptoms are held until then, or (None) no longer; those that do not stand are passed over.

    What pages already is not silenced: gives back the incident of each symptom that therefore goes on ringing.
    """
    return gather.hold(db, holds, now, gathering)


def acknowledge(
    db: Connection,
    incident_id: int,
    by: str,
    now: datetime,
    *,
    occurrence: int | None = None,
    until: datetime,
) -> Acknowledged | Stale | Resolved | Missing:
    """A human answers: nobody else is paged until `until`. See `incident.acknowledge`."""
    incident = store.lock(db, [incident_id]).get(incident_id)
    if incident is None:
        return Missing()
    outcome = life.acknowledge(incident, occurrence, by, now, until)
    if not isinstance(outcome, Acknowledged) or outcome.repeated:
        return outcome
    _quieten(db, outcome.incident, f"acknowledged by {by}", by, now)
    paged_at = outbox.paged_at(db, incident)
    return replace(outcome, waited=now - paged_at if paged_at else None)


def snooze(
    db: Connection, incident_id: int, by: str, now: datetime, until: datetime
) -> Snoozed | Resolved | Missing:
    """Quiet until `until`, when it pages again. See `incident.snooze`."""
    incident = store.lock(db, [incident_id]).get(incident_id)
    if incident is None:
        return Missing()
    outcome = life.snooze(incident, by, now, until)
    if isinstance(outcome, Snoozed) and not outcome.repeated:
        _quieten(db, outcome.incident, f"snoozed by {by} until {until:%d %b %H:%M} UTC", by, now)
    return outcome


def resolve(db: Connection, incident_id: int, by: str, now: datetime) -> Resolved | Missing:
    """A human ends it. `Resolved.keys` are the symptoms that had not cleared: the caller arms them afresh."""
    incident = store.lock(db, [incident_id]).get(incident_id)
    if incident is None:
        return Missing()
    outcome = life.resolve(incident, by, now)
    if outcome.repeated:
        return outcome
    raised = [s for s in store.symptoms_of(db, [incident_id])[incident_id] if s.cleared_at is None]
    store.clear_symptoms(db, [(symptom.id, f"resolved by {by}") for symptom in raised], now)
    _end(db, [outcome.incident], by, f"resolved by {by}", now)
    return replace(outcome, keys=tuple(symptom.key for symptom in raised))


def note(db: Connection, incident_id: int, by: str, words: str, now: datetime) -> bool:
    """Add a human's words to the timeline; False where there is no such incident."""
    if store.load(db, incident_id) is None:
        return False
    timeline.write(db, [Entry(incident_id, now, "note", words, by)])
    return True


def dossier(db: Connection, incident_id: int) -> Dossier | None:
    """All that is known of an incident."""
    incident = store.load(db, incident_id)
    if incident is None:
        return None
    return Dossier(
        incident,
        store.symptoms_of(db, [incident_id])[incident_id],
        store.timeline_of(db, incident_id),
        outbox.pages_of(db, incident_id),
        outbox.attempts_of(db, incident_id),
    )


def incidents(
    db: Connection, *, open_only: bool = False, limit: int = 100, older_than: int | None = None
) -> list[Incident]:
    """Incidents, newest first."""
    return store.newest(db, open_only=open_only, limit=limit, older_than=older_than)


def open_incidents(db: Connection, limit: int, offset: int = 0) -> list[Incident]:
    """Incidents that are not resolved, most urgent first: see `store.going_on`."""
    return store.going_on(db, limit, offset)


def past_incidents(db: Connection, limit: int, older_than: int | None = None) -> list[Incident]:
    """Incidents that are resolved, newest first. `older_than` is the number to go on from."""
    return store.past(db, limit, older_than)


def count_open(db: Connection) -> dict[State, int]:
    """How many incidents are not resolved, by state."""
    return store.count(db)


def incident_of(db: Connection, keys: Collection[str]) -> dict[str, int]:
    """Which open incident each of these symptoms belongs to."""
    return {known.key: known.incident_id for known in store.raised_of(db, keys)}


def symptoms(db: Connection, incident_ids: Collection[int]) -> dict[int, list[RaisedSymptom]]:
    """Every symptom that each of these incidents has had."""
    return store.symptoms_of(db, incident_ids)


def people(db: Connection, origin: Origin | None = None) -> dict[str, Person]:
    """Everybody who can be paged, by name; or those of one origin."""
    return roster.load_people(db, origin=origin)


def last_attempts(db: Connection) -> list[tuple[str, Attempt]]:
    """The newest attempts to reach each person by each kind of contact: one of each outcome, newest first."""
    return outbox.last_attempts(db)


def policies(db: Connection, origin: Origin | None = None) -> dict[str, Policy]:
    """Every policy, by name; or those of one origin."""
    return roster.load_policies(db, origin)


def notifiers(db: Connection, origin: Origin | None = None) -> dict[str, dict[str, str]]:
    """Each notifier's settings as they are kept; or those of one origin."""
    return {kind: dict(setup.settings) for kind, setup in notifier_settings.load(db, origin).items()}


def notifier_setups(db: Connection) -> dict[str, Setup]:
    """How each notifier is set up, and by whom."""
    return notifier_settings.load(db)


def install(
    db: Connection,
    everybody: Iterable[Person],
    every: Iterable[Policy],
    settings: Mapping[str, Mapping[str, str]],
) -> None:
    """Make these the people, policies and notifiers' settings of the configuration file, and no others.

    What another origin has stays, but for the names that are taken over now.
    """
    roster.remove_people(db, origin=Origin.FILE)
    roster.put_people(db, everybody)
    roster.remove_policies(db, origin=Origin.FILE)
    roster.put_policies(db, every)
    notifier_settings.replace(db, settings, Origin.FILE)


def define_person(db: Connection, person: Person) -> None:
    """Write one person, over whoever had the name. Pages that wait for them go to the new contacts."""
    roster.put_people(db, [person])


def forget_person(db: Connection, name: str) -> None:
    """Nobody can be paged by this name any more."""
    roster.remove_people(db, [name])


def define_policy(db: Connection, policy: Policy) -> None:
    """Write one policy, over the one of the same name. Open incidents keep what they opened with."""
    roster.put_policies(db, [policy])


def forget_policy(db: Connection, name: str) -> None:
    """No incident opens with this policy any more."""
    roster.remove_policies(db, [name])


def workload(db: Connection) -> Workload:
    """How things stand, in four numbers that cost little."""
    return outbox.workload(db)


def _clear(
    db: Connection,
    cleared: list[tuple[RaisedSymptom, str]],
    now: datetime,
    gathering: timedelta,
    by: str,
    ended: str,
) -> None:
    """Clear symptoms; incidents left without any end with the words `ended`, the others tell of it."""
    if not cleared:
        return
    homes = store.lock(db, {known.incident_id for known, _ in cleared})
    store.clear_symptoms(db, [(known.id, why) for known, why in cleared], now)
    timeline.write(db, [Entry(k.incident_id, now, "cleared", f"{k.title}: {why}") for k, why in cleared])
    left = store.still_raised(db, homes)
    over = [one for number, one in homes.items() if number not in left and one.state is not State.RESOLVED]
    store.save(db, grouping.recovered(homes, left, now, gathering))
    if over:
        _end(db, [life.ended(incident, by, now) for incident in over], by, ended, now)


def _end(db: Connection, ended: list[Incident], by: str, words: str, now: datetime) -> None:
    store.save(db, ended)
    timeline.write(db, [Entry(incident.id, now, State.RESOLVED.value, words, by) for incident in ended])
    outbox.supersede(db, [incident.id for incident in ended], tuple(Kind))
    _tell(db, Kind.RECOVERED, ended, words, now)


def _quieten(db: Connection, after: Incident, words: str, by: str, now: datetime) -> None:
    store.save(db, [after])
    timeline.write(db, [Entry(after.id, now, after.state.value, words, by)])
    outbox.supersede(db, [after.id], (Kind.PAGE,))
    _tell(db, Kind.ACKNOWLEDGED, [after], words, now)


def _tell(db: Connection, kind: Kind, about: list[Incident], words: str, now: datetime) -> None:
    """Tell everybody who was paged for these incidents what has become of them."""
    told = outbox.paged_people(db, [one.id for one in about])
    if not told:
        return
    known = roster.load_people(db, {name for names in told.values() for name in names}) | {
        OPERATOR.id: OPERATOR
    }
    outbox.intend(
        db,
        kind,
        [
            (incident, known[name], words)
            for incident in about
            for name in told.get(incident.id, ())
            if name in known and known[name].contacts
        ],
        now,
    )
