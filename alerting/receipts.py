"""Records what a provider reports later of a notice that it accepted: delivered, or undelivered after all.

A receipt is stored with its attempt. *Undelivered* outweighs *delivered*, so that receipts that come twice, late or
out of order end alike. An undelivered notice goes on to the next contact, as after a refusal, while it is needed. One
that moved on before, because no receipt came in time, stays where it is: the record alone changes.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection

from alerting import (
    attempts,
    contact_code_store,
    delivery,
    leases,
    onward_store,
    outbox,
    roster,
    store,
    timeline,
)
from alerting.attempts import AcceptedAttempt
from alerting.delivery import Delivered
from alerting.incident import Entry, Incident
from alerting.notifiers.contract import Arrived, Refused, Undelivered
from alerting.notifiers.wording import quoted
from alerting.outbox import Page
from alerting.person import OPERATOR, Person

DELIVERED, UNDELIVERED = "delivered", "undelivered"


AT_ONCE = 200
"""The most pages of a digest that one transaction changes."""


def receipt(
    db: Connection,
    kind: str,
    report: Arrived | Undelivered,
    now: datetime,
    jitter: float,
    after: int = 0,
) -> int | None:
    """Record a provider's report on what this kind of notifier has sent, and act on it.

    Pages with numbers above `after` are changed. Return the last of them, None if there are no more. An id under which
    nothing was sent changes nothing. A code that proves a contact only gets the report.
    """
    sent = attempts.pages_sent_as(db, kind, report.provider_id, after, AT_ONCE)
    numbers = {page.id: page.incident_id for page in sent}
    # Incidents before pages, in the order in which answers lock them.
    incidents = store.lock(db, set(numbers.values()))
    accepted = attempts.lock_accepted(db, numbers, kind, report.provider_id)
    reason = quoted(report.reason) if isinstance(report, Undelivered) else None
    result = DELIVERED if reason is None else UNDELIVERED
    contact_code_store.report(db, kind, report.provider_id, result, reason)
    news = [attempt for attempt in accepted if attempt.receipt not in (result, UNDELIVERED)]
    attempts.write_receipts(db, [attempt.id for attempt in news], result, reason, now)
    people = roster.load_people(db, {attempt.page.person for attempt in news}) | {OPERATOR.id: OPERATOR}
    timeline.write(db, [_entry(attempt.page, kind, reason, people, now) for attempt in news])
    for attempt in news:
        if not attempt.newest or attempt.page.state != DELIVERED:
            continue
        if reason is None:
            onward_store.arrived(db, attempt.page, _reachable(attempt.page, people), now)
        else:
            _go_on(db, attempt, incidents[attempt.page.incident_id], people, reason, now, jitter)
    return sent[-1].id if len(sent) == AT_ONCE else None


def known_ids(db: Connection, via: str, provider_ids: Collection[str]) -> set[str]:
    """Return those of a provider's ids under which this kind of notifier has sent something."""
    sent = attempts.known_ids(db, via, provider_ids)
    return sent | contact_code_store.known_ids(db, via, provider_ids)


def _go_on(
    db: Connection,
    attempt: AcceptedAttempt,
    incident: Incident,
    people: Mapping[str, Person],
    reason: str,
    now: datetime,
    jitter: float,
) -> None:
    """Send a page on to the next contact if it is still needed."""
    page = attempt.page
    person = _reachable(page, people)
    if not delivery.still_needed(page.kind, page.occurrence, incident) or outbox.has_successor(db, page):
        leases.take_back(db, page, None, person)
        return
    verdict = delivery.after_attempt(page.tries(person), Refused(reason), now, jitter)
    assert not isinstance(verdict, Delivered), "a refusal delivers nothing"
    leases.take_back(db, page, verdict, person)


def _reachable(page: Page, people: Mapping[str, Person]) -> Person:
    person = people.get(page.person, OPERATOR)
    return person if person.contacts else OPERATOR


def _entry(page: Page, kind: str, reason: str | None, people: Mapping[str, Person], now: datetime) -> Entry:
    name = people[page.person].name if page.person in people else page.person
    sending = f"{page.kind.value} to {name} by {kind}"
    if reason is None:
        return Entry(page.incident_id, now, "told", f"{sending}: delivered")
    return Entry(
        page.incident_id, now, "not told", f"{sending}: undelivered" + (f" ({reason})" if reason else "")
    )
