"""Notifiers in the API: configure them, without secrets in answers or internal addresses."""

from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, select

from alerting import attempts as attempt_store
from alerting import tables
from alerting.attempts import Attempt
from heartbeat.app import System
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SetClock, escalate, fall_silent, make_check
from tests.unit.http.v1.conftest import problem

MAIL = {
    "smtp": "smtp://mail.example.com",
    "from": "hb@example.com",
    "username": "hb",
    "password": "correct horse",
}


async def test_a_notifier_is_set_up_and_its_secrets_never_come_out(
    system: System, admin: httpx.AsyncClient
) -> None:
    created, repeated = [await admin.put("/v1/notifiers/email", json=MAIL) for _ in range(2)]
    assert (created.status_code, repeated.status_code) == (201, 200)
    assert created.headers["location"] == "http://test/v1/notifiers/email"
    assert created.headers["etag"] == repeated.headers["etag"]
    document = {
        "kind": "email",
        "settings": MAIL | {"password": None},
        "origin": "api",
        "changed_at": "2024-05-03T03:00:00Z",
        "changed_by": "admin",
        "passed_over_since": None,
    }
    assert created.json() == repeated.json() == (await admin.get("/v1/notifiers/email")).json() == document
    assert (await admin.get("/v1/notifiers")).json() == {"notifiers": [document]}
    unchanged = await admin.get("/v1/notifiers", headers={"If-None-Match": repeated.headers["etag"]})
    assert unchanged.status_code == 200
    stored = await system.context.database.read(
        lambda db: db.exec_driver_sql("SELECT settings FROM notifiers").scalar()
    )
    assert "correct horse" not in str(stored)
    assert (await admin.delete("/v1/notifiers/email")).status_code == 204
    assert "is not set up" in problem(await admin.delete("/v1/notifiers/email"), 404)
    assert "is not set up" in problem(await admin.get("/v1/notifiers/email"), 404)


async def test_a_notifier_says_since_when_notices_go_past_it(
    system: System, admin: httpx.AsyncClient, clock: SetClock
) -> None:
    created = await admin.put("/v1/notifiers/email", json=MAIL)
    await fall_silent(system, clock, await make_check(system))
    await escalate(system, clock)

    def fail(db: Connection) -> None:
        (page,) = db.execute(select(tables.pages.c.id)).scalars()
        lost = [
            Attempt(page, NOW, "email", "unreachable", "timed out", contact_mark=mark) for mark in "abcab"
        ]
        attempt_store.write_attempts(db, lost)

    await system.context.database.write(fail)
    shown = await admin.get("/v1/notifiers/email", headers={"If-None-Match": created.headers["etag"]})
    assert shown.json()["passed_over_since"] == "2024-05-03T03:00:00Z"
    (listed,) = (await admin.get("/v1/notifiers")).json()["notifiers"]
    assert listed == shown.json()
    # What happens at the provider is no change of the settings.
    kept = MAIL | {"password": None}
    assert (
        await admin.put("/v1/notifiers/email", json=kept, headers={"If-Match": created.headers["etag"]})
    ).is_success


async def test_a_notifier_is_replaced_only_if_the_tag_is_current(admin: httpx.AsyncClient) -> None:
    first = (await admin.put("/v1/notifiers/email", json=MAIL)).headers["etag"]
    change: dict[str, Any] = MAIL | {"from": "pages@example.com", "password": None}
    assert (await admin.put("/v1/notifiers/email", json=change, headers={"If-Match": first})).is_success
    assert problem(await admin.put("/v1/notifiers/email", json=MAIL, headers={"If-Match": first}), 412)


@pytest.mark.parametrize(
    ("kind", "body", "sentence"),
    [
        (
            "pagerduty",
            {"url": "http://169.254.169.254/x"},
            "notifier pagerduty.url: the address leads to 169.254",
        ),
        (
            "email",
            MAIL | {"smtp": "smtp://127.0.0.1:25"},
            "notifier email.smtp: the address leads to 127.0.0.1",
        ),
        ("email", MAIL | {"smtp": "smtps://[::1]"}, "notifier email.smtp: the address leads to ::1"),
    ],
)
async def test_a_setting_with_an_internal_address_is_refused(
    admin: httpx.AsyncClient, kind: str, body: dict[str, str], sentence: str
) -> None:
    assert sentence in problem(await admin.put(f"/v1/notifiers/{kind}", json=body), 422)
    assert (await admin.get("/v1/notifiers")).json() == {"notifiers": []}


@pytest.mark.parametrize(
    ("contact", "where"),
    [
        ({"webhook": "http://127.1:8000/v1/checks"}, "127.0.0.1, this machine"),
        ({"slack": "http://10.0.0.7/"}, "10.0.0.7, a private network"),
        ({"ntfy": "http://[::ffff:169.254.169.254]/topic"}, "the metadata service of a cloud"),
    ],
)
async def test_a_contact_with_an_internal_address_is_refused(
    admin: httpx.AsyncClient, contact: dict[str, str], where: str
) -> None:
    (kind,) = contact
    sentence = problem(await admin.put("/v1/people/anna", json={"contacts": [contact]}), 422)
    assert sentence.startswith(f"person anna.contacts[0].{kind}: the address leads to ")
    assert where in sentence
    assert sentence.endswith("HEARTBEAT_ALLOW_ADDRESSES can allow it.")


@pytest.mark.parametrize("body", [[], "text", {"contacts": "x"}, {"contacts": [1, {"ntfy": 7}, {}]}])
async def test_a_malformed_body_is_refused(admin: httpx.AsyncClient, body: Any) -> None:
    assert problem(await admin.put("/v1/people/anna", json=body), 422)
    assert problem(await admin.put("/v1/notifiers/ntfy", json=body), 422)


async def test_notifiers_need_the_admin_role(client: httpx.AsyncClient) -> None:
    assert (await client.put("/v1/notifiers/ntfy", json={})).status_code == 401
