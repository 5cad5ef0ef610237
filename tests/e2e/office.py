"""Who works with the morning's installation, and what they have made: users of each role, keys, announcements of each
kind. It stands beside the jobs of `fleet`; the walks through every page and every action look at both.

A page that lists something which nothing here has wants some of it made in `settle`.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Connection

from alerting import desk
from alerting.crew import CatchAll, Team
from alerting.escalation import Policy, Step
from alerting.incident import State
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.rotation import Change, Layer, Length, Override, Rotation, Window
from heartbeat import installation, signed_link
from heartbeat.access import api_keys, sign_in, users
from heartbeat.access import store as accounts
from heartbeat.access.account import User
from heartbeat.access.api_key import Scope
from heartbeat.access.session import Limits
from heartbeat.access.sign_in import Client
from heartbeat.actor import Actor, Role
from heartbeat.app import System
from heartbeat.checks import actions, maintenance
from heartbeat.checks import store as check_store
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit import checks as edit
from heartbeat.definitions.edit import maintenance as windows
from heartbeat.definitions.status_page import Component, Group, Regions
from heartbeat.pings import store as pings
from heartbeat.signed_link import Answerer, TestedContact
from heartbeat.status import drafting, editor
from heartbeat.status.announcement import Affected, AnnouncementFields, AnnouncementKind, Impact, Status
from heartbeat.status.health import Health
from heartbeat.status.subscribers import link as subscriber_link
from heartbeat.status.subscribers import store as subscriber_store
from heartbeat.status.subscribers.link import Ticket
from tests.e2e.fleet import NOW, PEOPLE
from tests.e2e.service import SECRET_KEY
from tests.e2e.walk import NOWHERE, Place, keep_word, served, system_at
from tests.unit.access.conftest import CHEAP

PASSWORD = "correct horse battery"
CODE_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
"""What ivo's authenticator holds."""
STAFF: Mapping[str, Role] = {
    "anna": Role.ADMIN,
    "ben": Role.RESPONDER,
    "vera": Role.VIEWER,
    "ivo": Role.ADMIN,
    "max": Role.RESPONDER,
}
"""Who has a password. ivo has a second factor, max is disabled."""
ANNA = Actor("anna", Role.ADMIN, "session", "192.0.2.7")
SMTP = "SMTP"
"""The variable of the environment that says where mail goes."""
_HOUR = timedelta(hours=1)
LIMITS = Limits(idle=12 * _HOUR, longest=168 * _HOUR)


@dataclass(frozen=True, slots=True)
class Settled:
    """The database of the installation, to be copied; what fills in its addresses, and the sessions of its people
    ("session_anna").
    """

    path: Path
    words: Mapping[str, Any]


async def settle(system: System) -> dict[str, Any]:
    """Make all of it. What fills in addresses, and a session of each of the staff."""

    def work(db: Connection) -> dict[str, Any]:
        _define(db)
        words = _staff(db, system) | _incidents(db)
        words |= _announcements(db, words["open"]) | _subscribers(db) | _ping(db) | _windows(db)
        return words | {f"session_{name}": _sign_in(db, name) for name in STAFF if name != "max"}

    return await system.context.database.write(work)


def _define(db: Connection) -> None:
    """A page with regions and groups, mail, a check, a person and a policy that the file does not own, keys."""
    (public,) = definition_store.status_pages_of(db).values()
    groups = (Group("Messages", "What you send and get."),)
    rows = [replace(one, group="Messages") if one.name == "Mail" else one for one in public.components]
    rows.append(Component("Consoles", {"component": "consoles"}))
    shown = replace(
        public,
        components=tuple(rows),
        groups=groups,
        regions=Regions("region", {"us": "United States", "eu": "Europe"}),
        support="mailto:help@example.com",
    )
    definition_store.put_status_pages(db, [shown])
    settings = {"email": {"smtp": f"${{{SMTP}}}", "from": "Status <status@example.com>"}}
    desk.install(db, PEOPLE, desk.policies(db).values(), settings)
    contacts = (Contact("slack", "enc:of-no-key"), Contact("email", "zoe@example.com"))
    desk.define_person(db, Person("zoe", "Zoe", contacts, "Europe/Berlin", Origin.API))
    steps = (Step(("zoe",), _HOUR / 12), Step(("second", "zoe"), _HOUR / 2))
    desk.define_policy(db, Policy("night", steps, Origin.API))
    installation.remember(db, "policy", "ops")
    _rotate(db)
    given = {"schedule": "30 5 * * *", "timezone": "Europe/London", "labels": {"host": "vault-1"}}
    edit.define(db, ANNA, "nightly-backup", edit.read(db, "nightly-backup", given), NOW - _HOUR)
    for name, scopes, days in (
        ("grafana", (Scope.READ,), None),
        ("deploy", (Scope.READ, Scope.WRITE), 90),
        ("housekeeping", (Scope.PING,), None),
    ):
        ends_at = None if days is None else NOW + timedelta(days=days)
        api_keys.make(db, ANNA, name, scopes, Role.RESPONDER, ends_at, NOW - 30 * _HOUR)


def _rotate(db: Connection) -> None:
    """A rotation with nights, a leave, an override, and a swap that waits for an answer; a team and a channel."""
    desk.define_team(db, Team("platform", ("zoe", "first"), Origin.API))
    room = (Contact("slack", "enc:of-no-key"),)
    desk.define_person(db, Person("ops-room", "Ops room", room, origin=Origin.API, channel=True))
    desk.define_catch_all(db, CatchAll(("platform", "ops-room"), Origin.API))
    begins = (NOW - timedelta(days=NOW.weekday() + 7)).replace(
        hour=9, minute=0, second=0, microsecond=0, tzinfo=None
    )
    nights = Layer(("zoe",), Length.parse("1d"), begins, (Window((4, 5), 22 * _HOUR, 30 * _HOUR),))
    weekly = Layer(("first", "second"), Length.parse("1w"), begins)
    rotation = Rotation("infra", "Europe/Berlin", (nights, weekly), Origin.API)
    desk.define_rotation(db, rotation)
    week = timedelta(days=7)
    leave = Override(Change.REMOVE, NOW + week, NOW + 2 * week, on="zoe", off="second")
    desk.add_override(db, None, leave, "anna", NOW)
    cover = Override(Change.REPLACE, NOW + _HOUR, NOW + 3 * _HOUR, on="zoe", off="first")
    desk.add_override(db, "infra", cover, "anna", NOW)
    offered, taken = (NOW + 4 * _HOUR, NOW + 5 * _HOUR), (NOW + 3 * week, NOW + 3 * week + _HOUR)
    desk.propose_swap(db, desk.Swap("infra", "first", offered, "second", taken), "anna", NOW)


def _staff(db: Connection, system: System) -> dict[str, Any]:
    hashed = CHEAP.hash(PASSWORD.encode())
    made = {
        name: accounts.add_user(db, User(0, name, role, NOW - 400 * _HOUR, "set-up", hashed))
        for name, role in STAFF.items()
    }
    ivo = made["ivo"]
    accounts.change_user(
        db, ivo.id, code_secret=system.context.vault.seal(CODE_SECRET, ivo.about_code), code_step=1
    )
    users.disable(db, ANNA, "max", NOW - 20 * _HOUR)
    _, invitation = users.invite(db, ANNA, "nina", Role.VIEWER, NOW - _HOUR)
    for agent in ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", ""):
        _sign_in(db, "anna", agent)
    return {"invitation": invitation}


def _sign_in(db: Connection, name: str, agent: str = "Chromium") -> str:
    user = accounts.user(db, name)
    assert user is not None
    return sign_in.begin(db, user, "password", Client("203.0.113.9", agent), NOW, LIMITS)


def _incidents(db: Connection) -> dict[str, Any]:
    """Incidents by how they stand, and links to answer them; ben has snoozed one."""
    of = {(one.title, one.state): one.id for one in desk.incidents(db)}
    great, reindex = of["us-housekeeping", State.OPEN], of["search-1", State.OPEN]
    actions.snooze(db, reindex, Actor("ben", Role.RESPONDER, "session"), NOW - _HOUR / 2, NOW + 3 * _HOUR)
    actions.note(db, great, ANNA, "The host does not answer; I have asked the data centre.", NOW - _HOUR / 3)
    found = {state.value: number for (_, state), number in of.items() if state is not State.OPEN}
    words: dict[str, Any] = {**found, "open": great, "snoozed": reindex}
    for name, number, occurrence in (
        ("answer", great, 1),
        ("answer_stale", great, 9),
        ("answer_resolved", found["resolved"], 1),
        ("answer_gone", 99_999, 1),
    ):
        answerer = Answerer(number, occurrence, "first", NOW + signed_link.LASTS)
        words[name] = signed_link.sign(SECRET_KEY, answerer)
    contact = desk.people(db)["first"].contacts[0]
    words["answer_test"] = signed_link.sign_test(SECRET_KEY, TestedContact("first", contact.mark, NOW))
    return words


def _announcements(db: Connection, great: int) -> dict[str, Any]:
    """A draft from the great incident, two that customers read apart from each other, one that is over, and a
    maintenance."""
    draft = drafting.from_incident(db, ANNA, "public", great, NOW - _HOUR / 4)
    slow = _told(db, "Some sites are slow", "We **look** into it:\n\n- first\n- second", NOW - 3 * _HOUR)
    say = "It is better. See [more](https://example.com/more)."
    editor.update(db, ANNA, slow, Status.MONITORING, say, NOW - _HOUR)
    late = _told(
        db, "Mail is late", "Mail that was sent since six o'clock waits.", NOW - 2 * _HOUR, "Mail", slow
    )
    over = _told(db, "Consoles did not start", "We look into it.", NOW - 30 * _HOUR, "Consoles")
    editor.update(db, ANNA, over, Status.RESOLVED, "They start again.", NOW - 28 * _HOUR)
    begins = NOW.replace(hour=2, minute=0, second=0) + timedelta(days=3)
    wanted = AnnouncementFields(
        AnnouncementKind.MAINTENANCE,
        "New disks",
        Status.SCHEDULED,
        "Mail may be late.",
        begins,
        begins + 2 * _HOUR,
        affected=(Affected("Mail", Health.MAINTENANCE),),
    )
    planned = editor.publish(db, ANNA, editor.make(db, ANNA, "public", wanted, NOW).id, NOW).id
    return {"draft": draft.id, "slow": slow, "late": late, "over": over, "planned": planned}


def _told(
    db: Connection, title: str, body: str, at: datetime, component: str = "Websites", apart: int = 0
) -> int:
    wanted = AnnouncementFields(
        AnnouncementKind.INCIDENT,
        title,
        Status.INVESTIGATING,
        body,
        at,
        impact=Impact.MINOR,
        affected=(Affected(component, Health.DELAYED, ("us",)),),
        unrelated=(apart,) if apart else (),
    )
    return editor.publish(db, ANNA, editor.make(db, ANNA, "public", wanted, at).id, at).id


def _subscribers(db: Connection) -> dict[str, Any]:
    """Somebody who has asked for mail and not confirmed yet, with the links of their mails."""
    subscriber_store.ask(db, "public", "customer@example.org", NOW - _HOUR)
    asked = Ticket(1, NOW - _HOUR)
    return {
        purpose: subscriber_link.sign(SECRET_KEY, purpose, asked) for purpose in ("confirm", "unsubscribe")
    }


def _windows(db: Connection) -> dict[str, Any]:
    """A window that is active, one that is to come, one that is over."""
    planned = (
        ("active", "Kernel update", {"component": "web"}, -1.0, 1.4),
        ("upcoming", "Database move", {"region": "eu"}, 16, 20),
        ("past", "Disk replaced", {"region": "us"}, -30, -27),
    )
    found = {}
    for name, title, match, begins, ends in planned:
        at = NOW + min(begins, 0) * _HOUR
        wanted = maintenance.WindowDefinition(title, "", match, NOW + begins * _HOUR, NOW + ends * _HOUR)
        found[name] = windows.make(db, ANNA, wanted, at).window.id
    return found


def _ping(db: Connection) -> dict[str, Any]:
    """The number of a ping whose body is kept."""
    one = check_store.load(db, "mail-queue")
    assert one is not None
    return {"ping": pings.last_pings(db, one.id, 1)[0].n}


@pytest.fixture(scope="session")
def settled(lived: Path, tmp_path_factory: pytest.TempPathFactory) -> Settled:
    """The morning's installation with everybody who works there."""
    path = tmp_path_factory.mktemp("office") / "heartbeat.db"
    shutil.copy(lived, path)

    async def make() -> Settled:
        async with system_at(path, NOWHERE) as (system, _):
            words = await settle(system)
            while await system.beside.automation.count():
                pass
        return Settled(path, words)

    return asyncio.run(make())


@pytest_asyncio.fixture(loop_scope="module")
async def place(settled: Settled, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """The office, open for one walk, which does what it says that it does."""
    async with served(settled.path, tmp_path) as made:
        made.words |= dict(settled.words)
        yield made
    keep_word(request, made)
