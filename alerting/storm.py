"""Turns storms into digests: begins them, takes their pages in bounded transactions, and records their outcome."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import Connection

from alerting import (
    addressing,
    delivery,
    digest,
    digest_store,
    incident_lists,
    leases,
    notice,
    polling,
    proofs,
    roster,
    timeline,
)
from alerting.attempts import Attempt
from alerting.composing import Composer
from alerting.delivery import Delivered, Expired, Retry, Verdict
from alerting.digest import ALL_RANKS, Beside, Stream, Waiting
from alerting.incident import Entry, State
from alerting.leases import AtCapacity
from alerting.notice import Links, Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Outcome, Refused, Unreachable
from alerting.outbox import Page
from alerting.person import OPERATOR, Contact, Person
from alerting.severity import Severity

LOUD = 1
"""The first rank of severity that quiet hours hold back: all but critical."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A digest that has taken its first pages. It takes those of `stream` with a rank below `below`.

    The first of a storm goes at once. One that `follows` another also takes the pages that are written meanwhile.
    """

    number: int
    stream: Stream
    below: int
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Outlook:
    """The digests that begin now, the streams whose pages do not go alone, and the number of pages postponed.

    Nothing goes alone to `people`: some of what waits for them has just gone past its channel, and forms digests with
    the rest from the next round on.
    """

    begun: Collection[Begun] = ()
    streams: Collection[tuple[Stream, int]] = ()
    postponed: int = 0
    people: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A digest as it is sent: its number, its notice and its recipient."""

    number: int
    notice: Notice
    person: Person
    contact: Contact
    pages: int


Past = Callable[[Connection, Stream, datetime], int]
"""Takes due notices of a stream past a channel that fails for everybody. Returns how many, 0 if they stay."""


def begin(
    db: Connection,
    now: datetime,
    digesting: Callable[[str], bool],
    full: AtCapacity,
    past: Past = lambda _db, _stream, _now: 0,
    under_way: Mapping[Stream, int] = MappingProxyType({}),
) -> Outlook:
    """Begin the digests that are due, where so many notices of each stream are `under_way` one by one.

    `digesting` says whether a kind of notifier combines notices. What would form a digest, or wait for
    one, goes `past` its channel first: it is due by another contact then.
    """
    streams = {
        stream: waiting for stream, waiting in digest_store.waiting(db, now).items() if digesting(stream.via)
    }
    if not streams:
        return Outlook()
    last = digest_store.last_digests(db, now)
    alone = Counter(digest_store.sent_alone(db, now)) + Counter(under_way)

    def plan(stream: Stream, waiting: Waiting) -> digest.Plan:
        return digest.plan(waiting, alone[stream], last.get(stream), now)

    crowded = {stream.person for stream, waiting in streams.items() if plan(stream, waiting) != digest.ALONE}
    passed = {stream: past(db, stream, now) for stream in streams if stream.person in crowded}
    people = {stream.person for stream, number in passed.items() if number}
    streams = {stream: waiting for stream, waiting in streams.items() if stream.person not in people}
    begun, excluded, postponed = [], [], sum(passed.values())
    quiet = _quiet(db, streams, now)
    for stream, waiting in streams.items():
        if stream in quiet:
            postponed += _hold(db, stream, *quiet[stream], now)
            waiting = replace(
                waiting, by_rank={rank: n for rank, n in waiting.by_rank.items() if rank < LOUD}
            )
            excluded.append((stream, LOUD))
        if not waiting.total:
            continue
        way = plan(stream, waiting)
        busy = stream.via in full.kinds or stream.person in full.people
        if way.bundled_below and not busy:
            below = min(way.bundled_below, LOUD) if stream in quiet else way.bundled_below
            if (number := digest_store.begin(db, stream, below, now)) is not None:
                begun.append(Begun(number, stream, below, follows=stream in last))
        # A digest that began just now may not have taken all of its pages yet.
        if way.until is not None and now - last[stream].at >= digest.TAKING:
            from_rank = max(way.bundled_below, way.alone_below)
            postponed += digest_store.postpone(db, stream, from_rank, way.until, now)
        if way.alone_below < ALL_RANKS:
            excluded.append((stream, way.alone_below))
    return Outlook(begun, excluded, postponed, people)


def _hold(db: Connection, stream: Stream, person: Person, until: datetime, now: datetime) -> int:
    """Let the due notices of a stream that are not critical wait for the end of quiet hours. Return how many."""
    held = digest_store.hold(db, stream, LOUD, until, now)
    if stream.kind is NoticeKind.PAGE:
        timeline.write(db, [addressing.held_entry(incident, person, until, now) for incident in held])
    return len(held)


def _quiet(
    db: Connection, streams: Collection[Stream], now: datetime
) -> dict[Stream, tuple[Person, datetime]]:
    """Return the people with quiet hours now and the ends of these, by the streams that they hold back."""
    hushed = [stream for stream in streams if stream.kind in addressing.HUSHED]
    people = roster.load_people(db, {stream.person for stream in hushed}) if hushed else {}
    found = [(stream, people[stream.person]) for stream in hushed if stream.person in people]
    return {
        stream: (person, end)
        for stream, person in found
        if (end := person.quiet_until(Severity.WARNING, now)) is not None
    }


def message(
    db: Connection,
    begun: Begun,
    links: Callable[[int, Person], Links],
    composer: Composer,
    shared: Callable[[Contact], bool],
    now: datetime,
) -> Message | None:
    """Return the digest as it is sent, None if nothing of it is left. A contact that is gone has no address.

    A digest of one page is that page.
    """
    content = digest_store.content(db, begun.number, begun.stream.kind, now)
    page = digest_store.worst(db, begun.number)
    if content is None or page is None:
        return None
    person, contact = _recipient(db, begun.stream)
    (first,) = composer.subjects(db, [(page, person, contact)], shared, now)
    if content.incidents == 1:
        return Message(begun.number, notice.compose(first, now), person, contact, 1)
    counts = incident_lists.count(db)
    beside = Beside(sum(counts.values()), counts.get(State.OPEN, 0), first.surroundings.elsewhere)
    composed = digest.compose(content, first, beside, links(begun.number, person), now)
    return Message(begun.number, composed, person, contact, content.incidents)


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on a digest, and by how many contacts its pages go on."""

    verdict: Verdict
    further: int = 0


def verdict_on(db: Connection, sent: Message, outcome: Outcome, now: datetime, jitter: float) -> Judged:
    """Return the verdict on a digest, by the tries of its oldest page, and write whether it arrived."""
    tries = digest_store.oldest(db, sent.number, sent.person)
    arrived = isinstance(outcome, Accepted) or (isinstance(outcome, Unreachable) and outcome.may_have_arrived)
    polling.begin(db, sent.contact.kind, outcome, sent.notice, now)
    digest_store.finish(db, sent.number, arrived=arrived, provider_id=delivery.provider_id(outcome))
    if isinstance(outcome, Refused) and outcome.address:
        proofs.refuted(db, sent.person, sent.contact)
    if tries is None:
        return Judged(Expired())
    verdict = delivery.after_attempt(tries, outcome, now, jitter)
    return Judged(verdict, verdict.contact - tries.contact if isinstance(verdict, Retry) else 0)


def record(
    db: Connection,
    sent: Message,
    after: int,
    outcome: Outcome,
    judged: Judged,
    now: datetime,
    receipt_within: timedelta | None,
) -> int | None:
    """Write the outcome for some pages of a digest with an id above `after`. Return the last id, None at the end."""
    kind = sent.contact.kind
    answer = outcome.said if isinstance(outcome, Accepted) else outcome.reason
    result = type(outcome).__name__.lower()
    attempt = Attempt(
        0, now, kind, result, answer, delivery.provider_id(outcome), contact_mark=sent.contact.mark
    )
    if isinstance(outcome, Unreachable):
        attempt = replace(attempt, may_have_arrived=outcome.may_have_arrived, throttled=outcome.throttled)

    def own_verdict(page: Page) -> tuple[Verdict, Contact]:
        return _own_verdict(page, sent, judged, now, receipt_within)

    members = digest_store.record(db, sent.number, after, attempt, own_verdict, now)
    accepted = isinstance(outcome, Accepted)
    result = "accepted" if accepted else "refused" if isinstance(outcome, Refused) else "not reached"
    line = f"to {sent.person.name} by {kind} in a digest of {sent.pages:,}: {result}"
    words = f"{line} ({answer})" if answer else line
    told = "told" if accepted else "not told"
    timeline.write(db, [Entry(page.incident_id, now, told, f"{page.kind.value} {words}") for page in members])
    if isinstance(judged.verdict, Retry) and judged.verdict.throttled:
        leases.hold_back(db, sent.person.id, kind, judged.verdict.at)
    return members[-1].id if len(members) == digest_store.CHUNK else None


def _own_verdict(
    page: Page, sent: Message, judged: Judged, now: datetime, receipt_within: timedelta | None
) -> tuple[Verdict, Contact]:
    """Return the verdict on one page of a digest, whose severity may have another list of contacts, and its contact."""
    match judged.verdict:
        case Delivered():
            return delivery.accepted(page.tries(sent.person), now, receipt_within), sent.contact
        case Retry() as retry if page.kind is NoticeKind.PAGE:
            following = page.contact + judged.further
            return replace(retry, contact=following), sent.person.way(page.severity, following)
        case verdict:
            return verdict, sent.contact


def _recipient(db: Connection, stream: Stream) -> tuple[Person, Contact]:
    people = roster.load_people(db, [stream.person])
    person = people.get(stream.person, OPERATOR)
    for holder in (person, OPERATOR):
        contact = holder.contact_under(stream.via, stream.contact_mark)
        if contact is not None:
            return holder, contact
    if stream.kind is not NoticeKind.PAGE:
        return person, Contact(stream.via, "")
    return (person, person.contacts[0]) if person.contacts else (OPERATOR, OPERATOR.contacts[0])
