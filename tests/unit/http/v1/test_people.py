"""People and policies in the API."""

import re
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from alerting import contact_code, desk
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat import verification
from heartbeat.access import api_keys
from heartbeat.access.api_key import Scope
from heartbeat.actor import Actor, Role
from heartbeat.app import System
from tests.unit.access.conftest import add
from tests.unit.conftest import NOW
from tests.unit.http.conftest import CONTACTS, SECRET_KEY, SetClock, visitor
from tests.unit.http.v1.conftest import problem

UNPROVEN: dict[str, Any] = {"after": None, "tested_at": None, "proven_at": None}


async def test_people_are_shown_without_secret_addresses(system: System, admin: httpx.AsyncClient) -> None:
    people = await admin.get("/v1/people")
    policies = await admin.get("/v1/policies")

    assert people.json()["people"] == [
        {
            "id": "first",
            "name": "First responder",
            "timezone": "UTC",
            "user": "first",
            "quiet_hours": None,
            "contacts": [
                {"id": contact.mark, "kind": contact.kind, "address": shown} | UNPROVEN
                for contact, shown in zip(CONTACTS, ("terminal", None, None), strict=True)
            ],
            "warnings": [],
            "devices": [],
            "origin": "file",
        }
    ]
    assert policies.json()["policies"] == [
        {
            "name": "ops",
            "steps": [{"page": ["first"], "wait": 300.0, "round_robin": False, "only": None}],
            "warnings_wait_for": None,
            "default": True,
            "origin": "file",
            "definition": {"steps": [{"page": "first", "wait": "5m"}]},
        }
    ]


async def test_a_test_page_tells_the_outcome_at_each_contact(
    system: System, admin: httpx.AsyncClient
) -> None:
    answer = await admin.post("/v1/people/first/test-page")
    assert answer.status_code == 200
    assert (answer.json()["person"], answer.json()["severity"]) == ("first", "error")
    outcomes = {contact["kind"]: contact["outcome"] for contact in answer.json()["contacts"]}
    assert outcomes == {"console": "accepted", "slack": "unreachable", "pigeon": "refused"}
    again = await admin.post("/v1/people/first/test-page")
    assert (again.status_code, again.headers["retry-after"]) == (429, "10")
    contact = (await admin.get("/v1/people/first")).json()["contacts"][0]
    assert (contact["tested_at"], contact["proven_at"]) == ("2024-05-03T03:00:00Z", None)
    assert (await admin.post("/v1/people/nobody/test-page")).status_code == 404


AT = f"/v1/people/first/contacts/{CONTACTS[0].mark}"


async def test_a_code_that_arrived_proves_its_contact(
    system: System, admin: httpx.AsyncClient, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = await admin.post(f"{AT}/verify")
    assert (sent.status_code, sent.json()) == (
        200,
        {
            "person": "first",
            "contact": CONTACTS[0].mark,
            "kind": "console",
            "outcome": "accepted",
            "said": sent.json()["said"],
            "expires_at": "2024-05-03T03:10:00Z",
        },
    )
    found = re.search(r"(\d{6}) is the code for First responder", capsys.readouterr().out)
    assert found is not None
    assert found[1] not in sent.text
    clock.advance(minutes=1)
    confirmed = await admin.post(f"{AT}/confirm", json={"code": found[1]})
    assert (confirmed.status_code, confirmed.json()) == (
        200,
        {
            "person": "first",
            "contact": CONTACTS[0].mark,
            "kind": "console",
            "proven_at": "2024-05-03T03:01:00Z",
        },
    )
    contact = (await admin.get("/v1/people/first")).json()["contacts"][0]
    assert (contact["id"], contact["proven_at"]) == (CONTACTS[0].mark, "2024-05-03T03:01:00Z")
    again = await admin.post(f"{AT}/confirm", json={"code": found[1]})
    assert problem(again, 422).startswith("code: the last one was used, has expired or was mistyped")


async def test_wrong_codes_are_refused_with_the_tries_that_are_left(
    system: System, admin: httpx.AsyncClient
) -> None:
    code_hash = verification.hashed(SECRET_KEY, "first", CONTACTS[0].mark, "482913")
    await system.context.database.write(
        lambda db: desk.contact_code_store.add(db, "first", CONTACTS[0], code_hash, NOW)
    )
    for typed in ("48291", "abcdef"):
        answer = await admin.post(f"{AT}/confirm", json={"code": typed})
        assert problem(answer, 422) == (
            "code: must be the 6 digits that arrived, such as 482913. Nothing was changed."
        )
    refusals = [
        problem(await admin.post(f"{AT}/confirm", json={"code": "482914"}), 422)
        for _ in range(contact_code.TRIES)
    ]
    assert refusals[0].endswith("Nothing was changed: 4 tries are left.")
    assert refusals[-2].endswith("Nothing was changed: 1 try is left.")
    assert refusals[-1].endswith("it was mistyped too often. Send another code.")
    assert (await admin.post(f"{AT}/confirm", json={"code": "482913"})).status_code == 422


async def test_a_second_code_waits_and_says_for_how_long(admin: httpx.AsyncClient, clock: SetClock) -> None:
    assert (await admin.post(f"{AT}/verify")).is_success
    clock.advance(seconds=10)
    refused = await admin.post(f"{AT}/verify")
    assert refused.headers["retry-after"] == "20"
    assert problem(refused, 429) == "Nothing was sent: this contact can get another code in 20 s."


async def test_unknown_contacts_and_machines_get_no_code(system: System, admin: httpx.AsyncClient) -> None:
    hook = Contact("webhook", "https://hooks.example.com/x")
    machine = Person("robot", "Robot", (hook,), origin=Origin.API)
    await system.context.database.write(lambda db: desk.define_person(db, machine))
    refused = await admin.post(f"/v1/people/robot/contacts/{hook.mark}/verify")
    assert problem(refused, 422).startswith("Nothing was sent: what webhook gets, a machine reads.")
    for path in (f"/v1/people/first/contacts/{hook.mark}", f"/v1/people/nobody/contacts/{CONTACTS[0].mark}"):
        assert (await admin.post(f"{path}/verify")).status_code == 404
        assert (await admin.post(f"{path}/confirm", json={"code": "482913"})).status_code == 404


async def test_a_key_proves_contacts_of_its_own_person_only(system: System) -> None:
    def make(db: Connection) -> str:
        add(db, "first", Role.RESPONDER)
        actor = Actor("first", Role.ADMIN, "session", user="first")
        return api_keys.make(db, actor, "mine", (Scope.READ, Scope.WRITE), Role.RESPONDER, None, NOW)[1]

    key = await system.context.database.write(make)
    second = Person("second", "Second", (CONTACTS[0],), origin=Origin.API)
    await system.context.database.write(lambda db: desk.define_person(db, second))
    async with visitor(system, **{"x-api-key": key}) as own:
        assert (await own.post(f"{AT}/verify")).status_code == 200
        for verb, body in (("verify", None), ("confirm", {"code": "482913"})):
            answer = await own.post(f"/v1/people/second/contacts/{CONTACTS[0].mark}/{verb}", json=body)
            assert problem(answer, 403) == (
                "second proves their own contacts, or an admin does. Nothing was changed."
            )
