"""What lies between two configurations, in words: a line for each thing new (+), changed (~) or gone (-).

Pure. A secret appears only as its reference; a key that has changed is said to be new and no more.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import TypeVar

from alerting.escalation import Policy
from alerting.origin import Origin
from alerting.person import Person
from heartbeat import vault
from heartbeat.checks import schedule
from heartbeat.checks.check import Check
from heartbeat.checks.definition import CheckDefinition
from heartbeat.definitions.model import Configuration
from heartbeat.definitions.status_page import AUTOMATICALLY, Component, StatusPage, picture
from heartbeat.duration import in_words as length

CONCEALED = "(secret)"
"""What stands for an encrypted secret wherever somebody reads."""

Facts = dict[str, str]
T = TypeVar("T")

_DECLARED_BY = {Origin.FILE: "this file", Origin.API: "the API", Origin.PING: "its first ping"}


def in_words(
    kept: Configuration, wanted: Configuration, known: Mapping[str, Check], made: Configuration
) -> Iterator[str]:
    """What becomes of `kept` when it becomes `wanted`. `known` are all checks that there are, by slug; `made` is
    what is defined by the API. Of that `wanted` takes over what it declares as well, and leaves the rest."""
    top, wanted_top = _top(kept), _top(wanted)
    yield from (f"~ {name}: {top[name]} -> {now}" for name, now in wanted_top.items() if now != top[name])
    made_keys = {name: {"from": "a key made by the service"} for name in made.ping_keys}
    yield from _section("ping key", _references(kept), _references(wanted), dict, made_keys)
    for name, hashed in wanted.ping_keys.items():
        if kept.ping_keys.get(name, hashed) != hashed:
            yield f"~ ping key {name}: a new key; pings by the old one are refused"
    yield from _checks(kept, wanted, known)
    yield from _section("person", kept.people, wanted.people, _person, made.people, _pages(made))
    yield from _section("policy", kept.policies, wanted.policies, _policy, made.policies, _is_named_by(made))
    yield from _section("notifier", kept.notifiers, wanted.notifiers, _notifier, made.notifiers)
    yield from _section(
        "status page", kept.status_pages, wanted.status_pages, _status_page, made.status_pages
    )


def _section(
    what: str,
    kept: Mapping[str, T],
    wanted: Mapping[str, T],
    facts: Callable[[T], Facts],
    made: Mapping[str, T],
    missed: Callable[[str], str] = lambda _: "",
) -> Iterator[str]:
    """`made` are those that are defined by the API; `missed` says who is left without one that goes."""
    for name, one in wanted.items():
        if name not in kept and name in made:
            before = {"declared by": _DECLARED_BY[Origin.API]} | facts(made[name])
            after = {"declared by": _DECLARED_BY[Origin.FILE]} | facts(one)
            yield f"~ {what} {name}: {_different(before, after)}"
        elif name not in kept:
            words = ", ".join(f"{fact} {value}" for fact, value in facts(one).items())
            yield f"+ {what} {name}: {words}" if words else f"+ {what} {name}"
        elif one != kept[name]:
            yield f"~ {what} {name}: {_different(facts(kept[name]), facts(one))}"
    yield from (f"- {what} {name}{missed(name)}" for name in kept if name not in wanted)


def _pages(made: Configuration) -> Callable[[str], str]:
    """Which policy of the API pages a person who goes."""

    def missed(person: str) -> str:
        paging = (policy.name for policy in made.policies.values() if person in policy.targets)
        policy = next(paging, None)
        return "" if policy is None else f" (policy {policy}, made by the API, pages {person})"

    return missed


def _is_named_by(made: Configuration) -> Callable[[str], str]:
    """Which check of the API names a policy that goes."""

    def missed(policy: str) -> str:
        check = next((one.slug for one in made.checks.values() if one.policy == policy), None)
        return "" if check is None else f" (check {check}, made by the API, names it)"

    return missed


def _checks(kept: Configuration, wanted: Configuration, known: Mapping[str, Check]) -> Iterator[str]:
    for slug, one in wanted.checks.items():
        before = known.get(slug)
        if before is None:
            yield f"+ check {slug}: {schedule.in_words(one.schedule)}, grace {length(one.grace)}"
        elif (before.origin, CheckDefinition.of(before)) != (Origin.FILE, one):
            yield f"~ check {slug}: {_different(_check(CheckDefinition.of(before)), _check(one))}"
    for slug in kept.checks:
        if slug not in wanted.checks:
            yield f"- check {slug} ({known[slug].state}; deleting it ends its watch)"


def _different(before: Facts, after: Facts) -> str:
    names = [name for name in before | after if before.get(name) != after.get(name)]
    words = (f"{name} {before.get(name, 'none')} -> {after.get(name, 'none')}" for name in names)
    return "; ".join(words) or "the same in other words"


def _top(one: Configuration) -> Facts:
    return {
        "group_by": ", ".join(one.group_by) or "none",
        "gathering": length(one.gathering),
        "acknowledge_for": length(one.acknowledge_for),
        "policy": one.policy or "none",
    }


def _references(one: Configuration) -> dict[str, Facts]:
    return {name: {"from": reference} for name, reference in one.ping_key_references.items()}


def _check(one: CheckDefinition) -> Facts:
    facts = {
        "declared by": _DECLARED_BY[one.origin],
        "name": _quoted(one.name),
        "schedule": schedule.in_words(one.schedule),
        "grace": length(one.grace),
        "severity": one.severity.value,
        "manual_resume": str(one.manual_resume).lower(),
    }
    if one.max_runtime is not None:
        facts["max_runtime"] = length(one.max_runtime)
    if one.policy is not None:
        facts["policy"] = one.policy
    if one.description:
        facts["description"] = _quoted(one.description)
    return facts | {f"label {name}": value for name, value in one.labels.items()}


def _person(one: Person) -> Facts:
    contacts = ", ".join(
        f"{contact.kind} {CONCEALED if vault.is_sealed(contact.address) else contact.address}"
        for contact in one.contacts
    )
    return {"name": _quoted(one.name), "timezone": one.timezone, "contacts": contacts}


def _notifier(one: Mapping[str, str]) -> Facts:
    return {name: CONCEALED if vault.is_sealed(text) else text for name, text in one.items()}


def _policy(one: Policy) -> Facts:
    return {"steps": "; ".join(f"{' and '.join(step.targets)}, {length(step.wait)}" for step in one.steps)}


def _status_page(one: StatusPage) -> Facts:
    facts = {"title": _quoted(one.title), "components": "; ".join(map(_component, one.components))}
    said = {"description": _quoted(one.description), "url": one.url, "support": one.support}
    facts |= {name: value for name, value in said.items() if value not in ("", '""')}
    if one.timezone != "UTC":
        facts["timezone"] = one.timezone
    if one.logo:
        kind, raw = picture(one.logo)
        facts["logo"] = f"{kind} {sha256(raw).hexdigest()[:8]}"
    if one.automatic:
        facts["publish"] = AUTOMATICALLY
    if one.regions:
        columns = ", ".join(f"{value} ({_quoted(name)})" for value, name in one.regions.columns.items())
        facts["regions"] = f"{one.regions.label}: {columns}"
    for group in one.groups:
        facts[f"group {group.name}"] = _quoted(group.description)
    return facts


def _component(one: Component) -> str:
    match = ", ".join(f"{name}={value}" for name, value in one.match.items())
    words = f"{one.group}: {one.name} ({match})" if one.group else f"{one.name} ({match})"
    hidden = "" if one.showcase else " (no showcase)"
    return words + (f": {_quoted(one.description)}" if one.description else "") + hidden


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
