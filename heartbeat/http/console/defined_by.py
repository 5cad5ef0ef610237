"""Who defined something, in words: the configuration file, or the person or program that changed it last."""

from sqlalchemy import Connection

from alerting.origin import Origin
from heartbeat import audit
from heartbeat.audit import AuditEntry

_ELSEWHERE = "somebody, on the console or by the API"
"""What is said once the audit log has forgotten it."""


def of(db: Connection, origin: Origin, target: str) -> str:
    """Return who defined the thing that the audit log names so."""
    match origin:
        case Origin.FILE:
            return "heartbeat.yaml"
        case Origin.PING:
            return "its first ping"
        case _:
            entry = audit.last_definition(db, target)
            return in_words(entry) if entry else _ELSEWHERE


def in_words(entry: AuditEntry) -> str:
    """Return the author of an entry: "Ann, on the console", "the API key deploy"."""
    proof = entry.via.partition(" of ")[0]
    match proof.split(" ")[0]:
        case "key":
            return f"the API key {proof.removeprefix('key ')}"
        case "session" | "proxy":
            return f"{entry.actor}, on the console"
        case "admin":
            return "the admin key, by the API"
        case _:
            return f"{entry.actor} ({proof})"
