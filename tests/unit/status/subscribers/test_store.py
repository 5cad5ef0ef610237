"""The SQL of subscribers and of their waiting mails."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, make_url, select

from heartbeat.database import engine
from heartbeat.status import store as announcement_store
from heartbeat.status import tables
from heartbeat.status.announcement import Status, Update
from heartbeat.status.subscribers import store
from heartbeat.status.subscribers.link import CONFIRM_WITHIN, Ticket
from heartbeat.status.subscribers.mail import News
from heartbeat.status.subscribers.store import ASK_INTERVAL, Mail
from tests.unit.conftest import NOW
from tests.unit.status.test_announcement import an_announcement

ANNA = "anna@example.org"
LEASE = timedelta(minutes=10)
SECOND = timedelta(seconds=1)


def addresses(db: Connection) -> list[str]:
    return list(db.execute(select(tables.subscribers.c.address).order_by(tables.subscribers.c.id)).scalars())


def mail_count(db: Connection) -> int:
    return db.execute(select(func.count()).select_from(tables.mails)).scalar_one()


def add_subscriber(db: Connection, address: str = ANNA, page: str = "public") -> Ticket:
    """Add a confirmed subscriber without a waiting mail."""
    row = {"page": page, "address": address, "asked_at": NOW, "confirmed_at": NOW}
    number = db.execute(tables.subscribers.insert().values(**row).returning(tables.subscribers.c.id))
    return Ticket(number.scalar_one(), NOW)


def add_update(db: Connection) -> tuple[int, int]:
    """Add an announcement with an update. Return both numbers."""
    number = announcement_store.add(db, an_announcement())
    return number, announcement_store.add_update(
        db,
        number,
        Update(0, NOW, Status.IDENTIFIED, "A full disk.", "anna", affected=an_announcement().affected),
    )


def the_mail(db: Connection, at: timedelta = timedelta()) -> Mail:
    (mail,) = store.lease(db, NOW + at, 10, LEASE)
    return mail


def test_an_address_is_asked_once_in_a_while_until_it_confirms(db: Connection) -> None:
    times = (timedelta(), ASK_INTERVAL - SECOND, ASK_INTERVAL)
    assert [store.ask(db, "public", ANNA, NOW + at) for at in times] == [True, False, True]
    mail = the_mail(db, ASK_INTERVAL)
    assert (mail.address, mail.news, mail.ticket.asked_at) == (ANNA, None, NOW + ASK_INTERVAL)
    assert store.confirm(db, mail.ticket, NOW + ASK_INTERVAL)
    assert not store.ask(db, "public", ANNA, NOW + 2 * ASK_INTERVAL)
    assert store.ask(db, "other", ANNA, NOW)


def test_the_number_of_unconfirmed_addresses_is_limited(
    db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_PENDING", 3)
    add_subscriber(db)
    outcomes = [store.ask(db, "public", f"a{number}@b.example", NOW) for number in range(5)]
    assert outcomes == [True] * 3 + [False] * 2
    assert store.ask(db, "other", ANNA, NOW)


def test_addresses_that_were_not_confirmed_in_time_are_deleted_with_the_next_request(db: Connection) -> None:
    add_subscriber(db, "confirmed@b.example")
    store.ask(db, "public", "late@b.example", NOW)
    store.ask(db, "public", ANNA, NOW + CONFIRM_WITHIN + SECOND)
    assert addresses(db) == ["confirmed@b.example", ANNA]
    assert mail_count(db) == 1


def test_a_subscription_is_confirmed_within_its_time_by_its_newest_link(db: Connection) -> None:
    store.ask(db, "public", ANNA, NOW)
    ticket = the_mail(db).ticket
    assert not store.confirm(db, replace(ticket, asked_at=NOW - SECOND), NOW)
    assert not store.confirm(db, ticket, NOW + CONFIRM_WITHIN + SECOND)
    assert [store.confirm(db, ticket, NOW + CONFIRM_WITHIN) for _ in range(2)] == [True, True]


def test_a_subscriber_who_leaves_is_deleted_with_their_mails(db: Connection) -> None:
    ticket = add_subscriber(db)
    add_subscriber(db, "other@b.example")
    store.queue(db, "public", add_update(db)[1], NOW)
    store.unsubscribe(db, replace(ticket, asked_at=NOW + SECOND))
    assert len(addresses(db)) == 2
    store.unsubscribe(db, ticket)
    assert addresses(db) == ["other@b.example"]
    assert mail_count(db) == 1


def test_an_update_is_queued_for_the_confirmed_subscribers_of_its_page(db: Connection) -> None:
    ticket = add_subscriber(db)
    add_subscriber(db, page="other")
    store.ask(db, "public", "unconfirmed@b.example", NOW)
    number, update = add_update(db)

    store.queue(db, "public", update, NOW)

    _, mail = store.lease(db, NOW, 10, LEASE)
    one = an_announcement()
    news = News(
        update,
        number,
        one.kind,
        one.title,
        Status.IDENTIFIED,
        "A full disk.",
        NOW,
        one.affected,
        NOW,
        None,
        NOW,
    )
    assert mail == Mail(mail.id, 1, ticket, ANNA, "public", news)


def test_a_leased_mail_is_due_again_only_after_the_lease(db: Connection) -> None:
    store.ask(db, "public", ANNA, NOW)
    assert store.is_mail_due(db, NOW)
    assert the_mail(db).attempts == 1
    assert not store.is_mail_due(db, NOW + LEASE - SECOND)
    assert store.lease(db, NOW + LEASE - SECOND, 10, LEASE) == []
    assert the_mail(db, LEASE).attempts == 2


def test_mails_are_leased_a_few_at_a_time_the_longest_due_first(db: Connection) -> None:
    for seconds in (2, 0, 1):
        store.ask(db, "public", f"a{seconds}@b.example", NOW + seconds * SECOND)
    leased = [mail.address for mail in store.lease(db, NOW + LEASE, 2, LEASE)]
    assert sorted(leased) == ["a0@b.example", "a1@b.example"]


def test_two_processes_lease_different_mails(make_database_url: Callable[[str], str]) -> None:
    writer = engine(make_url(make_database_url("postgres")), writing=True)
    try:
        with writer.begin() as db:
            for number in range(2):
                store.ask(db, "public", f"a{number}@b.example", NOW)
        with writer.begin() as first, writer.begin() as second:
            leased = [mail.address for db in (first, second) for mail in store.lease(db, NOW, 1, LEASE)]
        assert leased == ["a0@b.example", "a1@b.example"]
    finally:
        writer.dispose()


def test_a_mail_is_postponed_or_removed(db: Connection) -> None:
    store.ask(db, "public", ANNA, NOW)
    mail = the_mail(db)
    store.postpone(db, mail.id, NOW + SECOND)
    assert (store.is_mail_due(db, NOW), store.is_mail_due(db, NOW + SECOND)) == (False, True)
    store.remove_mails(db, [mail.id])
    assert mail_count(db) == 0
    assert addresses(db) == [ANNA]
