"""The console's screens of who is on call: policies with their steps, people, channels and teams."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk, escalation, times
from alerting.crew import Crew
from alerting.desk import Feed, Noun
from alerting.escalation import Policy
from alerting.notifiers import push, registry
from alerting.person import Person
from heartbeat import installation, public_address, verification
from heartbeat.actor import Role
from heartbeat.checks import forecast
from heartbeat.database import Unavailable
from heartbeat.definitions.edit.catch_all import CATCH_ALL
from heartbeat.definitions.edit.crew import TEAM
from heartbeat.definitions.edit.people import CHANNEL, PERSON, is_secret
from heartbeat.definitions.edit.policies import POLICY
from heartbeat.http.console import defined_by, definition_form
from heartbeat.http.console.checks import query as check_query
from heartbeat.http.console.on_call import view as on_call_view
from heartbeat.http.console.on_call.view import Member, PolicyView
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import queries, render
from heartbeat.http.pages import rows as view_rows
from heartbeat.on_call import duty
from heartbeat.trial import TooSoon

PEOPLE_SHOWN = 200
POLICIES_SHOWN = 50
ROTATIONS_SHOWN = 50
TEAMS_SHOWN = 50
CHANNELS_SHOWN = 50
CHECKS_SHOWN = 20
"""Checks that are named of those that page by a policy."""
MOST_CHECKS = 1_000
"""Checks that are named if somebody asks for all of them."""


async def look(request: ConsoleRequest) -> Response:
    """Show who is on call, who is next, and everybody who can be paged."""
    url = request.context.public_url

    def read(db: Connection) -> dict[str, Any]:
        yours = queries.on_call(db, request.actor.person, request.now)
        return _everything(db, request) | {"yours": yours}

    live, facts = await request.read_live(("checks", "incidents"), read)
    return request.show("on_call/list.html", live=live, public_url=url, **facts)


async def one_person(request: ConsoleRequest) -> Response:
    """Show a person: their contacts, the last deliveries, and their policies."""
    return await show_person(request)


async def show_person(
    request: ConsoleRequest, *, status: int = 200, mark: str = "", fault: str = ""
) -> Response:
    """Show a person, with the fault of a code that was typed for the contact `mark` if there is one."""
    name = definition_form.name(request)

    live, member, defined, feed = await _read_member(request, name)
    if member is None:
        return definition_form.missing(PERSON, request)
    if member.person.channel:
        return render.see_other(_address(member.person))
    own = request.actor.person == name
    return request.show(
        "on_call/person.html",
        status=status,
        # The answer to a form stands at an address of its own, which cannot be fetched again.
        live="" if fault else live,
        member=member,
        defined_by=defined,
        feed=feed,
        own=own,
        verifies=verification.may_verify(request.actor, name),
        wrong_mark=mark,
        wrong_code=fault,
        push_key=await _push_key(request) if own else "",
        unreachable=public_address.fault(request.context.public_url, [member.person]),
    )


async def one_channel(request: ConsoleRequest) -> Response:
    """Show a channel: its contacts, the last deliveries, and its policies."""
    live, member, defined, _ = await _read_member(request, definition_form.name(request))
    if member is None or not member.person.channel:
        return definition_form.missing(CHANNEL, request)
    unreachable = public_address.fault(request.context.public_url, [member.person])
    return request.show(
        "on_call/channel.html", live=live, member=member, defined_by=defined, unreachable=unreachable
    )


async def one_team(request: ConsoleRequest) -> Response:
    """Show a team: those who are in it, and the policies that page it."""
    name = definition_form.name(request)
    live, facts = await request.read_live(("checks", "incidents"), lambda db: _team(db, name, request))
    if facts is None:
        return definition_form.missing(TEAM, request)
    return request.show("on_call/team.html", live=live, **facts)


async def the_catch_all(request: ConsoleRequest) -> Response:
    """Show the catch-all: whom it pages now, and what reaches them."""
    live, facts = await request.read_live(("checks", "incidents"), lambda db: _catch_all(db, request))
    return request.show("on_call/catch_all.html", live=live, **facts)


async def test(request: ConsoleRequest) -> Response:
    """Send a test page to a person or a channel."""
    name = definition_form.name(request)
    match await request.context.test_page(name, request.actor):
        case None:
            return definition_form.missing(PERSON, request)
        case TooSoon(at):
            ago = times.ago(at, request.now)
            message = f"The last one was sent {ago}. Nothing was sent: wait 10 seconds."
            return render.error_page(request.http, 429, "A test page was sent just now", message)
        case page:
            return render.see_other(_address(page.person))


async def one_policy(request: ConsoleRequest) -> Response:
    """Show a policy: its steps, whom it would page now and when, and its checks."""
    name = definition_form.name(request)
    live, facts = await request.read_live(("checks", "incidents"), lambda db: _policy(db, name, request))
    return (
        definition_form.missing(POLICY, request)
        if facts is None
        else request.show("on_call/policy.html", live=live, **facts)
    )


READING: Mapping[str, Route] = {
    "/on-call": (Role.VIEWER, look),
    "/on-call/people/{name}": (Role.VIEWER, one_person),
    "/on-call/channels/{name}": (Role.VIEWER, one_channel),
    "/on-call/teams/{name}": (Role.VIEWER, one_team),
    "/on-call/policies/{name}": (Role.VIEWER, one_policy),
    "/on-call/catch-all": (Role.VIEWER, the_catch_all),
}
ACTING: Mapping[str, Route] = {"/on-call/people/{name}/test-page": (Role.RESPONDER, test)}


def _everything(db: Connection, request: ConsoleRequest) -> dict[str, Any]:
    crew, policies = desk.crew(db), desk.policies(db)
    plans = _plans(db, policies, crew, request)
    first = next((plan for plan in plans if plan.default), None)
    people, channels = _sorted(crew, channels=False), _sorted(crew, channels=True)
    shown = [*people[:PEOPLE_SHOWN], *channels[:CHANNELS_SHOWN]]
    members = _members(db, shown, crew, policies, request.now)
    catch_all = on_call_view.catch_all(desk.catch_all(db), crew, request.now)
    return {
        "sentence": on_call_view.sentence(first, catch_all.people),
        "following": on_call_view.following(first),
        "plans": plans[:POLICIES_SHOWN],
        "catch_all": catch_all,
        "rotations": [
            (each, duty.sentence(each, request.now)) for each in duty.of(crew, request.now)[:ROTATIONS_SHOWN]
        ],
        "more_rotations": max(len(crew.rotations) - ROTATIONS_SHOWN, 0),
        "more_plans": max(len(plans) - POLICIES_SHOWN, 0),
        "teams": [
            (team, on_call_view.names_of(team.people, crew))
            for _, team in sorted(crew.teams.items())[:TEAMS_SHOWN]
        ],
        "more_teams": max(len(crew.teams) - TEAMS_SHOWN, 0),
        "members": [member for member in members if not member.person.channel],
        "more_people": max(len(people) - PEOPLE_SHOWN, 0),
        "channels": [member for member in members if member.person.channel],
        "more_channels": max(len(channels) - CHANNELS_SHOWN, 0),
        "unreachable": public_address.fault(request.context.public_url, crew.people.values()),
        "failing": _failing(db, crew.people.values()),
    }


def _failing(db: Connection, people: Iterable[Person]) -> list[tuple[str, datetime]]:
    """Return which notifiers of these people fail for everybody, and since when, by name."""
    used = {contact.kind for person in people for contact in person.all_contacts}
    kinds = used & registry.kinds_that("server_in_settings")
    return sorted(desk.failing_notifiers(db, kinds).items()) if kinds else []


def _sorted(crew: Crew, *, channels: bool) -> list[Person]:
    """Return the people or the channels of a crew, by name."""
    some = (person for person in crew.people.values() if person.channel == channels)
    return sorted(some, key=lambda person: person.name.lower())


def _members(
    db: Connection, people: Iterable[Person], crew: Crew, policies: Mapping[str, Policy], now: datetime
) -> list[Member]:
    tried, proofs = desk.last_attempts(db), desk.contact_proofs(db)
    return [
        on_call_view.member(person, policies.values(), crew, tried, _secret(person), proofs, now)
        for person in people
    ]


def _team(db: Connection, name: str, request: ConsoleRequest) -> dict[str, Any] | None:
    crew, policies = desk.crew(db), desk.policies(db)
    team = crew.teams.get(name)
    if team is None:
        return None
    people = [crew.people[person] for person in team.people if person in crew.people]
    return {
        "team": team,
        "members": _members(db, people, crew, policies, request.now),
        "unknown": [person for person in team.people if person not in crew.people],
        "paged_by": [policy.name for policy in policies.values() if name in policy.targets],
        "in_catch_all": name in crew.catch_all,
        "defined_by": defined_by.of(db, team.origin, TEAM.title(name)),
    }


def _catch_all(db: Connection, request: ConsoleRequest) -> dict[str, Any]:
    crew, policies = desk.crew(db), desk.policies(db)
    stored = desk.catch_all(db)
    catch_all = on_call_view.catch_all(stored, crew, request.now)
    defined = defined_by.of(db, stored.origin, CATCH_ALL.title("")) if stored else "nobody yet"
    people = () if catch_all.is_terminal else catch_all.people
    members = _members(db, people, crew, policies, request.now)
    return {"catch_all": catch_all, "members": members, "defined_by": defined}


def _plans(
    db: Connection, policies: Mapping[str, Policy], crew: Crew, request: ConsoleRequest
) -> list[PolicyView]:
    """Return every policy, the default one first."""
    default = installation.default_policy(db)
    everything = request.context.shared.everything(db, request.now)
    counts = everything.fact("policies", lambda: queries.by_policy(db))
    refusals = on_call_view.refusals(crew, desk.last_attempts(db), desk.contact_proofs(db))
    plans = [
        on_call_view.plan(
            policy,
            crew,
            request.now,
            default,
            counts.get(policy.name, 0) + (counts.get(None, 0) if policy.name == default else 0),
            refusals,
        )
        for policy in policies.values()
    ]
    return sorted(plans, key=lambda plan: (not plan.default, plan.name))


async def _read_member(request: ConsoleRequest, name: str) -> tuple[str, Member | None, str, Feed | None]:
    """Return a person or a channel, None if there is none; who defined it; and the calendar that has an address.

    The first value is the address of a stream of later changes.
    """

    def read(db: Connection) -> tuple[Member | None, str, Feed | None]:
        person = desk.people(db).get(name)
        if person is None:
            return None, "", None
        defined = defined_by.of(db, person.origin, (CHANNEL if person.channel else PERSON).title(name))
        return _member(db, person, request.now), defined, desk.feed_of(db, Noun.PERSON, name)

    live, (member, defined, feed) = await request.read_live(("checks", "codes", "incidents"), read)
    return live, member, defined, feed


def _address(person: Person) -> str:
    """Return the address of the screen of a person or a channel."""
    return f"/on-call/{'channels' if person.channel else 'people'}/{quote(person.id)}"


def _member(db: Connection, person: Person, now: datetime) -> Member:
    tried, policies = desk.last_attempts(db), desk.policies(db).values()
    proofs = desk.contact_proofs(db, [person.id])
    devices = desk.devices_of(db, person.id)
    crew, secret = desk.crew(db), _secret(person)
    codes = verification.last_codes(db, person.id, now)
    member = on_call_view.member(person, policies, crew, tried, secret, proofs, now, devices, codes)
    return replace(member, failing=_failing(db, [person]))


def _policy(db: Connection, name: str, request: ConsoleRequest) -> dict[str, Any] | None:
    crew, policies = desk.crew(db), desk.policies(db)
    if name not in policies:
        return None
    (plan,) = [plan for plan in _plans(db, policies, crew, request) if plan.name == name]
    limit = MOST_CHECKS if request.http.query_params.get("checks") == "all" else CHECKS_SHOWN
    checks = check_query.paging_by(db, name, unnamed=plan.default, limit=limit)
    named = [(check, view_rows.word(check, request.now)) for check in checks]
    return {
        "plan": plan,
        "last_resort": on_call_view.last_resort(escalation.last_resort(crew, request.now)),
        "outlooks": forecast.outlooks(db, policies[name], request.now),
        "named": named,
        "most": MOST_CHECKS,
        "defined_by": defined_by.of(db, policies[name].origin, POLICY.title(name)),
    }


async def _push_key(request: ConsoleRequest) -> str:
    """Return the key with which a browser subscribes, empty while it cannot be read."""
    with suppress(ValueError, Unavailable):
        return push.public_key(await request.context.push_identity())
    return ""


def _secret(person: Person) -> list[Any]:
    return [contact for contact in (*person.contacts, *person.warnings) if is_secret(contact)]
