"""Subscriptions from the form to the last mail: double opt-in, retries, and no disclosure of subscribers."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage

import httpx
import pytest
from aiosmtpd.smtp import SMTP as Server
from sqlalchemy import func, select

from alerting import desk
from alerting.notifiers.contract import Accepted, Refused, Unreachable
from alerting.notifiers.email import Email
from heartbeat.app import System
from heartbeat.status import editor, tables
from heartbeat.status.announcement import Status
from heartbeat.status.subscribers import sender as subscriber_sender
from heartbeat.status.subscribers import store as subscriber_store
from heartbeat.status.subscribers.store import Dropped, Subscribers
from tests.unit.alerting.notifiers.inbox import Inbox
from tests.unit.conftest import NOW
from tests.unit.http.conftest import FIRST, OPS, SetClock, refuse_database, visitor
from tests.unit.http.markup import sound
from tests.unit.status.conftest import PAGE, define
from tests.unit.status.test_announcement import announcement_fields
from tests.unit.status.test_editor import do

BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
SMTP = {"email": {"smtp": "smtp://127.0.0.1:9?starttls=never", "from": "Example <status@example.com>"}}
ANNA = "anna@example.org"


class Post:
    """The relay's stand-in: remembers what it was given, and answers as it is told."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, EmailMessage]] = []
        self.answer: Accepted | Refused | Unreachable = Accepted("taken")

    async def mail(self, message: EmailMessage, recipient: str) -> Accepted | Refused | Unreachable:
        self.mails.append((recipient, message))
        return self.answer

    def link(self, purpose: str) -> str:
        """The path of the newest link for a purpose."""
        paths = re.findall(rf"http://test(/status/public/{purpose}/\S+)", self.mails[-1][1].get_content())
        return str(paths[-1])


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Post:
    relay = Post()

    async def mail(self: Email, message: EmailMessage, to: str) -> Accepted | Refused | Unreachable:
        return await relay.mail(message, to)

    monkeypatch.setattr(Email, "mail", mail)
    return relay


@pytest.fixture
async def defined(system: System, post: Post) -> System:
    """A system with a page and mail."""
    await define(system, PAGE)
    await system.context.database.write(lambda db: desk.install(db, [FIRST], [OPS], SMTP))
    return system


async def count(system: System, table: object = tables.subscribers) -> int:
    return await system.context.database.read(
        lambda db: db.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]
    )


async def subscribers(system: System) -> Subscribers:
    return (await system.context.database.read(subscriber_store.by_page))["public"]


async def subscribe(system: System, post: Post, client: httpx.AsyncClient, address: str = ANNA) -> None:
    """Ask, and confirm."""
    await client.post("/status/public/subscribe", data={"address": address})
    assert await system.beside.mail_sender.round() == 1
    assert (await client.post(post.link("confirm"))).status_code == 200


@BOTH
async def test_from_the_form_to_the_last_mail(defined: System, post: Post, client: httpx.AsyncClient) -> None:
    await defined.beside.publisher.look()
    page = defined.beside.publisher.editions["public"].files["index.html"].decode()
    assert 'action="http://test/status/public/subscribe"' in page
    answer = await client.post("/status/public/subscribe", data={"address": ANNA})
    assert "Confirm your address" in answer.text
    assert f"a mail to {ANNA}" in sound(answer.text).words
    one = await do(defined, editor.make, "public", announcement_fields(), NOW)
    await do(defined, editor.publish, one.id, NOW)
    assert await defined.beside.mail_sender.round() == 1
    link = post.link("confirm")
    question = sound((await client.get(link)).text).words
    assert f"Get updates from Example status by mail? They go to {ANNA}." in question
    await do(defined, editor.update, one.id, Status.IDENTIFIED, "Not for Anna yet.", NOW)
    assert await defined.beside.mail_sender.round() == 0
    for _ in range(2):
        words = sound((await client.post(link)).text).words
        assert f"You are subscribed to Example status {ANNA} gets a mail with each update." in words
    await do(defined, editor.update, one.id, Status.RESOLVED, "Over.", NOW)
    assert await defined.beside.mail_sender.round() == 1
    assert (post.mails[-1][0], post.mails[-1][1]["Subject"]) == (ANNA, "Resolved: Resets are late")
    end = post.link("unsubscribe")
    assert f"<http://test{end}>" == post.mails[-1][1]["List-Unsubscribe"]
    question = sound((await client.get(end)).text).words
    assert f"Stop getting updates from Example status? We delete {ANNA} and write no more." in question
    assert await count(defined) == 1
    for title in ("You are unsubscribed from Example status", "You are unsubscribed"):
        answer = await client.post(end, data={"List-Unsubscribe": "One-Click"})
        assert f"<h1>{title}</h1>" in answer.text
        assert "Your address has been deleted." in answer.text
    # Both links are over, and say so.
    assert "You are unsubscribed" in (await client.get(end)).text
    assert (await client.get(link)).status_code == 400
    assert (await count(defined), await count(defined, tables.mails)) == (0, 0)


@pytest.fixture
async def inbox() -> AsyncIterator[tuple[Inbox, int]]:
    """A mail server that takes everything, and its port."""
    mails, loop = Inbox(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Server(mails, loop=loop), "127.0.0.1", 0)
    yield mails, server.sockets[0].getsockname()[1]
    server.close()


async def test_mail_programs_find_the_whole_unsubscribe_link_however_long_it_is(
    system: System, inbox: tuple[Inbox, int], client: httpx.AsyncClient
) -> None:
    taken, port = inbox
    domain = ".".join(["a-very-long-name-of-a-department"] * 5 + ["example.com"])
    mail = {"email": {"smtp": f"smtp://127.0.0.1:{port}?starttls=never", "from": f"status@{domain}"}}
    await define(system, replace(PAGE, slug="s" * 60))
    await system.context.database.write(lambda db: desk.install(db, [FIRST], [OPS], mail))
    ask = {"page": "s" * 60, "address": ANNA, "asked_at": NOW, "confirmed_at": NOW}
    await system.context.database.write(lambda db: db.execute(tables.subscribers.insert(), [ask]))
    announcement = await do(system, editor.make, "s" * 60, announcement_fields(), NOW)
    await do(system, editor.publish, announcement.id, NOW)
    assert await system.beside.mail_sender.round() == 1
    end = re.fullmatch(rb"List-Unsubscribe: <http://test(/\S+)>", taken.line(b"List-Unsubscribe"))
    assert end is not None
    assert len(end[1]) > 78
    assert taken.line(b"List-Unsubscribe-Post") == b"List-Unsubscribe-Post: List-Unsubscribe=One-Click"
    root = taken.line(b"In-Reply-To").removeprefix(b"In-Reply-To: ")
    assert taken.line(b"References") == b"References: " + root
    for mark in (root, taken.line(b"Message-ID")):
        assert mark.endswith(f"@{domain}>".encode())
    assert await count(system) == 1
    # As RFC 8058 has it: no cookie, no page of ours that it comes from, either kind of form.
    await client.post(end[1].decode(), data={"List-Unsubscribe": "One-Click"})
    assert await count(system) == 0


async def test_the_form_does_not_reveal_who_subscribes(
    defined: System, post: Post, client: httpx.AsyncClient
) -> None:
    await subscribe(defined, post, client)
    answers = [
        (await client.post("/status/public/subscribe", data={"address": address})).text
        for address in (ANNA, "nobody@example.org")
    ]
    assert answers[0].replace(ANNA, "nobody@example.org") == answers[1]
    assert await defined.beside.mail_sender.round() == 1
    assert post.mails[-1][0] == "nobody@example.org"


async def test_an_address_is_not_asked_again_at_once(
    defined: System, post: Post, client: httpx.AsyncClient, clock: SetClock
) -> None:
    for _ in range(3):
        await client.post("/status/public/subscribe", data={"address": ANNA})
    assert await defined.beside.mail_sender.round() == 1
    first = post.link("confirm")
    clock.advance(minutes=15)
    await client.post("/status/public/subscribe", data={"address": ANNA})
    assert await defined.beside.mail_sender.round() == 1
    assert (await client.post(first)).status_code == 400
    assert (await client.post(post.link("confirm"))).status_code == 200


async def test_a_link_works_for_a_day_and_then_the_address_is_deleted(
    defined: System, post: Post, client: httpx.AsyncClient, clock: SetClock
) -> None:
    await client.post("/status/public/subscribe", data={"address": ANNA})
    await defined.beside.mail_sender.round()
    clock.advance(days=1, seconds=1)
    assert (await client.post(post.link("confirm"))).status_code == 400
    await client.post("/status/public/subscribe", data={"address": "other@example.org"})
    assert await count(defined) == 1


async def trial_watch_that_fail_are_counted_and_the_next_one_comes(
    defined: System, post: Post, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.post("/status/public/subscribe", data={"address": ANNA})
    with monkeypatch.context() as away:
        refuse_database(defined, away)
        assert await defined.beside.mail_sender.round() == 0
    with monkeypatch.context() as broken:
        broken.setattr(subscriber_store, "is_mail_due", lambda *_: 1 / 0)
        assert await defined.beside.mail_sender.round() == 0
    value_of = defined.context.metrics.registry.get_sample_value
    assert value_of("heartbeat_status_mailman_failures_total") == 2
    assert value_of("heartbeat_status_mails_total", {"result": "accepted"}) == 0
    assert await defined.beside.mail_sender.round() == 1
    assert value_of("heartbeat_status_mailman_failures_total") == 2
    assert value_of("heartbeat_status_mails_total", {"result": "accepted"}) == 1


async def test_requests_of_one_network_address_are_limited(
    defined: System, client: httpx.AsyncClient
) -> None:
    answers = [
        (await client.post("/status/public/subscribe", data={"address": f"a{n}@example.org"})).status_code
        for n in range(12)
    ]
    assert answers == [200] * 10 + [429] * 2


@pytest.mark.parametrize(("path", "address", "status"), [("public", "no address", 400), ("nope", ANNA, 404)])
async def test_invalid_input_is_explained(
    defined: System, client: httpx.AsyncClient, path: str, address: str, status: int
) -> None:
    assert (await client.post(f"/status/{path}/subscribe", data={"address": address})).status_code == status
    assert await count(defined) == 0


async def test_without_a_mail_server_nobody_is_asked(system: System, client: httpx.AsyncClient) -> None:
    await define(system, PAGE)
    await system.beside.publisher.look()
    assert b"/subscribe" not in system.beside.publisher.editions["public"].files["index.html"]
    assert (await client.post("/status/public/subscribe", data={"address": ANNA})).status_code == 404


async def test_an_unreachable_relay_is_tried_again_with_growing_pauses(
    defined: System, post: Post, client: httpx.AsyncClient, clock: SetClock
) -> None:
    post.answer = Unreachable("away")
    await client.post("/status/public/subscribe", data={"address": ANNA})
    tries = []
    for _ in range(6 * 60):
        tries += [clock.at - NOW] * await defined.beside.mail_sender.round()
        clock.advance(minutes=1)
    assert tries[:4] == [timedelta(minutes=n) for n in (0, 1, 3, 7)]
    post.answer = Accepted("taken")
    clock.advance(hours=1)
    assert await defined.beside.mail_sender.round() == 1
    assert await count(defined, tables.mails) == 0


@pytest.mark.parametrize("fault", [Refused("mx answered 535 bad login"), Unreachable("away")])
async def test_a_request_after_a_fault_of_the_server_sends_the_question_again(
    defined: System, post: Post, client: httpx.AsyncClient, clock: SetClock, fault: Refused | Unreachable
) -> None:
    post.answer = fault
    for _ in range(4):
        await client.post("/status/public/subscribe", data={"address": ANNA})
        assert await defined.beside.mail_sender.round() == 1
    assert await defined.beside.mail_sender.round() == 0
    post.answer = Accepted("taken")
    await client.post("/status/public/subscribe", data={"address": ANNA})
    assert await defined.beside.mail_sender.round() == 1
    assert (await client.post(post.link("confirm"))).status_code == 200
    await client.post("/status/public/subscribe", data={"address": ANNA})
    assert await defined.beside.mail_sender.round() == 0


async def test_an_address_whose_server_refuses_the_question_is_not_asked_again_at_once(
    defined: System, post: Post, client: httpx.AsyncClient
) -> None:
    post.answer = Refused("mx answered 550 no such user", address=True)
    for mails in (1, 0):
        await client.post("/status/public/subscribe", data={"address": ANNA})
        assert await defined.beside.mail_sender.round() == mails


async def test_a_refusal_that_is_not_about_the_address_is_tried_again(
    defined: System, post: Post, client: httpx.AsyncClient, clock: SetClock
) -> None:
    await subscribe(defined, post, client)
    announcement = await do(defined, editor.make, "public", announcement_fields(), NOW)
    await do(defined, editor.publish, announcement.id, NOW)
    post.answer = Refused("mx answered 535 bad login")
    assert await defined.beside.mail_sender.round() == 1
    assert await defined.beside.mail_sender.round() == 0
    post.answer = Accepted("taken")
    clock.advance(minutes=1)
    assert await defined.beside.mail_sender.round() == 1
    assert post.mails[-1][1]["Subject"] == "Investigating: Resets are late"
    assert await count(defined, tables.mails) == 0


async def test_a_mail_is_given_up_after_many_attempts_and_a_refused_address_at_once(
    defined: System, post: Post, client: httpx.AsyncClient, clock: SetClock
) -> None:
    post.answer = Unreachable("away")
    await client.post("/status/public/subscribe", data={"address": ANNA})
    for _ in range(subscriber_sender.TRIES):
        clock.advance(hours=2)
        await defined.beside.mail_sender.round()
    assert await count(defined, tables.mails) == 0
    post.answer = Refused("no such user", address=True)
    await client.post("/status/public/subscribe", data={"address": "other@example.org"})
    assert await defined.beside.mail_sender.round() == 1
    assert await count(defined, tables.mails) == 0


@BOTH
async def test_an_address_that_is_refused_three_times_in_a_row_gets_no_more_mail(
    defined: System, post: Post, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    await subscribe(defined, post, client)
    announcement = await do(defined, editor.make, "public", announcement_fields(), NOW)
    await do(defined, editor.publish, announcement.id, NOW)
    gone, busy = Refused("mx answered 550 no such user", address=True), Refused("mx answered 554 spam")
    for answer in (gone, gone, Accepted(), gone, busy, gone):
        post.answer = answer
        assert await defined.beside.mail_sender.round() == 1
        await do(defined, editor.update, announcement.id, Status.IDENTIFIED, f"{len(post.mails)}", NOW)
    assert await subscribers(defined) == Subscribers(1, ())
    post.answer = gone
    assert await defined.beside.mail_sender.round() == 1
    await do(defined, editor.update, announcement.id, Status.RESOLVED, "Over.", NOW)
    assert await defined.beside.mail_sender.round() == 0
    assert "it was refused 3 times" in caplog.text
    dropped = Dropped(ANNA, "mx answered 550 no such user", NOW)
    assert await subscribers(defined) == Subscribers(0, (dropped,))
    # Its owner may subscribe again.
    post.answer = Accepted()
    await subscribe(defined, post, client)
    assert await subscribers(defined) == Subscribers(1, ())


async def test_a_dropped_address_is_deleted_after_thirty_days(defined: System, clock: SetClock) -> None:
    row = {"page": "public", "address": ANNA, "asked_at": NOW, "confirmed_at": NOW, "dropped_at": NOW}
    await defined.context.database.write(lambda db: db.execute(tables.subscribers.insert(), [row]))
    for after, left in ((timedelta(days=29), 1), (timedelta(days=30, minutes=6), 0)):
        clock.at = NOW + after
        await defined.guard.look()
        await defined.beside.automation.count()
        assert await count(defined) == left


@BOTH
async def test_many_subscribers_get_mail_a_few_at_a_time(defined: System, post: Post) -> None:
    def fill(db: object) -> None:
        rows = [
            {"page": "public", "address": f"a{n}@b.example", "asked_at": NOW, "confirmed_at": NOW}
            for n in range(45)
        ]
        db.execute(tables.subscribers.insert(), rows)  # type: ignore[attr-defined]

    await defined.context.database.write(fill)
    announcement = await do(defined, editor.make, "public", announcement_fields(), NOW)
    await do(defined, editor.publish, announcement.id, NOW)
    assert [await defined.beside.mail_sender.round() for _ in range(4)] == [20, 20, 5, 0]
    assert len({to for to, _ in post.mails}) == 45


async def test_subscribers_of_a_deleted_page_get_nothing(defined: System, post: Post) -> None:
    await define(defined, replace(PAGE, slug="other"))
    await defined.context.database.write(lambda db: subscriber_store.ask(db, "public", ANNA, NOW))
    assert await defined.beside.mail_sender.round() == 1
    assert post.mails == []
    async with visitor(defined) as customer:
        assert (await customer.get("/status/public/confirm/1.2.x")).status_code == 400
