"""Groups symptoms into incidents: opens them, joins them, and holds their pages. Pure.

Each decision returns the changed incident and the new lines of its timeline.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from alerting import escalation, news, round_robin, times
from alerting import incident as life
from alerting.escalation import Policy
from alerting.incident import (
    Entry,
    Hold,
    Incident,
    Pace,
    RaisedSymptom,
    Reopened,
    Standing,
    State,
    Symptom,
    Wider,
)

TAKEN = "joined a wider incident"
"""The reason for which a symptom clears that another incident takes in."""
HELD = "held"
"""The kind of timeline entries about a hold, its beginning and its end."""


def opened(
    symptoms: Iterable[Symptom], policies: Mapping[str, Policy], now: datetime, pace: Pace
) -> dict[str, Incident]:
    """Return the incidents that these symptoms open, by cause key, without a number yet.

    The worst symptom of each that is not held gives the severity. The one with the shortest hold gives the time to
    page.
    """
    incidents: dict[str, Incident] = {}
    for symptom in sorted(symptoms, key=lambda symptom: (symptom.hold is not None, symptom.severity.rank)):
        page_at = life.pages_at(now, hold_end(symptom.hold), pace.gathering)
        incident = incidents.get(symptom.cause_key)
        if incident is None:
            policy = escalation.in_force(policies, symptom.policy)
            incidents[symptom.cause_key] = _opened(symptom, policy, now, page_at)
        elif incident.next_at is None or page_at < incident.next_at:
            incidents[symptom.cause_key] = replace(incident, next_at=page_at)
    return incidents


def home(symptom: RaisedSymptom, incident: Incident, now: datetime, pace: Pace) -> bool:
    """Return whether a symptom that has cleared, and is back, continues this incident whatever its cause is now.

    It does until its recovery has settled. After that it is a new symptom. So is a consequence that nobody was told of.
    """
    consequence = symptom.waits_for is not None or symptom.waited_for is not None
    untold = consequence and not symptom.told
    if incident.state is State.RESOLVED or symptom.cleared_at is None or untold:
        return False
    return incident.recovering or now < life.settles_at(symptom.falls, symptom.cleared_at, pace)


def independent(symptom: Symptom) -> Symptom:
    """Return a symptom that is back before its recovery has settled. It was there first, so it waits for no other."""
    return symptom if symptom.waits_for is None else replace(symptom, hold=None, waits_for=None)


def joined(
    incident: Incident, symptom: Symptom, earlier: RaisedSymptom | None, now: datetime, pace: Pace
) -> tuple[Incident, list[Entry]]:
    """Return the open incident with a symptom that joins. `earlier` is its row if it has been in there before.

    It brings the first page forward, or the news. It ends no quiet: whether it is worse than what people know is
    decided when the news is told.
    """
    changed = life.resumed(incident, now, pace)
    falls = fallen(earlier, now) if earlier is not None else ()
    if len(falls) > len(life.recent(changed.falls, now)):
        changed = replace(changed, falls=falls)
    entries = []
    page_at = life.pages_at(now, hold_end(symptom.hold), pace.gathering)
    if life.waits(changed) and changed.next_at is not None and page_at < changed.next_at:
        # A recovery that has not settled does not put the first page off any further.
        changed = replace(changed, next_at=page_at)
        if not incident.recovering and incident.waits_until is None:
            entries = [Entry(incident.id, now, HELD, f"no longer held: {symptom.title} is not held")]
    is_news = earlier is None or symptom.cause not in earlier.told
    return (_with_news(changed, page_at) if is_news else changed), entries


def renewed(
    incident: Incident, earlier: RaisedSymptom, symptom: Symptom, now: datetime, pace: Pace
) -> tuple[Incident, list[Entry]]:
    """Return the incident of a symptom that stands already, with another cause now: "now silent too"; or a worse one.

    Whether people hear of a worse severity is decided when the news is told, as for symptoms that join.
    """
    changed = incident
    is_worse = symptom.severity.rank < earlier.severity.rank
    if is_worse or (earlier.cause != symptom.cause and symptom.cause not in earlier.told):
        changed = _with_news(incident, life.pages_at(now, earlier.held_until, pace.gathering))
    if is_worse and life.waits(changed) and changed.next_at is not None:
        # Its first page may wait for the end of quiet hours, which hold back nothing critical.
        page_at = life.pages_at(now, earlier.held_until, pace.gathering)
        changed = replace(changed, next_at=min(changed.next_at, page_at))
    if earlier.cause == symptom.cause:
        return changed, []
    if symptom.facts.since < earlier.facts.since:
        fault = f"{symptom.facts.why} at {symptom.facts.why_at:%d %b %H:%M} UTC"
        return changed, [Entry(incident.id, now, "down", f"{symptom.title} is as it was before: {fault}")]
    before = f"before: {earlier.facts.why or earlier.cause} at {earlier.facts.why_at:%d %b %H:%M} UTC"
    verb = symptom.words.verb
    now_too = verb.replace("is ", "is now ", 1) if symptom.words.lasts else verb
    words = f"{symptom.title} {now_too} too; {before}"
    return changed, [Entry(incident.id, now, "down", words)]


def widened(incident: Incident, wider: Wider, now: datetime) -> tuple[Incident, Entry]:
    """Return an incident that is about more from now on. Its number, thread, step and quiet stay."""
    words = f"this is now about all of {wider.title}, not only {incident.title}"
    return replace(incident, cause_key=wider.cause_key, title=wider.title), Entry(
        incident.id, now, "down", words
    )


def taken(incident: Incident, home: Incident, now: datetime) -> Entry:
    """Return the last line in the timeline of an incident whose symptoms another one takes in."""
    words = f"{TAKEN}: incident {home.id} is about all of {home.title}"
    return Entry(incident.id, now, State.RESOLVED.value, words, life.BY_ITSELF)


def taking(incident: Incident, symptom: RaisedSymptom, now: datetime, pace: Pace) -> Incident:
    """Return an open incident that takes in a symptom of which nobody was told."""
    changed = life.resumed(incident, now, pace)
    page_at = max(now, life.pages_at(symptom.raised_at, symptom.held_until, pace.gathering))
    if life.waits(changed) and changed.next_at is not None and page_at < changed.next_at:
        changed = replace(changed, next_at=page_at)
    return _with_news(changed, page_at)


def fallen(symptom: RaisedSymptom, now: datetime) -> tuple[datetime, ...]:
    """Return the times at which a symptom fell down again, with one more."""
    return (*life.recent(symptom.falls, now), now)


def down_words(symptom: Symptom, earlier: RaisedSymptom | None, now: datetime) -> str:
    """Return a symptom in words, for a timeline: "backup failed again, 4th time in 10 min"."""
    more = "" if earlier is None else f" again{_how_often(earlier, now)}"
    if symptom.waits_for is not None and symptom.hold is not None:
        more = f"; {symptom.hold.why}"
    facts, words = symptom.facts, symptom.words
    if not facts.why:
        return f"{symptom.title} {words.alone}{more}"
    if words.lasts and facts.expected_at is None and facts.began_at is None:
        # It was found so, as "nobody is on call" is.
        return f"{symptom.title} {words.verb}: {facts.why}{more}"
    return f"{symptom.title}: {facts.why}{more}"


def _how_often(earlier: RaisedSymptom, now: datetime) -> str:
    downs = life.recent((earlier.raised_at, *fallen(earlier, now)), now)
    return f", {times.ordinal(len(downs))} time in {times.duration(now - downs[0])}" if len(downs) > 1 else ""


def counted(incident: Incident, standing: Standing | None) -> Incident:
    """Return the incident with the severity of what stands and is not held; the last one if nothing stands."""
    if standing is None or standing.severity is incident.severity:
        return incident
    return replace(incident, severity=standing.severity)


def reopened(incident: Incident, reopening: Reopened) -> Incident:
    """Return the incident at the start of its next occurrence."""
    return replace(
        incident,
        state=State.OPEN,
        occurrence=reopening.occurrence,
        step=0,
        next_at=reopening.next_at,
        acknowledged_by=None,
        acknowledged_at=None,
        turns=round_robin.rested(incident.turns),
        waits_until=None,
        waits_for="",
    )


def recovered(incident: Incident, standing: Standing, now: datetime, pace: Pace) -> Incident:
    """Return an incident that goes on after losing symptoms.

    Its severity may fall. The people who were paged hear of it once the recovery has settled. What is left may be held.
    """
    changed = counted(incident, standing)
    held_until = standing.held_until
    if incident.state is State.OPEN and incident.next_at is not None and held_until is not None:
        changed = replace(changed, next_at=max(incident.next_at, held_until))
    return _with_news(changed, now + pace.settling)


def raised(symptom: Symptom, now: datetime) -> RaisedSymptom:
    """Return the symptom as it would be raised now, without a number yet."""
    return RaisedSymptom(
        id=0,
        incident_id=0,
        key=symptom.key,
        title=symptom.title,
        cause=symptom.cause,
        severity=symptom.severity,
        facts=symptom.facts,
        raised_at=now,
        cleared_at=None,
        cleared_why=None,
        held_until=hold_end(symptom.hold),
        held_why=symptom.hold.why if symptom.hold else "",
        waits_for=symptom.waits_for,
        waited_for=symptom.waited_for,
    )


def can_be_held(symptom: RaisedSymptom) -> bool:
    """Return whether the symptom's hold may change: a hold does not silence what people were told of."""
    return not symptom.told


def after_hold(incident: Incident, symptoms: Sequence[RaisedSymptom], now: datetime, pace: Pace) -> Incident:
    """Return the incident with the time of its first page, or of its news, after holds of its symptoms changed."""
    standing = [symptom for symptom in symptoms if symptom.standing]
    if life.waits(incident) and standing:
        return replace(incident, next_at=life.first_page_at(standing, now, pace.gathering))
    untold = [symptom for symptom in standing if not symptom.told]
    how_oftento_tell = [life.pages_at(s.raised_at, s.held_until, pace.gathering) for s in untold]
    if incident.told_at is None or not how_oftento_tell:
        return incident
    at = max(now, min(how_oftento_tell))
    others = news.next_at([symptom for symptom in symptoms if not symptom.standing], now, pace)
    return replace(incident, tell_at=at if others is None else min(at, others))


def hold_entries(
    previous: Incident, incident: Incident, holds_by_end: Mapping[datetime, Hold], now: datetime
) -> list[Entry]:
    """Return the timeline's lines on a hold, if it has moved the next page."""
    if incident.next_at == previous.next_at or incident.next_at is None:
        return []
    hold = holds_by_end.get(incident.next_at)
    return [Entry(incident.id, now, HELD, hold_words(hold) if hold else "no longer held")]


def opening_entries(incidents: Iterable[Incident], symptoms: Sequence[Symptom], now: datetime) -> list[Entry]:
    """Return the timeline's lines on incidents that are held from their opening."""
    holds = {(s.cause_key, s.hold.until): s.hold for s in symptoms if s.hold is not None}
    return [
        Entry(incident.id, now, HELD, hold_words(hold))
        for incident in incidents
        if incident.next_at is not None and (hold := holds.get((incident.cause_key, incident.next_at)))
    ]


def hold_words(hold: Hold) -> str:
    """Return a hold in words, for a timeline."""
    return f"held until {hold.until:%d %b %H:%M} UTC: {hold.why}"


def hold_end(hold: Hold | None) -> datetime | None:
    """Return the end of a hold, None without one."""
    return None if hold is None else hold.until


def _with_news(incident: Incident, at: datetime) -> Incident:
    """Return the incident with news to tell at `at`. Before the first page, that page tells everything."""
    if incident.told_at is None:
        return incident
    return replace(incident, tell_at=min(incident.tell_at or at, at))


def _opened(symptom: Symptom, policy: Policy, now: datetime, page_at: datetime) -> Incident:
    return Incident(
        id=0,
        cause_key=symptom.cause_key,
        title=symptom.incident_title,
        cause=symptom.cause,
        state=State.OPEN,
        severity=symptom.severity,
        occurrence=1,
        policy=policy,
        step=0,
        opened_at=now,
        next_at=page_at,
        installation=symptom.installation,
    )
