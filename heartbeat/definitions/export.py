"""A configuration as the text of a heartbeat.yaml, which reads as the same configuration again. Pure.

Fields with their default value are left out, so the text holds decisions only.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from alerting.answer import ACKNOWLEDGED_FOR
from alerting.escalation import Policy, Step
from alerting.incident import GATHERING, SETTLING
from alerting.person import Contact, Person
from heartbeat.checks import definition
from heartbeat.checks.cause import GROUP_BY
from heartbeat.checks.level import Levels
from heartbeat.checks.rule import LabelRule, Rule
from heartbeat.definitions import peer, rotations
from heartbeat.definitions.model import Configuration
from heartbeat.definitions.status_page import AUTOMATICALLY, UNDER_WAY, Component, Group, Regions, StatusPage
from heartbeat.duration import written
from heartbeat.written import Inline, filled, one_or_more, unless

WIDTH = 110


class _Writer(yaml.SafeDumper):
    """The writer of these documents."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - also
        """Indent lists like mappings."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        """Write every value out in full."""
        return True


_Writer.add_representer(
    Inline, lambda writer, data: writer.represent_mapping("tag:yaml.org,2002:map", data, flow_style=True)
)


def written_out(configuration: Configuration) -> str:
    """Return the whole text, sections and entries by name."""
    # Where there is only one policy, that is the default without saying so.
    policy = None if len(configuration.policies) == 1 else configuration.policy
    zone = configuration.timezone
    implied = peer.checks_of(configuration.peers, configuration.policy)
    top = {
        "timezone": unless(zone, "UTC"),
        "group_by": _group_by(configuration.group_by),
        "group_failures_by": one_or_more(configuration.group_failures_by) or None,
        "settling": unless(written(configuration.settling), written(SETTLING)),
        "gathering": unless(written(configuration.gathering), written(GATHERING)),
        "acknowledge_for": unless(written(configuration.acknowledge_for), written(ACKNOWLEDGED_FOR)),
        "policy": policy,
        "catch_all": one_or_more(configuration.catch_all) if configuration.catch_all else None,
        "rules": [label_rule(rule) for rule in configuration.rules] or None,
        "ping_keys": dict(sorted(configuration.ping_key_references.items())) or None,
        "peers": dict(sorted(configuration.peers.items())) or None,
        "checks": {
            slug: _below(zone, definition.written(check, configuration.policy))
            for slug, check in sorted(configuration.checks.items())
            if check != implied.get(slug)
        }
        or None,
        "people": {
            name: _below(zone, person(somebody)) for name, somebody in sorted(configuration.people.items())
        }
        or None,
        "channels": {
            name: _below(zone, person(room)) for name, room in sorted(configuration.channels.items())
        }
        or None,
        "rotations": {
            name: _below(zone, rotations.written(rotation))
            for name, rotation in sorted(configuration.rotations.items())
        }
        or None,
        "teams": {name: one_or_more(team.people) for name, team in sorted(configuration.teams.items())}
        or None,
        "policies": {name: a_policy(each) for name, each in sorted(configuration.policies.items())} or None,
        "notifiers": {kind: dict(settings) for kind, settings in sorted(configuration.notifiers.items())}
        or None,
        "status_pages": {
            slug: _below(zone, status_page(page)) for slug, page in sorted(configuration.status_pages.items())
        }
        or None,
    }
    return dumped(filled(top))


def dumped(top: Mapping[str, Any]) -> str:
    """Return the sections of a file as its text, in their order."""
    text: str = yaml.dump(dict(top), Dumper=_Writer, sort_keys=False, allow_unicode=True, width=WIDTH)
    return text


def _group_by(group_by: tuple[str, ...] | Levels) -> Any:
    if isinstance(group_by, Levels):
        return str(group_by)
    return None if group_by == GROUP_BY else one_or_more(group_by)


def rule_line(one: Rule) -> str:
    """Return a rule as a line below `rules:` of its check: "- rows > 0"."""
    line: str = yaml.dump(
        [definition.written_rule(one)], Dumper=_Writer, sort_keys=False, allow_unicode=True, width=10_000
    )
    return line.rstrip()


def label_rule(one: LabelRule) -> Inline:
    written_rule = definition.written_rule(one.rule)
    said = {"rule": written_rule} if isinstance(written_rule, str) else dict(written_rule)
    return Inline({"match": Inline(one.match), **said})


def _below(zone: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Return a definition as it stands in a file with this time zone at its top."""
    if "every" in fields or zone == "UTC":
        return fields
    own = fields.pop("timezone", "UTC")
    return fields if own == zone else fields | {"timezone": own}


def a_policy(policy: Policy) -> Any:
    """Return a policy as it stands in a file: its steps, and more only where there is more."""
    fields = policy_fields(policy)
    return fields if len(fields) > 1 else fields["steps"]


def policy_fields(policy: Policy) -> dict[str, Any]:
    """Return the fields of a policy."""
    hours = rotations.written_hours(policy.warnings_wait_for)
    return filled({"steps": _steps(policy), "warnings_wait_for": hours})


def _steps(policy: Policy) -> list[dict[str, Any]]:
    return [Inline(filled(_step(step))) for step in policy.steps]


def _step(step: Step) -> dict[str, Any]:
    only = rotations.written_condition(step.only)
    in_turn = True if step.round_robin else None
    page = one_or_more(step.targets)
    return {"page": page, "round_robin": in_turn, "wait": written(step.wait), "only": only}


def person(somebody: Person) -> dict[str, Any]:
    """Return a person as in a file that names no time zone for all. Secret addresses are as they are stored."""
    return filled(
        {
            "name": unless(somebody.name, somebody.id),
            "timezone": unless(somebody.timezone, "UTC"),
            "user": somebody.user or None,
            "quiet_hours": str(somebody.quiet_hours) if somebody.quiet_hours else None,
            "contacts": _contacts(somebody.contacts),
            "warnings": _contacts(somebody.warnings) or None,
        }
    )


def _contacts(contacts: Iterable[Contact]) -> list[Inline]:
    return [
        Inline(
            {contact.kind: contact.address}
            | ({} if contact.after is None else {"after": written(contact.after)})
        )
        for contact in contacts
    ]


def status_page(page: StatusPage) -> dict[str, Any]:
    groups = [filled(_group(page, group)) for group in page.groups]
    return filled(
        {
            "title": page.title,
            "description": page.description or None,
            "url": page.url or None,
            "support": page.support or None,
            "timezone": unless(page.timezone, "UTC"),
            "logo": page.logo or None,
            "publish": AUTOMATICALLY if page.automatic else None,
            "regions": _regions(page.regions),
            "components": _rows(page, "") or None,
            "groups": groups or None,
        }
    )


def _group(page: StatusPage, group: Group) -> dict[str, Any]:
    rows = _rows(page, group.name)
    return {"name": group.name, "description": group.description or None, "components": rows}


def _rows(page: StatusPage, group: str) -> list[dict[str, Any]]:
    return [_component(component) for component in page.components if component.group == group]


def _regions(regions: Regions | None) -> dict[str, Any] | None:
    if regions is None:
        return None
    plain = all(value == name for value, name in regions.columns.items())
    return {"label": regions.label, "columns": list(regions.columns) if plain else Inline(regions.columns)}


def _component(component: Component) -> dict[str, Any]:
    return filled(
        {
            "name": component.name,
            "match": Inline(component.match),
            "description": component.description or None,
            "showcase": None if component.showcase else False,
            "silent_means": component.silent_means if component.stops else None,
            "progress": component.progress or None,
            "progress_says": unless(component.progress_says, UNDER_WAY),
        }
    )
