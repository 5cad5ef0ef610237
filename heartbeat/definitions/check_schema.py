"""Checks and their rules as JSON Schema. Pure."""

from alerting.severity import Severity
from heartbeat import duration
from heartbeat.checks import expectation, rule_grammar, schedule, time_of_day
from heartbeat.checks.check import Measure
from heartbeat.checks.definition import LEARNT, SEVERITY, UNTIL_DONE
from heartbeat.definitions import entry
from heartbeat.definitions import schema_values as values
from heartbeat.definitions.schema_values import Schema

_GRACE = values.length("The time that a ping may be late before the check is down, such as 15m.")
_COUNT = {"type": "integer", "minimum": entry.ALERT_AFTER[0], "maximum": entry.ALERT_AFTER[1]}

ALERT_AFTER = values.mapping(
    "How many faults in a row turn a check down. Fewer are shown, and page nobody.",
    {
        "failures": _COUNT | {"description": "Failures in a row: 1 by default."},
        "missed": _COUNT | {"description": "Missed runs in a row: 1 by default."},
    },
)

RULE_FIELDS: Schema = {
    "rule": values.text("What every run must keep, such as remaining < 5000.", rule_grammar.LONGEST),
    "name": values.text("Its name for people.", entry.MAX_NAME),
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
    "properties": RULE_FIELDS,
    "required": ["rule"],
    "description": "What every run must keep, such as remaining < 5000: a text, or an object that says more.",
}

LABEL_RULE = values.mapping(
    "A rule for the checks that have certain labels.",
    {
        "match": values.labels("It counts for the checks with all of these labels.") | {"minProperties": 1},
        **RULE_FIELDS,
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

CHECK = values.mapping(
    "A scheduled job under watch.",
    {
        "name": values.text("Its name for people. If missing, its name here.", entry.MAX_NAME),
        "description": {
            "type": "string",
            "maxLength": entry.MAX_DESCRIPTION,
            "description": "Shown with the check and in pages.",
        },
        "runbook": values.text("What to do when it is down: a URL, or one line of text.", entry.MAX_RUNBOOK),
        "schedule": {"type": "string", "description": 'A cron line, such as "0 3 * * *".'},
        "every": values.length("An interval, such as 5m: the next ping is due this long after each success."),
        "on_calendar": {"type": "string", "description": "A systemd calendar event, such as Mon..Fri 03:00."},
        "timezone": values.ZONE,
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
        "min_runtime": values.length(
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
        "alert_after": ALERT_AFTER,
        "labels": values.labels(
            "Its labels. Silent checks with the same `group_by` labels share an incident."
        ),
        "severity": {
            "enum": list(Severity),
            "description": f"The severity when it is down: {SEVERITY} by default.",
        },
        "policy": values.name("The policy that pages for it."),
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
        "formerly": values.names(
            "Its names before. It keeps the history of the check that has one, and pings to them reach it.",
            entry.MAX_FORMERLY,
            entry.SLUG,
        ),
    },
    oneOf=[{"required": [kind]} for kind in ("schedule", "every", "on_calendar")],
)

RULE_OBJECT: Schema = values.mapping("What every run must keep.", RULE_FIELDS, ("rule",))
"""No part of the file, where a text is a rule as well: what the API takes to try one."""
