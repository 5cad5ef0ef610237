"""heartbeat.yaml as JSON Schema (draft 2020-12): editors complete, explain and check with it.

The names of the fields stand only here; the reader of the file takes them from here. `heartbeat plan` checks the rest,
such as whether a person exists or a cron line is right.
"""

from datetime import timedelta
from typing import Any

from alerting.answer import ACKNOWLEDGED_FOR
from alerting.incident import GATHERING, SETTLING
from alerting.severity import Severity
from heartbeat import duration, secret
from heartbeat.checks import expectation, level, rule_grammar, schedule, time_of_day
from heartbeat.checks.cause import GROUP_BY
from heartbeat.checks.check import Measure
from heartbeat.checks.definition import GRACE, LEARNT, SEVERITY, UNTIL_DONE
from heartbeat.definitions import entry

Schema = dict[str, Any]


def _text(description: str, limit: int) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": limit, "description": description}


def _name(description: str) -> Schema:
    return {"type": "string", "pattern": f"^{entry.SLUG}$", "description": description}


def _names(description: str, limit: int, pattern: str) -> Schema:
    name = {"type": "string", "pattern": f"^{pattern}$"}
    many = {"type": "array", "items": name, "maxItems": limit, "uniqueItems": True}
    return {"oneOf": [name, many], "description": description}


def _length(description: str, default: timedelta | None = None) -> Schema:
    if default is not None:
        description += f": {duration.written(default)} by default."
    return {"type": "string", "pattern": f"^{duration.PATTERN}$", "description": description}


def _list(description: str, limit: int, item: str) -> Schema:
    items = {"$ref": f"#/$defs/{item}"}
    return {"type": "array", "minItems": 1, "maxItems": limit, "items": items, "description": description}


def _section(description: str, limit: int, item: Schema, pattern: str = entry.SLUG) -> Schema:
    return {
        "type": ["object", "null"],
        "maxProperties": limit,
        "propertyNames": {"pattern": f"^{pattern}$"},
        "additionalProperties": item,
        "description": description,
    }


def _object(description: str, properties: Schema, required: tuple[str, ...] = (), **more: Any) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": list(required),
        "description": description,
        **more,
    }


def _paragraphs(description: str) -> Schema:
    return {"type": "string", "maxLength": entry.MAX_DESCRIPTION, "description": description}


def _labels(description: str) -> Schema:
    # Whatever an editor takes for a number or a truth is read as the text that stands there.
    value = {"type": ["string", "number", "boolean"], "minLength": 1, "maxLength": entry.MAX_LABEL_VALUE}
    return _section(description, entry.MAX_LABELS, value, entry.LABEL) | {"type": "object"}


_ZONE = {"type": "string", "examples": ["UTC", "Europe/London"], "description": "An IANA time zone."}
_GRACE = _length("The time that a ping may be late before the check is down, such as 15m.")

_COUNT = {"type": "integer", "minimum": entry.ALERT_AFTER[0], "maximum": entry.ALERT_AFTER[1]}

_ALERT_AFTER = _object(
    "How many faults in a row turn a check down. Fewer are shown, and page nobody.",
    {
        "failures": _COUNT | {"description": "Failures in a row: 1 by default."},
        "missed": _COUNT | {"description": "Missed runs in a row: 1 by default."},
    },
)

_RULE_FIELDS: Schema = {
    "rule": _text("What every run must keep, such as remaining < 5000.", rule_grammar.LONGEST),
    "name": _text("Its name for people.", entry.MAX_NAME),
    "severity": {
        "enum": list(Severity),
        "description": "The severity when it is broken. If missing, the check's.",
    },
    "for": {
        "type": ["string", "integer"],
        "examples": ["2 runs"],
        "description": "How many runs in a row must break it: 1 by default.",
    },
}

_RULE: Schema = {
    "type": ["string", "object"],
    "minLength": 1,
    "maxLength": rule_grammar.LONGEST,
    "additionalProperties": False,
    "properties": _RULE_FIELDS,
    "required": ["rule"],
    "description": "What every run must keep, such as remaining < 5000: a text, or an object that says more.",
}

_LABEL_RULE = _object(
    "A rule for the checks that have certain labels.",
    {
        "match": _labels("It counts for the checks with all of these labels.") | {"minProperties": 1},
        **_RULE_FIELDS,
    },
    ("match", "rule"),
)

_PARENT: Schema = {
    "type": ["string", "object"],
    "pattern": f"^{entry.SLUG}$",
    "minProperties": 1,
    "maxProperties": entry.MAX_LABELS,
    "propertyNames": {"pattern": f"^{entry.LABEL}$"},
    "additionalProperties": {
        "type": ["string", "number", "boolean"],
        "minLength": 1,
        "maxLength": entry.MAX_LABEL_VALUE,
    },
}

_CHECK = _object(
    "A scheduled job under watch.",
    {
        "name": _text("Its name for people. If missing, its name here.", entry.MAX_NAME),
        "description": {
            "type": "string",
            "maxLength": entry.MAX_DESCRIPTION,
            "description": "Shown with the check and in pages.",
        },
        "runbook": _text("What to do when it is down: a URL, or one line of text.", entry.MAX_RUNBOOK),
        "schedule": {"type": "string", "description": 'A cron line, such as "0 3 * * *".'},
        "every": _length("An interval, such as 5m: the next ping is due this long after each success."),
        "on_calendar": {"type": "string", "description": "A systemd calendar event, such as Mon..Fri 03:00."},
        "timezone": _ZONE,
        "semantics": {
            "enum": list(schedule.SEMANTICS),
            "description": "Whose rules the cron line follows when the clock changes: kubernetes for a CronJob.",
        },
        "grace": _GRACE,
        "max_runtime": {
            "type": "string",
            "pattern": f"^(?:{duration.PATTERN}|{UNTIL_DONE}(?:, at most {duration.PATTERN})?)$",
            "description": "The longest time that a run may take, such as 2h. With `until done, at most 20h`, a run "
            "that reports its progress may go on while its estimate is within the limit.",
        },
        "stuck_after": {
            "type": "string",
            "pattern": f"^(?:{duration.PATTERN}|{LEARNT})$",
            "description": f"The time without progress after which a run is stuck, such as 15m. With {LEARNT}, it "
            "follows from the pace of the run.",
        },
        "min_runtime": _length(
            "The shortest time that a run may take, such as 30s. Needs a ping at the start."
        ),
        "at_most": {
            "type": "string",
            "pattern": f"^{expectation.PATTERN}$",
            "description": "The most runs in any period of a length, such as 3 per 1h.",
        },
        "one_at_a_time": {
            "type": "boolean",
            "description": "No run may start while another is under way. Needs a ping at the start.",
        },
        "finish_by": {
            "type": "string",
            "pattern": f"^{time_of_day.PATTERN}$",
            "description": 'The time of day by which each run must have succeeded, such as "06:00".',
        },
        "window": {
            "type": "string",
            "pattern": f"^{time_of_day.WINDOW_PATTERN}$",
            "description": 'The part of the day in which runs must fall, such as "01:00-03:00".',
        },
        "alert_after": _ALERT_AFTER,
        "labels": _labels("Its labels. Silent checks with the same `group_by` labels share an incident."),
        "severity": {
            "enum": list(Severity),
            "description": f"The severity when it is down: {SEVERITY} by default.",
        },
        "policy": _name("The policy that pages for it."),
        "manual_resume": {
            "type": "boolean",
            "description": "Stay paused until resumed by hand, not by a ping.",
        },
        "measure": {
            "enum": list(Measure),
            "description": "Where its numbers are in a body: lines reads name=value too. By default only JSON is read.",
        },
        "rules": {
            "type": "array",
            "minItems": 1,
            "maxItems": entry.MAX_RULES,
            "items": _RULE,
            "description": "What its runs must keep. A run that breaks one turns it down as ineffective.",
        },
        "after": {
            **_PARENT,
            "type": ["string", "object", "array"],
            "items": _PARENT,
            "minItems": 1,
            "maxItems": entry.MAX_AFTER,
            "description": "The checks that it runs after: a name, labels such as {job: import}, or a list. While one "
            "of them is down, it waits in that one's incident.",
        },
        "formerly": _names(
            "Its names before. It keeps the history of the check that has one, and pings to them reach it.",
            entry.MAX_FORMERLY,
            entry.SLUG,
        ),
    },
    oneOf=[{"required": [kind]} for kind in ("schedule", "every", "on_calendar")],
)

USER = "[a-z0-9][a-z0-9._@+-]{0,99}"
"""The names of users."""

_PERSON = _object(
    "A person who can be paged.",
    {
        "name": _text("Their name in pages. If missing, their name here.", entry.MAX_NAME),
        "timezone": _ZONE,
        "user": {
            "type": "string",
            "pattern": f"^{USER}$",
            "description": "The name with which they sign in. If missing, their name here.",
        },
        "contacts": _list("Tried in this order.", entry.MAX_CONTACTS, "contact"),
    },
    ("contacts",),
)

_STEP = _object(
    "People who are paged together, and how long they have to answer.",
    {
        "page": _names("People, by their names here.", entry.MAX_PAGED, entry.SLUG),
        "wait": _length("Then the next step, or the last one again: 1m to 24h."),
    },
    ("page", "wait"),
)

_CONTACT = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": {"type": "string", "minLength": 1, "maxLength": entry.MAX_ADDRESS},
    "description": "A notifier and the address there, such as {email: anna@example.com}.",
}

_COMPONENT = _object(
    "One row of a status page.",
    {
        "name": _text("Its name for customers.", entry.MAX_NAME),
        "match": _labels("It shows the checks with all of these labels.") | {"minProperties": 1},
        "description": {
            "type": "string",
            "maxLength": entry.MAX_DESCRIPTION,
            "description": "More about it, in a sentence or two.",
        },
        "showcase": {"type": "boolean", "description": "Passed on in the JSON documents: true by default."},
        "silent_means": {
            "enum": ["delayed", "not working"],
            "description": "What customers read while all of its checks are down: delayed by default.",
        },
        "progress": _name("The check whose progress it shows, such as that of a long repair."),
        "progress_says": _text(
            "What customers read before it, such as Resets are catching up: Under way by default.",
            entry.MAX_NAME,
        ),
    },
    ("name", "match"),
)

_GROUP = _object(
    "Rows under one heading.",
    {
        "name": _text("Its name for customers.", entry.MAX_NAME),
        "description": _paragraphs("More about it, in a sentence or two."),
        "components": _list("Its rows.", entry.MAX_COMPONENTS, "component"),
    },
    ("name", "components"),
)

_PLACE = {"type": ["string", "number", "boolean"], "minLength": 1, "maxLength": entry.MAX_LABEL_VALUE}

_REGIONS = _object(
    "Columns of places, for rows that work in some and fail in others.",
    {
        "label": {
            "type": "string",
            "pattern": f"^{entry.LABEL}$",
            "description": "The label whose values are places.",
        },
        "columns": {
            "oneOf": [
                {"type": "array", "minItems": 1, "maxItems": entry.MAX_REGIONS, "items": _PLACE},
                {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": entry.MAX_REGIONS,
                    "additionalProperties": {"type": "string", "minLength": 1, "maxLength": entry.MAX_NAME},
                },
            ],
            "description": "Values of that label: a list, or a mapping to places as customers read them.",
        },
    },
    ("label", "columns"),
)

_STATUS_PAGE = _object(
    "A public page.",
    {
        "title": _text("Its heading.", entry.MAX_NAME),
        "description": _paragraphs("The text under the heading."),
        "url": {"type": "string", "description": "The address behind the heading and the logo."},
        "support": {"type": "string", "description": "The address for help: https://… or mailto:…."},
        "timezone": _ZONE,
        "logo": {"type": "string", "description": "A path, or data:image/png;base64,…."},
        "publish": {
            "enum": ["by hand", "automatically"],
            "description": "Whether a human or the service announces an incident: a human by default.",
        },
        "regions": _REGIONS,
        "components": _list("Its rows.", entry.MAX_COMPONENTS, "component"),
        "groups": _list("Its rows, under headings.", entry.MAX_GROUPS, "group"),
    },
    ("title",),
    anyOf=[{"required": ["components"]}, {"required": ["groups"]}],
)

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
    flat = _names(words, entry.MAX_GROUP_BY, entry.LABEL)
    levels = {
        "type": "string",
        "pattern": f"^{entry.LABEL}( *{level.SIGN} *{entry.LABEL}){{1,{entry.MAX_GROUP_BY - 1}}}$",
    }
    return {"oneOf": [*flat["oneOf"], levels], "description": words}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


_TOP = _object(
    "The jobs that heartbeat watches, and the people whom it pages.",
    {
        "group_by": _group_by(),
        "group_failures_by": _names(
            "Failed checks with the same values of these labels share an incident. Without it each has its own.",
            entry.MAX_GROUP_BY,
            entry.LABEL,
        ),
        "settling": _length(
            "The time for which everything must be well before an incident is over. It doubles with each return",
            SETTLING,
        ),
        "gathering": _length(
            "The time in which an incident gathers silent checks before it pages", GATHERING
        ),
        "acknowledge_for": _length(
            "The length of an acknowledgement, after which the incident pages again", ACKNOWLEDGED_FOR
        ),
        "policy": _name("The policy of checks that name none."),
        "timezone": _ZONE | {"description": "The time zone of checks and people that name none."},
        "grace": _length("The grace of checks that name none", GRACE),
        "alert_after": _ALERT_AFTER
        | {"description": "How many faults in a row turn checks down that do not say it."},
        "rules": _list("Rules for the checks that have certain labels.", entry.MAX_LABEL_RULES, "label_rule"),
        "ping_keys": _section("Keys with which jobs ping.", entry.MAX_PING_KEYS, _KEY),
        "peers": _section(
            "Other installations of heartbeat: by name, the address that this one pings after clean ticks. "
            "A check of the same name waits for their pings.",
            entry.MAX_PEERS,
            {"type": "string", "pattern": r"^(https?://|\$\{)"},
        ),
        "checks": _section("The jobs under watch.", entry.MAX_CHECKS, _ref("check")),
        "people": _section("People who can be paged.", entry.MAX_PEOPLE, _ref("person")),
        "policies": _section("Escalation policies.", entry.MAX_POLICIES, _ref("policy")),
        "notifiers": {
            "type": ["object", "null"],
            "additionalProperties": _SETTINGS,
            "description": "Settings of email, ntfy, Slack and the others. Secrets by reference.",
        },
        "status_pages": _section("Status pages for customers.", entry.MAX_PAGES, _ref("status_page")),
    },
)

_INSTANT = {"type": "string", "format": "date-time", "maxLength": 100}

RULE_OBJECT: Schema = _object("What every run must keep.", _RULE_FIELDS, ("rule",))
"""No part of the file, where a text is a rule as well: what the API takes to try one."""

MAINTENANCE: Schema = _object(
    "A time in which nobody is paged for checks that are being worked on.",
    {
        "title": _text("Its title in timelines.", entry.MAX_NAME),
        "description": {
            "type": "string",
            "maxLength": entry.MAX_DESCRIPTION,
            "description": "More about it.",
        },
        "match": _labels("It covers the checks with all of these labels.") | {"minProperties": 1},
        "starts_at": _INSTANT | {"description": "Now if missing."},
        "ends_at": _INSTANT | {"description": "At most 30 days after it begins."},
    },
    ("title", "match", "ends_at"),
)
"""No part of the file: what the API takes for a maintenance window."""

TOP = frozenset(_TOP["properties"])
CHECK = frozenset(_CHECK["properties"])
ALERT_AFTER = frozenset(_ALERT_AFTER["properties"])
RULE = frozenset(_RULE_FIELDS)
LABEL_RULE = frozenset(_LABEL_RULE["properties"])
PERSON = frozenset(_PERSON["properties"])
STEP = frozenset(_STEP["properties"])
STATUS_PAGE = frozenset(_STATUS_PAGE["properties"])
COMPONENT = frozenset(_COMPONENT["properties"])
GROUP = frozenset(_GROUP["properties"])
REGIONS = frozenset(_REGIONS["properties"])


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
            "check": _CHECK,
            "person": _PERSON,
            "policy": _list("Its steps in order; the last one repeats.", entry.MAX_STEPS, "step"),
            "step": _STEP,
            "contact": _CONTACT,
            "label_rule": _LABEL_RULE,
            "component": _COMPONENT,
            "group": _GROUP,
            "status_page": _STATUS_PAGE,
        },
    }
