"""A provider's later word on a notice that it accepted: delivered, or undelivered after all.

A receipt is kept with its attempt. *Undelivered* outweighs *delivered*, so that receipts that come twice, late or out
of order end alike. A notice that was not delivered goes on to the next contact as after a refusal, while it is still
needed.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from alerting import delivery, outbox, roster, store, timeline
from alerting.delivery import Delivered, Retry
from alerting.incident import Entry, Incident
from alerting.notifiers.contract import Arrived, Refused, Undelivered
from alerting.notifiers.wording import quoted
from alerting.outbox import Page, Sent
from alerting.person import OPERATOR, Person

DELIVERED, UNDELIVERED = "delivered", "undelivered"


def receipt(db: Connection, kind: str, word: Arrived | Undelivered, now: datetime, jitter: float) -> None:
    """Keep a provider's word on what this kind of notifier has sent, and act on it.

    An id that nothing was sent under changes nothing.
    """
    numbers = {page.id: page.incident_id for page in outbox.sent_as(db, kind, word.provider_id)}
    # Incidents before pages, as those do who answer them.
    incidents = store.lock(db, set(numbers.values()))
    sends = outbox.lock_sent(db, numbers, kind, word.provider_id)
    reason = quoted(word.reason) if isinstance(word, Undelivered) else None
    verdict = DELIVERED if reason is None else UNDELIVERED
    news = [send for send in sends if send.receipt not in (verdict, UNDELIVERED)]
    outbox.write_receipts(db, [send.attempt_id for send in news], verdict, reason, now)
    people = roster.load_people(db, {send.page.person for send in news}) | {OPERATOR.id: OPERATOR}
    timeline.write(db, [_entry(send.page, kind, reason, people, now) for send in news])
    for send in news:
        if reason is not None and send.last and send.page.state == DELIVERED:
            _go_on(db, send, incidents[send.page.incident_id], people, reason, now, jitter)


def _go_on(
    db: Connection,
    send: Sent,
    incident: Incident,
    people: Mapping[str, Person],
    reason: str,
    now: datetime,
    jitter: float,
) -> None:
    """Send a page on to the next contact where it is still needed."""
    page = send.page
    person = _reachable(page, people)
    if not delivery.still_needed(page.kind, page.occurrence, incident) or outbox.has_successor(db, page):
        outbox.take_back(db, page, None, "")
        return
    after = delivery.after_attempt(page.tries(len(person.contacts)), Refused(reason), now, jitter)
    assert not isinstance(after, Delivered), "a refusal delivers nothing"
    via = person.contact(after.contact).kind if isinstance(after, Retry) else ""
    outbox.take_back(db, page, after, via)


def _reachable(page: Page, people: Mapping[str, Person]) -> Person:
    person = people.get(page.person, OPERATOR)
    return person if person.contacts else OPERATOR


def _entry(page: Page, kind: str, reason: str | None, people: Mapping[str, Person], now: datetime) -> Entry:
    name = people[page.person].name if page.person in people else page.person
    about = f"{page.kind.value} to {name} by {kind}"
    if reason is None:
        return Entry(page.incident_id, now, "told", f"{about}: delivered")
    return Entry(
        page.incident_id, now, "not told", f"{about}: undelivered" + (f" ({reason})" if reason else "")
    )
