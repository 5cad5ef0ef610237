"""The differences between two configurations: a line for each new (+), changed (~) or removed (-) definition.

Pure. A secret appears only as its reference. A changed key is called new, and no more.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import TypeVar

from alerting import times
from alerting.crew import Team
from alerting.escalation import Policy, Step
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.rotation import Rotation
from heartbeat import vault
from heartbeat.checks import definition as check_definition
from heartbeat.checks import dependency, expectation, level, rule_grammar, schedule_words
from heartbeat.checks.check import Check, Tolerance
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.expectation import Expectation
from heartbeat.checks.rule import LabelRule
from heartbeat.definitions import entry, peer, rotations
from heartbeat.definitions.model import Configuration
from heartbeat.definitions.status_page import AUTOMATICALLY, Component, StatusPage, picture
from heartbeat.duration import in_words as length
from heartbeat.written import filled

CONCEALED = entry.CONCEALED
"""What stands for an encrypted secret wherever somebody reads."""

Properties = dict[str, str]
T = TypeVar("T")

_OF_NEW = ("max_runtime", "stuck_after", "rules", "after")
"""What a line says of a new check, if it has it, beside its schedule, what is expected of its runs, and its grace."""
_DECLARED_BY = {Origin.FILE: "this file", Origin.API: "the console or the API", Origin.PING: "its first ping"}


def in_words(
    current: Configuration, target: Configuration, checks: Mapping[str, Check], outside: Configuration
) -> Iterator[str]:
    """Yield the changes that turn `current` into `target`.

    `checks` are all checks by the slugs that they will have. `outside` are the definitions of the API: the target
    takes over those that it declares as well, and leaves the rest.
    """
    settings, target_settings = _top(current), _top(target)
    yield from (
        f"~ {name}: {settings[name]} -> {now}"
        for name, now in target_settings.items()
        if now != settings[name]
    )
    yield from _catch_all(current, target, outside)
    outside_keys = {name: {"from": "a key made by the service"} for name in outside.ping_keys}
    yield from _section("ping key", _references(current), _references(target), dict, outside_keys)
    for name, hashed in target.ping_keys.items():
        if current.ping_keys.get(name, hashed) != hashed:
            yield f"~ ping key {name}: a new key; pings by the old one are refused"
    yield from _section("peer", current.peers, target.peers, _peer, {})
    yield from _checks(target, checks)
    pages = _pages(outside)
    yield from _section("person", current.people, target.people, _person, outside.people, pages)
    yield from _section("channel", current.channels, target.channels, _person, outside.channels, pages)
    yield from _section("rotation", current.rotations, target.rotations, _rotation, outside.rotations, pages)
    yield from _section("team", current.teams, target.teams, _team, outside.teams, pages)
    yield from _section(
        "policy", current.policies, target.policies, _policy, outside.policies, _is_named_by(outside)
    )
    yield from _section("notifier", current.notifiers, target.notifiers, _notifier, outside.notifiers)
    yield from _section(
        "status page", current.status_pages, target.status_pages, _status_page, outside.status_pages
    )


def _section(
    noun: str,
    current: Mapping[str, T],
    target: Mapping[str, T],
    properties: Callable[[T], Properties],
    outside: Mapping[str, T],
    missed: Callable[[str], str] = lambda _: "",
) -> Iterator[str]:
    """Yield the changes of one section. `missed` says which definition of the API misses a removed one."""
    for name, definition in target.items():
        if name not in current and name in outside:
            old = {"declared by": _DECLARED_BY[Origin.API]} | properties(outside[name])
            new = {"declared by": _DECLARED_BY[Origin.FILE]} | properties(definition)
            yield f"~ {noun} {name}: {_different(old, new)}"
        elif name not in current:
            text = ", ".join(f"{property_} {value}" for property_, value in properties(definition).items())
            yield f"+ {noun} {name}: {text}" if text else f"+ {noun} {name}"
        elif definition != current[name]:
            yield f"~ {noun} {name}: {_different(properties(current[name]), properties(definition))}"
    yield from (f"- {noun} {name}{missed(name)}" for name in current if name not in target)


def _pages(outside: Configuration) -> Callable[[str], str]:
    """Return a function that names the API's policy, rotation, team or catch-all that uses somebody who is removed."""

    def missed(name: str) -> str:
        uses = (
            *(
                f"policy {one.name}, made by the API, pages"
                for one in outside.policies.values()
                if name in one.targets
            ),
            *(
                f"rotation {one.name}, made by the API, has"
                for one in outside.rotations.values()
                if name in one.people
            ),
            *(
                f"team {one.name}, made by the API, has"
                for one in outside.teams.values()
                if name in one.people
            ),
            *(["the catch-all, made by the API, pages"] if name in outside.catch_all else ()),
        )
        return f" ({uses[0]} {name})" if uses else ""

    return missed


def _is_named_by(outside: Configuration) -> Callable[[str], str]:
    """Return a function that names the API's check that uses a removed policy."""

    def missed(policy: str) -> str:
        check = next(
            (candidate.slug for candidate in outside.checks.values() if candidate.policy == policy), None
        )
        return "" if check is None else f" (check {check}, made by the API, names it)"

    return missed


def _checks(target: Configuration, checks: Mapping[str, Check]) -> Iterator[str]:
    for slug, definition in target.checks.items():
        check = checks.get(slug)
        if check is None:
            planned = schedule_words.with_expectation(definition.schedule, definition.expectation)
            properties = _check(definition)
            more = "".join(f"; {name} {properties[name]}" for name in _OF_NEW if name in properties)
            yield f"+ check {slug}: {planned}, grace {length(definition.grace)}{more}"
        elif check.slug != slug:
            renamed = _check(replace(CheckDefinition.of(check), slug=slug, formerly=definition.formerly))
            differences = _different(renamed, _check(definition)) if renamed != _check(definition) else ""
            yield f"~ check {slug}: renamed from {check.slug}" + (f"; {differences}" if differences else "")
        elif (check.origin, CheckDefinition.of(check)) != (Origin.FILE, definition):
            yield f"~ check {slug}: {_different(_check(CheckDefinition.of(check)), _check(definition))}"
    for slug, check in checks.items():
        if check.origin == Origin.FILE and slug not in target.checks:
            yield f"- check {slug} ({check.state}; it will no longer be watched)"


def _different(old: Properties, new: Properties) -> str:
    names = [name for name in old | new if old.get(name) != new.get(name)]
    differences = (f"{name} {old.get(name, 'none')} -> {new.get(name, 'none')}" for name in names)
    return "; ".join(differences) or "the same, written differently"


def _top(configuration: Configuration) -> Properties:
    return {
        "timezone": configuration.timezone,
        "group_by": ", ".join(level.to_json(configuration.group_by)) or "none",
        "group_failures_by": ", ".join(configuration.group_failures_by) or "none",
        "gathering": length(configuration.gathering),
        "settling": length(configuration.settling),
        "acknowledge_for": length(configuration.acknowledge_for),
        "rules": "; ".join(map(_label_rule, configuration.rules)) or "none",
        "policy": configuration.policy or "none",
    }


def _catch_all(current: Configuration, target: Configuration, outside: Configuration) -> Iterator[str]:
    old, new = (", ".join(one.catch_all) or "the terminal" for one in (current, target))
    if target.catch_all and outside.catch_all:
        owners = {Origin.API: outside.catch_all, Origin.FILE: target.catch_all}
        before, after = (
            {"declared by": _DECLARED_BY[origin], "page": ", ".join(names)}
            for origin, names in owners.items()
        )
        yield f"~ catch_all: {_different(before, after)}"
    elif old != new:
        yield f"~ catch_all: {old} -> {new}"


def _references(configuration: Configuration) -> dict[str, Properties]:
    return {name: {"from": reference} for name, reference in configuration.ping_key_references.items()}


def _peer(url: str) -> Properties:
    return {"at": peer.host_of(url)}


def _check(check: CheckDefinition) -> Properties:
    properties = {
        "declared by": _DECLARED_BY[check.origin],
        "name": _quoted(check.name),
        "schedule": schedule_words.in_words(check.schedule),
        "grace": length(check.grace),
        "severity": check.severity.value,
        "manual_resume": str(check.manual_resume).lower(),
        "alert_after": _tolerance(check.alert_after),
        "measure": check.measure.value,
    }
    limits = {
        "max_runtime": check_definition.max_runtime(check, length),
        "stuck_after": check_definition.stuck_after(check, length),
    }
    properties |= {name: limit for name, limit in limits.items() if limit}
    properties |= _expectation(check.expectation)
    if check.policy is not None:
        properties["policy"] = check.policy
    if check.description:
        properties["description"] = _quoted(check.description)
    if check.runbook:
        properties["runbook"] = _quoted(check.runbook)
    if check.rules:
        properties["rules"] = "; ".join(map(rule_grammar.in_words, check.rules))
    if check.after:
        properties["after"] = "; ".join(dependency.in_words(check.after))
    if check.formerly:
        properties["formerly"] = " and ".join(check.formerly)
    return properties | {f"label {name}": value for name, value in check.labels.items()}


def _expectation(expected: Expectation) -> Properties:
    parts = filled(expectation.written(expected))
    zoned = {name: f"{parts[name]} {expected.timezone}" for name in ("finish_by", "window") if name in parts}
    alone = {"one_at_a_time": "true"} if expected.one_at_a_time else {}
    least = {} if expected.min_runtime is None else {"min_runtime": length(expected.min_runtime)}
    return parts | least | alone | zoned


def _label_rule(one: LabelRule) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in one.match.items())
    return f"{rule_grammar.in_words(one.rule)} ({labels})"


def _tolerance(tolerance: Tolerance) -> str:
    failures = times.count(tolerance.failures, "failure")
    return f"{failures} or {times.count(tolerance.missed, 'missed run')}"


def _person(person: Person) -> Properties:
    user = {"user": person.user} if person.user else {}
    contacts = {"contacts": _contacts(person.contacts)}
    if person.warnings:
        contacts["warnings"] = _contacts(person.warnings)
    if person.quiet_hours:
        contacts["quiet_hours"] = str(person.quiet_hours)
    return {"name": _quoted(person.name), "timezone": person.timezone, **user, **contacts}


def _contacts(contacts: Iterable[Contact]) -> str:
    return ", ".join(
        f"{contact.kind} {CONCEALED if vault.is_sealed(contact.address) else contact.address}"
        + ("" if contact.after is None else f" after {length(contact.after)}")
        for contact in contacts
    )


def _rotation(rotation: Rotation) -> Properties:
    layers = "; ".join(rotations.in_words(layer) for layer in rotation.layers)
    return {"timezone": rotation.timezone, "layers": layers}


def _team(team: Team) -> Properties:
    return {"people": ", ".join(team.people)}


def _notifier(settings: Mapping[str, str]) -> Properties:
    return {name: CONCEALED if vault.is_sealed(text) else text for name, text in settings.items()}


def _policy(policy: Policy) -> Properties:
    properties = {"steps": "; ".join(map(_step, policy.steps))}
    if policy.warnings_wait_for is not None:
        properties["warnings wait for"] = rotations.hours_in_words(policy.warnings_wait_for)
    return properties


def _step(step: Step) -> str:
    only = rotations.condition_in_words(step.only)
    targets = f"{', '.join(step.targets)} in turn" if step.round_robin else " and ".join(step.targets)
    text = f"{targets}, {length(step.wait)}"
    return f"{text} (only {only})" if only else text


def _status_page(page: StatusPage) -> Properties:
    properties = {"title": _quoted(page.title), "components": "; ".join(map(_component, page.components))}
    texts = {"description": _quoted(page.description), "url": page.url, "support": page.support}
    properties |= {name: value for name, value in texts.items() if value not in ("", '""')}
    if page.timezone != "UTC":
        properties["timezone"] = page.timezone
    if page.logo:
        kind, raw = picture(page.logo)
        properties["logo"] = f"{kind} {sha256(raw).hexdigest()[:8]}"
    if page.automatic:
        properties["publish"] = AUTOMATICALLY
    if page.regions:
        columns = ", ".join(f"{value} ({_quoted(name)})" for value, name in page.regions.columns.items())
        properties["regions"] = f"{page.regions.label}: {columns}"
    for group in page.groups:
        properties[f"group {group.name}"] = _quoted(group.description)
    return properties


def _component(component: Component) -> str:
    match = ", ".join(f"{name}={value}" for name, value in component.match.items())
    text = (
        f"{component.group}: {component.name} ({match})" if component.group else f"{component.name} ({match})"
    )
    hidden = "" if component.showcase else " (no showcase)"
    hidden += f" (silent means {component.silent_means})" if component.stops else ""
    if component.progress:
        hidden += f" (progress of {component.progress}: {_quoted(component.progress_says)})"
    return text + (f": {_quoted(component.description)}" if component.description else "") + hidden


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
