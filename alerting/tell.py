"""Tells the news of incidents to everybody who has a page of them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerting import attempts, news, outbox
from alerting.incident import Incident
from alerting.news import NO_NEWS, News
from alerting.notice import NoticeKind
from alerting.notifiers import registry
from alerting.outbox import Intent, Recipient
from alerting.person import Person
from alerting.severity import Severity


def tell(
    db: Connection,
    kind: NoticeKind,
    told: Iterable[tuple[Incident, str]],
    now: datetime,
    by_person: str | None = None,
    *,
    also: Sequence[Person] = (),
    without: Collection[str] = (),
) -> None:
    """Write a notice about each incident for every contact that has a page of it, or may have.

    Each notice is tried on its own contact only. `by_person` is the person who did it: they get no notice of what they
    did themselves, nor do the people in `without`. Machines among their contacts do, since those keep threads, and so
    do contacts whose messages are changed by it.

    The people in `also` get it on their first contact that takes news, if they have no page.
    """
    notices, ringing, by_humans = list(told), _ringing(), _heard_by_humans()
    holders = attempts.holders(db, [incident.id for incident, _ in notices]) if notices else {}
    knowing = {by_person, *without}
    intents = []
    for incident, words in notices:
        holding = holders.get(incident.id, [])
        others = [person for person in also if person.id not in {holder.person for holder in holding}]
        first = [
            contact for person in others if (contact := _first_quiet(person, incident.severity, ringing))
        ]
        intents += [
            Intent(incident, reader, words)
            for reader in [*holding, *first]
            if reader.via not in ringing and (reader.person not in knowing or reader.via not in by_humans)
        ]
    outbox.intend(db, kind, intents, now)


def update(db: Connection, updates: Sequence[tuple[Incident, News]], now: datetime) -> None:
    """Write the news of each incident for every contact that has a page of it.

    News that still waits for a contact becomes part of it, so that nothing is told twice, and nothing is lost. So does
    news that went past the contact to another one, and waits there.
    """
    if not updates:
        return
    numbers = [incident.id for incident, _ in updates]
    waiting = outbox.withdraw_updates(db, numbers)
    holders = attempts.holders(db, numbers)
    intents, ringing = [], _ringing()
    for incident, latest in updates:
        holding = holders.get(incident.id, ())
        astray = {
            reader.person: still
            for (number, reader), still in waiting.items()
            if number == incident.id and reader not in holding
        }
        for holder in holding:
            before = waiting.get((incident.id, holder)) or astray.get(holder.person, NO_NEWS)
            whole = news.followed(before, latest)
            if whole and holder.via not in ringing:
                intents.append(Intent(incident, holder, whole.words, whole))
    outbox.intend(db, NoticeKind.UPDATE, intents, now)


def _first_quiet(person: Person, severity: Severity, ringing: Collection[str]) -> Recipient | None:
    """Return the first contact of a person for this severity that takes news."""
    quiet = (contact for contact in person.ways(severity) if contact.kind not in ringing)
    return next((outbox.recipient(person.id, contact) for contact in quiet), None)


def _ringing() -> frozenset[str]:
    """Return the kinds that take nothing but what needs an answer. A call would ring for it."""
    return registry.kinds_that("pages_only")


def _heard_by_humans() -> frozenset[str]:
    """Return the kinds that tell people nothing of what they did themselves."""
    kinds = registry.kinds_that
    # A device that still shows a page must end it, and a message that is edited says what became of its incident.
    return kinds("digests") - kinds("edits") - kinds("replaces")
