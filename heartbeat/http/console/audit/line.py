"""A line of the audit log as people read it: the action as a verb, and the fields that changed. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from heartbeat.audit import AuditEntry

VERBS = {
    "sign_in": "signed in as",
    "sign_in.refuse": "failed to sign in as",
    "sign_out": "signed out",
    "incident.note": "added a note to",
    "user.role": "changed the role of",
    "user.password": "changed the password of",
    "user.reset": "reset",
    "user.second_factor": "changed the second factor of",
    "announcement.relate": "changed the related announcements of",
    "policy.default": "made the default",
    "check.renew_uuid": "gave a new uuid to",
    "person.test": "sent a test page to",
    "person.verify": "sent a code to",
    "person.prove": "proved a contact of",
    "person.add_device": "added a device of",
    "person.renew_device": "renewed a device of",
    "person.remove_device": "removed a device of",
    "calendar.make": "made an address for the calendar of",
    "calendar.revoke": "revoked the address of the calendar of",
    "swap.propose": "proposed a swap in",
    "swap.accept": "accepted a swap in",
    "swap.decline": "declined a swap in",
    "incident.merge": "merged",
    "incident.split": "split",
    "restore": "restored",
    "make": "created",
    "change": "changed",
    "delete": "deleted",
    "discard": "discarded",
    "revoke": "revoked",
    "pause": "paused",
    "resume": "resumed",
    "acknowledge": "acknowledged",
    "snooze": "snoozed",
    "resolve": "resolved",
    "end": "ended",
    "invite": "invited",
    "disable": "disabled",
    "enable": "enabled",
    "publish": "published",
    "update": "updated",
    "apply": "applied",
    "rotate": "replaced",
    "replace_lost": "replaced the lost",
}
"""The verb of an action, by its whole name or by the part after its dot."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)")


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that changed, with its values before and after. The value of an absent field is empty."""

    field: str
    old: str
    new: str


def in_words(action: str) -> str:
    """Return an action as a verb in the past tense, or unchanged if it has no verb here."""
    return VERBS.get(action) or VERBS.get(action.rpartition(".")[2], action)


def differences(entry: AuditEntry) -> list[Difference]:
    """Return the fields that changed, sorted by name. Each part of a nested field counts by itself."""
    old, new = dict(_flat(entry.before or {})), dict(_flat(entry.after or {}))
    pairs = [
        Difference(name, old.get(name, ""), new.get(name, "")) for name in sorted(old.keys() | new.keys())
    ]
    return [pair for pair in pairs if pair.old != pair.new]


def _flat(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    match value:
        case Mapping() | list() if value:
            parts: Iterator[tuple[Any, Any]] = (
                iter(value.items()) if isinstance(value, Mapping) else enumerate(value, 1)
            )
            for key, part in parts:
                yield from _flat(part, f"{name} {key}".strip().replace("_", " "))
        case None | "" | [] | {}:
            return
        case bool():
            yield name, "yes" if value else "no"
        case str() if _INSTANT.fullmatch(value):
            yield name, f"{datetime.fromisoformat(value).astimezone(UTC):%d %b %Y %H:%M:%S} UTC"
        case _:
            yield name, str(value)
