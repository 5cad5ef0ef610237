"""The title of a notice, and what an incident is called. Pure.

A title is a list of clauses, most important first. What does not fit into the title begins the text.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from alerting import times
from alerting.incident import Describe, Incident, RaisedSymptom, State
from alerting.subject import WELL, NoticeKind, Subject, cut, jobs, standing
from alerting.surroundings import Surroundings

TITLE_LIMIT = 60
_SHORTEST_NAME = 12
"""Characters that a name keeps, however long the rest of a title is."""
_FALLS_WITHIN = timedelta(hours=1)


def clauses(subject: Subject, now: datetime) -> list[str]:
    """Return what is wrong and how bad, or what has changed. The first clause fits into a title."""
    match subject.kind:
        case NoticeKind.RECOVERED:
            return _ending(subject, now)
        case NoticeKind.ACKNOWLEDGED:
            return _answer(subject, now)
        case NoticeKind.UPDATE:
            return [_update(subject, now), *_returns(subject, now)]
        case _:
            return [_page(subject, now), *_repeats(subject, now), *_returns(subject, now)]


def fitted(listed: Sequence[str]) -> tuple[str, list[str]]:
    """Return the title, and the clauses that do not fit into it."""
    title = cut(listed[0], TITLE_LIMIT)
    for count, clause in enumerate(listed[1:], 1):
        if len(title) + len(clause) + 2 > TITLE_LIMIT:
            return title, list(listed[count:])
        title = f"{title}, {clause}"
    return title, []


def called(incident: Incident, symptoms: Sequence[RaisedSymptom], surroundings: Surroundings) -> str:
    """Return the name of an incident: its group, or a job with its group, "Import feed (db-1)", if it is about one."""
    about = jobs(symptoms)
    return _of_job(about[0].title, surroundings.group) if len(about) == 1 else incident.title


def extent(
    symptoms: Sequence[RaisedSymptom], surroundings: Surroundings, describe: Describe, now: datetime
) -> str:
    """Return the extent within the group: "4 of 11 jobs silent", or "silent" if it is about one job.

    Jobs of the group that are down for the same causes in other incidents count too. Held ones do not.
    """
    down = standing(symptoms, now)
    if len(jobs(symptoms)) == 1:
        return describe(down[0].cause if down else symptoms[0].cause).word
    counts = _counts(down, surroundings)
    known = surroundings.total > 0
    total = times.count(max(surroundings.total, sum(counts.values())), "job")
    (cause, number), *others = counts.most_common() or [("", 0)]
    if not number:
        return f"0 of {total} down" if known else "fine"
    of = f"{number} of {total}" if known else times.count(number, "job")
    return ", ".join(
        [f"{of} {describe(cause).word}", *(f"{count} {describe(other).word}" for other, count in others)]
    )


def in_short(symptoms: Sequence[RaisedSymptom], describe: Describe) -> str:
    """Return what is down in an incident: "Import feed failed", "3 jobs silent"."""
    words = {describe(symptom.cause).word for symptom in symptoms}
    word = words.pop() if len(words) == 1 else "down"
    return f"{symptoms[0].title if len(symptoms) == 1 else f'{len(symptoms)} jobs'} {word}"


def returned(falls: Sequence[datetime], opened_at: datetime, now: datetime) -> str:
    """Return how often trouble came back within the last hour: "down again, 4th time in 10 min". Empty without any."""
    if not falls:
        return ""
    young = now - opened_at <= _FALLS_WITHIN
    number, since = (len(falls) + 1, opened_at) if young else (len(falls), falls[0])
    return f"down again, {times.ordinal(number)} time in {times.duration(now - since)}"


def _page(subject: Subject, now: datetime) -> str:
    severity = subject.incident.severity.upper()
    concerned = extent(subject.symptoms, subject.surroundings, subject.describe, now)
    about = jobs(subject.symptoms)
    if len(about) != 1:
        return _named(subject, lambda name: f"{severity} {name}: {concerned}")
    group = _group_in_brackets(about[0].title, subject.surroundings.group)
    return _fit(about[0].title, lambda name: f"{severity} {name} {concerned}{group}")


def _repeats(subject: Subject, now: datetime) -> list[str]:
    since = subject.unanswered_since
    if subject.step == 0 or since is None:
        return []
    return [f"{times.ordinal(subject.step + 1)} page, unanswered for {times.duration(now - since)}"]


def _returns(subject: Subject, now: datetime) -> list[str]:
    again = returned(subject.incident.falls, subject.incident.opened_at, now)
    return [again] if again else []


def _update(subject: Subject, now: datetime) -> str:
    changed = [symptom for symptom in subject.symptoms if symptom.id in subject.changed]
    if len(changed) == 1 and not subject.joined and not subject.back:
        return _now_too(changed[0], subject, now)
    down = standing(subject.symptoms, now)
    if len(jobs(subject.symptoms)) == 1:
        word = subject.describe(down[0].cause).word if down else "fine again"
        return _named(subject, lambda name: f"{name}: {word}")
    concerned = extent(subject.symptoms, subject.surroundings, subject.describe, now)
    concerned = concerned.replace(" jobs ", " ", 1)
    news = _news(subject)
    return _named(subject, lambda name: f"{news} on {name} ({concerned})")


def _news(subject: Subject) -> str:
    if not (subject.joined or subject.changed or subject.back):
        return subject.words
    parts = [f"+{len(subject.joined)}" if subject.joined else ""]
    causes = Counter(symptom.cause for symptom in subject.symptoms if symptom.id in subject.changed)
    parts += [
        f"{count} {subject.describe(cause).verb.replace('is ', 'now ')}" for cause, count in causes.items()
    ]
    parts += [f"{len(subject.back)} back" if subject.back else ""]
    return ", ".join(part for part in parts if part)


def _now_too(symptom: RaisedSymptom, subject: Subject, now: datetime) -> str:
    """Return the change of one job: "Import feed (db-1): now silent too; it failed at 21:09 UTC"."""
    words = subject.describe(symptom.cause)
    before = earlier(symptom, subject, now)
    name = f"{symptom.title}{_group_in_brackets(symptom.title, subject.surroundings.group)}"
    after = f"; {before}" if before else ""
    changed = f": now {words.word} too{after}" if before and words.verb.startswith("is ") else ""
    if not changed or len(name) + len(changed) > TITLE_LIMIT:
        changed = f": now {words.word}{after}"
    return _fit(name, lambda name: f"{name}{changed}")


def earlier(symptom: RaisedSymptom, subject: Subject, now: datetime) -> str:
    """Return what was wrong with a job before its present cause: "it failed at 21:09 UTC". Empty if it was well."""
    facts = symptom.facts
    if not facts.earlier_cause or facts.earlier_at is None:
        return ""
    words = subject.describe(facts.earlier_cause)
    at = subject.clock(now).at(facts.earlier_at)
    lasting = words.verb.startswith("is ")
    return f"it {words.past} from {at}" if lasting else f"it {words.verb} at {at}"


def _answer(subject: Subject, now: datetime) -> list[str]:
    """Return the answer: "us: acknowledged by Anna until 07:20 UTC". Its end stands in the lines too, if it is cut."""
    incident = subject.incident
    who = subject.words.partition(" until ")[0]
    named = _named(subject, lambda name: f"{name}: {who}")
    if incident.next_at is None or incident.state not in (State.ACKNOWLEDGED, State.SNOOZED):
        return [named]
    whole = f"{named} until {subject.clock(now).at(incident.next_at)}"
    return [whole if len(whole) <= TITLE_LIMIT else named]


def _ending(subject: Subject, now: datetime) -> list[str]:
    """Return the end. "OK" only stands before what is fine as a whole."""
    incident, clock = subject.incident, subject.clock(now)
    about = jobs(subject.symptoms)
    if incident.resolved_by != "recovery":
        return [_named(subject, lambda name: f"{name}: {cut(subject.words, 40)}")]
    reasons = Counter(symptom.cleared_why or WELL for symptom in about)
    well = reasons.pop(WELL, 0)
    at = incident.ended_at or now
    lasted = f"{_past(about, incident, subject.describe)} for {times.duration(at - incident.opened_at)}"
    if reasons:
        parts = [f"{times.count(well, 'job')} fine again"] if well else []
        parts += [f"{count} {why}" if len(about) > 1 else why for why, count in reasons.most_common()]
        return [_named(subject, lambda name: f"{name}: {cut(', '.join(parts), 40)}"), f"was {lasted}"]
    group, since = subject.surroundings, f"since {clock.at(at)}"
    if len(about) == 1:
        return [_named(subject, lambda name: f"OK {name}: fine {since}"), lasted]
    if ended_well(subject):
        return [_named(subject, lambda name: f"OK {name}: all {group.total} jobs fine {since}"), lasted]
    fine = f"{times.count(well, 'job')} fine again {since}"
    return [_named(subject, lambda name: f"{name}: {fine}"), lasted]


def ended_well(subject: Subject) -> bool:
    """Return whether an incident ended because all that it is about is well: its job, or its whole group."""
    about, group = jobs(subject.symptoms), subject.surroundings
    if subject.incident.resolved_by != "recovery" or any(s.cleared_why != WELL for s in about):
        return False
    return len(about) == 1 or (group.alive >= group.total > 0 and not group.incidents)


def _past(about: Sequence[RaisedSymptom], incident: Incident, describe: Describe) -> str:
    """Return the past of what was wrong: "silent", "failing", or "down" if there were several causes."""
    causes = {symptom.cause for symptom in about}
    if len(causes) > 1:
        return "down"
    return describe(causes.pop() if causes else incident.cause).past.removeprefix("was ")


def _counts(down: Sequence[RaisedSymptom], surroundings: Surroundings) -> Counter[str]:
    """Count the jobs that are down by cause; in other incidents of the group only those of the same causes."""
    counts = Counter(symptom.cause for symptom in down)
    for cause, count in surroundings.down_besides.items():
        if cause in counts:
            counts[cause] += count
    return counts


def _named(subject: Subject, title: Callable[[str], str]) -> str:
    return _fit(called(subject.incident, subject.symptoms, subject.surroundings), title)


def _fit(name: str, title: Callable[[str], str]) -> str:
    """Return a title whose name is cut if the rest would not fit otherwise."""
    room = TITLE_LIMIT - len(title(""))
    return title(cut(name, max(room, _SHORTEST_NAME)))


def _of_job(title: str, group: str) -> str:
    return f"{title}{_group_in_brackets(title, group)}"


def _group_in_brackets(title: str, group: str) -> str:
    return f" ({group})" if group and group not in title else ""
