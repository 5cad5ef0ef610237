"""Tells the news of incidents to everybody who has a page of them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import Connection

from alerting import attempts, news, outbox
from alerting.incident import Incident
from alerting.news import NO_NEWS, News
from alerting.notice import NoticeKind
from alerting.notifiers import registry
from alerting.outbox import Intent
from alerting.person import Person


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
    did themselves, nor do the people in `without`. Machines among their contacts do, since those keep threads. The
    people in `also` get it on their first contact if they have no page.
    """
    notices = list(told)
    holders = attempts.holders(db, [incident.id for incident, _ in notices]) if notices else {}
    knowing = {by_person, *without}
    intents = []
    for incident, words in notices:
        holding = holders.get(incident.id, [])
        others = [person for person in also if person.id not in {holder.person for holder in holding}]
        first = [outbox.recipient(one.id, one.way(incident.severity, 0)) for one in others if one.contacts]
        intents += [
            Intent(incident, reader, words)
            for reader in [*holding, *first]
            if reader.person not in knowing or reader.via not in _read_by_humans()
        ]
    outbox.intend(db, kind, intents, now)


def update(db: Connection, updates: Sequence[tuple[Incident, News]], now: datetime) -> None:
    """Write the news of each incident for every contact that has a page of it.

    News that still waits for a contact becomes part of it, so that nothing is told twice, and nothing is lost.
    """
    if not updates:
        return
    numbers = [incident.id for incident, _ in updates]
    waiting = outbox.withdraw_updates(db, numbers)
    holders = attempts.holders(db, numbers)
    intents = []
    for incident, latest in updates:
        for holder in holders.get(incident.id, ()):
            whole = news.followed(waiting.get((incident.id, holder), NO_NEWS), latest)
            if whole:
                intents.append(Intent(incident, holder, whole.words, whole))
    outbox.intend(db, NoticeKind.UPDATE, intents, now)


@cache
def _read_by_humans() -> frozenset[str]:
    return frozenset(kind for kind, notifier in registry.installed().kinds.items() if notifier.digests)
