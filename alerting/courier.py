"""Sends pages: leases them, sends them with no transaction open, and records the outcomes.

A crash between sending and recording costs one duplicate with the same notice id and dedup key: the lease runs out
and another courier tries again. The number of sends through one notifier is bounded, so that one that hangs delays no
other.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from alerting import (
    addressing,
    breaker,
    digest,
    digest_store,
    leases,
    notifier_settings,
    refusal,
    roster,
    store,
    storm,
)
from alerting.composing import Addressed, Composer, Send
from alerting.delivery import LEASE
from alerting.detour import Channels
from alerting.digest import Stream
from alerting.leases import AtCapacity
from alerting.leases import next_due as next_due
from alerting.notice import Links, Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Outcome, Refused
from alerting.notifiers.registry import NotifierSet, Setup
from alerting.origin import Origin
from alerting.outcomes import Outcomes, Sent
from alerting.person import BUILT_IN, Contact, Person
from alerting.sending import hand_over
from alerting.span import Attribute, Spans, no_spans
from alerting.storm import Begun

HANDS = 240
HANDS_A_PERSON = 48
"""The most sends under way at a time through one notifier, and to one person: a phone that hangs delays no other."""
BATCH = 32
"""The most pages that are leased at once. All of them may be for one person, so that many must have room."""
LOOK_AGAIN = 1.0
"""Seconds after which a digest that follows another one looks for more pages."""
RECORD_FOR = 8.0
RECORD_AGAIN = 1.0
"""Seconds in which writing an outcome is retried while the database is away, and the pause between tries.

An outcome that is not written is sent again. Together with `sending.SEND_BOUND` less than a lease.
"""

log = logging.getLogger(__name__)
T = TypeVar("T")


class Transact(Protocol):
    """Run a function in one transaction. It may be run again from the start after a deadlock.

    Raises ConnectionError where the database is away; the transaction may have been committed all the same.
    """

    async def __call__(self, work: Callable[[Connection], T], /) -> T: ...


Observe = Callable[[str, str, Sequence[float]], None]
"""Called for each send: the notifier, the result, and the seconds that each accepted page had waited."""


class Courier:
    """Sends the pages of the outbox. `dispatch` never waits for a provider.

    `transact` writes, and `look` only reads. `digest_links` returns the links of a digest, by its number.
    `fill_in` returns the usable form of a stored address; its second argument is what an encrypted one is bound to.
    """

    def __init__(
        self,
        transact: Transact,
        look: Transact,
        assemble: Callable[[Mapping[str, Setup]], NotifierSet],
        *,
        now: Callable[[], datetime],
        composer: Composer,
        fill_in: Callable[[str, str], str],
        digest_links: Callable[[int, Person], Links],
        random: Callable[[], float] = random.random,
        observe: Observe = lambda _kind, _result, _seconds: None,
        observe_channel: Callable[[str, bool], None] = lambda _kind, _broken: None,
        wake: Callable[[], None] = lambda: None,
        spans: Spans = no_spans,
    ) -> None:
        self.notifiers = NotifierSet({}, {})
        self._assemble = assemble
        self._transact = transact
        self._look = look
        self._now = now
        self._composer = composer
        self._fill_in = fill_in
        self._digest_links = digest_links
        self._random = random
        self._observe = observe
        self._wake = wake
        self._spans = spans
        self._by_kind: Counter[str] = Counter()
        self._by_person: Counter[str] = Counter()
        self._alone: Counter[Stream] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._outcomes = Outcomes(self._patiently, RECORD_FOR)
        self._broken: dict[breaker.Key, breaker.Broken] = {}
        self._channels = Channels(self._has, observe_channel)
        self._behind = False

    async def dispatch(self) -> int:
        """Lease due pages and begin to send them. Return the number of pages."""
        kinds = [kind for kind, count in self._by_kind.items() if count > HANDS - BATCH]
        people = [person for person, count in self._by_person.items() if count > HANDS_A_PERSON - BATCH]
        full, alone, at = AtCapacity(kinds, people), self._alone.copy(), self._now()
        pages, begun, leased = await self._transact(lambda db: self._leased(db, self._now(), full, alone))
        self._behind = bool(kinds or people) or leased >= BATCH
        for taken in begun:
            self._begin(self._carry_digest(taken, at + digest_store.LEASE), taken.stream)
        self._channels.begun({taken.stream.via for taken in begun}, self._now())
        self._note_probes(pages)
        # Composing reads a lot. It must not keep the writer, for which pings wait.
        sends = await self._look(lambda db: self._composed(db, pages)) if pages else []
        for send in sends:
            self._begin(self._carry(send, at + LEASE), send.stream, alone=True)
        return leased + len(begun)

    def _has_room(self, kind: str, person: str) -> bool:
        """Return whether another batch may be for this notifier and this person."""
        return (
            self._by_kind[kind] <= HANDS - BATCH and self._by_person.get(person, 0) <= HANDS_A_PERSON - BATCH
        )

    def _composed(self, db: Connection, pages: Sequence[Addressed]) -> list[Send]:
        return self._composer.sends(db, pages, self._shared, self._now())

    def _begin(self, carrying: Coroutine[None, None, None], stream: Stream, *, alone: bool = False) -> None:
        """Let a send go on by itself, counted for its notifier and its person, and for its stream if it goes alone."""
        kind, person = stream.via, stream.person
        self._by_kind[kind] += 1
        self._by_person[person] += 1
        self._alone[stream] += alone

        async def counted() -> None:
            try:
                await carrying
            finally:
                self._by_kind[kind] -= 1
                self._by_person[person] -= 1
                self._alone[stream] -= alone
                # What counts nothing is dropped.
                self._by_person, self._alone = +self._by_person, +self._alone
            if self._behind and self._has_room(kind, person):
                self._wake()

        task = asyncio.create_task(counted())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _digesting(self, kind: str) -> bool:
        """Return whether a notifier combines notices: its readers are people, not machines."""
        return self._has(kind, "digests")

    def _has(self, kind: str, trait: str) -> bool:
        """Return whether a notifier has this trait of the contract, such as `edits`."""
        return bool(getattr(self.notifiers.own.get(kind), trait, False))

    async def settle(self, seconds: float) -> None:
        """Wait up to `seconds` for the sends under way, then drop the rest: their leases run out by themselves."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()
        self._outcomes.stop()

    @property
    def under_way(self) -> int:
        """The number of sends that have begun and not ended."""
        return len(self._tasks)

    def _leased(
        self, db: Connection, now: datetime, full: AtCapacity, alone: Mapping[Stream, int]
    ) -> tuple[Sequence[Addressed], Collection[Begun], int]:
        """Return the pages and digests that begin, and the number of pages that were leased or postponed."""
        if (first := next_due(db)) is None or first > now:
            return [], [], 0
        self.notifiers = self._assemble(notifier_settings.load(db))
        outlook = storm.begin(db, now, self._digesting, full, self._channels.past_stream, alone)
        full = AtCapacity(full.kinds, {*full.people, *outlook.people}, outlook.streams)
        pages = leases.lease(db, now, BATCH, full)
        people = roster.load_people(db, {page.person for page in pages}) | BUILT_IN
        reachable = addressing.awake(db, addressing.addressed(db, pages, people, now), now)
        reachable = self._channels.past(db, reachable, now)
        waiting = [
            (page.id, page.kind, person.ways(page.severity), contact) for page, person, contact in reachable
        ]
        held = breaker.held(waiting, self._broken, now)
        leases.postpone(db, held)
        reachable = [addressed for addressed in reachable if addressed[0].id not in held]
        return reachable, outlook.begun, len(pages) + outlook.postponed

    def _note_probes(self, pages: Sequence[Addressed]) -> None:
        """Note that pages for broken contacts and channels are on their way."""
        self._channels.begun({contact.kind for _, _, contact in pages}, self._now())
        for _, _, contact in pages:
            if (key := breaker.key(contact)) in self._broken:
                self._broken[key] = breaker.begun(self._broken[key], self._now())

    def _judged(self, send: Send, outcome: Outcome, now: datetime) -> Sent:
        """Return an outcome with what follows from it for the other pages of its contact."""
        key = breaker.key(send.contact)
        before = self._broken.pop(key, breaker.HEALTHY)
        state = breaker.after(before, outcome, now)
        if state != breaker.HEALTHY:
            self._broken[key] = state
        self._channels.judge(send.contact, outcome, now)
        mended = before.probe_at is not None and state.probe_at is None
        receipt_within = self._receipt_within(send.contact)
        return Sent(send, outcome, now, self._random(), state.probe_at, mended, receipt_within)

    def _receipt_within(self, contact: Contact) -> timedelta | None:
        """Return the time within which a contact's notice must be known to have arrived, None if accepted is enough."""
        notifier = self.notifiers.own.get(contact.kind)
        within: timedelta | None = getattr(notifier, "receipt_within", None)
        return within

    def _shared(self, contact: Contact) -> bool:
        """Return whether several people read the channels of this kind."""
        return self._has(contact.kind, "shared")

    def _too_late(self, until: datetime, named: str, extra: Mapping[str, object]) -> bool:
        """Return whether a lease has run out: this process stood still, and another may have sent it since."""
        if late := self._now() >= until:
            log.warning(
                "%s is not sent: its lease ran out while this process stood still", named, extra=extra
            )
        return late

    async def _carry(self, send: Send, until: datetime) -> None:
        """Send a page that is leased until a time, and record the outcome."""
        kind = send.contact.kind
        if self._too_late(until, _named(send), _log_fields(send)):
            return
        try:
            page = send.page
            outcome = await self._handed_over(
                send.notice,
                send.person,
                send.contact,
                incident=page.incident_id,
                page=page.id,
                kind=page.kind.value,
                pages=1,
            )
            sent = self._judged(send, outcome, self._now())
            if page.incident_id != store.DRILL:
                self._observe(kind, sent.result, self._waited(send, outcome))
            changed = await self._outcomes.record(sent)
            _log(send, outcome)
            if changed:
                self._wake()
        except ConnectionError as away:
            log.warning("%s could not be recorded: %s", _named(send), away, extra=_log_fields(send))
        except Exception:
            # The lease runs out by itself and the page is tried again; nothing is marked as delivered.
            log.exception("%s could not be recorded", _named(send), extra=_log_fields(send))

    async def _carry_digest(self, begun: Begun, until: datetime) -> None:
        """Take the rest of the pages of a digest, send it, and record it."""
        extra = {"person": begun.stream.person, "notifier": begun.stream.via, "digest": begun.number}
        try:
            await self._carried(begun, until, extra)
        except ConnectionError as away:
            log.warning("digest %d could not be recorded: %s", begun.number, away, extra=extra)
        except Exception:
            # The leases run out by themselves, and the pages are tried again.
            log.exception("digest %d could not be recorded", begun.number, extra=extra)

    async def _carried(self, begun: Begun, until: datetime, extra: dict[str, object]) -> None:
        await self._fill(begun, until)
        sent = await self._look(
            lambda db: storm.message(db, begun, self._digest_links, self._composer, self._shared, self._now())
        )
        if sent is None:
            return
        if self._too_late(until, f"digest {begun.number}", extra):
            unsent = partial(digest_store.finish, number=begun.number, arrived=False, provider_id=None)
            await self._patiently(unsent)
            return
        outcome: Outcome = Refused("this contact was removed")
        if sent.contact.address:
            about: dict[str, Attribute] = {"digest": begun.number, "pages": sent.pages}
            outcome = await self._handed_over(sent.notice, sent.person, sent.contact, **about)
            self._channels.judge(sent.contact, outcome, self._now())
        result = type(outcome).__name__.lower()
        self._observe(sent.contact.kind, result, [])
        now, jitter, receipt_within = self._now(), self._random(), self._receipt_within(sent.contact)
        judged = await self._patiently(lambda db: storm.verdict_on(db, sent, outcome, now, jitter))
        last: int | None = 0
        while last is not None:
            last = await self._patiently(
                lambda db, after=last: storm.record(db, sent, after, outcome, judged, now, receipt_within)  # type: ignore[misc]  # a lambda
            )
        after: int | None = 0 if isinstance(outcome, Refused) else None
        while after is not None:
            after = await self._patiently(
                lambda db, last=after: refusal.hand_on_digest(db, sent.number, last, now)  # type: ignore[misc]  # a lambda
            )
        level = logging.INFO if isinstance(outcome, Accepted) else logging.WARNING
        fields = extra | {"event": "sent", "outcome": result, "pages": sent.pages}
        log.log(level, "digest %d of %d pages: %s", begun.number, sent.pages, result, extra=fields)
        self._wake()

    async def _fill(self, begun: Begun, leased_until: datetime) -> None:
        """Let a digest take what is due. If it follows another one, look again until nothing more comes.

        Once its first pages are leased no longer it takes none: it is not sent, and would keep them from others.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + digest.TAKING.total_seconds()

        def take_more(db: Connection) -> int:
            if (now := self._now()) >= leased_until:
                return 0
            return digest_store.take_more(db, begun.number, begun.stream, begun.below, now)

        while (taken := await self._transact(take_more)) and loop.time() < until:
            if taken < digest_store.CHUNK:
                if not begun.follows:
                    return
                await asyncio.sleep(LOOK_AGAIN)

    async def _handed_over(
        self, message: Notice, person: Person, contact: Contact, **about: Attribute
    ) -> Outcome:
        """Send a notice, in a span with the attributes `about`."""
        binding = person.about(contact)
        # An address that somebody entered, and that does not stand in the operator's own file, may not reach as far.
        notifiers = self.notifiers.own if person.origin is Origin.FILE else self.notifiers.entered
        with self._spans("send", notifier=contact.kind, person=person.id, **about) as span:
            outcome = await hand_over(notifiers, message, contact, lambda text: self._fill_in(text, binding))
            span.record(outcome=type(outcome).__name__.lower())
        return outcome

    def _waited(self, send: Send, outcome: Outcome) -> list[float]:
        """Return the seconds that an accepted page has waited. Other notices do not count."""
        if not isinstance(outcome, Accepted) or send.page.kind is not NoticeKind.PAGE:
            return []
        return [(self._now() - (send.page.not_before or send.page.created_at)).total_seconds()]

    async def _patiently(self, work: Callable[[Connection], T], until: float | None = None) -> T:
        """Write something about a send, and try again for a while if the database is away."""
        loop = asyncio.get_running_loop()
        until = loop.time() + RECORD_FOR if until is None else until
        while True:
            try:
                return await self._transact(work)
            except ConnectionError:
                if loop.time() >= until:
                    raise
            await asyncio.sleep(RECORD_AGAIN)


def _log(send: Send, outcome: Outcome) -> None:
    """Log a send. The provider's answer stands in the timeline."""
    level = logging.INFO if isinstance(outcome, Accepted) else logging.WARNING
    if level == logging.INFO and send.page.incident_id == store.DRILL:
        level = logging.DEBUG
    result = type(outcome).__name__.lower()
    extra = _log_fields(send) | {"event": "sent", "outcome": result}
    log.log(
        level, "%s to %s by %s: %s", _named(send), send.page.person, send.contact.kind, result, extra=extra
    )


def _log_fields(send: Send) -> dict[str, object]:
    page = send.page
    return {
        "person": page.person,
        "notifier": send.contact.kind,
        "page": page.id,
        "incident": page.incident_id,
        "kind": page.kind.value,
    }


def _named(send: Send) -> str:
    return f"{send.page.kind.value} {send.page.id} of incident {send.page.incident_id}"
