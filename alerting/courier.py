"""Pages become phones that ring. Leases a page, sends it with no transaction open, records what came of it.

A crash between sending and recording costs one duplicate with the same notice id and dedup key; the lease runs
out and another courier tries again. Each notifier has a bounded number of hands, so that a hanging one holds
up nobody else.
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

from alerting import delivery, escalation, notice, notifier_settings, outbox, roster, store, timeline
from alerting.delivery import Retry
from alerting.escalation import Target
from alerting.incident import Describe, Entry, Incident, Surroundings
from alerting.notice import Links, Notice, Subject
from alerting.notifiers.contract import Accepted, Notifier, Outcome, Refused, Unreachable
from alerting.notifiers.registry import NotifierSet, Setup
from alerting.origin import Origin
from alerting.outbox import Attempt, Busy, Page
from alerting.person import OPERATOR, Contact, Person
from alerting.span import Attribute, Spans, no_spans

HANDS = 40
HANDS_A_PERSON = 8
"""Sends under way at a time through one notifier, and to one person: a phone that hangs holds up nobody else."""
SEND_BOUND = 20.0
"""Seconds after which a send is given up even if its notifier breaks its own promise; less than a lease."""
RECORD_FOR = 8.0
RECORD_AGAIN = 1.0
"""While the database is away, what came of a send is tried to be written for so many seconds, with such a
pause: what is not written is sent again. Together with `SEND_BOUND` less than a lease."""

log = logging.getLogger(__name__)
T = TypeVar("T")


class Transact(Protocol):
    """Run a function in one transaction. It may be run again from the start after a deadlock.

    Raises ConnectionError where the database is away; the transaction may have been committed all the same.
    """

    async def __call__(self, work: Callable[[Connection], T], /) -> T: ...


SurroundingsOf = Callable[[Connection, Sequence[Incident]], Mapping[int, Surroundings]]
"""What upstairs knows of the groups that incidents are about, by incident."""

Observe = Callable[[str, str, Sequence[float]], None]
"""Told of each send: the notifier, the result, and the seconds that each page had waited which it accepted."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One send: a notice, where it goes, and the pages that it delivers (several where it is a digest).

    `entered` is whether the address was entered by somebody, and not written in the operator's own file.
    """

    notice: Notice
    person: Person
    contact: Contact
    pages: tuple[Page, ...]
    entered: bool = False


class Courier:
    """Carries what lies in the outbox. `dispatch` never waits for a provider.

    `fill_in` gives the address to use for one as it is kept, and for what that is about.
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
        observe: Observe = lambda _kind, _result, _waited: None,
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
        self._busy: Counter[str] = Counter()
        self._busy_for: Counter[str] = Counter()
        self._sends: set[asyncio.Task[None]] = set()
        self._behind = False

    async def dispatch(self) -> int:
        """Lease what is due and set it on its way; how many pages were taken."""
        kinds = [kind for kind, hands in self._busy.items() if hands >= HANDS]
        people = [person for person, hands in self._busy_for.items() if hands >= HANDS_A_PERSON]
        by_kind = [HANDS - hands for hands in self._busy.values() if hands < HANDS]
        by_person = [HANDS_A_PERSON - hands for hands in self._busy_for.values() if hands < HANDS_A_PERSON]
        free = min([HANDS_A_PERSON, *by_kind, *by_person])
        busy = Busy(kinds, people)
        parcels, taken = await self._transact(lambda db: self._leased(db, self._now(), free, busy))
        self._behind = bool(kinds or people) or taken >= free
        for parcel in parcels:
            self._busy[parcel.contact.kind] += 1
            self._busy_for[parcel.pages[0].person] += 1
            task = asyncio.create_task(self._carry(parcel))
            self._sends.add(task)
            task.add_done_callback(self._sends.discard)
        return taken

    async def settle(self, seconds: float) -> None:
        """Wait up to `seconds` for the sends under way, then drop the rest: their leases run out by themselves."""
        if self._sends:
            _, late = await asyncio.wait(self._sends, timeout=seconds)
            for task in late:
                task.cancel()

    @property
    def under_way(self) -> int:
        """How many sends have begun and not ended."""
        return len(self._sends)

    def _leased(self, db: Connection, now: datetime, limit: int, busy: Busy) -> tuple[list[Parcel], int]:
        pages = outbox.lease(db, now, limit, busy)
        if not pages:
            return [], 0
        self.notifiers = self._assemble(notifier_settings.load(db))
        numbers = {page.incident_id for page in pages}
        incidents = store.load_many(db, numbers)
        symptoms = store.symptoms_of(db, numbers)
        following = {page.id: _following(incidents[page.incident_id], page) for page in pages}
        names = {page.person for page in pages}.union(*following.values())
        people = roster.load_people(db, names) | {OPERATOR.id: OPERATOR}
        sequences = outbox.sequences(db, [page.id for page in pages])
        around = self._surroundings_of(db, list(incidents.values()))
        parcels = []
        for page in pages:
            person = people.get(page.person, OPERATOR)
            person = person if person.contacts else OPERATOR
            incident = incidents[page.incident_id]
            about = Subject(
                kind=page.kind,
                page=page.id,
                sequence=sequences[page.id],
                words=page.words,
                step=page.step,
                incident=incident,
                symptoms=symptoms[page.incident_id],
                surroundings=around.get(page.incident_id, Surroundings()),
                describe=self._describe,
                person=person,
                next_people=escalation.names_of(following[page.id], people, incident.next_at or now),
                links=self._links(incident, person),
            )
            contact = person.contact(page.contact)
            entered = person.origin is not Origin.FILE
            parcels.append(Parcel(notice.compose(about, now), person, contact, (page,), entered))
        return self._bundled(parcels, now), len(pages)

    def _bundled(self, parcels: list[Parcel], now: datetime) -> list[Parcel]:
        """What a provider held back goes as one digest a contact, where the reader is a human."""
        held: dict[tuple[str, Contact], list[Parcel]] = {}
        for parcel in parcels:
            notifier = self.notifiers.own.get(parcel.contact.kind)
            if parcel.pages[0].throttled and notifier is not None and notifier.digests:
                held.setdefault((parcel.person.id, parcel.contact), []).append(parcel)
        bundled = [parcel for group in held.values() if len(group) > 1 for parcel in group]
        alone = [parcel for parcel in parcels if parcel not in bundled]
        return alone + [_digest(group, self._overview_url, now) for group in held.values() if len(group) > 1]

    async def _carry(self, parcel: Parcel) -> None:
        kind = parcel.contact.kind
        try:
            outcome = await self._sent(parcel)
            self._observe(kind, type(outcome).__name__.lower(), self._waited(parcel, outcome))
            again = await self._recorded(parcel, outcome)
            _log(parcel, outcome)
            if again or self._behind:
                self._wake()
        except ConnectionError as away:
            log.warning("%s could not be recorded: %s", _named(parcel), away, extra=_known(parcel))
        except Exception:
            # The lease runs out by itself and the page is tried again; nothing is marked as done.
            log.exception("%s could not be recorded", _named(parcel), extra=_known(parcel))
        finally:
            self._busy[kind] -= 1
            self._busy_for[parcel.pages[0].person] -= 1
            self._busy_for += Counter()  # Forgets whoever nothing is under way to.

    async def _sent(self, parcel: Parcel) -> Outcome:
        about = parcel.person.about(parcel.contact)
        first = parcel.pages[0]
        known: dict[str, Attribute] = {
            "notifier": parcel.contact.kind,
            "person": first.person,
            "pages": len(parcel.pages),
        }
        with self._spans(
            "send", incident=first.incident_id, page=first.id, kind=first.kind.value, **known
        ) as span:
            notifiers = self.notifiers.entered if parcel.entered else self.notifiers.own
            outcome = await hand_over(
                notifiers, parcel.notice, parcel.contact, lambda text: self._fill_in(text, about)
            )
            span.record(outcome=type(outcome).__name__.lower())
        return outcome

    def _waited(self, parcel: Parcel, outcome: Outcome) -> list[float]:
        """Seconds that each page of it has waited to be accepted. What tells of the past is no page."""
        if not isinstance(outcome, Accepted):
            return []
        now = self._now()
        paged = [page for page in parcel.pages if page.kind is notice.Kind.PAGE]
        return [(now - page.created_at).total_seconds() for page in paged]

    async def _recorded(self, parcel: Parcel, outcome: Outcome) -> bool:
        """Write what came of a send, patiently; whether something is to be sent again."""
        now, jitter = self._now(), self._random()
        loop = asyncio.get_running_loop()
        until = loop.time() + RECORD_FOR
        while True:
            try:
                return await self._transact(lambda db: _record(db, parcel, outcome, now, jitter))
            except ConnectionError:
                if loop.time() >= until:
                    raise
            await asyncio.sleep(RECORD_AGAIN)


def next_due(db: Connection) -> datetime | None:
    """When the first page is to be tried."""
    return outbox.next_due(db)


async def hand_over(
    notifiers: Mapping[str, Notifier], told: Notice, contact: Contact, fill_in: Callable[[str], str]
) -> Outcome:
    """Send one notice through the notifier of its contact's kind, bounded in time; never raises for what it meets."""
    notifier = notifiers.get(contact.kind)
    if notifier is None:
        return Refused(f"there is no usable notifier of the kind {contact.kind} here")
    try:
        filled = replace(contact, address=fill_in(contact.address))
    except ValueError as wrong:
        return Refused(str(wrong))
    try:
        async with asyncio.timeout(SEND_BOUND):
            return await notifier.send(told, filled)
    except TimeoutError:
        return Unreachable(f"{contact.kind} did not answer within {SEND_BOUND:.0f} s")
    except Exception as broken:
        # A notifier promises not to raise; a plugin that breaks its promise must not cost a page.
        log.exception("the notifier %s broke", contact.kind, extra={"notifier": contact.kind})
        return Unreachable(f"the notifier {contact.kind} broke: {type(broken).__name__}")


def _log(parcel: Parcel, outcome: Outcome) -> None:
    """A line for each send. What the provider said of it stands in the timeline."""
    level = logging.INFO if isinstance(outcome, Accepted) else logging.WARNING
    result = type(outcome).__name__.lower()
    person, kind = parcel.pages[0].person, parcel.contact.kind
    extra = _known(parcel) | {"event": "sent", "outcome": result}
    log.log(level, "%s to %s by %s: %s", _named(parcel), person, kind, result, extra=extra)


def _known(parcel: Parcel) -> dict[str, object]:
    """What a line of the log about a send knows beside its words."""
    first = parcel.pages[0]
    known: dict[str, object] = {"person": first.person, "notifier": parcel.contact.kind}
    if len(parcel.pages) == 1:
        return known | {"page": first.id, "incident": first.incident_id, "kind": first.kind.value}
    return known | {
        "pages": [page.id for page in parcel.pages],
        "incidents": sorted({page.incident_id for page in parcel.pages}),
    }


def _named(parcel: Parcel) -> str:
    first = parcel.pages[0]
    if len(parcel.pages) == 1:
        return f"{first.kind.value} {first.id} of incident {first.incident_id}"
    return f"a digest of {len(parcel.pages)} pages, {first.id} the first,"


def _following(incident: Incident, page: Page) -> tuple[Target, ...]:
    """Return the targets of the step after the page's."""
    return escalation.step_at(incident.policy, page.step + 1).targets


def _digest(group: list[Parcel], overview_url: str, now: datetime) -> Parcel:
    first = group[0]
    told = notice.digest([parcel.notice for parcel in group], overview_url, now)
    return replace(first, notice=told, pages=tuple(parcel.pages[0] for parcel in group))


def _record(db: Connection, parcel: Parcel, outcome: Outcome, now: datetime, jitter: float) -> bool:
    """Write what came of a send; whether something is to be sent again."""
    kind = parcel.contact.kind
    said = outcome.said if isinstance(outcome, Accepted) else outcome.reason
    result = type(outcome).__name__.lower()
    again, held_until = False, now
    pages = outbox.fenced(db, {page.id: page.lease for page in parcel.pages})
    provider_id = delivery.provider_id(outcome)
    attempts = [Attempt(page.id, now, kind, result, said, provider_id) for page in pages.values()]
    outbox.write_attempts(db, attempts)
    for page in pages.values():
        after = delivery.after_attempt(page.tries(len(parcel.person.contacts)), outcome, now, jitter)
        via = parcel.person.contact(after.contact).kind if isinstance(after, Retry) else kind
        outbox.record(db, page, after, via, now)
        again |= isinstance(after, Retry)
        if isinstance(after, Retry) and after.throttled:
            held_until = max(held_until, after.at)
    if held_until > now:
        outbox.hold_back(db, parcel.person.id, kind, held_until)
    timeline.write(db, [_entry(page, parcel, outcome, said, now) for page in pages.values()])
    return again


def _entry(page: Page, parcel: Parcel, outcome: Outcome, said: str, now: datetime) -> Entry:
    name, kind = parcel.person.name, parcel.contact.kind
    answer = f" ({said})" if said else ""
    if isinstance(outcome, Accepted):
        return Entry(
            page.incident_id, now, "told", f"{page.kind.value} to {name} by {kind}: accepted{answer}"
        )
    failed = "refused" if isinstance(outcome, Refused) else "not reached"
    return Entry(
        page.incident_id, now, "not told", f"{page.kind.value} to {name} by {kind}: {failed}{answer}"
    )
