"""heartbeat.yaml as JSON Schema (draft 2020-12): editors complete, explain and check with it.

The names of the fields stand only here; the reader of the file takes them from here. `heartbeat plan` checks the rest,
such as whether a person exists or a cron line is right.
"""

from typing import Any

from alerting.answer import ACKNOWLEDGED_FOR
from alerting.incident import GATHERING, SETTLING
from alerting.quiet_hours import PATTERN as QUIET_HOURS
from heartbeat import secret
from heartbeat.checks import level, recurrence_rule
from heartbeat.checks.cause import GROUP_BY
from heartbeat.checks.definition import GRACE
from heartbeat.definitions import check_schema, entry, rotation_schema, status_page_schema
from heartbeat.definitions import schema_values as values
from heartbeat.definitions.schema_values import Schema

USER = "[a-z0-9][a-z0-9._@+-]{0,99}"
"""The names of users."""

_PERSON = values.mapping(
    "A person who can be paged.",
    {
        "name": values.text("Their name in pages. If missing, their name here.", entry.MAX_NAME),
        "timezone": values.ZONE,
        "user": {
            "type": "string",
            "pattern": f"^{USER}$",
            "description": "The name with which they sign in. If missing, their name here.",
        },
        "contacts": values.array("Tried in this order.", entry.MAX_CONTACTS, "contact"),
        "quiet_hours": {
            "type": "string",
            "pattern": f"^{QUIET_HOURS}$",
            "examples": ["22:00-07:00"],
            "description": "Hours of each day in which only what is critical pages them, in their time zone.",
        },
        "warnings": values.array(
            "The contacts for what is not critical. If missing, contacts are for that too.",
            entry.MAX_CONTACTS,
            "contact",
        ),
    },
    ("contacts",),
)

_STEP = values.mapping(
    "Those who are paged together, and how long they have to answer.",
    {
        "page": values.names(
            "People, rotations, teams and channels, by their names here.", entry.MAX_PAGED, entry.SLUG
        ),
        "only": rotation_schema.CONDITION,
        "round_robin": {
            "type": "boolean",
            "description": "Page one of them at a time, in turn: each incident begins with the next one, and a "
            "repetition goes on to the one after. A team stands for its people, a rotation for who is on call.",
        },
        "wait": values.length("Then the next step, or the last one again: 1m to 24h."),
    },
    ("page", "wait"),
)

_CONTACT = {
    "type": "object",
    # One notifier, with or without a time.
    "oneOf": [
        {"minProperties": 1, "maxProperties": 1, "not": {"required": ["after"]}},
        {"minProperties": 2, "maxProperties": 2, "required": ["after"]},
    ],
    "properties": {"after": values.length("Paged too once nobody has answered for so long: 0s to 24h.")},
    "additionalProperties": {"type": "string", "minLength": 1, "maxLength": entry.MAX_ADDRESS},
    "description": "A notifier and the address there, such as {email: anna@example.com}.",
}


_KEY = {
    "type": "string",
    "pattern": f"^{secret.PATTERN}$",
    "description": "Always by reference: ${NAME} or ${file:PATH}.",
}

_SETTINGS = {"type": ["object", "null"], "additionalProperties": {"type": ["string", "number", "boolean"]}}


def _group_by() -> Schema:
    words = (
        f"Silent checks with the same values of these labels share an incident: {', '.join(GROUP_BY)} by default. "
        "Labels may nest: region > host > scheduler."
    )
    flat = values.names(words, entry.MAX_GROUP_BY, entry.LABEL)
    levels = {
        "type": "string",
        "pattern": f"^{entry.LABEL}( *{level.SIGN} *{entry.LABEL}){{1,{entry.MAX_GROUP_BY - 1}}}$",
    }
    return {"oneOf": [*flat["oneOf"], levels], "description": words}


_TOP = values.mapping(
    "The jobs that heartbeat watches, and the people whom it pages.",
    {
        "group_by": _group_by(),
        "group_failures_by": values.names(
            "Failed checks with the same values of these labels share an incident. Without it each has its own.",
            entry.MAX_GROUP_BY,
            entry.LABEL,
        ),
        "settling": values.length(
            "The time for which everything must be well before an incident is over. It doubles with each return",
            SETTLING,
        ),
        "gathering": values.length(
            "The time in which an incident gathers silent checks before it pages", GATHERING
        ),
        "acknowledge_for": values.length(
            "The length of an acknowledgement, after which the incident pages again", ACKNOWLEDGED_FOR
        ),
        "policy": values.name("The policy of checks that name none."),
        "catch_all": values.names(
            "Those who are paged where nobody of a policy can be reached: people, rotations, teams and channels. "
            "The terminal of the service if missing.",
            entry.MAX_PAGED,
            entry.SLUG,
        ),
        "timezone": values.ZONE | {"description": "The time zone of checks and people that name none."},
        "grace": values.length("The grace of checks that name none", GRACE),
        "alert_after": check_schema.ALERT_AFTER
        | {"description": "How many faults in a row turn checks down that do not say it."},
        "rules": values.array(
            "Rules for the checks that have certain labels.", entry.MAX_LABEL_RULES, "label_rule"
        ),
        "ping_keys": values.section("Keys with which jobs ping.", entry.MAX_PING_KEYS, _KEY),
        "peers": values.section(
            "Other installations of heartbeat: by name, the address that this one pings after clean ticks. "
            "A check of the same name waits for their pings.",
            entry.MAX_PEERS,
            {"type": "string", "pattern": r"^(https?://|\$\{)"},
        ),
        "checks": values.section("The jobs under watch.", entry.MAX_CHECKS, values.reference("check")),
        "people": values.section("People who can be paged.", entry.MAX_PEOPLE, values.reference("person")),
        "rotations": values.section(
            "People who take turns at being on call.", entry.MAX_ROTATIONS, values.reference("rotation")
        ),
        "teams": values.section("People who are paged together.", entry.MAX_TEAMS, values.reference("team")),
        "channels": values.section(
            "Rooms that several people read.", entry.MAX_CHANNELS, values.reference("channel")
        ),
        "policies": values.section("Escalation policies.", entry.MAX_POLICIES, values.reference("policy")),
        "notifiers": {
            "type": ["object", "null"],
            "additionalProperties": _SETTINGS,
            "description": "Settings of email, ntfy, Slack and the others. Secrets by reference.",
        },
        "status_pages": values.section(
            "Status pages for customers.", entry.MAX_PAGES, values.reference("status_page")
        ),
    },
)


CATCH_ALL: Schema = values.mapping(
    "Those who are paged where nobody of a policy can be reached.",
    {
        "page": values.names(
            "People, rotations, teams and channels, by their names, at least one.",
            entry.MAX_PAGED,
            entry.SLUG,
        )
    },
    ("page",),
)
"""No part of the file, which names them at its top: what the API takes."""

MAINTENANCE: Schema = values.mapping(
    "A time in which nobody is paged for checks that are being worked on.",
    {
        "title": values.text("Its title in timelines.", entry.MAX_NAME),
        "description": {
            "type": "string",
            "maxLength": entry.MAX_DESCRIPTION,
            "description": "More about it.",
        },
        "match": values.labels("It covers the checks with all of these labels.") | {"minProperties": 1},
        "kind": {
            "type": "string",
            "enum": ["maintenance", "silence"],
            "description": "Planned work by default. A silence begins now and ends within 7 days.",
        },
        "starts_at": values.INSTANT | {"description": "Now if missing."},
        "ends_at": values.INSTANT
        | {"description": "At most 30 days after it begins. It is needed unless the window repeats."},
        "repeats": values.mapping(
            "It recurs, in place of a start and an end of its own.",
            {
                "rrule": values.text(
                    "A rule of RFC 5545 that is daily, weekly, monthly or yearly, such as FREQ=WEEKLY;BYDAY=SU.",
                    recurrence_rule.LONGEST,
                ),
                "starts": values.text("The first start on the clock of the zone: 2026-05-03T01:00.", 30),
                "timezone": values.ZONE,
                "duration": values.length("The length of each window, at most 7 days"),
            },
            ("rrule", "starts", "timezone", "duration"),
        ),
    },
    ("title", "match"),
)
"""No part of the file: what the API takes for a maintenance window."""

TOP = frozenset(_TOP["properties"])
CHECK = frozenset(check_schema.CHECK["properties"])
ALERT_AFTER = frozenset(check_schema.ALERT_AFTER["properties"])
RULE = frozenset(check_schema.RULE_FIELDS)
LABEL_RULE = frozenset(check_schema.LABEL_RULE["properties"])
PERSON = frozenset(_PERSON["properties"])
CHANNEL = frozenset(rotation_schema.CHANNEL["properties"])
POLICY = frozenset(("steps", "warnings_wait_for"))
STEP = frozenset(_STEP["properties"])
STATUS_PAGE = frozenset(status_page_schema.STATUS_PAGE["properties"])
COMPONENT = frozenset(status_page_schema.COMPONENT["properties"])
GROUP = frozenset(status_page_schema.GROUP["properties"])
REGIONS = frozenset(status_page_schema.REGIONS["properties"])


def part(name: str) -> Schema:
    """Return the schema of one definition: a check, a person, a policy (its steps), a status page.

    References are written out, so that it stands alone.
    """
    whole: Schema = document()["$defs"]
    shape: Schema = _written_out(whole[name], whole)
    return shape


def with_kept(shape: Schema, *way: str) -> Schema:
    """Return the schema with null allowed as a value of the mapping at `way`: null keeps the stored value."""
    if not way:
        return {
            **shape,
            "additionalProperties": {**shape["additionalProperties"], "type": ["string", "null"]},
        }
    if way[0] in shape:
        return {**shape, way[0]: with_kept(shape[way[0]], *way[1:])}
    return {**shape, "properties": with_kept(shape["properties"], *way)}


def with_kept_calendar(shape: Schema) -> Schema:
    """Return the schema of a rotation with null allowed as the address of a calendar: null keeps the stored one."""
    layers = shape["properties"]["layers"]
    own, calendar = layers["items"]["oneOf"]
    address = {**calendar["properties"]["ical"], "type": ["string", "null"]}
    kept = {**calendar, "properties": {"ical": address}}
    return {
        **shape,
        "properties": {**shape["properties"], "layers": {**layers, "items": {"oneOf": [own, kept]}}},
    }


def _written_out(shape: Any, whole: Schema) -> Any:
    match shape:
        case {"$ref": str(reference)}:
            return _written_out(whole[reference.rpartition("/")[2]], whole)
        case {"type": ["string", "number", "boolean"], **rest}:
            return {"type": "string"} | rest  # In YAML an editor takes text for more than that.
        case dict():
            return {name: _written_out(inner, whole) for name, inner in shape.items()}
        case list():
            return [_written_out(inner, whole) for inner in shape]
    return shape


def document() -> Schema:
    """Return the whole schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "heartbeat.yaml",
        **_TOP,
        "$defs": {
            "check": check_schema.CHECK,
            "person": _PERSON,
            "rotation": rotation_schema.ROTATION,
            "layer": {"oneOf": [rotation_schema.LAYER, rotation_schema.CALENDAR]},
            "team": rotation_schema.TEAM,
            "channel": rotation_schema.CHANNEL,
            "policy": {
                "oneOf": [
                    values.reference("steps"),
                    values.mapping(
                        "Its steps, and the hours for which warnings wait.",
                        {
                            "steps": values.reference("steps"),
                            "warnings_wait_for": rotation_schema.WORKING_HOURS,
                        },
                        ("steps",),
                    ),
                ]
            },
            "steps": values.array("The steps in order; the last one repeats.", entry.MAX_STEPS, "step"),
            "step": _STEP,
            "contact": _CONTACT,
            "label_rule": check_schema.LABEL_RULE,
            "component": status_page_schema.COMPONENT,
            "group": status_page_schema.GROUP,
            "status_page": status_page_schema.STATUS_PAGE,
        },
    }
