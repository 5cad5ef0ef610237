"""The link in a digest: GET lists its incidents and changes nothing, POST acknowledges them all."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import Connection

from alerting import answering, desk, digest_store, escalator
from alerting.incident import CauseWords, Facts, State, Symptom
from alerting.severity import Severity
from heartbeat import audit, signed_link
from heartbeat.app import System
from heartbeat.signed_link import DigestAnswerer
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SECRET_KEY, visitor
from tests.unit.http.markup import sound

SILENT = CauseWords("silent", "is silent", "was silent")
MANY = 130


@pytest.fixture
async def phone(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of a phone; nobody has signed in on it."""
    async with visitor(system, accept="text/html") as made:
        yield made


def a_storm(db: Connection, hosts: int, now: datetime) -> int:
    """A digest of many hosts on which a job is silent."""
    symptoms = [
        Symptom(
            f"job:{n}",
            f"silent:host=h{n}",
            f"h{n}",
            f"job {n}",
            "silent",
            SILENT,
            Severity.ERROR,
            None,
            Facts(now),
        )
        for n in range(hosts)
    ]
    desk.raise_(db, symptoms, now)
    at = now + timedelta(seconds=10)
    escalator.sweep(db, at)
    # The largest: in a furnished installation, other streams wait as well.
    stream, _ = max(digest_store.waiting(db, at).items(), key=lambda item: item[1].total)
    number = digest_store.begin(db, stream, len(Severity), at)
    assert number is not None
    return number


@pytest.fixture
async def digest(system: System) -> int:
    return await system.context.database.write(lambda db: a_storm(db, MANY, NOW))


def address(number: int, lasts: timedelta = signed_link.LASTS, key: str = SECRET_KEY) -> str:
    """The link in a digest to the first responder."""
    token = signed_link.sign_digest(key, DigestAnswerer(number, "first", NOW + lasts))
    return f"/answer/digest/{token}"


async def states(system: System) -> dict[State, int]:
    """How many incidents are in each state."""
    return await system.context.database.read(desk.count_open)


async def test_the_link_lists_the_incidents_and_changes_nothing(
    system: System, digest: int, phone: httpx.AsyncClient
) -> None:
    answer = await phone.get(address(digest))
    page = answer.text
    assert sound(page)
    assert "130 incidents open." in page
    assert "1 to 100 of 130." in page
    assert "Acknowledge all 130" in page
    assert re.search(
        r"<bdi>job 0 \(h0\)</bdi></a> silent\s+<span class=.quiet.>since <time [^>]+>03:00 UTC", page
    )
    further = (await phone.get(f"{address(digest)}?after=100")).text
    assert "101 to 130 of 130." in further
    assert len(re.findall(r"<li>", further)) == 30
    of_one = re.search(r'href="(/answer/[^"]+)"><bdi>job 0 ', page)
    assert of_one is not None
    assert (await phone.get(of_one[1])).status_code == 200, "each opens without signing in"
    assert await states(system) == {State.OPEN: MANY}


async def test_one_press_acknowledges_them_all_in_several_transactions(
    system: System, digest: int, phone: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "DIGEST_AT_ONCE", 50)
    answer = await phone.post(address(digest))
    assert answer.status_code == 303
    assert await states(system) == {State.ACKNOWLEDGED: MANY}
    page = (await phone.get(address(digest))).text
    assert "130 incidents acknowledged." in page
    assert "Acknowledge all" not in page
    entries = await system.context.database.read(
        lambda db: audit.listed(db, limit=10, target=f"digest {digest}")
    )
    assert [(entry.actor, entry.via) for entry in entries] == [("First responder", "signed link")] * 3


async def test_the_button_of_a_push_message_gets_one_line(system: System, digest: int) -> None:
    async with visitor(system, accept="*/*") as button:
        first = await button.post(address(digest))
        second = await button.post(address(digest))
    assert first.text == "130 incidents acknowledged.\n"
    assert second.text == "There is nothing left to acknowledge.\n"


async def test_a_link_that_has_expired_or_is_forged_changes_nothing(
    system: System, digest: int, phone: httpx.AsyncClient
) -> None:
    for wrong in (
        address(digest, -timedelta(seconds=1)),
        address(digest, key="x" * 32),
        "/answer/digest/nonsense",
    ):
        assert (await phone.post(wrong)).status_code == 410
        assert (await phone.get(wrong)).status_code == 410
    assert await states(system) == {State.OPEN: MANY}


def test_the_link_of_a_page_is_none_of_a_digest() -> None:
    token = signed_link.sign(SECRET_KEY, signed_link.Answerer(1, 1, "first", NOW + signed_link.LASTS))
    assert isinstance(signed_link.read_digest([SECRET_KEY], token, NOW), signed_link.BadLink)
