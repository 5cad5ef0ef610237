"""Turns due incidents into pages, and tells their news. One sweep is one transaction over a bounded batch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import (
    digest,
    escalation,
    frozen,
    grouping,
    next_page,
    onward,
    onward_store,
    outbox,
    recovery,
    roster,
    round_robin_store,
    store,
    symptom_store,
    timeline,
    timeline_store,
)
from alerting import incident as life
from alerting import news as what_is_new
from alerting.crew import Crew
from alerting.escalation import Decision
from alerting.incident import Entry, Incident, Pace, RaisedSymptom, Standing, State
from alerting.notice import NoticeKind
from alerting.person import Person
from alerting.round_robin import Turn
from alerting.severity import Severity
from alerting.tell import update

BATCH = 1000
MOST_GATHERING = store.Crowd(digest.HANDFUL, digest.CROWD, digest.CROWDED)


def sweep(db: Connection, now: datetime, limit: int = BATCH, pace: Pace = Pace()) -> int:  # noqa: B008 - a frozen value
    """End up to `limit` incidents that have settled, page for as many that are due, and tell the news of as many.

    Unanswered pages move on to the next contact. Return the number of incidents and of these pages.
    """
    settled = recovery.settle(db, now, limit) + onward.sweep(db, now, limit)
    store.gather_no_longer(db, now, pace.gathering, MOST_GATHERING, BATCH)
    due = store.claim_due(db, now, limit)
    claimed = {incident.id for incident in due}
    with_news = [one for one in store.claim_to_tell(db, now, limit) if one.id not in claimed]
    standing = symptom_store.standing(db, [incident.id for incident in [*due, *with_news]], now)
    # An incident in which nothing stands has nothing to page for, and must not keep the others from paging.
    well = [incident for incident in [*due, *with_news] if incident.id not in standing]
    store.save(db, [life.recovering(incident, now, pace) for incident in well])
    counted = [grouping.counted(one, standing[one.id]) for one in with_news if one.id in standing]
    worse = [incident for incident in counted if life.worsened(incident)]
    paging = [grouping.counted(one, standing[one.id]) for one in due if one.id in standing]
    _page(db, [*paging, *worse], standing, now, pace)
    _tell(db, [incident for incident in counted if not life.worsened(incident)], now, pace)
    return settled + len(due) + len(with_news)


def next_due(db: Connection) -> datetime | None:
    """Return the time of the next action of any incident, and of any page that moves on."""
    return min((at for at in (store.next_due(db), onward_store.next_due(db)) if at is not None), default=None)


def _page(
    db: Connection, due: Sequence[Incident], standing: Mapping[int, Standing], now: datetime, pace: Pace
) -> None:
    """Page for incidents that are due, and put off those of which everything is held, or everybody has quiet hours."""
    paging, held, entries = _reopened(due, standing, now)
    if again := [entry.incident_id for entry in entries if entry.kind == "reopened"]:
        # That somebody has it must not be read when nobody has it any more.
        outbox.supersede(db, again, (NoticeKind.ACKNOWLEDGED,))
    crew = roster.load_crew(db, {target for incident in paging for target in incident.policy.targets})
    decided = _decided(paging, crew, now)
    paging, quiet, lines = _without_quiet(paging, decided, now)
    held, entries = [*held, *quiet], [*entries, *_new_lines(db, lines, entries)]
    decided |= _drawn(db, paging, decided, crew, now)
    outbox.hold_no_longer(db, [one.id for one in paging if one.severity is Severity.CRITICAL], now)
    # However long a person cannot be reached, one page of an incident waits for them, and keeps its place in the
    # round of their contacts. One of an earlier occurrence gives way: its answer would change nothing.
    waiting = outbox.waiting(db, decided.keys())
    symptoms = _with_news(db, paging, standing)
    pages, stepped, told = [], [], []
    for incident in paging:
        decision, everybody = decided[incident.id]
        free = [
            person for person in everybody if waiting.get((incident.id, person.id), 0) < incident.occurrence
        ]
        # The first page tells everything, so that nothing in it is new.
        of_it = symptoms.get(incident.id, ()) if incident.told_at is not None else ()
        news = what_is_new.of(of_it, now, pace)
        fallen = incident if incident.step == decision.step else replace(incident, step=decision.step)
        pages += [(fallen, person, decision.reason, news) for person in free]
        entries.append(Entry(incident.id, now, "paged", _line(decision, everybody, incident.severity, now)))
        stepped.append(_stepped(incident, decision, now))
        if free == everybody:
            # A page that waits already may be under way without the latest news, so it does not tell all.
            told.append(incident.id)
    behind = {(one.id, person.id) for one, person, _, _ in pages} & waiting.keys()
    outbox.intend_pages(db, pages, now, places=outbox.give_way(db, behind))
    if told:
        symptom_store.told_all(db, told, now)
    store.save(db, [*_with_next_news(stepped, told, symptoms, now, pace), *held])
    timeline.write(db, entries)


def _line(decision: Decision, everybody: Sequence[Person], severity: Severity, now: datetime) -> str:
    """Return who is paged, for the timeline. A page that quiet hours hold has a line of its own."""
    loud = [person.name for person in everybody if person.quiet_until(severity, now) is None]
    return f"{decision.reason}: {', '.join(loud or [person.name for person in everybody])}"


def _decided(
    paging: Sequence[Incident], crew: Crew, now: datetime
) -> dict[int, tuple[Decision, list[Person]]]:
    """Return the decision on each incident, and the people whom it pages.

    Thousands of a storm have one policy, and who is on call in a rotation takes a while to find out: it is asked once.
    """
    decisions: dict[_Alike, tuple[Decision, list[Person]]] = {}
    for incident in paging:
        if (key := _alike(incident)) not in decisions:
            policy, step, severity = incident.policy, incident.step, incident.severity
            decision = escalation.decide(policy, step, now, crew, severity, incident.turns)
            decisions[key] = decision, escalation.recipients(decision.targets, crew, now)
    return {incident.id: decisions[_alike(incident)] for incident in paging}


_Alike = tuple[int, int, Severity, tuple[Turn, ...]]


def _alike(incident: Incident) -> _Alike:
    """Return what incidents share that are decided on alike. Rows of one text have the same policy, the object."""
    return id(incident.policy), incident.step, incident.severity, incident.turns


def _drawn(
    db: Connection,
    paging: Sequence[Incident],
    decided: Mapping[int, tuple[Decision, list[Person]]],
    crew: Crew,
    now: datetime,
) -> dict[int, tuple[Decision, list[Person]]]:
    """Give the incidents that come to a step that goes round their turns. Return the decisions on these."""
    rounds: dict[tuple[str, int], dict[tuple[str, ...], list[int]]] = {}
    for incident in paging:
        decision, _ = decided[incident.id]
        if decision.draws:
            hands = rounds.setdefault((incident.policy.name, decision.number), {})
            hands.setdefault(decision.targets, []).append(incident.id)
    drawn = {}
    # Everybody locks rounds in the same order.
    for (policy, step), hands in sorted(rounds.items()):
        for number, entry in round_robin_store.draw(db, policy, step, hands).items():
            decision = decided[number][0].drawn(entry)
            drawn[number] = decision, escalation.recipients(decision.targets, crew, now)
    return drawn


def _without_quiet(
    paging: Sequence[Incident], decided: Mapping[int, tuple[Decision, list[Person]]], now: datetime
) -> tuple[list[Incident], list[Incident], list[Entry]]:
    """Return the incidents that page now, those that wait for quiet hours or working hours, and timeline lines."""
    loud, quiet, entries = [], [], []
    for incident in paging:
        hours, (_, people) = incident.policy.warnings_wait_for, decided[incident.id]
        wait = next_page.wait(hours, people, incident.severity, now, incident.waits_until)
        if wait is None:
            loud.append(incident)
            continue
        line = f"held until {wait.until:%d %b %H:%M} UTC: {wait.why}"
        entries.append(Entry(incident.id, now, grouping.HELD, line))
        # What rises from here on pages at once. Meanwhile others may go on call, or change their hours.
        seen = incident.seen and incident.severity
        quiet.append(
            replace(
                incident, next_at=wait.look_at, waits_until=wait.kept_until, waits_for=wait.why, seen=seen
            )
        )
    return loud, quiet, entries


def _new_lines(db: Connection, lines: Sequence[Entry], entries: Sequence[Entry]) -> list[Entry]:
    """Return those lines on quiet hours that do not follow one like it: each look again would write one."""
    if not lines:
        return []
    numbers = [line.incident_id for line in lines]
    newest = timeline_store.last_written(db, numbers)
    held = timeline_store.last_written(db, numbers, grouping.HELD)
    reopened = {entry.incident_id for entry in entries}
    return [
        line
        for line in lines
        if line.incident_id in reopened or newest.get(line.incident_id) != held.get(line.incident_id)
    ]


def _stepped(incident: Incident, decision: Decision, now: datetime) -> Incident:
    """Return the incident one step on."""
    seen = life.worst(incident.seen, incident.severity)
    turns = escalation.taking(incident.turns, decision)
    return frozen.changed(
        incident,
        step=decision.step + 1,
        next_at=decision.next_at,
        told_at=now,
        seen=seen,
        turns=turns,
        waits_until=None,
        waits_for="",
    )


def _with_news(
    db: Connection, paging: Sequence[Incident], standing: Mapping[int, Standing]
) -> Mapping[int, Sequence[RaisedSymptom]]:
    """Return the symptoms of those incidents that have news, or may have some later: what is held, what may return."""
    pending = {
        incident.id
        for incident in paging
        if incident.tell_at is not None or standing[incident.id].released_at is not None
    }
    return symptom_store.symptoms_of(db, pending) if pending else {}


def _with_next_news(
    paged: Sequence[Incident],
    told: Collection[int],
    symptoms: Mapping[int, Sequence[RaisedSymptom]],
    now: datetime,
    pace: Pace,
) -> list[Incident]:
    """Return incidents with the time of the news that their pages could not tell."""

    def tell_at(incident: Incident) -> datetime | None:
        if incident.id not in symptoms:
            return None
        of_it = symptoms[incident.id]
        if incident.id not in told and what_is_new.of(of_it, now, pace):
            return now
        return what_is_new.next_at(of_it, now, pace)

    return [
        incident if (at := tell_at(incident)) == incident.tell_at else replace(incident, tell_at=at)
        for incident in paged
    ]


def _reopened(
    due: Sequence[Incident], standing: Mapping[int, Standing], now: datetime
) -> tuple[list[Incident], list[Incident], list[Entry]]:
    """Return the incidents that page now, those that wait because all their symptoms are held, and timeline lines."""
    paging, held, entries = [], [], []
    for incident in due:
        held_until = standing[incident.id].held_until
        if incident.state is not State.OPEN or life.worsened(incident):
            worse = life.worsened(incident)
            reopening = life.on_worse(incident, now) if worse else life.on_quiet_over(incident, now)
            waited_until = now if life.has_waited(incident, now) else None
            incident = replace(grouping.reopened(incident, reopening), waits_until=waited_until)
            entries.append(Entry(incident.id, now, "reopened", f"paging again: {reopening.reason}"))
        if held_until is not None and held_until > now:
            entries.append(Entry(incident.id, now, grouping.HELD, f"held until {held_until:%d %b %H:%M} UTC"))
            held.append(replace(incident, next_at=held_until))
        else:
            paging.append(incident)
    return paging, held, entries


def _tell(db: Connection, incidents: Sequence[Incident], now: datetime, pace: Pace) -> None:
    """Tell the news of these incidents to everybody who has a page of them."""
    if not incidents:
        return
    symptoms: Mapping[int, Sequence[RaisedSymptom]] = symptom_store.symptoms_of(
        db, [one.id for one in incidents]
    )
    news = {one.id: what_is_new.of(symptoms[one.id], now, pace) for one in incidents}
    update(db, [(incident, news[incident.id]) for incident in incidents if news[incident.id]], now)
    told: dict[int, tuple[str, ...]] = {}
    for incident in incidents:
        told |= what_is_new.told(news[incident.id], symptoms[incident.id])
    symptom_store.write_told(db, told)
    later = {one.id: what_is_new.next_at(symptoms[one.id], now, pace) for one in incidents}
    heard = {one.id: now if news[one.id] else one.told_at for one in incidents}
    store.save(db, [replace(one, told_at=heard[one.id], tell_at=later[one.id]) for one in incidents])
