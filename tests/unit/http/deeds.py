"""Every deed that changes something, each once, and what the audit log must say of it."""

import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import httpx
import pyotp

from alerting import desk
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat import signed_link, vault
from heartbeat.access import users
from heartbeat.access.users import BY_LINK
from heartbeat.actor import Role
from heartbeat.signed_link import Answerer
from tests.unit.access.conftest import PASSWORD, ROOT
from tests.unit.http.conftest import (
    ADMIN_KEY,
    SECRET_KEY,
    SECRET_KEY_BEFORE,
)
from tests.unit.http.furnished import (
    CHECKS_FILE,
    HOOK,
    MAIL,
    MOVE,
    NEW_PASSWORD,
    NTFY,
    SOLE_PAGE,
    TOLD,
    WORDS,
    World,
)
from tests.unit.http.markup import Markup


class Shape(Enum):
    """What the log must say of how it was and how it is."""

    MADE = "made"
    CHANGED = "changed"
    GONE = "gone"
    DONE = "done"


Ask = Callable[[World], Awaitable[httpx.Response]]


@dataclass(frozen=True)
class Case:
    """One deed at an address, and what the log must say of it: what, to what, by whom and how they came in."""

    address: str
    ask: Ask
    action: str
    target: str
    shape: Shape
    actor: str
    via: str
    method: str = "POST"


def by_program(
    method: str,
    address: str,
    names: str,
    action: str,
    target: str,
    shape: Shape,
    body: Any = None,
    *,
    text: bytes | None = None,
) -> Case:
    """A program's deed, with the admin key, at an address that is filled in with these names."""

    async def ask(world: World) -> httpx.Response:
        return await world.program.request(method, filled(address, names), json=body, content=text)

    return Case(address, ask, action, target, shape, "admin", "admin key", method)


def by_form(address: str, names: str, action: str, target: str, shape: Shape, /, **fields: Any) -> Case:
    """Anna's deed on the console. With `before` among the fields she has seen how it stands at that page."""

    async def ask(world: World) -> httpx.Response:
        where = filled(address, names)
        given = fields | {"csrf": await world.csrf()}
        if "before" in given:
            given["before"] = Markup((await world.browser.get(where)).text).fields["before"]
        return await world.browser.post(where, data=given)

    return Case(address, ask, action, target, shape, "anna", "session")


def filled(address: str, names: str) -> str:
    """The address with a name or a number in the place of each of its parameters."""
    given = iter(names.split())
    return re.sub(r"{[^}]+}", lambda _: next(given), address)


async def _sign_in(world: World) -> httpx.Response:
    return await world.stranger.post("/sign-in", data={"name": "bob", "password": PASSWORD})


async def _sign_in_in_vain(world: World) -> httpx.Response:
    refused = await world.stranger.post("/sign-in", data={"name": "bob", "password": "wrong"})
    assert refused.status_code == 403
    return await world.stranger.get("/sign-in")


async def _sign_in_by_key(world: World) -> httpx.Response:
    return await world.stranger.post("/sign-in", data={"key": ADMIN_KEY})


async def _join(world: World) -> httpx.Response:
    _, token = await world.write(lambda db: users.invite(db, ROOT, "new", Role.VIEWER, world.clock.now()))
    form = {"password": NEW_PASSWORD, "again": NEW_PASSWORD}
    return await world.stranger.post(f"/join/{token}", data=form)


async def _answer(world: World) -> httpx.Response:
    until = world.clock.now() + signed_link.LASTS
    token = signed_link.sign(SECRET_KEY, Answerer(1, 1, "first", until))
    return await world.stranger.post(f"/answer/{token}")


async def _factor_on(world: World) -> httpx.Response:
    offered = Markup((await world.browser.get("/account/second-factor")).text)
    secret = "".join(offered.words.split("by hand: ")[1].split(" Code")[0].split())
    code = pyotp.TOTP(secret).at(world.clock.now())
    data = {"csrf": offered.fields["csrf"], "secret": offered.fields["secret"], "code": code}
    return await world.browser.post("/account/second-factor", data=data)


async def _factor_off(world: World) -> httpx.Response:
    await _factor_on(world)
    data = {"csrf": await world.csrf(), "password": PASSWORD}
    return await world.browser.post("/account/second-factor/off", data=data)


async def _rotate(world: World) -> httpx.Response:
    contact = Contact("slack", HOOK)
    before = vault.with_keys([SECRET_KEY_BEFORE], secrets.token_bytes)
    dora = Person("dora", "Dora", (contact,), origin=Origin.API)
    sealed = replace(contact, address=before.seal(HOOK, dora.about(contact)))
    await world.write(lambda db: desk.define_person(db, replace(dora, contacts=(sealed,))))
    return await world.program.post("/v1/encryption/rotate")


MADE, CHANGED, GONE, DONE = Shape
NIGHTLY = {"every": "1d", "grace": "10m"}
DAILY = {"kind": "every", "every": "2d", "grace": "5m"}
SLACK = {"contacts": [{"slack": HOOK}]}
HOUR = {"steps": [{"page": "first", "wait": "1h"}]}
UNTIL = {"until": "2024-05-03T06:00:00Z"}
OTHER_MAIL = MAIL | {"from": "other@example.com"}
OTHER_PAGE = SOLE_PAGE | {"title": "Other"}
FROM_WINDOW = {"maintenance": 1}
LATER = WORDS | {"title": "Later"}
OVER = {"status": "resolved", "body": "Over."}
APART = {"not_related_to": [2]}
TYPED = {"before": "", "title": "Stay", "label": "host=b", "length": "1h", "timezone": "UTC"}
CARD = {"name": "Carl", "timezone": "UTC", "kind": "slack", "address": HOOK, "keeps": ""}
RUNG = {"rungs": "1", "page-0": "first", "wait-0": "1h"}
ANOTHER_PASSWORD = {"password": PASSWORD, "new": NEW_PASSWORD, "again": NEW_PASSWORD}

INCIDENT, WINDOW, PAGE = "/v1/incidents/{number}", "/v1/maintenance/{number}", "/v1/status-pages/{name}"
TOLD_OF = f"{PAGE}/incidents"
ONE = f"{TOLD_OF}/{{number}}"

PROGRAMS = [
    by_program("PUT", "/v1/checks/{name}", "nightly", "check.make", "check nightly", MADE, NIGHTLY),
    by_program("PUT", "/v1/checks/{name}", "job", "check.change", "check job", CHANGED, NIGHTLY),
    by_program("POST", "/v1/checks/{name}/pause", "job", "check.pause", "check job", CHANGED),
    by_program("POST", "/v1/checks/{name}/resume", "resting", "check.resume", "check resting", CHANGED),
    by_program("DELETE", "/v1/checks/{name}", "job", "check.delete", "check job", GONE),
    by_program("POST", f"{INCIDENT}/acknowledge", "1", "incident.acknowledge", "incident 1", CHANGED),
    by_program("POST", f"{INCIDENT}/snooze", "1", "incident.snooze", "incident 1", CHANGED, UNTIL),
    by_program("POST", f"{INCIDENT}/resolve", "1", "incident.resolve", "incident 1", CHANGED),
    by_program("POST", f"{INCIDENT}/note", "1", "incident.note", "incident 1", DONE, {"words": "Full."}),
    by_program("POST", "/v1/maintenance", "", "maintenance.make", "maintenance 2", MADE, MOVE),
    by_program("PUT", WINDOW, "1", "maintenance.change", "maintenance 1", CHANGED, MOVE | {"title": "Stay"}),
    by_program("POST", f"{WINDOW}/end", "1", "maintenance.end", "maintenance 1", CHANGED),
    by_program("DELETE", WINDOW, "1", "maintenance.delete", "maintenance 1", GONE),
    by_program("PUT", "/v1/people/{name}", "carl", "person.make", "person carl", MADE, SLACK),
    by_program("PUT", "/v1/people/{name}", "ben", "person.change", "person ben", CHANGED, SLACK),
    by_program("DELETE", "/v1/people/{name}", "ben", "person.delete", "person ben", GONE),
    by_program("PUT", "/v1/policies/{name}", "day", "policy.make", "policy day", MADE, HOUR),
    by_program("PUT", "/v1/policies/{name}", "night", "policy.change", "policy night", CHANGED, HOUR),
    by_program("POST", "/v1/policies/{name}/default", "night", "policy.default", "policy night", CHANGED),
    by_program("DELETE", "/v1/policies/{name}", "night", "policy.delete", "policy night", GONE),
    by_program("PUT", "/v1/notifiers/{kind}", "ntfy", "notifier.make", "notifier ntfy", MADE, NTFY),
    by_program(
        "PUT", "/v1/notifiers/{kind}", "email", "notifier.change", "notifier email", CHANGED, OTHER_MAIL
    ),
    by_program("DELETE", "/v1/notifiers/{kind}", "email", "notifier.delete", "notifier email", GONE),
    by_program("POST", "/v1/ping-keys", "", "ping_key.make", "ping key other", MADE, {"name": "other"}),
    by_program("DELETE", "/v1/ping-keys/{name}", "house", "ping_key.revoke", "ping key house", GONE),
    by_program("PUT", PAGE, "new", "status_page.make", "status page new", MADE, SOLE_PAGE),
    by_program("PUT", PAGE, "sole", "status_page.change", "status page sole", CHANGED, OTHER_PAGE),
    by_program("DELETE", PAGE, "sole", "status_page.delete", "status page sole", GONE),
    by_program("POST", TOLD_OF, "public", "announcement.make", "announcement 3", MADE, WORDS),
    by_program(
        "POST", f"{TOLD_OF}/draft", "public", "announcement.make", "announcement 3", MADE, FROM_WINDOW
    ),
    by_program("PUT", ONE, "public 1", "announcement.change", "announcement 1", CHANGED, LATER),
    by_program("POST", f"{ONE}/publish", "public 1", "announcement.publish", "announcement 1", CHANGED),
    by_program("POST", f"{ONE}/updates", "public 2", "announcement.update", "announcement 2", CHANGED, OVER),
    by_program(
        "PUT", f"{ONE}/relations", "public 1", "announcement.relate", "announcement 1", CHANGED, APART
    ),
    by_program("DELETE", ONE, "public 1", "announcement.discard", "announcement 1", GONE),
    by_program("POST", "/v1/users", "", "user.invite", "user new", MADE, {"name": "new", "role": "viewer"}),
    by_program("POST", "/v1/users/{name}/role", "bob", "user.role", "user bob", CHANGED, {"role": "viewer"}),
    by_program("POST", "/v1/users/{name}/disable", "bob", "user.disable", "user bob", CHANGED),
    by_program("POST", "/v1/users/{name}/enable", "gone", "user.enable", "user gone", CHANGED),
    by_program("POST", "/v1/users/{name}/reset", "bob", "user.reset", "user bob", CHANGED),
    by_program("POST", "/v1/keys", "", "key.make", "key other", MADE, {"name": "other", "scopes": ["read"]}),
    by_program("DELETE", "/v1/keys/{name}", "deploy", "key.revoke", "key deploy", GONE),
    by_program(
        "PUT", "/v1/configuration", "", "configuration.apply", "configuration", DONE, text=CHECKS_FILE
    ),
    Case(
        "/v1/encryption/rotate", _rotate, "encryption.rotate", "encryption keys", DONE, "admin", "admin key"
    ),
]
"""What a program changes, with the admin key."""

PEOPLE = [
    by_form("/pause", "", "check.pause", "check job", CHANGED, check=["job", "resting"]),
    by_form("/resume", "", "check.resume", "check resting", CHANGED, check=["job", "resting"]),
    by_form("/new", "", "check.make", "check nightly", MADE, slug="nightly", **DAILY),
    by_form("/checks/{slug}/edit", "job", "check.change", "check job", CHANGED, before="", **DAILY),
    by_form("/checks/{slug}/delete", "job", "check.delete", "check job", GONE),
    by_form("/checks/{slug}/pause", "job", "check.pause", "check job", CHANGED),
    by_form("/checks/{slug}/resume", "resting", "check.resume", "check resting", CHANGED),
    by_form("/incidents/{number:int}/acknowledge", "1", "incident.acknowledge", "incident 1", CHANGED),
    by_form("/incidents/{number:int}/note", "1", "incident.note", "incident 1", DONE, words="Full."),
    by_form("/incidents/{number:int}/snooze", "1", "incident.snooze", "incident 1", CHANGED, **{"for": "1h"}),
    by_form("/incidents/{number:int}/resolve", "1", "incident.resolve", "incident 1", CHANGED),
    by_form(
        "/incidents/{number:int}/announce", "1", "announcement.make", "announcement 3", MADE, page="public"
    ),
    by_form("/maintenance/new", "", "maintenance.make", "maintenance 2", MADE, **TYPED),
    by_form(
        "/maintenance/{number:int}/edit",
        "1",
        "maintenance.change",
        "maintenance 1",
        CHANGED,
        **TYPED,
    ),
    by_form("/maintenance/{number:int}/end", "1", "maintenance.end", "maintenance 1", CHANGED),
    by_form("/maintenance/{number:int}/delete", "1", "maintenance.delete", "maintenance 1", GONE),
    by_form(
        "/status-pages/{slug}/write", "public", "announcement.make", "announcement 3", MADE, **WORDS, **TOLD
    ),
    by_form(
        "/announcements/{number:int}", "1", "announcement.change", "announcement 1", CHANGED, **LATER, **TOLD
    ),
    by_form("/announcements/{number:int}/publish", "1", "announcement.publish", "announcement 1", CHANGED),
    by_form(
        "/announcements/{number:int}/update", "2", "announcement.update", "announcement 2", CHANGED, **OVER
    ),
    by_form("/announcements/{number:int}/discard", "1", "announcement.discard", "announcement 1", GONE),
    by_form("/on-call/new-person", "", "person.make", "person carl", MADE, slug="carl", **CARD),
    by_form("/on-call/people/{name}/edit", "ben", "person.change", "person ben", CHANGED, before="", **CARD),
    by_form("/on-call/people/{name}/delete", "ben", "person.delete", "person ben", GONE),
    by_form("/on-call/new-policy", "", "policy.make", "policy day", MADE, slug="day", **RUNG),
    by_form(
        "/on-call/policies/{name}/edit", "night", "policy.change", "policy night", CHANGED, before="", **RUNG
    ),
    by_form("/on-call/policies/{name}/default", "night", "policy.default", "policy night", CHANGED),
    by_form("/on-call/policies/{name}/delete", "night", "policy.delete", "policy night", GONE),
    by_form("/account/password", "", "user.password", "user anna", CHANGED, **ANOTHER_PASSWORD),
    by_form("/account/sign-ins/end", "", "sign_out", "user anna", DONE),
    by_form("/account/sign-ins/{number:int}/end", "1", "sign_out", "user anna", DONE),
    by_form("/users", "", "user.invite", "user new", MADE, name="new", role="viewer"),
    by_form("/users/{name}/role", "bob", "user.role", "user bob", CHANGED, role="viewer"),
    by_form("/users/{name}/disable", "bob", "user.disable", "user bob", CHANGED),
    by_form("/users/{name}/enable", "gone", "user.enable", "user gone", CHANGED),
    by_form("/users/{name}/reset", "bob", "user.reset", "user bob", CHANGED),
    by_form("/keys", "", "key.make", "key other", MADE, name="other", scope="read"),
    by_form("/keys/{name}/revoke", "deploy", "key.revoke", "key deploy", GONE),
    by_form("/sign-out", "", "sign_out", "user anna", DONE),
    Case("/account/second-factor", _factor_on, "user.second_factor", "user anna", CHANGED, "anna", "session"),
    Case(
        "/account/second-factor/off",
        _factor_off,
        "user.second_factor",
        "user anna",
        CHANGED,
        "anna",
        "session",
    ),
    Case("/sign-in", _sign_in, "sign_in", "user bob", DONE, "bob", "session"),
    Case("/sign-in", _sign_in_in_vain, "sign_in.refuse", "user bob", DONE, "bob", "sign-in"),
    Case("/sign-in", _sign_in_by_key, "sign_in", "admin key", DONE, "admin", "session"),
    Case("/join/{token}", _join, "user.password", "user new", CHANGED, "new", BY_LINK),
    Case(
        "/answer/{token}",
        _answer,
        "incident.acknowledge",
        "incident 1",
        CHANGED,
        "First responder",
        "signed link",
    ),
]
"""What people change in a browser."""

NOT_TOLD = {
    ("POST", "/status/{slug}/subscribe"),
    ("POST", "/status/{slug}/confirm/{token}"),
    ("POST", "/status/{slug}/unsubscribe/{token}"),
    ("POST", "/callbacks/{notifier}"),
}
"""Customers who ask for mail, for themselves. Their addresses must not stand in a log that nothing is ever taken out
of, and strangers must not make it grow. And providers: what they say of their messages is in the timeline. Answers that
they bring are in the log, as `test_an_answer_at_the_provider_acknowledges_once` shows."""
