"""A report of past pages: who got how many, day and night, how soon they were answered, what paged most. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median_low
from typing import Final

from alerting import times
from alerting.desk import paging_history
from alerting.person import BUILT_IN, Person

LENGTH: Final = timedelta(days=7)
LONGEST: Final = timedelta(days=366)
"""The span of a report, unless somebody asks for another one, and the longest."""
NIGHT_BEGINS, NIGHT_ENDS = 22, 7
"""Hours of the person's own clock."""
LISTED: Final = 10
"""Checks that are named, the noisiest."""
PEOPLE_LISTED: Final = 200


@dataclass(frozen=True, slots=True)
class PersonLoad:
    """The pages of a person, those of them at night, and the incidents that they acknowledged first."""

    person: str
    name: str
    pages: int
    night: int
    acknowledged: int
    median: timedelta | None
    """The median of the times to these acknowledgements."""


@dataclass(frozen=True, slots=True)
class Answers:
    """How soon incidents were acknowledged, from their first page on."""

    acknowledged: int
    unanswered: int
    median: timedelta | None
    worst: timedelta | None
    worst_incident: int | None


@dataclass(frozen=True, slots=True)
class Noisy:
    """A check with the pages and the incidents that it was part of. A deleted one has no slug."""

    title: str
    slug: str | None
    incidents: int
    pages: int


@dataclass(frozen=True, slots=True)
class Report:
    """The pages between two times. People and checks come with the most pages first."""

    start: datetime
    end: datetime
    people: Sequence[PersonLoad]
    answers: Answers
    noisiest: Sequence[Noisy]

    @property
    def pages(self) -> int:
        """All pages that reached somebody."""
        return sum(load.pages for load in self.people)

    @property
    def night(self) -> int:
        """Those that came at night, by the clock of each person."""
        return sum(load.night for load in self.people)


def of(
    start: datetime,
    end: datetime,
    reached: Sequence[paging_history.Reached],
    answers: Sequence[paging_history.Answer],
    noisiest: Sequence[Noisy],
    people: Mapping[str, Person],
) -> Report:
    """Return the report. `people` are by their short names; whoever was deleted since is named by that."""
    everybody = {**people, **BUILT_IN}
    pages, night = Counter[str](), Counter[str]()
    for row in reached:
        pages[row.person] += row.messages
        person = everybody.get(row.person)
        if is_night(row.at, person.timezone if person else "UTC"):
            night[row.person] += row.messages
    loads = [
        _load(name, everybody[name].name if name in everybody else name, pages[name], night[name], answers)
        for name in pages
    ]
    loads.sort(key=lambda load: (-load.pages, load.name))
    return Report(start, end, loads, _answers(answers), noisiest)


def is_night(at: datetime, timezone: str) -> bool:
    """Return whether it is night in a zone (IANA)."""
    hour = at.astimezone(times.zone(timezone)).hour
    return hour >= NIGHT_BEGINS or hour < NIGHT_ENDS


def sentences(report: Report) -> list[str]:
    """Return the report in two or three sentences."""
    if not report.pages:
        return ["Nobody was paged."]
    by_night = f"{report.night:,} at night" if report.night else "none at night"
    answers = report.answers
    parts = [f"{times.count(report.pages, 'page')}, {by_night}."]
    if answers.median is not None and answers.worst is not None:
        parts.append(
            f"Acknowledged {times.duration(answers.median)} after the first page (median), "
            f"at worst after {times.duration(answers.worst)} (incident {answers.worst_incident})."
        )
    if answers.unanswered:
        parts.append(f"{times.count(answers.unanswered, 'incident')} without an acknowledgement.")
    return parts


def lines(report: Report, home: str) -> Iterator[str]:
    """Yield the report as text, for a terminal and a mail."""
    yield f"Pages from {report.start:%d %b %Y %H:%M} UTC to {report.end:%d %b %Y %H:%M} UTC"
    yield from sentences(report)
    if report.people:
        yield from ("", *_table(report.people[:PEOPLE_LISTED]))
        if (more := len(report.people) - PEOPLE_LISTED) > 0:
            yield f"and {more:,} more people"
        yield f"Night is {NIGHT_BEGINS}:00 to {NIGHT_ENDS:02}:00 in the person's time zone."
    if report.noisiest:
        yield from ("", "Noisiest checks:")
        for noisy in report.noisiest:
            yield f"{noisy.title}: {times.count(noisy.pages, 'page')} in {times.count(noisy.incidents, 'incident')}"
            if noisy.slug:
                yield f"  {home}/checks/{noisy.slug}"


def _table(people: Sequence[PersonLoad]) -> Iterator[str]:
    width = min(max(len(load.name) for load in people), 40)
    yield f"{'':<{width}}  Pages  At night  Acknowledged  Median"
    for load in people:
        median = times.duration(load.median) if load.median is not None else ""
        row = f"{load.name[:width]:<{width}}  {load.pages:>5,}  {load.night:>8,}  {load.acknowledged:>12,}  {median}"
        yield row.rstrip()


def _load(
    person: str, name: str, pages: int, night: int, answers: Sequence[paging_history.Answer]
) -> PersonLoad:
    own = [answer.took for answer in answers if answer.took is not None and answer.by == name]
    return PersonLoad(person, name, pages, night, len(own), median_low(own) if own else None)


def _answers(answers: Sequence[paging_history.Answer]) -> Answers:
    took = [(answer.took, answer.incident_id) for answer in answers if answer.took is not None]
    worst, incident = max(took, default=(None, None), key=lambda pair: pair[0])
    median = median_low(length for length, _ in took) if took else None
    return Answers(len(took), len(answers) - len(took), median, worst, incident)
