"""Each request that changes something, once, and the entry that the audit log must have for it."""

import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import Any

import httpx
import pyotp

from alerting import desk
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat import signed_link, vault, verification
from heartbeat.access import users
from heartbeat.access.users import BY_LINK
from heartbeat.actor import Role
from heartbeat.checks import symptoms
from heartbeat.checks.check import Check
from heartbeat.checks.schedule import Every
from heartbeat.signed_link import Answerer
from tests.push_service import SubscribedBrowser
from tests.unit.access.conftest import PASSWORD, ROOT
from tests.unit.http.conftest import (
    ADMIN_KEY,
    SECRET_KEY,
    SECRET_KEY_BEFORE,
    incident_of,
    make_check,
    ping,
)
from tests.unit.http.markup import Markup
from tests.unit.http.world import (
    ANNOUNCED,
    CHECKS_FILE,
    HOOK,
    MAIL,
    MOVE,
    NEW_PASSWORD,
    NTFY,
    SOLE_PAGE,
    WORDS,
    World,
)


class Shape(Enum):
    """The shape of an audit entry: which of `before` and `after` it has."""

    MADE = "made"
    CHANGED = "changed"
    DELETED = "deleted"
    DONE = "done"


Ask = Callable[[World], Awaitable[httpx.Response]]


@dataclass(frozen=True)
class Change:
    """One request, and its audit entry: action, target, actor, and how the actor came in."""

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
) -> Change:
    """Return a change by a program with the admin key. `names` fill in the address."""

    async def ask(world: World) -> httpx.Response:
        return await world.program.request(method, filled(address, names), json=body, content=text)

    return Change(address, ask, action, target, shape, "admin", "admin key", method)


def on_rotation(
    method: str, address: str, names: str, action: str, target: str, shape: Shape, body: Any = None
) -> Change:
    """Return a change by a program where there is a rotation, with an override and a proposed swap."""
    return _with_rotation(by_program(method, address, names, action, target, shape, body))


def on_rotation_by_form(
    part: str, names: str, action: str, target: str, shape: Shape, /, **fields: Any
) -> Change:
    """Return a change by Anna on the screen of that rotation."""
    address = f"/on-call/rotations/{{name}}/{part}"
    return _with_rotation(by_form(address, f"infra {names}", action, target, shape, **fields))


def on_crew_by_form(address: str, names: str, target: str, deed: str, /, **fields: Any) -> Change:
    """Return a change of a rotation, a team or a channel by Anna, where there is one of each."""
    shape = {"make": MADE, "change": CHANGED, "delete": DELETED}[deed]
    noun, _, _ = target.partition(" ")
    return _with_rotation(by_form(address, names, f"{noun}.{deed}", target, shape, **fields))


def _with_rotation(change: Change) -> Change:
    async def ask(world: World) -> httpx.Response:
        for path, fields in ROTA.items():
            answer = await world.program.request("POST" if "infra/" in path else "PUT", path, json=fields)
            assert answer.is_success, answer.text
        return await change.ask(world)

    return replace(change, ask=ask)


def with_catch_all(change: Change) -> Change:
    """Return a change where Ben is the catch-all."""

    async def ask(world: World) -> httpx.Response:
        answer = await world.program.put("/v1/catch-all", json={"page": "ben"})
        assert answer.is_success, answer.text
        return await change.ask(world)

    return replace(change, ask=ask)


def with_calendar(change: Change) -> Change:
    """Return a change where the calendars of that rotation and of the first person have an address."""

    async def ask(world: World) -> httpx.Response:
        for path in ("/v1/people/first/calendar", "/v1/rotations/infra/calendar"):
            assert (await world.program.put(path)).is_success
        return await change.ask(world)

    return _with_rotation(replace(change, ask=ask))


def by_form(address: str, names: str, action: str, target: str, shape: Shape, /, **fields: Any) -> Change:
    """Return a change by Anna on the console. A field `before` is filled in from the form that she opened."""

    async def ask(world: World) -> httpx.Response:
        path = filled(address, names)
        data = fields | {"csrf": await world.csrf()}
        if "before" in data:
            data["before"] = Markup((await world.browser.get(path)).text).fields["before"]
        return await world.browser.post(path, data=data)

    return Change(address, ask, action, target, shape, "anna", "session")


def _with_code(change: Change) -> Change:
    """Return a change where a code was sent to Ben's terminal."""

    async def ask(world: World) -> httpx.Response:
        code_hash = verification.hashed(SECRET_KEY, "ben", TERMINAL.mark, CODE["code"])
        now = world.clock.now()
        await world.write(lambda db: desk.contact_code_store.add(db, "ben", TERMINAL, code_hash, now))
        return await change.ask(world)

    return replace(change, ask=ask)


def filled(address: str, names: str) -> str:
    """Return the address with its parameters filled in, in order."""
    values = iter(names.split())
    return re.sub(r"{[^}]+}", lambda _: next(values), address)


async def _sign_in(world: World) -> httpx.Response:
    return await world.stranger.post("/sign-in", data={"name": "bob", "password": PASSWORD})


async def _sign_in_in_vain(world: World) -> httpx.Response:
    refused = await world.stranger.post("/sign-in", data={"name": "bob", "password": "wrong"})
    assert refused.status_code == 403
    return await world.stranger.get("/sign-in")


async def _sign_in_by_key(world: World) -> httpx.Response:
    return await world.stranger.post("/sign-in", data={"key": ADMIN_KEY})


async def _add_device(world: World) -> httpx.Response:
    await world.write(lambda db: desk.define_person(db, Person("anna", "Anna", (), origin=Origin.API)))
    subscription = SubscribedBrowser("https://192.0.43.8/send/1").subscription
    data = {"csrf": await world.csrf(), "subscription": subscription}
    return await world.browser.post("/on-call/people/anna/devices", data=data)


def _calendar_of_ben(times: int, last: str) -> Ask:
    """An admin makes an address for Ben's calendar, and then does the last thing with it."""

    async def ask(world: World) -> httpx.Response:
        for path in ["/on-call/people/ben/calendar"] * times:
            await world.browser.post(path, data={"csrf": await world.csrf()})
        return await world.browser.post(last, data={"csrf": await world.csrf()})

    return ask


def _own_calendar(times: int, last: str) -> Ask:
    """Anna makes an address for her own calendar, and then does the last thing with it."""

    async def ask(world: World) -> httpx.Response:
        await world.write(lambda db: desk.define_person(db, Person("anna", "Anna", (), origin=Origin.API)))
        for path in ["/account/calendar"] * times:
            await world.browser.post(path, data={"csrf": await world.csrf()})
        return await world.browser.post(last, data={"csrf": await world.csrf()})

    return ask


async def _remove_device(world: World) -> httpx.Response:
    now = world.clock.now()
    await world.write(lambda db: desk.add_device(db, "ben", "Chrome on Android", "sealed", "hash", now))
    data = {"csrf": await world.csrf()}
    return await world.browser.post("/on-call/people/ben/devices/1/remove", data=data)


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


async def _another(world: World) -> Check:
    check = await make_check(world.system, "another", schedule=Every(timedelta(days=1)))
    await ping(world.system, check, "/fail")
    return check


async def _with_another(world: World) -> Check:
    """A second job in the first incident."""
    check = await _another(world)
    number = await incident_of(world.system, check)
    assert (await world.program.post(f"/v1/incidents/{number}/merge", json={"into": 1})).is_success
    return check


async def _merge(world: World) -> httpx.Response:
    number = await incident_of(world.system, await _another(world))
    return await world.program.post("/v1/incidents/1/merge", json={"into": number})


async def _split(world: World) -> httpx.Response:
    await _with_another(world)
    return await world.program.post("/v1/incidents/1/split", json={"checks": ["another"]})


async def _merge_here(world: World) -> httpx.Response:
    number = await incident_of(world.system, await _another(world))
    form = {"csrf": await world.csrf(), "into": str(number)}
    return await world.browser.post("/incidents/1/merge", data=form)


async def _split_here(world: World) -> httpx.Response:
    check = await _with_another(world)
    form = {"csrf": await world.csrf(), "job": symptoms.key_of(check)}
    return await world.browser.post("/incidents/1/split", data=form)


async def _unacknowledge(world: World) -> httpx.Response:
    await world.program.post("/v1/incidents/1/acknowledge")
    return await world.program.post("/v1/incidents/1/unacknowledge")


async def _give_back(world: World) -> httpx.Response:
    await world.program.post("/v1/incidents/1/acknowledge")
    return await world.browser.post("/incidents/1/unacknowledge", data={"csrf": await world.csrf()})


async def _rotate(world: World) -> httpx.Response:
    contact = Contact("slack", HOOK)
    old_vault = vault.with_keys([SECRET_KEY_BEFORE], secrets.token_bytes)
    dora = Person("dora", "Dora", (contact,), origin=Origin.API)
    sealed = replace(contact, address=old_vault.seal(HOOK, dora.about(contact)))
    await world.write(lambda db: desk.define_person(db, replace(dora, contacts=(sealed,))))
    return await world.program.post("/v1/encryption/rotate")


MADE, CHANGED, DELETED, DONE = Shape
NIGHTLY = {"every": "1d", "grace": "10m"}
DAILY = {"kind": "every", "every": "2d", "grace": "5m"}
SLACK = {"contacts": [{"slack": HOOK}]}
HOUR = {"steps": [{"page": "first", "wait": "1h"}]}
MANY = {"answer": "acknowledge", "incidents": [{"incident": 1}]}
UNTIL = {"until": "2024-05-03T06:00:00Z"}
OTHER_MAIL = MAIL | {"from": "other@example.com"}
OTHER_PAGE = SOLE_PAGE | {"title": "Other"}
FROM_WINDOW = {"maintenance": 1}
LATER = WORDS | {"title": "Later"}
OVER = {"status": "resolved", "body": "Over."}
APART = {"not_related_to": [2]}
TYPED = {"before": "", "title": "Stay", "label": "host=b", "length": "1h", "timezone": "UTC"}
CARD = {"name": "Carl", "timezone": "UTC", "kind": "slack", "address": HOOK, "keeps": ""}
WEEKLY = {"layers": "1", "people-0": "first", "shift-0": "weekly", "day-0": "2030-01-01", "at-0": "09:00"}
RUNG = {"rungs": "1", "page-0": "first", "wait-0": "1h"}
ANOTHER_PASSWORD = {"password": PASSWORD, "new": NEW_PASSWORD, "again": NEW_PASSWORD}

TURNS = {"people": ["first", "dan"], "shift": "12h", "from": "2030-01-01 00:00"}
MORNING = {"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2030-01-01T12:00:00Z"}
TAKE = {"change": "replace", "on": "dan"} | MORNING
NEXT_DAY = ("2030-01-02T00:00:00Z", "2030-01-02T12:00:00Z", "2030-01-02T23:00:00Z")
SWAP = {
    "offered_by": "first",
    "offered_from": NEXT_DAY[0],
    "offered_until": NEXT_DAY[1],
    "asked": "dan",
    "asked_from": NEXT_DAY[1],
    "asked_until": NEXT_DAY[2],
}
SHORTER = SWAP | {"offered_until": "2030-01-02T06:00:00Z"}
ROTA = {
    "/v1/people/dan": {"contacts": [{"console": "terminal"}]},
    "/v1/teams/all": {"people": "dan"},
    "/v1/channels/room": {"contacts": [{"console": "terminal"}]},
    "/v1/rotations/infra": {"layers": [TURNS]},
    "/v1/rotations/infra/overrides": TAKE,
    "/v1/rotations/infra/swaps": SWAP,
}
ROTATION = "/v1/rotations/{name}"
CONTACT = "/v1/people/{name}/contacts/{contact}"
OWN_CONTACT = "/on-call/people/{name}/contacts/{mark}"
TERMINAL, CODE = Contact("console", "terminal"), {"code": "482913"}
THEN, AFTER = "2030-01-02T00:00:00Z 2030-01-02T06:00:00Z", "2030-01-02T12:00:00Z 2030-01-02T23:00:00Z"
"""A shift of the first and one of the second, as forms name them."""

INCIDENT, WINDOW, PAGE = "/v1/incidents/{number}", "/v1/maintenance/{number}", "/v1/status-pages/{name}"
ANNOUNCEMENTS = f"{PAGE}/incidents"
ANNOUNCEMENT = f"{ANNOUNCEMENTS}/{{number}}"

PROGRAMS = [
    by_program("PUT", "/v1/checks/{name}", "nightly", "check.make", "check nightly", MADE, NIGHTLY),
    by_program("PUT", "/v1/checks/{name}", "job", "check.change", "check job", CHANGED, NIGHTLY),
    by_program("POST", "/v1/checks/{name}/pause", "job", "check.pause", "check job", CHANGED),
    by_program("POST", "/v1/checks/{name}/resume", "resting", "check.resume", "check resting", CHANGED),
    by_program("POST", "/v1/checks/{name}/new-uuid", "job", "check.renew_uuid", "check job", DONE),
    by_program("DELETE", "/v1/checks/{name}", "job", "check.delete", "check job", DELETED),
    by_program("POST", f"{INCIDENT}/acknowledge", "1", "incident.acknowledge", "incident 1", CHANGED),
    by_program("POST", f"{INCIDENT}/snooze", "1", "incident.snooze", "incident 1", CHANGED, UNTIL),
    by_program("POST", f"{INCIDENT}/page-next", "1", "incident.page_next", "incident 1", CHANGED),
    Change(f"{INCIDENT}/merge", _merge, "incident.merge", "incident 1", CHANGED, "admin", "admin key"),
    Change(f"{INCIDENT}/split", _split, "incident.split", "incident 1", DONE, "admin", "admin key"),
    by_program("POST", f"{INCIDENT}/take-over", "1", "incident.take_over", "incident 1", CHANGED),
    by_program(
        "POST", f"{INCIDENT}/reassign", "1", "incident.reassign", "incident 1", CHANGED, {"to": "ben"}
    ),
    by_program("POST", "/v1/incidents/answer", "", "incident.acknowledge", "incident 1", CHANGED, MANY),
    Change(
        f"{INCIDENT}/unacknowledge",
        _unacknowledge,
        "incident.unacknowledge",
        "incident 1",
        CHANGED,
        "admin",
        "admin key",
    ),
    by_program("POST", f"{INCIDENT}/resolve", "1", "incident.resolve", "incident 1", CHANGED),
    by_program("POST", f"{INCIDENT}/note", "1", "incident.note", "incident 1", DONE, {"words": "Full."}),
    by_program("POST", "/v1/maintenance", "", "maintenance.make", "maintenance 2", MADE, MOVE),
    by_program("PUT", WINDOW, "1", "maintenance.change", "maintenance 1", CHANGED, MOVE | {"title": "Stay"}),
    by_program("POST", f"{WINDOW}/end", "1", "maintenance.end", "maintenance 1", CHANGED),
    by_program("DELETE", WINDOW, "1", "maintenance.delete", "maintenance 1", DELETED),
    by_program("PUT", "/v1/people/{name}", "carl", "person.make", "person carl", MADE, SLACK),
    by_program("PUT", "/v1/people/{name}", "ben", "person.change", "person ben", CHANGED, SLACK),
    by_program("POST", "/v1/people/{name}/test-page", "ben", "person.test", "person ben", DONE),
    by_program("POST", f"{CONTACT}/verify", f"ben {TERMINAL.mark}", "person.verify", "person ben", DONE),
    _with_code(
        by_program(
            "POST", f"{CONTACT}/confirm", f"ben {TERMINAL.mark}", "person.prove", "person ben", DONE, CODE
        )
    ),
    by_program("DELETE", "/v1/people/{name}", "ben", "person.delete", "person ben", DELETED),
    on_rotation("PUT", "/v1/teams/{name}", "all", "team.change", "team all", CHANGED, {"people": "first"}),
    on_rotation("DELETE", "/v1/teams/{name}", "all", "team.delete", "team all", DELETED),
    by_program("PUT", "/v1/catch-all", "", "catch_all.make", "catch_all", MADE, {"page": "ben"}),
    with_catch_all(by_program("DELETE", "/v1/catch-all", "", "catch_all.delete", "catch_all", DELETED)),
    on_rotation("PUT", "/v1/channels/{name}", "hall", "channel.make", "channel hall", MADE, SLACK),
    on_rotation("DELETE", "/v1/channels/{name}", "room", "channel.delete", "channel room", DELETED),
    on_rotation(
        "PUT", ROTATION, "web", "rotation.make", "rotation web", MADE, {"layers": [TURNS | {"people": "dan"}]}
    ),
    on_rotation("DELETE", ROTATION, "infra", "rotation.delete", "rotation infra", DELETED),
    on_rotation(
        "POST",
        f"{ROTATION}/overrides",
        "infra",
        "override.make",
        "rotation infra",
        MADE,
        TAKE | {"on": "first"},
    ),
    on_rotation("DELETE", "/v1/overrides/{number}", "1", "override.delete", "rotation infra", DELETED),
    on_rotation("PUT", f"{ROTATION}/calendar", "infra", "calendar.make", "rotation infra", MADE),
    with_calendar(
        by_program("DELETE", f"{ROTATION}/calendar", "infra", "calendar.revoke", "rotation infra", DELETED)
    ),
    on_rotation("PUT", "/v1/people/{name}/calendar", "dan", "calendar.make", "person dan", MADE),
    with_calendar(
        by_program(
            "DELETE", "/v1/people/{name}/calendar", "first", "calendar.revoke", "person first", DELETED
        )
    ),
    on_rotation("POST", "/v1/leaves", "", "leave.make", "person dan", MADE, {"person": "dan"} | MORNING),
    on_rotation("POST", f"{ROTATION}/swaps", "infra", "swap.propose", "rotation infra", MADE, SHORTER),
    on_rotation("POST", "/v1/swaps/{number}/accept", "1", "swap.accept", "rotation infra", DELETED),
    on_rotation("POST", "/v1/swaps/{number}/decline", "1", "swap.decline", "rotation infra", DELETED),
    by_program("PUT", "/v1/policies/{name}", "day", "policy.make", "policy day", MADE, HOUR),
    by_program("PUT", "/v1/policies/{name}", "night", "policy.change", "policy night", CHANGED, HOUR),
    by_program("POST", "/v1/policies/{name}/default", "night", "policy.default", "policy night", CHANGED),
    by_program("DELETE", "/v1/policies/{name}", "night", "policy.delete", "policy night", DELETED),
    by_program("PUT", "/v1/notifiers/{kind}", "ntfy", "notifier.make", "notifier ntfy", MADE, NTFY),
    by_program(
        "PUT", "/v1/notifiers/{kind}", "email", "notifier.change", "notifier email", CHANGED, OTHER_MAIL
    ),
    by_program("DELETE", "/v1/notifiers/{kind}", "email", "notifier.delete", "notifier email", DELETED),
    by_program("POST", "/v1/ping-keys", "", "ping_key.make", "ping key other", MADE, {"name": "other"}),
    by_program("DELETE", "/v1/ping-keys/{name}", "house", "ping_key.revoke", "ping key house", DELETED),
    by_program("PUT", PAGE, "new", "status_page.make", "status page new", MADE, SOLE_PAGE),
    by_program("PUT", PAGE, "sole", "status_page.change", "status page sole", CHANGED, OTHER_PAGE),
    by_program("DELETE", PAGE, "sole", "status_page.delete", "status page sole", DELETED),
    by_program("POST", ANNOUNCEMENTS, "public", "announcement.make", "announcement 3", MADE, WORDS),
    by_program(
        "POST", f"{ANNOUNCEMENTS}/draft", "public", "announcement.make", "announcement 3", MADE, FROM_WINDOW
    ),
    by_program("PUT", ANNOUNCEMENT, "public 1", "announcement.change", "announcement 1", CHANGED, LATER),
    by_program(
        "POST", f"{ANNOUNCEMENT}/publish", "public 1", "announcement.publish", "announcement 1", CHANGED
    ),
    by_program(
        "POST", f"{ANNOUNCEMENT}/updates", "public 2", "announcement.update", "announcement 2", CHANGED, OVER
    ),
    by_program(
        "PUT",
        f"{ANNOUNCEMENT}/relations",
        "public 1",
        "announcement.relate",
        "announcement 1",
        CHANGED,
        APART,
    ),
    by_program("DELETE", ANNOUNCEMENT, "public 1", "announcement.discard", "announcement 1", DELETED),
    by_program("POST", "/v1/users", "", "user.invite", "user new", MADE, {"name": "new", "role": "viewer"}),
    by_program("POST", "/v1/users/{name}/role", "bob", "user.role", "user bob", CHANGED, {"role": "viewer"}),
    by_program("POST", "/v1/users/{name}/disable", "bob", "user.disable", "user bob", CHANGED),
    by_program("POST", "/v1/users/{name}/enable", "gone", "user.enable", "user gone", CHANGED),
    by_program("POST", "/v1/users/{name}/reset", "bob", "user.reset", "user bob", CHANGED),
    by_program("POST", "/v1/keys", "", "key.make", "key other", MADE, {"name": "other", "scopes": ["read"]}),
    by_program("DELETE", "/v1/keys/{name}", "deploy", "key.revoke", "key deploy", DELETED),
    by_program(
        "PUT", "/v1/configuration", "", "configuration.apply", "configuration", DONE, text=CHECKS_FILE
    ),
    Change(
        "/v1/encryption/rotate", _rotate, "encryption.rotate", "encryption keys", DONE, "admin", "admin key"
    ),
]
"""Changes by a program with the admin key."""

PEOPLE = [
    by_form("/pause", "", "check.pause", "check job", CHANGED, check=["job", "resting"]),
    by_form("/resume", "", "check.resume", "check resting", CHANGED, check=["job", "resting"]),
    by_form("/new", "", "check.make", "check nightly", MADE, slug="nightly", **DAILY),
    by_form("/checks/{slug}/edit", "job", "check.change", "check job", CHANGED, before="", **DAILY),
    by_form("/checks/{slug}/delete", "job", "check.delete", "check job", DELETED),
    by_form("/checks/{slug}/pause", "job", "check.pause", "check job", CHANGED),
    by_form("/checks/{slug}/resume", "resting", "check.resume", "check resting", CHANGED),
    by_form("/checks/{slug}/rules", "job", "check.change", "check job", CHANGED, rule="rows > 0"),
    by_form("/checks/{slug}/new-uuid", "job", "check.renew_uuid", "check job", DONE),
    by_form("/incidents/{number:int}/acknowledge", "1", "incident.acknowledge", "incident 1", CHANGED),
    by_form("/incidents/{number:int}/note", "1", "incident.note", "incident 1", DONE, words="Full."),
    by_form("/incidents/{number:int}/snooze", "1", "incident.snooze", "incident 1", CHANGED, **{"for": "1h"}),
    by_form("/incidents/{number:int}/page-next", "1", "incident.page_next", "incident 1", CHANGED),
    Change(
        "/incidents/{number:int}/merge",
        _merge_here,
        "incident.merge",
        "incident 1",
        CHANGED,
        "anna",
        "session",
    ),
    Change(
        "/incidents/{number:int}/split", _split_here, "incident.split", "incident 1", DONE, "anna", "session"
    ),
    by_form("/incidents/{number:int}/take-over", "1", "incident.take_over", "incident 1", CHANGED),
    by_form("/incidents/{number:int}/reassign", "1", "incident.reassign", "incident 1", CHANGED, to="ben"),
    by_form(
        "/incidents/answer", "", "incident.snooze", "incident 1", CHANGED, incident="1.1", do="snooze 1h"
    ),
    Change(
        "/incidents/{number:int}/unacknowledge",
        _give_back,
        "incident.unacknowledge",
        "incident 1",
        CHANGED,
        "anna",
        "session",
    ),
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
    by_form("/maintenance/{number:int}/delete", "1", "maintenance.delete", "maintenance 1", DELETED),
    by_form(
        "/status-pages/{slug}/write",
        "public",
        "announcement.make",
        "announcement 3",
        MADE,
        **WORDS,
        **ANNOUNCED,
    ),
    by_form(
        "/announcements/{number:int}",
        "1",
        "announcement.change",
        "announcement 1",
        CHANGED,
        **LATER,
        **ANNOUNCED,
    ),
    by_form("/announcements/{number:int}/publish", "1", "announcement.publish", "announcement 1", CHANGED),
    by_form(
        "/announcements/{number:int}/update", "2", "announcement.update", "announcement 2", CHANGED, **OVER
    ),
    by_form("/announcements/{number:int}/discard", "1", "announcement.discard", "announcement 1", DELETED),
    on_rotation_by_form(
        "override", "", "override.make", "rotation infra", MADE, shift=f"{THEN} first", on="dan"
    ),
    on_rotation_by_form("overrides/{number:int}/delete", "1", "override.delete", "rotation infra", DELETED),
    on_rotation_by_form(
        "swap", "", "swap.propose", "rotation infra", MADE, offered=f"{THEN} first", asked=f"{AFTER} dan"
    ),
    on_rotation_by_form("swaps/{number:int}/accept", "1", "swap.accept", "rotation infra", DELETED),
    on_rotation_by_form("swaps/{number:int}/decline", "1", "swap.decline", "rotation infra", DELETED),
    on_rotation_by_form("calendar", "", "calendar.make", "rotation infra", MADE),
    with_calendar(
        by_form(
            "/on-call/rotations/{name}/calendar/revoke", "infra", "calendar.revoke", "rotation infra", DELETED
        )
    ),
    on_rotation_by_form(
        "leave",
        "",
        "leave.make",
        "person dan",
        MADE,
        person="dan",
        starts="2030-01-01T00:00",
        ends="2030-01-02T00:00",
    ),
    on_crew_by_form("/on-call/new-rotation", "", "rotation web", "make", slug="web", **WEEKLY),
    on_crew_by_form(
        "/on-call/rotations/{name}/edit", "infra", "rotation infra", "change", before="", **WEEKLY
    ),
    on_crew_by_form("/on-call/rotations/{name}/delete", "infra", "rotation infra", "delete"),
    on_crew_by_form("/on-call/new-team", "", "team web", "make", slug="web", people="first"),
    on_crew_by_form("/on-call/teams/{name}/edit", "all", "team all", "change", before="", people="first"),
    on_crew_by_form("/on-call/teams/{name}/delete", "all", "team all", "delete"),
    on_crew_by_form("/on-call/new-channel", "", "channel hall", "make", slug="hall", **CARD),
    on_crew_by_form("/on-call/channels/{name}/edit", "room", "channel room", "change", before="", **CARD),
    on_crew_by_form("/on-call/channels/{name}/delete", "room", "channel room", "delete"),
    by_form("/on-call/catch-all/edit", "", "catch_all.make", "catch_all", MADE, page="ben"),
    with_catch_all(by_form("/on-call/catch-all/delete", "", "catch_all.delete", "catch_all", DELETED)),
    by_form("/on-call/new-person", "", "person.make", "person carl", MADE, slug="carl", **CARD),
    by_form("/on-call/people/{name}/edit", "ben", "person.change", "person ben", CHANGED, before="", **CARD),
    by_form("/on-call/people/{name}/test-page", "ben", "person.test", "person ben", DONE),
    by_form(f"{OWN_CONTACT}/verify", f"ben {TERMINAL.mark}", "person.verify", "person ben", DONE),
    _with_code(
        by_form(f"{OWN_CONTACT}/confirm", f"ben {TERMINAL.mark}", "person.prove", "person ben", DONE, **CODE)
    ),
    Change(
        "/on-call/people/{name}/devices",
        _add_device,
        "person.add_device",
        "person anna",
        MADE,
        "Anna",
        "session of anna",
    ),
    Change(
        "/on-call/people/{name}/devices/{number:int}/remove",
        _remove_device,
        "person.remove_device",
        "person ben",
        DELETED,
        "anna",
        "session",
    ),
    by_form("/on-call/people/{name}/delete", "ben", "person.delete", "person ben", DELETED),
    by_form("/on-call/new-policy", "", "policy.make", "policy day", MADE, slug="day", **RUNG),
    by_form(
        "/on-call/policies/{name}/edit", "night", "policy.change", "policy night", CHANGED, before="", **RUNG
    ),
    by_form("/on-call/policies/{name}/default", "night", "policy.default", "policy night", CHANGED),
    by_form("/on-call/policies/{name}/delete", "night", "policy.delete", "policy night", DELETED),
    Change(
        "/on-call/people/{name}/calendar",
        _calendar_of_ben(0, "/on-call/people/ben/calendar"),
        "calendar.make",
        "person ben",
        MADE,
        "anna",
        "session",
    ),
    Change(
        "/on-call/people/{name}/calendar/revoke",
        _calendar_of_ben(1, "/on-call/people/ben/calendar/revoke"),
        "calendar.revoke",
        "person ben",
        DELETED,
        "anna",
        "session",
    ),
    Change(
        "/account/calendar",
        _own_calendar(0, "/account/calendar"),
        "calendar.make",
        "person anna",
        MADE,
        "Anna",
        "session of anna",
    ),
    Change(
        "/account/calendar/revoke",
        _own_calendar(1, "/account/calendar/revoke"),
        "calendar.revoke",
        "person anna",
        DELETED,
        "Anna",
        "session of anna",
    ),
    by_form("/account/password", "", "user.password", "user anna", CHANGED, **ANOTHER_PASSWORD),
    by_form("/account/sign-ins/end", "", "sign_out", "user anna", DONE),
    by_form("/account/sign-ins/{number:int}/end", "1", "sign_out", "user anna", DONE),
    by_form("/users", "", "user.invite", "user new", MADE, name="new", role="viewer"),
    by_form("/users/{name}/role", "bob", "user.role", "user bob", CHANGED, role="viewer"),
    by_form("/users/{name}/disable", "bob", "user.disable", "user bob", CHANGED),
    by_form("/users/{name}/enable", "gone", "user.enable", "user gone", CHANGED),
    by_form("/users/{name}/reset", "bob", "user.reset", "user bob", CHANGED),
    by_form("/keys", "", "key.make", "key other", MADE, name="other", scope="read"),
    by_form("/keys/{name}/revoke", "deploy", "key.revoke", "key deploy", DELETED),
    by_form("/sign-out", "", "sign_out", "user anna", DONE),
    Change(
        "/account/second-factor", _factor_on, "user.second_factor", "user anna", CHANGED, "anna", "session"
    ),
    Change(
        "/account/second-factor/off",
        _factor_off,
        "user.second_factor",
        "user anna",
        CHANGED,
        "anna",
        "session",
    ),
    Change("/sign-in", _sign_in, "sign_in", "user bob", DONE, "bob", "session"),
    Change("/sign-in", _sign_in_in_vain, "sign_in.refuse", "user bob", DONE, "bob", "sign-in"),
    Change("/sign-in", _sign_in_by_key, "sign_in", "admin key", DONE, "admin", "session"),
    Change("/join/{token}", _join, "user.password", "user new", CHANGED, "new", BY_LINK),
    Change(
        "/answer/{token}",
        _answer,
        "incident.acknowledge",
        "incident 1",
        CHANGED,
        "First responder",
        "signed link",
    ),
]
"""Changes by people in a browser."""

NOT_AUDITED = {
    ("POST", "/status/{slug}/subscribe"),
    ("POST", "/status/{slug}/confirm/{token}"),
    ("POST", "/status/{slug}/unsubscribe/{token}"),
    ("POST", "/callbacks/{notifier}"),
    ("POST", "/v1/checks/{name}/rules/try"),
}
"""Changes that the audit log leaves out. Customers subscribe for themselves: their addresses must not stand in a log
that is never deleted, and strangers must not make it grow. Providers report on their messages, and the timeline keeps
that. An answer that a provider brings is in the log: `test_an_answer_at_the_provider_acknowledges_once`. The trial of
a rule changes nothing."""
AUDITED_BESIDE = {
    ("POST", "/answer/digest/{token}"),
    ("POST", "/answer/test/{token}"),
    ("POST", "/callbacks/push/renewal"),
}
"""Changes whose entries `test_digest_link`, `test_proof_link` and `test_renewal` assert, where there are a digest, a
test page and a device."""
