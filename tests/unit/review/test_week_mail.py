"""The weekly mail: once to each address, nothing in a calm week, another attempt where nobody was reached."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import Connection

from alerting.notifiers.contract import Accepted, Refused, Unreachable
from alerting.notifiers.email import Email
from alerting.notifiers.registry import NotifierSet
from heartbeat.checks.check import Check
from heartbeat.database import Database
from heartbeat.measurements import unusual_store
from heartbeat.measurements.band import Band
from heartbeat.measurements.mark import Mark
from heartbeat.review import week_mail
from heartbeat.review.week_mail import WeekMail
from tests.unit.alerting.conftest import a_symptom, deliver
from tests.unit.conftest import a_check
from tests.unit.pings.test_unusual_watch import Hand

Insert = Callable[[Connection, list[Check]], dict[str, Check]]
MONDAY = datetime.fromisoformat("2024-05-06T08:00:00+00:00")


class Post:
    """The weekly mail of an installation whose mail server answers as it is told to."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database = database
        self.clock = Hand()
        self.answers: list[Any] = []
        self.letters: list[EmailMessage] = []
        settings = {"smtp": "smtp://mail.example.com:587", "from": "heartbeat@example.com"}
        email = Email.configured(settings, http=None)  # type: ignore[arg-type]

        async def mail(_email: Email, message: EmailMessage, _recipient: str) -> object:
            self.letters.append(message)
            return self.answers.pop() if self.answers else Accepted("1")

        monkeypatch.setattr(Email, "mail", mail)
        self._outfit = NotifierSet({"email": email}, {})
        self._setups: dict[str, object] = {}

    async def send(self, *addresses: str, at: datetime = MONDAY) -> int:
        self.clock.at = at
        mail = WeekMail(
            self.database,
            self.clock,  # type: ignore[arg-type]
            lambda _setups: self._outfit,
            addresses=addresses or ("ops@example.com",),
            home="https://hb.example.com",
        )
        return await mail.send()


@pytest.fixture
async def post(database_url: str, insert: Insert, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Post]:
    database = Database(database_url)
    checks = await database.write(lambda db: insert(db, [a_check("reset")]))
    at = MONDAY - timedelta(days=2)
    marks = {checks["reset"].id: [Mark(at, "processed", 0.0, Band(3_812.0, 4_000.0, 4_410.0))]}
    await database.write(lambda db: unusual_store.put(db, marks))
    post = Post(database, monkeypatch)
    assert await post.send(at=MONDAY - timedelta(days=1)) == 0, (
        "the first week of an installation is not whole"
    )
    yield post
    database.close()


async def test_each_address_gets_the_week_once(post: Post) -> None:
    assert await post.send("anna@example.com", "ben@example.com") == 2
    assert await post.send("anna@example.com", "ben@example.com", at=MONDAY + timedelta(hours=1)) == 0
    assert [letter["To"] for letter in post.letters] == ["anna@example.com", "ben@example.com"]
    assert post.letters[0]["Subject"] == "1 run of 1 check was unusual in the last 7 days"
    assert (
        "reset: Sat 04 May 08:00 UTC: processed 0, usually about 4,000 (unusual below 3,812)"
        in post.letters[0].get_content()
    )


async def test_a_calm_week_has_no_mail(post: Post) -> None:
    await post.send()
    assert await post.send(at=MONDAY + timedelta(days=7)) == 0
    assert len(post.letters) == 1


async def test_the_pages_of_the_week_come_before_its_unusual_runs(post: Post) -> None:
    await post.database.write(lambda db: deliver(db, MONDAY - timedelta(days=1, hours=4), a_symptom()))
    assert await post.send() == 1
    assert post.letters[0]["Subject"] == "1 page, 1 at night, in the last 7 days"
    text = post.letters[0].get_content()
    assert text.startswith("Pages from 29 Apr 2024 08:00 UTC to 06 May 2024 08:00 UTC\n1 page, 1 at night.")
    assert text.index("Past pages: https://hb.example.com/on-call/report") < text.index("reset: Sat 04 May")


async def test_a_week_with_pages_alone_has_a_mail(post: Post) -> None:
    await post.send()
    await post.database.write(lambda db: deliver(db, MONDAY + timedelta(days=2), a_symptom()))
    assert await post.send(at=MONDAY + timedelta(days=7)) == 1
    assert post.letters[1]["Subject"] == "1 page, none at night, in the last 7 days"


async def test_an_address_that_was_not_reached_gets_its_mail_later(post: Post) -> None:
    post.answers = [Unreachable("no route")]
    assert await post.send() == 0
    assert await post.send(at=MONDAY + timedelta(minutes=10)) == 1
    assert post.letters[0]["Message-ID"] == post.letters[1]["Message-ID"]


async def test_a_refused_mail_is_not_sent_again(post: Post) -> None:
    post.answers = [Refused("no such mailbox")]
    await post.send()
    assert await post.send(at=MONDAY + timedelta(minutes=10)) == 0
    assert len(post.letters) == 1


async def test_a_mail_that_nobody_takes_for_a_day_is_given_up(post: Post) -> None:
    post.answers = [Unreachable("no route")]
    await post.send()
    assert await post.send(at=MONDAY + week_mail.GIVEN_UP) == 0
