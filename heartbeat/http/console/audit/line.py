"""A line of the audit log as people read it: what was done in a word, and what has changed by it. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from heartbeat.audit import AuditEntry

DONE = {
    "sign_in": "signed in as",
    "sign_in.refuse": "did not get in as",
    "sign_out": "signed out",
    "incident.note": "added a note to",
    "user.role": "changed the role of",
    "user.password": "changed the password of",
    "user.reset": "sent back to a new password",
    "user.second_factor": "changed the second factor of",
    "announcement.relate": "changed what is related to",
    "policy.default": "made the default",
    "restore": "restored",
    "make": "made",
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
    "disable": "shut out",
    "enable": "let in again",
    "publish": "published",
    "update": "updated",
    "apply": "applied",
    "rotate": "replaced",
    "replace_lost": "replaced the lost",
}
"""What was done, by the action's whole name, or by what stands after its dot."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)")


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that has changed; empty where it was not there, or is there no longer."""

    field: str
    before: str
    after: str


def in_words(action: str) -> str:
    """An action as a verb in the past; as it is kept, where no word is known for it."""
    return DONE.get(action) or DONE.get(action.rpartition(".")[2], action)


def differences(deed: AuditEntry) -> list[Difference]:
    """The fields that have changed, in the order of their names, each part of a nested one by itself."""
    before, after = dict(_flat(deed.before or {})), dict(_flat(deed.after or {}))
    names = sorted(before.keys() | after.keys())
    changed = [Difference(name, before.get(name, ""), after.get(name, "")) for name in names]
    return [one for one in changed if one.before != one.after]


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
