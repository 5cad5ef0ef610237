"""The console's pages of who is on call: policies with their steps, people with their contacts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from alerting.escalation import Policy
from alerting.person import Person
from heartbeat import installation
from heartbeat.actor import Role
from heartbeat.checks import forecast
from heartbeat.definitions.edit import people as edit
from heartbeat.http.console.checks import query as check_query
from heartbeat.http.console.on_call import view as on_call_view
from heartbeat.http.console.on_call.view import Member, Plan
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import queries
from heartbeat.http.pages import rows as view_rows

PEOPLE_SHOWN = 200
POLICIES_SHOWN = 50
CHECKS_SHOWN = 20
"""Checks that are named of those that page by a policy."""


async def look(request: ConsoleRequest) -> Response:
    """Who is on call, what comes if nobody answers, and everybody who can be paged."""
    live, facts = await request.read_live(("checks", "incidents"), lambda db: _everything(db, request.now))
    return request.show("on_call/list.html", live=live, public_url=request.context.public_url, **facts)


async def one_person(request: ConsoleRequest) -> Response:
    """One person: how they can be reached, how that went lately, and who pages them."""
    name = _name(request)

    def read(db: Connection) -> Member | None:
        person = desk.people(db).get(name)
        return _member(db, person) if person else None

    live, found = await request.read_live(("checks", "incidents"), read)
    return _nobody(request) if found is None else request.show("on_call/person.html", live=live, one=found)


async def one_policy(request: ConsoleRequest) -> Response:
    """One policy: its steps, whom it would page now and when, and which checks page by it."""
    name = _name(request)
    live, facts = await request.read_live(("checks", "incidents"), lambda db: _policy(db, name, request))
    return _no_policy(request) if facts is None else request.show("on_call/policy.html", live=live, **facts)


READING: Mapping[str, Route] = {
    "/on-call": (Role.VIEWER, look),
    "/on-call/people/{name}": (Role.VIEWER, one_person),
    "/on-call/policies/{name}": (Role.VIEWER, one_policy),
}
ACTING: Mapping[str, Route] = {}


def _everything(db: Connection, now: datetime) -> dict[str, Any]:
    people, policies = desk.people(db), desk.policies(db)
    plans = _plans(db, policies, people, now)
    first = next((one for one in plans if one.default), None)
    tried = desk.last_attempts(db)
    shown = sorted(people.values(), key=lambda one: one.name.lower())[:PEOPLE_SHOWN]
    return {
        "sentence": on_call_view.sentence(first),
        "following": on_call_view.following(first),
        "plans": plans[:POLICIES_SHOWN],
        "more_plans": max(len(plans) - POLICIES_SHOWN, 0),
        "members": [on_call_view.member(one, policies.values(), tried, _secret(one)) for one in shown],
        "more_people": len(people) - len(shown),
    }


def _plans(
    db: Connection, policies: Mapping[str, Policy], people: Mapping[str, Person], now: datetime
) -> list[Plan]:
    """Every policy, the default one first."""
    default = installation.default_policy(db)
    counts = queries.by_policy(db)
    plans = [
        on_call_view.plan(
            one,
            people,
            now,
            default,
            counts.get(one.name, 0) + (counts.get(None, 0) if one.name == default else 0),
        )
        for one in policies.values()
    ]
    return sorted(plans, key=lambda one: (not one.default, one.name))


def _member(db: Connection, person: Person) -> Member:
    tried, policies = desk.last_attempts(db), desk.policies(db).values()
    return on_call_view.member(person, policies, tried, _secret(person))


def _policy(db: Connection, name: str, request: ConsoleRequest) -> dict[str, Any] | None:
    people, policies = desk.people(db), desk.policies(db)
    if name not in policies:
        return None
    (plan,) = [one for one in _plans(db, policies, people, request.now) if one.name == name]
    some = check_query.paging_by(db, name, unnamed=plan.default, limit=CHECKS_SHOWN)
    named = [(one, view_rows.word(one, request.now)) for one in some]
    return {"plan": plan, "calls": forecast.by(db, policies[name], request.now), "named": named}


def _secret(person: Person) -> list[Any]:
    return [one for one in person.contacts if edit.is_secret(one)]


def _name(request: ConsoleRequest) -> str:
    return str(request.http.path_params["name"]).replace("\0", "")


def _nobody(request: ConsoleRequest) -> Response:
    return request.not_found(f"There is nobody called {_name(request)[:100]}.")


def _no_policy(request: ConsoleRequest) -> Response:
    return request.not_found(f"There is no policy called {_name(request)[:100]}.")
