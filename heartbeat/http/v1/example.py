"""An example for every schema in the description of the API. Pure."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

BY_NAME: Mapping[str, Any] = {
    "acknowledged_at": None,
    "acknowledged_by": None,
    "agent": "curl/7.88.1",
    "body_bytes": 84,
    "by": "anna",
    "cause": "silent",
    "check": "nightly-backup",
    "cleared_at": None,
    "cleared_why": None,
    "description": "Copies the vault to the other site.",
    "duration": 1_322.8,
    "exit_status": 0,
    "grace": 600,
    "id": 12,
    "incident": 12,
    "kind": "page",
    "labels": {"host": "vault-1"},
    "last_said": "rsync: connection refused",
    "max_runtime": 10_800,
    "method": "POST",
    "n": 812,
    "name": "Nightly backup",
    "next": None,
    "occurrence": 1,
    "origin": "api",
    "outcome": "accepted",
    "person": "anna",
    "ping_url": "https://heartbeat.example.com/ping/f7a0c980-65d9-4075-a996-6b8a016b00bb",
    "pings": 812,
    "policy": "ops",
    "remote": "192.0.2.7",
    "resolved_at": None,
    "recovered_at": None,
    "settles_at": None,
    "resolved_by": None,
    "rid": None,
    "said": "202 Accepted",
    "schedule": {
        "cron": "30 1 * * *",
        "timezone": "Europe/London",
        "words": "at 01:30 every day, Europe/London",
    },
    "slug": "nightly-backup",
    "state": "down",
    "step": 0,
    "title": "vault-1",
    "type": "success",
    "via": "ntfy",
    "why": "was not heard in time",
    "words": "Nightly backup was not heard in time",
    "definition": {"schedule": "30 1 * * *", "timezone": "Europe/London", "grace": "10m", "policy": "ops"},
}
"""The examples of fields that have none of their own."""

DAY = "2026-05-02"
"""The day of the examples."""
NAMES: Mapping[str, str] = {
    "/v1/channels": "ops-room",
    "/v1/checks": "nightly-backup",
    "/v1/keys": "deploy",
    "/v1/notifiers": "ntfy",
    "/v1/people": "anna",
    "/v1/ping-keys": "housekeeping",
    "/v1/policies": "ops",
    "/v1/rotations": "infra",
    "/v1/status-pages": "backups",
    "/v1/teams": "developers",
    "/v1/users": "bob",
}
"""The names in the examples of each address. Other examples create these things."""

_BY_FORMAT: Mapping[str, Any] = {
    "date-time": f"{DAY}T01:30:00Z",
    "uuid": "f7a0c980-65d9-4075-a996-6b8a016b00bb",
    "uri": "https://heartbeat.example.com",
}
_BY_TYPE: Mapping[str, Any] = {"string": "text", "integer": 1, "number": 1.5, "boolean": True, "null": None}


def of(schema: Schema, components: Mapping[str, Schema], name: str = "") -> Any:
    """Return an example of a schema. `components` are the schemas that it may refer to; `name` is its field."""
    if "examples" in schema:
        return schema["examples"][0]
    if isinstance(BY_NAME.get(name), dict):
        return BY_NAME[name]
    if "$ref" in schema:
        return of(components[str(schema["$ref"]).rpartition("/")[2]], components, name)
    if schema.get("type") == "object" or "properties" in schema:
        if "properties" in schema:
            return {
                field: of(field_schema, components, field)
                for field, field_schema in schema["properties"].items()
            }
        return {}
    if schema.get("type") == "array":
        return [of(schema["items"], components)]
    if "enum" in schema:
        return BY_NAME[name] if BY_NAME.get(name) in schema["enum"] else schema["enum"][0]
    choices = schema.get("anyOf") or schema.get("oneOf") or []
    if choices and (name not in BY_NAME or any("$ref" in choice for choice in choices)):
        return of(choices[0], components, name)
    if name in BY_NAME:
        return BY_NAME[name]
    return _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE.get(schema.get("type", ""), None))
