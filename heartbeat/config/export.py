"""A configuration as the text of a heartbeat.yaml, which reads as the same configuration again. Pure.

What a field has by default is left out, so that the text says what somebody has decided.
"""

from collections.abc import Mapping
from typing import Any

import yaml

from alerting.escalation import Policy
from alerting.incident import ACKNOWLEDGED_FOR, GATHERING
from alerting.person import Person
from alerting.severity import Severity
from heartbeat import config
from heartbeat.config import CheckDefinition, Component, Configuration, Group, Regions, StatusPage
from heartbeat.config.duration import written
from heartbeat.config.public import AUTOMATICALLY
from heartbeat.schedule import Cron, Every, Schedule

WIDTH = 110


class _Inline(dict[str, Any]):
    """A mapping that is written on one line: {host: us-housekeeping, region: us}."""


class _Writer(yaml.SafeDumper):
    """The writer of these documents."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - also
        """Indent lists like mappings."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        """Write everything out where it stands."""
        return True


_Writer.add_representer(
    _Inline, lambda writer, data: writer.represent_mapping("tag:yaml.org,2002:map", data, flow_style=True)
)


def written_out(one: Configuration) -> str:
    """The whole text, sections and entries by name."""
    # Where there is only one policy, that is the default without saying so.
    policy = None if len(one.policies) == 1 else one.policy
    top = {
        "group_by": None if one.group_by == config.GROUP_BY else _one_or_more(one.group_by),
        "gathering": _unless(written(one.gathering), written(GATHERING)),
        "acknowledge_for": _unless(written(one.acknowledge_for), written(ACKNOWLEDGED_FOR)),
        "policy": policy,
        "ping_keys": dict(sorted(one.ping_key_references.items())) or None,
        "checks": {slug: _check(found, one.policy) for slug, found in sorted(one.checks.items())} or None,
        "people": {name: person(somebody) for name, somebody in sorted(one.people.items())} or None,
        "policies": {name: steps(policy) for name, policy in sorted(one.policies.items())} or None,
        "notifiers": {kind: dict(given) for kind, given in sorted(one.notifiers.items())} or None,
        "status_pages": {slug: status_page(page) for slug, page in sorted(one.status_pages.items())} or None,
    }
    return yaml.dump(_said(top), Dumper=_Writer, sort_keys=False, allow_unicode=True, width=WIDTH)


def check(one: CheckDefinition) -> dict[str, Any]:
    """One check as it would stand in a file that names no default."""
    return _check(one, None)


def _check(one: CheckDefinition, policy: str | None) -> dict[str, Any]:
    return _said(
        {
            "name": _unless(one.name, one.slug),
            "description": one.description or None,
            **_schedule(one.schedule),
            "grace": _unless(written(one.grace), written(config.GRACE)),
            "max_runtime": None if one.max_runtime is None else written(one.max_runtime),
            "labels": _Inline(one.labels) or None,
            "severity": _unless(one.severity.value, Severity.ERROR.value),
            "policy": _unless(one.policy, policy),
            "manual_resume": one.manual_resume or None,
        }
    )


def _schedule(one: Schedule) -> dict[str, str | None]:
    match one:
        case Every(period):
            return {"every": written(period)}
        case Cron(expression, timezone):
            return {"schedule": expression, "timezone": _unless(timezone, "UTC")}
        case _:
            return {"on_calendar": one.expression, "timezone": _unless(one.timezone, "UTC")}


def steps(one: Policy) -> list[dict[str, Any]]:
    """The steps of a policy."""
    return [_Inline(page=_one_or_more(step.targets), wait=written(step.wait)) for step in one.steps]


def person(one: Person) -> dict[str, Any]:
    """One person in a file that names no time zone for all. Secret addresses are as they are kept."""
    contacts = [_Inline({contact.kind: contact.address}) for contact in one.contacts]
    return _said(
        {
            "name": _unless(one.name, one.id),
            "timezone": _unless(one.timezone, "UTC"),
            "contacts": contacts,
        }
    )


def status_page(one: StatusPage) -> dict[str, Any]:
    """One status page."""
    groups = [_said(_group(one, group)) for group in one.groups]
    return _said(
        {
            "title": one.title,
            "description": one.description or None,
            "url": one.url or None,
            "support": one.support or None,
            "timezone": _unless(one.timezone, "UTC"),
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
    return {"label": one.label, "columns": list(one.columns) if plain else _Inline(one.columns)}


def _component(one: Component) -> dict[str, Any]:
    return _said(
        {
            "name": one.name,
            "match": _Inline(one.match),
            "description": one.description or None,
            "showcase": None if one.showcase else False,
        }
    )


def _one_or_more(names: tuple[str, ...]) -> str | list[str]:
    return names[0] if len(names) == 1 else list(names)


def _unless(value: Any, default: Any) -> Any:
    return None if value == default else value


def _said(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
