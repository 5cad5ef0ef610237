"""Composes the notices of leased pages from what is so now. It only reads, and so keeps no ping waiting."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from alerting import (
    attempts,
    escalation,
    next_page,
    notice,
    outbox,
    outside,
    recap,
    roster,
    store,
    symptom_store,
    timeline_store,
)
from alerting.crew import Crew
from alerting.digest import Stream
from alerting.incident import Describe, Entry, Incident, RaisedSymptom
from alerting.news import NO_NEWS, News
from alerting.notice import Links, Notice, NoticeKind, Subject
from alerting.notifiers import registry
from alerting.outbox import Page, Recipient
from alerting.person import Contact, Person
from alerting.subject import told_apart
from alerting.surroundings import Surroundings

log = logging.getLogger(__name__)

SurroundingsOf = Callable[
    [Connection, Sequence[Incident], Mapping[int, Sequence[RaisedSymptom]], datetime],
    Mapping[int, Surroundings],
]
"""Returns what is beside incidents with these symptoms, by incident. Only upstairs knows it."""

Addressed = tuple[Page, Person, Contact]
"""A leased page, with its person and contact as they are now."""


@dataclass(frozen=True, slots=True)
class Send:
    """One send: a notice, its recipient, and the page that it delivers."""

    notice: Notice
    person: Person
    contact: Contact
    page: Page

    @property
    def stream(self) -> Stream:
        """The notices that it would form a digest with."""
        return Stream(self.page.person, self.contact.kind, self.contact.mark, self.page.kind)


@dataclass(frozen=True, slots=True)
class Composer:
    """Composes notices. `describe` has the words of causes, `links` the links of a person to an incident."""

    surroundings_of: SurroundingsOf
    describe: Describe
    links: Callable[[Incident, Person], Links]

    def sends(
        self, db: Connection, pages: Sequence[Addressed], shared: Callable[[Contact], bool], now: datetime
    ) -> list[Send]:
        """Return the sends of these pages. `shared` says whether several people read the channels of a kind."""
        try:
            subjects = self.subjects(db, pages, shared, now)
            return [
                Send(notice.compose(subject, now), person, contact, page)
                for subject, (page, person, contact) in zip(subjects, pages, strict=True)
            ]
        except SQLAlchemyError:
            raise
        except Exception:
            # One page that cannot be composed must not keep the others from being sent.
            if len(pages) > 1:
                return [send for page in pages for send in self.sends(db, [page], shared, now)]
            log.exception(
                "page %d of incident %d cannot be composed", pages[0][0].id, pages[0][0].incident_id
            )
            return []

    def subjects(
        self, db: Connection, pages: Sequence[Addressed], shared: Callable[[Contact], bool], now: datetime
    ) -> list[Subject]:
        """Return what the notices of these pages are about, in their order."""
        facts = _facts(db, [page for page, _, _ in pages])
        try:
            around = self.surroundings_of(db, list(facts.incidents.values()), facts.symptoms, now)
        except Exception:
            # A page without its surroundings is better than none.
            log.exception("what is beside %d incidents cannot be told", len(facts.incidents))
            around = {}
        subjects = []
        for page, person, contact in pages:
            read_by_several = facts.readers[contact.mark] > 1 or shared(contact)
            beside = around.get(page.incident_id, Surroundings())
            subjects.append(self._subject(page, person, contact, facts, beside, read_by_several, now))
        return subjects

    def _subject(
        self,
        page: Page,
        person: Person,
        contact: Contact,
        facts: "_Facts",
        beside: Surroundings,
        shared: bool,
        now: datetime,
    ) -> Subject:
        incident = facts.incidents[page.incident_id]
        earlier = facts.last_paged.get((page.incident_id, contact.mark), page.occurrence)
        pages_somebody = page.kind is NoticeKind.PAGE
        with_people = facts.paged_with(incident, page.step, now) if pages_somebody else []
        coming = facts.coming_page(incident, incident.next_at or now)
        return Subject(
            kind=page.kind,
            page=outside.of_page(page.id, page.created_at, incident),
            sequence=facts.sequences[page.id],
            words=page.words,
            joined=page.news.joined,
            changed=page.news.changed,
            back=page.news.back,
            step=facts.reaching(incident, page.step, now) if pages_somebody else page.step,
            incident=incident,
            symptoms=told_apart(facts.told_by(page, now)),
            surroundings=beside,
            describe=self.describe,
            person=person,
            next_people=coming.people,
            next_page_at=coming.at,
            next_draws=coming.draws,
            links=self.links(incident, person),
            reopens=pages_somebody and earlier < page.occurrence,
            thread=facts.threads.get((page.incident_id, contact.mark)),
            with_people=[other for other in with_people if other.id != person.id],
            paged=facts.paged.get(page.incident_id, ()),
            recap=recap.of(facts.past[page.incident_id], page.created_at),
            messages=facts.messages_at(page.incident_id, contact),
            shared=shared,
        )


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the database has about pages: by incident, by page, and about everybody."""

    incidents: Mapping[int, Incident]
    symptoms: Mapping[int, Sequence[RaisedSymptom]]
    crew: Crew
    readers: Counter[str]
    sequences: Mapping[int, int]
    past: Mapping[int, Sequence[Entry]]
    paged: Mapping[int, Collection[str]]
    last_paged: Mapping[tuple[int, str], int]
    threads: Mapping[tuple[int, str], str]
    coming: Mapping[tuple[int, Recipient], News]
    messages: Mapping[tuple[int, str], Sequence[str]]

    def messages_at(self, incident: int, contact: Contact) -> Sequence[str]:
        """Return the first and the newest message that a contact has of an incident, if its notifier changes them."""
        ids = self.messages.get((incident, contact.mark), ())
        return list(dict.fromkeys((*ids[:1], *ids[-1:])))

    def told_by(self, page: Page, now: datetime) -> Sequence[RaisedSymptom]:
        """Return the symptoms that a notice is about, with what waits for them.

        A page leaves those out that the reader is told of as news.

        So nothing is counted twice that joins while the page is on its way.
        """
        symptoms = self.symptoms[page.incident_id]
        if page.kind is not NoticeKind.PAGE:
            return symptoms
        recipient = Recipient(page.person, page.via, page.contact_mark)
        news = self.coming.get((page.incident_id, recipient), NO_NEWS).joined
        told = [s for s in symptoms if not s.standing or s.waits(now) or (s.told and s.id not in news)]
        return told if any(symptom.standing and not symptom.waits(now) for symptom in told) else symptoms

    def coming_page(self, incident: Incident, at: datetime) -> next_page.Coming:
        """Return the page that follows if nobody answers. A notice that goes out late tells what follows then."""
        policy, step, severity = incident.policy, incident.step, incident.severity
        return next_page.coming(policy, step, at, self.crew, severity, incident.turns, incident.waits_until)

    def reaching(self, incident: Incident, step: int, at: datetime) -> int:
        """Return the step of a policy whose people the page at count `step` went to."""
        return escalation.reaching(incident.policy, step, self.crew, incident.severity, at)

    def paged_with(self, incident: Incident, step: int, at: datetime) -> list[Person]:
        """Return the people whom a step of an incident has paged."""
        policy, severity = incident.policy, incident.severity
        return escalation.together(policy, step, self.crew, severity, at, incident.turns)


def _facts(db: Connection, pages: Collection[Page]) -> _Facts:
    numbers = {page.incident_id for page in pages}
    edited = {page.via for page in pages} & registry.kinds_that("edits")
    incidents = store.load_many(db, numbers)
    crew = roster.load_crew(db)
    again = [incident.id for incident in incidents.values() if incident.occurrence > 1]
    sequences = outbox.sequences(db, [page.id for page in pages])
    begun = {page.incident_id for page in pages if sequences[page.id]}
    return _Facts(
        incidents=incidents,
        symptoms=symptom_store.symptoms_of(db, numbers),
        crew=crew,
        readers=Counter(contact.mark for person in crew.people.values() for contact in person.all_contacts),
        sequences=sequences,
        past=timeline_store.entries_of(db, numbers, recap.KINDS),
        paged=outbox.paged_people(db, numbers),
        last_paged=attempts.last_paged(db, again) if again else {},
        threads=attempts.threads(db, begun) if begun else {},
        coming=outbox.news_to_come(db, numbers),
        messages=attempts.messages(db, numbers, edited) if edited else {},
    )
