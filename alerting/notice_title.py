"""The title of a notice, and what an incident is called. Pure.

A title is a list of clauses, most important first. What does not fit into the title begins the text.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from alerting import recap, times
from alerting.incident import Describe, Incident, RaisedSymptom, State
from alerting.recap import PastAnswer
from alerting.subject import (
    MOVING,
    RESOLVED_BY,
    WELL,
    NoticeKind,
    Subject,
    about,
    cut,
    ending_of,
    known,
    reported,
    standing,
)
from alerting.surroundings import Surroundings

TITLE_LIMIT = 60
_SHORTEST_NAME = 12
"""Characters that a name keeps, however long the rest of a title is."""
_SHORTEST_GROUP = 4
"""Characters that a group in brackets keeps, with its ellipsis. One with less is left out."""
_FALLS_WITHIN = timedelta(hours=1)
FINE_AGAIN = "fine again"


def clauses(subject: Subject, now: datetime) -> list[str]:
    """Return what is wrong and how bad, or what has changed. The first clause fits into a title."""
    if text := reported(subject):
        return text[:1]
    match subject.kind:
        case NoticeKind.RECOVERED:
            return _ending(subject, now)
        case NoticeKind.ACKNOWLEDGED:
            return _answer(subject, now)
        case NoticeKind.UPDATE:
            return [_update(subject, now), *_returns(subject, now)]
        case _:
            rest = [*_repeats(subject, now), *_returns(subject, now)]
            return [_page(subject, now), *_fine_since(subject, now), *rest]


def fitted(listed: Sequence[str]) -> tuple[str, list[str]]:
    """Return the title, and the clauses that do not fit into it."""
    title = cut(listed[0], TITLE_LIMIT)
    for count, clause in enumerate(listed[1:], 1):
        if len(title) + len(clause) + 2 > TITLE_LIMIT:
            return title, list(listed[count:])
        title = f"{title}, {clause}"
    return title, []


def called(
    incident: Incident, symptoms: Sequence[RaisedSymptom], surroundings: Surroundings, now: datetime
) -> str:
    """Return the name of an incident: its group, or a job with its group, "Import feed (db-1)", if it is about one."""
    return _name(about(symptoms, now), incident, surroundings)


def extent(
    symptoms: Sequence[RaisedSymptom], surroundings: Surroundings, describe: Describe, now: datetime
) -> str:
    """Return the extent within the group: "4 of 11 jobs silent", or "silent" if it is about one job.

    Jobs of the group that are down for the same causes in other incidents count too. Held ones do not.
    """
    concerned = about(symptoms, now)
    if len(concerned) == 1:
        return describe(concerned[0].cause).alone
    return _share(standing(symptoms, now), surroundings, describe)


def _share(down: Sequence[RaisedSymptom], surroundings: Surroundings, describe: Describe) -> str:
    """Return what part of the group is down: "4 of 11 jobs silent"."""
    counts = _counts(down, surroundings)
    measured = surroundings.total > 0
    total = times.count(max(surroundings.total, sum(counts.values())), "job")
    (cause, number), *others = counts.most_common() or [("", 0)]
    if not number:
        return f"0 of {total} down" if measured else "fine"
    of = f"{number:,} of {total}" if measured else times.count(number, "job")
    return ", ".join(
        [f"{of} {describe(cause).word}", *(f"{count:,} {describe(other).word}" for other, count in others)]
    )


def in_short(symptoms: Sequence[RaisedSymptom], describe: Describe) -> str:
    """Return what is down in an incident: "Import feed failed", "3 jobs silent"."""
    if len(symptoms) == 1:
        return f"{symptoms[0].title} {describe(symptoms[0].cause).alone}"
    words = {describe(symptom.cause).word for symptom in symptoms}
    return f"{times.count(len(symptoms), 'job')} {words.pop() if len(words) == 1 else 'down'}"


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
    jobs = about(subject.symptoms, now)
    if len(jobs) != 1:
        whole = _whole(subject, now)
        return _named(subject, now, lambda name: f"{severity} {name}{whole or f': {concerned}'}")
    if twins := _twins(jobs[0], subject, f"{severity} "):
        return twins
    group = _group_in_brackets(jobs[0].title, subject.surroundings.beside_job)
    return _fit(jobs[0].title, lambda name: f"{severity} {name} {concerned}{group}")


def _whole(subject: Subject, now: datetime) -> str:
    """Return that everything is down for one cause that lasts: " is silent: all 11 jobs". Empty if that is not so."""
    counts = _counts(standing(subject.symptoms, now), subject.surroundings)
    total = subject.surroundings.total
    (cause, number), *others = counts.most_common() or [("", 0)]
    verb = subject.describe(cause).verb
    if others or number != total or total < 2 or not verb.startswith("is "):
        return ""
    return f" {verb}: {'both' if total == 2 else f'all {total:,}'} jobs"


def _twins(job: RaisedSymptom, subject: Subject, before: str) -> str:
    """Return that a job is down in one place only: "cpu-reset is silent in us, fine in eu". Empty if that is not so."""
    if subject.surroundings.twins is None:
        return ""
    here, there = subject.surroundings.twins
    title = f"{before}{job.title} {subject.describe(job.cause).verb} {here}, fine {there}"
    return title if len(title) <= TITLE_LIMIT else ""


def _fine_since(subject: Subject, now: datetime) -> list[str]:
    """Return how many others of the group were all heard since the first of its jobs was due: "7 fine since 03:02"."""
    around, jobs = subject.surroundings, about(subject.symptoms, now)
    due = [job.facts.expected_at for job in jobs if job.facts.expected_at is not None]
    if (
        len(jobs) < 2
        or not around.alive
        or around.oldest_at is None
        or not due
        or around.oldest_at < min(due)
    ):
        return []
    return [f"{around.alive:,} fine since {subject.clock(now).at(around.oldest_at)}"]


def _repeats(subject: Subject, now: datetime) -> list[str]:
    """Return how often it was paged, for how long unanswered, and who had it before."""
    past = subject.recap
    parts = [f"{times.ordinal(past.pages)} page"] if past.pages > 1 else []
    if past.unanswered_since is not None:
        parts.append(f"unanswered for {times.duration(now - past.unanswered_since)}")
    said = [", ".join(parts)] if parts else []
    return [": ".join([*said, had_it(subject, now)])] if past.answer else said


def had_it(
    subject: Subject, now: datetime, words: Callable[[PastAnswer, str], recap.Words] = recap.words
) -> str:
    """Return who had the incident before: "Anna's acknowledgement of 03:10 UTC has expired". Empty if nobody had."""
    answer = subject.recap.answer
    if answer is None:
        return ""
    clock = subject.clock(now)
    parts = words(answer, "" if subject.shared else subject.person.name)
    return "".join(clock.at(part) if isinstance(part, datetime) else part for part in parts)


def _returns(subject: Subject, now: datetime) -> list[str]:
    again = returned(subject.incident.falls, subject.incident.opened_at, now)
    return [again] if again else []


def _update(subject: Subject, now: datetime) -> str:
    changed = [symptom for symptom in subject.symptoms if symptom.id in subject.changed]
    if len(changed) == 1 and not subject.joined and not subject.back:
        return _now_too(changed[0], subject, now)
    down, jobs = standing(subject.symptoms, now), known(subject.symptoms, now)
    if subject.words and not (subject.joined or subject.changed or subject.back):
        return _named(subject, now, lambda name: f"{name}: {subject.words}")
    if len(jobs) == 1:
        word = subject.describe(down[0].cause).alone if down else _over(jobs[0])
        return _named(subject, now, lambda name: f"{name}: {word}")
    share = _share(down, subject.surroundings, subject.describe).replace(" jobs ", " ", 1)
    news = _news(subject)
    around = subject.surroundings
    title = around.title or subject.incident.title
    return _fit(title, lambda name: f"{news} {around.preposition} {name} ({share})")


def _news(subject: Subject) -> str:
    parts = [f"+{len(subject.joined):,}" if subject.joined else ""]
    causes = Counter(symptom.cause for symptom in subject.symptoms if symptom.id in subject.changed)
    parts += [
        f"{count:,} {subject.describe(cause).verb.replace('is ', 'now ')}" for cause, count in causes.items()
    ]
    over = Counter(_over(symptom) for symptom in subject.symptoms if symptom.id in subject.back)
    parts += [f"{count:,} {'back' if why == FINE_AGAIN else why}" for why, count in over.items()]
    return ", ".join(part for part in parts if part)


def _over(symptom: RaisedSymptom) -> str:
    """Return why a job is no longer down: "fine again", "paused by Ann"."""
    why = ending_of(symptom)
    return FINE_AGAIN if why == WELL else why


def _now_too(symptom: RaisedSymptom, subject: Subject, now: datetime) -> str:
    """Return the change of one job: "Import feed (db-1): now silent too; it failed at 21:09 UTC"."""
    words = subject.describe(symptom.cause)
    before = earlier(symptom, subject, now)
    name = _of_job(symptom.title, subject.surroundings.beside_job)
    after = f"; {before}" if before else ""
    lasting = words.lasts
    changed = f": now {words.word}" if lasting else f": {words.verb} now"
    if before and lasting and len(name) + len(changed) + len(after) + 4 <= TITLE_LIMIT:
        changed += " too"
    return _fit(name, lambda name: f"{name}{changed}{after}")


def earlier(symptom: RaisedSymptom, subject: Subject, now: datetime) -> str:
    """Return what was wrong with a job before its present cause: "it failed at 21:09 UTC". Empty if it was well."""
    facts = symptom.facts
    if not facts.earlier_cause or facts.earlier_at is None:
        return ""
    words = subject.describe(facts.earlier_cause)
    at = subject.clock(now).at(facts.earlier_at)
    return f"it {words.past} from {at}" if words.lasts else f"it {words.verb} at {at}"


def _answer(subject: Subject, now: datetime) -> list[str]:
    """Return the answer: "us: acknowledged by Anna until 07:20 UTC". Its end stands in the lines too, if it is cut."""
    incident = subject.incident
    who = subject.words.partition(" until ")[0]
    named = _named(subject, now, lambda name: f"{name}: {who}")
    if incident.next_at is None or incident.state not in (State.ACKNOWLEDGED, State.SNOOZED):
        return [named]
    whole = f"{named} until {subject.clock(now).at(incident.next_at)}"
    return [whole if len(whole) <= TITLE_LIMIT else named]


def _ending(subject: Subject, now: datetime) -> list[str]:
    """Return the end. "OK" only stands before what is fine as a whole."""
    incident, clock = subject.incident, subject.clock(now)
    jobs = known(subject.symptoms, now)
    at = incident.ended_at or now
    if incident.merged_into is not None:
        return [_named(subject, now, lambda name: f"{name}: {cut(subject.words, 40)}")]
    # What was split off is older than its incident.
    since = min(job.facts.since for job in jobs) if incident.is_split and jobs else incident.opened_at
    lasted = f"{_past(jobs, incident, subject.describe)} for {times.duration(at - since)}"
    if subject.words.startswith(RESOLVED_BY):
        return [_named(subject, now, lambda name: f"{name}: {cut(subject.words, 40)}"), f"was {lasted}"]
    reasons = Counter(map(ending_of, jobs))
    well, well_since = reasons.pop(WELL, 0), f"since {clock.at(at)}"
    if reasons and len(jobs) == 1 and MOVING in reasons:
        return [_named(subject, now, lambda name: f"{name}: {MOVING} {well_since}"), lasted]
    if reasons:
        parts = [f"{times.count(well, 'job')} fine again"] if well else []
        parts += [f"{count:,} {why}" if len(jobs) > 1 else why for why, count in reasons.most_common()]
        return [_named(subject, now, lambda name: f"{name}: {cut(', '.join(parts), 40)}"), f"was {lasted}"]
    group = subject.surroundings
    if len(jobs) == 1:
        return [_named(subject, now, lambda name: f"OK {name}: fine {well_since}"), lasted]
    if ended_well(subject, now):
        both = "both" if group.total == 2 else f"all {group.total:,}"
        return [_named(subject, now, lambda name: f"OK {name}: {both} jobs fine {well_since}"), lasted]
    fine = f"{times.count(well, 'job')} fine again {well_since}"
    return [_named(subject, now, lambda name: f"{name}: {fine}"), lasted]


def ended_well(subject: Subject, now: datetime) -> bool:
    """Return whether an incident ended because all that it is about is well: its job, or its whole group."""
    jobs, group = known(subject.symptoms, now), subject.surroundings
    if subject.incident.resolved_by != "recovery" or any(s.cleared_why != WELL for s in jobs):
        return False
    return len(jobs) == 1 or (group.alive >= group.total > 0 and not group.incidents)


def _past(jobs: Sequence[RaisedSymptom], incident: Incident, describe: Describe) -> str:
    """Return the past of what was wrong: "silent", "failing", or "down" if there were several causes."""
    causes = {cause for job in jobs for cause in (job.cause, job.facts.earlier_cause, *job.told) if cause}
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


def _named(subject: Subject, now: datetime, title: Callable[[str], str]) -> str:
    return _fit(called(subject.incident, subject.symptoms, subject.surroundings, now), title)


def _name(jobs: Sequence[RaisedSymptom], incident: Incident, surroundings: Surroundings) -> str:
    if len(jobs) == 1:
        return _of_job(jobs[0].title, surroundings.beside_job)
    return surroundings.title or incident.title


def _fit(name: str, title: Callable[[str], str]) -> str:
    """Return a title whose name is cut if the rest would not fit otherwise."""
    room = TITLE_LIMIT - len(title(""))
    return title(_cut_name(name, max(room, _SHORTEST_NAME)))


def _cut_name(name: str, limit: int) -> str:
    """Return a name of at most so many characters. A group that is cut keeps its closing bracket, or is left out."""
    job, bracket, group = name.removesuffix(")").rpartition(" (")
    if len(name) <= limit or not bracket or not name.endswith(")"):
        return cut(name, limit)
    room = limit - len(f"{job} ()")
    return f"{job} ({cut(group, room)})" if room >= _SHORTEST_GROUP else cut(job, limit)


def _of_job(title: str, group: str) -> str:
    return f"{title}{_group_in_brackets(title, group)}"


def _group_in_brackets(title: str, group: str) -> str:
    """Return the group in brackets, unless the title has it as a word of its own: host "a" is not in "plain"."""
    if not group:
        return ""
    # Most titles do without: an expression of its own for each group costs as much as the rest of a page.
    has_it = group in title and re.search(rf"(?<![\w.-]){re.escape(group)}(?![\w-]|\.\w)", title)
    return "" if has_it else f" ({group})"
