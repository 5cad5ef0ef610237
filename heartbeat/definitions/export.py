"""A configuration as the text of a heartbeat.yaml, which reads as the same configuration again. Pure.

What a field has by default is left out, so that the text says what somebody has decided.
"""

from typing import Any

import yaml

from alerting.escalation import Policy
from alerting.incident import ACKNOWLEDGED_FOR, GATHERING
from alerting.person import Person
from heartbeat.checks import definition
from heartbeat.checks.cause import GROUP_BY
from heartbeat.definitions.model import Configuration
from heartbeat.definitions.status_page import AUTOMATICALLY, Component, Group, Regions, StatusPage
from heartbeat.duration import written
from heartbeat.written import Inline, filled, one_or_more, unless

WIDTH = 110


class _Writer(yaml.SafeDumper):
    """The writer of these documents."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - also
        """Indent lists like mappings."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        """Write everything out where it stands."""
        return True


_Writer.add_representer(
    Inline, lambda writer, data: writer.represent_mapping("tag:yaml.org,2002:map", data, flow_style=True)
)


def written_out(one: Configuration) -> str:
    """The whole text, sections and entries by name."""
    # Where there is only one policy, that is the default without saying so.
    policy = None if len(one.policies) == 1 else one.policy
    top = {
        "group_by": None if one.group_by == GROUP_BY else one_or_more(one.group_by),
        "gathering": unless(written(one.gathering), written(GATHERING)),
        "acknowledge_for": unless(written(one.acknowledge_for), written(ACKNOWLEDGED_FOR)),
        "policy": policy,
        "ping_keys": dict(sorted(one.ping_key_references.items())) or None,
        "checks": {slug: definition.written(found, one.policy) for slug, found in sorted(one.checks.items())}
        or None,
        "people": {name: person(somebody) for name, somebody in sorted(one.people.items())} or None,
        "policies": {name: steps(policy) for name, policy in sorted(one.policies.items())} or None,
        "notifiers": {kind: dict(given) for kind, given in sorted(one.notifiers.items())} or None,
        "status_pages": {slug: status_page(page) for slug, page in sorted(one.status_pages.items())} or None,
    }
    return yaml.dump(filled(top), Dumper=_Writer, sort_keys=False, allow_unicode=True, width=WIDTH)


def steps(one: Policy) -> list[dict[str, Any]]:
    """The steps of a policy."""
    return [Inline(page=one_or_more(step.targets), wait=written(step.wait)) for step in one.steps]


def person(one: Person) -> dict[str, Any]:
    """One person in a file that names no time zone for all. Secret addresses are as they are kept."""
    contacts = [Inline({contact.kind: contact.address}) for contact in one.contacts]
    return filled(
        {
            "name": unless(one.name, one.id),
            "timezone": unless(one.timezone, "UTC"),
            "contacts": contacts,
        }
    )


def status_page(one: StatusPage) -> dict[str, Any]:
    """One status page."""
    groups = [filled(_group(one, group)) for group in one.groups]
    return filled(
        {
            "title": one.title,
            "description": one.description or None,
            "url": one.url or None,
            "support": one.support or None,
            "timezone": unless(one.timezone, "UTC"),
            "logo": one.logo or None,
            "publish": AUTOMATICALLY if one.automatic else None,
            "regions": _regions(one.regions),
            "components": _rows(one, "") or None,
            "groups": groups or None,
        }
    )


def _group(page: StatusPage, group: Group) -> dict[str, Any]:
    rows = _rows(page, group.name)
    return {"name": group.name, "description": group.description or None, "components": rows}


def _rows(page: StatusPage, group: str) -> list[dict[str, Any]]:
    return [_component(one) for one in page.components if one.group == group]


def _regions(one: Regions | None) -> dict[str, Any] | None:
    if one is None:
        return None
    plain = all(value == name for value, name in one.columns.items())
    return {"label": one.label, "columns": list(one.columns) if plain else Inline(one.columns)}


def _component(one: Component) -> dict[str, Any]:
    return filled(
        {
            "name": one.name,
            "match": Inline(one.match),
            "description": one.description or None,
            "showcase": None if one.showcase else False,
        }
    )
