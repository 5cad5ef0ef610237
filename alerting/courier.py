"""Sends pages: leases them, sends them with no transaction open, and records the outcomes.

A crash between sending and recording costs one duplicate with the same notice id and dedup key: the lease runs out
and another courier tries again. The number of sends through one notifier is bounded, so that one that hangs delays no
other.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from alerting import (
    attempts,
    delivery,
    escalation,
    notice,
    notifier_settings,
    outbox,
    outside,
    roster,
    store,
    symptom_store,
    timeline,
)
from alerting.attempts import Attempt
from alerting.delivery import Retry
from alerting.incident import Describe, Entry, Incident, RaisedSymptom
from alerting.notice import Links, Notice, NoticeKind, Subject
from alerting.notifiers.contract import Accepted, Notifier, Outcome, Refused, Unreachable
from alerting.notifiers.registry import NotifierSet, Setup
from alerting.origin import Origin
from alerting.outbox import AtCapacity, Page
from alerting.person import OPERATOR, Contact, Person
from alerting.span import Attribute, Spans, no_spans
from alerting.surroundings import Surroundings

HANDS = 40
HANDS_A_PERSON = 8
"""The most sends under way at a time through one notifier, and to one person: a phone that hangs delays no other."""
SEND_BOUND = 20.0
"""Seconds after which a send is given up even if its notifier breaks its own promise; less than a lease."""
RECORD_FOR = 8.0
RECORD_AGAIN = 1.0
"""Seconds in which writing an outcome is retried while the database is away, and the pause between tries.

An outcome that is not written is sent again. Together with `SEND_BOUND` less than a lease.
"""

log = logging.getLogger(__name__)
T = TypeVar("T")


class Transact(Protocol):
    """Run a function in one transaction. It may be run again from the start after a deadlock.

    Raises ConnectionError where the database is away; the transaction may have been committed all the same.
    """

    async def __call__(self, work: Callable[[Connection], T], /) -> T: ...


SurroundingsOf = Callable[
    [Connection, Sequence[Incident], Mapping[int, Sequence[RaisedSymptom]], datetime],
    Mapping[int, Surroundings],
]
"""Returns what is beside incidents with these symptoms, by incident. Only upstairs knows it."""

Observe = Callable[[str, str, Sequence[float]], None]
"""Called for each send: the notifier, the result, and the seconds that each accepted page had waited."""


@dataclass(frozen=True, slots=True)
class Send:
    """One send: a notice, its recipient, and the pages that it delivers (several if it is a digest).

    `entered` is true if the address was entered by somebody, and does not stand in the operator's own file.
    """

    notice: Notice
    person: Person
    contact: Contact
    pages: tuple[Page, ...]
    entered: bool = False


class Courier:
    """Sends the pages of the outbox. `dispatch` never waits for a provider.

    `fill_in` returns the usable form of a stored address; its second argument is what an encrypted one is bound to.
    """

    def __init__(
        self,
        transact: Transact,
        assemble: Callable[[Mapping[str, Setup]], NotifierSet],
        *,
        now: Callable[[], datetime],
        surroundings_of: SurroundingsOf,
        describe: Describe,
        links: Callable[[Incident, Person], Links],
        fill_in: Callable[[str, str], str],
        overview_url: str,
        random: Callable[[], float] = random.random,
        observe: Observe = lambda _kind, _result, _seconds: None,
        wake: Callable[[], None] = lambda: None,
        spans: Spans = no_spans,
    ) -> None:
        self.notifiers = NotifierSet({}, {})
        self._assemble = assemble
        self._transact = transact
        self._now = now
        self._surroundings_of = surroundings_of
        self._describe = describe
        self._links = links
        self._fill_in = fill_in
        self._overview_url = overview_url
        self._random = random
        self._observe = observe
        self._wake = wake
        self._spans = spans
        self._by_kind: Counter[str] = Counter()
        self._by_person: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._behind = False

    async def dispatch(self) -> int:
        """Lease due pages and begin to send them. Return the number of pages."""
        kinds = [kind for kind, count in self._by_kind.items() if count >= HANDS]
        people = [person for person, count in self._by_person.items() if count >= HANDS_A_PERSON]
        of_kinds = [HANDS - count for count in self._by_kind.values() if count < HANDS]
        of_people = [HANDS_A_PERSON - count for count in self._by_person.values() if count < HANDS_A_PERSON]
        free = min([HANDS_A_PERSON, *of_kinds, *of_people])
        full = AtCapacity(kinds, people)
        sends, leased = await self._transact(lambda db: self._leased(db, self._now(), free, full))
        self._behind = bool(kinds or people) or leased >= free
        for send in sends:
            self._by_kind[send.contact.kind] += 1
            self._by_person[send.pages[0].person] += 1
            task = asyncio.create_task(self._carry(send))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return leased

    async def settle(self, seconds: float) -> None:
        """Wait up to `seconds` for the sends under way, then drop the rest: their leases run out by themselves."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()

    @property
    def under_way(self) -> int:
        """The number of sends that have begun and not ended."""
        return len(self._tasks)

    def _leased(self, db: Connection, now: datetime, limit: int, full: AtCapacity) -> tuple[list[Send], int]:
        pages = outbox.lease(db, now, limit, full)
        if not pages:
            return [], 0
        self.notifiers = self._assemble(notifier_settings.load(db))
        numbers = {page.incident_id for page in pages}
        incidents = store.load_many(db, numbers)
        symptoms = symptom_store.symptoms_of(db, numbers)
        people = roster.load_people(db)
        readers = Counter(contact for person in people.values() for contact in person.contacts)
        people |= {OPERATOR.id: OPERATOR}
        addressed = _addressed(db, pages, people, now)
        sequences = outbox.sequences(db, [page.id for page in pages])
        unanswered = outbox.unanswered_since(db, numbers)
        surroundings = self._surroundings_of(db, list(incidents.values()), symptoms, now)
        again = [incident.id for incident in incidents.values() if incident.occurrence > 1]
        last_paged = attempts.last_paged(db, again) if again else {}
        sends = []
        for page, person, contact in addressed:
            incident = incidents[page.incident_id]
            earlier = last_paged.get((page.incident_id, contact.mark), page.occurrence)
            subject = Subject(
                kind=page.kind,
                page=outside.of_page(page.id, page.created_at, incident),
                sequence=sequences[page.id],
                words=page.words,
                joined=page.news.joined,
                changed=page.news.changed,
                back=page.news.back,
                step=page.step,
                incident=incident,
                symptoms=symptoms[page.incident_id],
                surroundings=surroundings.get(page.incident_id, Surroundings()),
                describe=self._describe,
                person=person,
                next_people=_people_of(incident, page.step + 1, people, incident.next_at or now),
                links=self._links(incident, person),
                reopens=page.kind is NoticeKind.PAGE and earlier < page.occurrence,
                with_people=[
                    other
                    for other in _people_of(incident, page.step, people, now)
                    if other.id != person.id and page.kind is notice.NoticeKind.PAGE
                ],
                unanswered_since=unanswered.get(page.incident_id),
                shared=readers[contact] > 1 or self._shared(contact),
            )
            entered = person.origin is not Origin.FILE
            sends.append(Send(notice.compose(subject, now), person, contact, (page,), entered))
        return self._bundled(sends, now), len(pages)

    def _shared(self, contact: Contact) -> bool:
        """Return whether several people read the channels of this kind."""
        return getattr(self.notifiers.own.get(contact.kind), "shared", False)

    def _bundled(self, sends: list[Send], now: datetime) -> list[Send]:
        """Combine the throttled notices of each contact into one digest, if the reader is a human."""
        throttled: dict[tuple[str, Contact], list[Send]] = {}
        for send in sends:
            notifier = self.notifiers.own.get(send.contact.kind)
            if send.pages[0].throttled and notifier is not None and notifier.digests:
                throttled.setdefault((send.person.id, send.contact), []).append(send)
        bundles = [bundle for bundle in throttled.values() if len(bundle) > 1]
        single = [send for send in sends if not any(send in bundle for bundle in bundles)]
        return single + [_digest(bundle, self._overview_url, now) for bundle in bundles]

    async def _carry(self, send: Send) -> None:
        kind = send.contact.kind
        try:
            outcome = await self._sent(send)
            self._observe(kind, type(outcome).__name__.lower(), self._waited(send, outcome))
            to_retry = await self._recorded(send, outcome)
            _log(send, outcome)
            if to_retry or self._behind:
                self._wake()
        except ConnectionError as away:
            log.warning("%s could not be recorded: %s", _named(send), away, extra=_log_fields(send))
        except Exception:
            # The lease runs out by itself and the page is tried again; nothing is marked as delivered.
            log.exception("%s could not be recorded", _named(send), extra=_log_fields(send))
        finally:
            self._by_kind[kind] -= 1
            self._by_person[send.pages[0].person] -= 1
            self._by_person += Counter()  # Drops people to whom nothing is under way.

    async def _sent(self, send: Send) -> Outcome:
        binding = send.person.about(send.contact)
        first = send.pages[0]
        attributes: dict[str, Attribute] = {
            "notifier": send.contact.kind,
            "person": first.person,
            "pages": len(send.pages),
        }
        with self._spans(
            "send", incident=first.incident_id, page=first.id, kind=first.kind.value, **attributes
        ) as span:
            notifiers = self.notifiers.entered if send.entered else self.notifiers.own
            outcome = await hand_over(
                notifiers, send.notice, send.contact, lambda text: self._fill_in(text, binding)
            )
            span.record(outcome=type(outcome).__name__.lower())
        return outcome

    def _waited(self, send: Send, outcome: Outcome) -> list[float]:
        """Return the seconds that each accepted page has waited. Other notices do not count."""
        if not isinstance(outcome, Accepted):
            return []
        now = self._now()
        paged = [page for page in send.pages if page.kind is NoticeKind.PAGE]
        return [(now - page.created_at).total_seconds() for page in paged]

    async def _recorded(self, send: Send, outcome: Outcome) -> bool:
        """Write the outcome, with patience. Return whether something is to be retried."""
        now, jitter = self._now(), self._random()
        loop = asyncio.get_running_loop()
        until = loop.time() + RECORD_FOR
        while True:
            try:
                return await self._transact(lambda db: _record(db, send, outcome, now, jitter))
            except ConnectionError:
                if loop.time() >= until:
                    raise
            await asyncio.sleep(RECORD_AGAIN)


def next_due(db: Connection) -> datetime | None:
    """Return the time of the next attempt."""
    return outbox.next_due(db)


async def hand_over(
    notifiers: Mapping[str, Notifier], message: Notice, contact: Contact, fill_in: Callable[[str], str]
) -> Outcome:
    """Send a notice through the notifier of its contact's kind, bounded in time. Raises no fault of a notifier."""
    notifier = notifiers.get(contact.kind)
    if notifier is None:
        return Refused(f"the notifier {contact.kind} is not set up here")
    try:
        filled = replace(contact, address=fill_in(contact.address))
    except ValueError as error:
        return Refused(str(error))
    try:
        async with asyncio.timeout(SEND_BOUND):
            return await notifier.send(message, filled)
    except TimeoutError:
        reason = f"{contact.kind} did not answer within {SEND_BOUND:.0f} s"
        return Unreachable(reason, may_have_arrived=True)
    except Exception as error:
        # A notifier promises not to raise; a plugin that breaks its promise must not cost a page.
        log.exception("the notifier %s failed", contact.kind, extra={"notifier": contact.kind})
        reason = f"the notifier {contact.kind} failed: {type(error).__name__}"
        return Unreachable(reason, may_have_arrived=True)


def _log(send: Send, outcome: Outcome) -> None:
    """Log a send. The provider's answer stands in the timeline."""
    level = logging.INFO if isinstance(outcome, Accepted) else logging.WARNING
    result = type(outcome).__name__.lower()
    person, kind = send.pages[0].person, send.contact.kind
    extra = _log_fields(send) | {"event": "sent", "outcome": result}
    log.log(level, "%s to %s by %s: %s", _named(send), person, kind, result, extra=extra)


def _log_fields(send: Send) -> dict[str, object]:
    first = send.pages[0]
    fields: dict[str, object] = {"person": first.person, "notifier": send.contact.kind}
    if len(send.pages) == 1:
        return fields | {"page": first.id, "incident": first.incident_id, "kind": first.kind.value}
    return fields | {
        "pages": [page.id for page in send.pages],
        "incidents": sorted({page.incident_id for page in send.pages}),
    }


def _named(send: Send) -> str:
    first = send.pages[0]
    if len(send.pages) == 1:
        return f"{first.kind.value} {first.id} of incident {first.incident_id}"
    return f"a digest of {len(send.pages)} pages, {first.id} the first,"


def _addressed(
    db: Connection, pages: Sequence[Page], people: Mapping[str, Person], now: datetime
) -> list[tuple[Page, Person, Contact]]:
    """Return leased pages with their people and contacts, as these are now. Notices whose contact is gone end."""
    attempts.write_attempts(db, [lost for page in pages if (lost := attempts.unrecorded(page))])
    found = [(page, _recipient(page, people)) for page in pages]
    gone = [page for page, recipient in found if recipient is None]
    if gone:
        outbox.end(db, [page.id for page in gone])
        timeline.write(db, [_ended(page, people, now) for page in gone])
    addressed = [(page, *recipient) for page, recipient in found if recipient is not None]
    moved = {
        page.id: outbox.recipient(page.person, contact)
        for page, _, contact in addressed
        if (page.via, page.contact_mark) != (contact.kind, contact.mark)
    }
    outbox.readdress(db, moved)
    return addressed


def _recipient(page: Page, people: Mapping[str, Person]) -> tuple[Person, Contact] | None:
    """Return the person and the contact of a notice: for a page the next one, else the one that has the page."""
    person = people.get(page.person, OPERATOR)
    if page.kind is NoticeKind.PAGE:
        person = person if person.contacts else OPERATOR
        return person, person.contact(page.contact)
    for holder in (person, OPERATOR):
        contact = holder.contact_under(page.via, page.contact_mark)
        if contact is not None:
            return holder, contact
    return None


def _ended(page: Page, people: Mapping[str, Person], now: datetime) -> Entry:
    name = people[page.person].name if page.person in people else page.person
    line = f"{page.kind.value} to {name} by {page.via}: not sent (this contact was removed)"
    return Entry(page.incident_id, now, "not told", line)


def _people_of(incident: Incident, step: int, people: Mapping[str, Person], at: datetime) -> list[Person]:
    """Return the people whom a step of an incident pages."""
    return escalation.recipients(escalation.step_at(incident.policy, step).targets, people, at)


def _digest(bundle: list[Send], overview_url: str, now: datetime) -> Send:
    combined = notice.digest([send.notice for send in bundle], overview_url, now)
    return replace(bundle[0], notice=combined, pages=tuple(send.pages[0] for send in bundle))


def _record(db: Connection, send: Send, outcome: Outcome, now: datetime, jitter: float) -> bool:
    """Write the outcome of a send. Return whether something is to be retried."""
    kind = send.contact.kind
    answer = outcome.said if isinstance(outcome, Accepted) else outcome.reason
    result = type(outcome).__name__.lower()
    to_retry, held_until = False, now
    pages = outbox.fenced(db, {page.id: page.lease for page in send.pages})
    provider_id = delivery.provider_id(outcome)
    may_have_arrived = isinstance(outcome, Unreachable) and outcome.may_have_arrived
    attempt = Attempt(0, now, kind, result, answer, provider_id, contact_mark=send.contact.mark)
    attempt = replace(attempt, may_have_arrived=may_have_arrived)
    tried = [replace(attempt, page_id=number) for number in pages]
    attempts.write_attempts(db, tried)
    for page in pages.values():
        verdict = delivery.after_attempt(page.tries(len(send.person.contacts)), outcome, now, jitter)
        contact = send.contact
        if isinstance(verdict, Retry) and page.kind is NoticeKind.PAGE:
            contact = send.person.contact(verdict.contact)
        outbox.record(db, page, verdict, contact, now)
        to_retry |= isinstance(verdict, Retry)
        if isinstance(verdict, Retry) and verdict.throttled:
            held_until = max(held_until, verdict.at)
    if held_until > now:
        outbox.hold_back(db, send.person.id, kind, held_until)
    timeline.write(db, [_entry(page, send, outcome, answer, now) for page in pages.values()])
    return to_retry


def _entry(page: Page, send: Send, outcome: Outcome, answer: str, now: datetime) -> Entry:
    accepted = isinstance(outcome, Accepted)
    result = "accepted" if accepted else "refused" if isinstance(outcome, Refused) else "not reached"
    line = f"{page.kind.value} to {send.person.name} by {send.contact.kind}: {result}"
    return Entry(
        page.incident_id, now, "told" if accepted else "not told", f"{line} ({answer})" if answer else line
    )
