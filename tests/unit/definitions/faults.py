"""Faults of a configuration file, each with the problem that is reported."""

from heartbeat.definitions.document import suggestion
from tests.unit.definitions.declared import KINDS

SLUG = "cannot be a name; write a-z, 0-9, _ and -, at most 100, none of _ and - first."
LABEL = "cannot be a label; write letters, digits, _ . / -, at most 100, a letter first."
CLEAR = "is a secret; write it as ${NAME} or ${file:PATH}."
ONE_CONTACT = "must be one notifier and its address, such as {email: anna@example.com}."

MAPPING = "must be a mapping, with a line `name: value` for each field."
KEY_IN_CLEAR = "must not stand here in clear; write it as ${HEARTBEAT_PING_KEY} or ${file:PATH}."
UNSET = "${NOPE} is not set in the environment; set it there or write ${file:PATH}."
EXAMPLE_ROW = "{name: Mail, match: {component: mail}}"
HOOK = "the address must be an incoming webhook's URL, such as https://hooks.slack.com/services/…."

A_PERSON = "people: {a: {contacts: [{console: x}]}}\n"

MALFORMED = [
    (
        "checks: {a: {every: 5m, rules: []}}",
        "checks.a.rules: needs at least one, such as remaining < 5000.",
    ),
    (
        "checks: {a: {every: 5m, rules: [{severity: error}]}}",
        "checks.a.rules[0]: has no rule; write for example `rule: remaining < 5000`.",
    ),
    (
        "checks: {a: {every: 5m, rules: [{rule: a > 0, match: {b: c}}]}}",
        "checks.a.rules[0].match: a rule has no such field; there are for, name, rule, severity.",
    ),
    (
        "rules: [{rule: a > 0}]",
        "rules[0]: has no match; write for example `match: {team: web}`.",
    ),
    (
        "rules: [{rule: a > 0, match: {}}]",
        "rules[0].match: needs at least one label, such as {team: web}.",
    ),
    ("rules: [a > 0]", f"rules[0]: {MAPPING}"),
    ("chekcs: {}", "chekcs: the file has no such field; did you mean 'checks'?"),
    ("checks: [a]", f"checks: {MAPPING}"),
    ("checks: {A b: {every: 5m}}", f"checks.A b: 'A b' {SLUG}"),
    ("checks: {a: }", "checks.a: needs exactly one of schedule, every, on_calendar."),
    ("checks: {a: 5m}", f"checks.a: {MAPPING}"),
    (
        "checks: {a: {every: 5m, polcy: b}}",
        "checks.a.polcy: a check has no such field; did you mean 'policy'?",
    ),
    (
        "checks: {a: {every: 5m, schedule: '@daily'}}",
        "checks.a: needs exactly one of schedule, every, on_calendar.",
    ),
    (
        "checks: {a: {every: 15x}}",
        "checks.a.every: '15x' is not a duration; write for example 15m, 2h or 1d.",
    ),
    ("checks: {a: {every: 60}}", "checks.a.every: '60' is not a duration; write for example 15m, 2h or 1d."),
    ("checks: {a: {every: [5m]}}", "checks.a.every: must be one value."),
    ("checks: {a: {every: 5m, grace: }}", "checks.a.grace: has no value; write one."),
    ("checks: {a: {every: 5m, name: ''}}", "checks.a.name: must be one line of text."),
    (
        "checks: {a: {every: 5m, severity: bad}}",
        "checks.a.severity: 'bad' is not one of critical, error, warning, info.",
    ),
    (
        "checks: {a: {every: 5m, measure: xml}}",
        "checks.a.measure: 'xml' is not one of json, lines.",
    ),
    (
        "checks: {a: {every: 5m, manual_resume: 'yes'}}",
        "checks.a.manual_resume: 'yes' is neither true nor false.",
    ),
    ("checks: {a: {every: 5m, labels: {a=b: c}}}", f"checks.a.labels.a=b: 'a=b' {LABEL}"),
    ("checks: {a: {every: 5m, labels: {b: }}}", "checks.a.labels.b: has no value; write one."),
    ("checks: {a: {every: 5m, labels: [b]}}", f"checks.a.labels: {MAPPING}"),
    ("group_by: a > ", f"group_by: '' {LABEL}"),
    (f"group_by: {' > '.join('abcdefghijk')}", "group_by: has 11 levels; there can be at most 10."),
    ("group_by: [a b]", f"group_by[0]: 'a b' {LABEL}"),
    (
        "peers: {west: west.example.com}",
        "peers.west: must be a URL that begins with https:// or http://, such as "
        '"https://west.example.com/ping/${PEER_KEY}/east".',
    ),
    ("gathering: soon", "gathering: 'soon' is not a duration; write for example 15m, 2h or 1d."),
    ("ping_keys: {a: in-clear-and-long-enough}", f"ping_keys.a: {KEY_IN_CLEAR}"),
    (
        "people: {a: {name: Anna}}",
        "people.a: has no contacts; write for example `contacts: [{email: anna@example.com}]`.",
    ),
    (
        "people: {a: {user: A b, contacts: [{console: x}]}}",
        "people.a.user: must be the name with which they sign in, such as anna or anna@example.com.",
    ),
    (
        "people: {a: {contacts: []}}",
        "people.a.contacts: needs at least one, such as {email: anna@example.com}.",
    ),
    (
        "people: {a: {contacts: {console: x}}}",
        "people.a.contacts: must be a list, with a line `- …` for each item.",
    ),
    ("people: {a: {contacts: [x]}}", f"people.a.contacts[0]: {ONE_CONTACT}"),
    ("people: {a: {contacts: [{after: 2m}]}}", f"people.a.contacts[0]: {ONE_CONTACT}"),
    (
        "people: {a: {contacts: [{console: x}], quiet_hours: nights}}",
        "people.a.quiet_hours: 'nights' are no hours; write two times of day, for example 22:00-07:00.",
    ),
    ("people: {a: {contacts: [{console: x}], warnings: [x]}}", f"people.a.warnings[0]: {ONE_CONTACT}"),
    (
        "people: {a: {contacts: [{console: x}], warnings: []}}",
        "people.a.warnings: needs at least one, such as {email: anna@example.com}.",
    ),
    ("people: {a: {contacts: [{console: x, email: a@b.c}]}}", f"people.a.contacts[0]: {ONE_CONTACT}"),
    ("policies: {a: []}", "policies.a: needs at least one, such as {page: anna, wait: 5m}."),
    (
        "status_pages: {a: {components: [{name: b, match: {c: d}}]}}",
        "status_pages.a: has no title; write for example `title: Example status`.",
    ),
    (
        "status_pages: {a: {title: b, components: []}}",
        f"status_pages.a.components: needs at least one, such as {EXAMPLE_ROW}.",
    ),
    (
        "status_pages: {a: {title: b, components: [{name: c, match: {}}]}}",
        "status_pages.a.components[0].match: needs at least one label, such as {component: mail}.",
    ),
]
"""What both the schema and the reading refuse."""

MISTAKEN = [
    ("group_by: a > b > a", "group_by: names a label twice; each level needs a label of its own."),
    (
        "checks: {a: {every: 5m, rules: [rows > many]}}",
        "checks.a.rules[0]: 'rows > many' is no rule; "
        "column 8: Write a number or a duration, such as 5000, 15m or 3x, not 'many'.",
    ),
    (
        "checks: {a: {every: 5m, rules: [{rule: a > 0, for: 2 days}]}}",
        "checks.a.rules[0].for: '2 days' is no number of runs; write for example 2 runs, at most 20.",
    ),
    (
        "people: {a: {user: c, contacts: [{console: x}]}, b: {user: c, contacts: [{console: x}]}}",
        "people.b: is the user 'c', and so is a; a user is one person.",
    ),
    (
        "timezone: Europe/Lodnon",
        "timezone: 'Europe/Lodnon' is no time zone; did you mean 'Europe/London' or 'Europe/Lisbon'?",
    ),
    ("timezone: PST", "timezone: 'PST' is no time zone; did you mean 'America/Los_Angeles'?"),
    ("timezone: cest", "timezone: 'cest' is no time zone; did you mean 'Europe/Berlin'?"),
    (
        "timezone: UTC+2",
        "timezone: 'UTC+2' is no time zone; an offset does not follow summer time; "
        "write a place, such as Europe/London.",
    ),
    ("timezone: Rohan", "timezone: 'Rohan' is no time zone; write for example Europe/London."),
    ("gathering: 2h", "gathering: '2h' is out of range; write 0s to 1h."),
    ("acknowledge_for: 1s", "acknowledge_for: '1s' is out of range; write 1m to 7d."),
    ("policy: ops", "policy: there is no policy 'ops'; there are none."),
    ("checks: {a: {every: 5m, after: a}}", "checks.a.after: names the check itself; leave that out."),
    ("checks: {a: {every: 5m, after: [b, b]}, b: {every: 5m}}", "checks.a.after: names a check twice."),
    (
        "checks: {a: {every: 5m, after: {}}}",
        "checks.a.after: needs at least one label, such as {job: import}.",
    ),
    (
        "checks: {a: {every: 5m, after: []}}",
        "checks.a.after: needs at least one, such as nightly-backup, or {job: import}.",
    ),
    (
        "checks: {a: {every: 5m, after: [A b]}}",
        "checks.a.after[0]: 'A b' cannot be a name; write a-z, 0-9, _ and -, at most 100, none of _ and - first.",
    ),
    (
        "checks: {a: {every: 5m, after: {x y: z}}}",
        "checks.a.after.x y: 'x y' cannot be a label; write letters, digits, _ . / -, at most 100, a letter first.",
    ),
    (
        "checks: {a: {every: 5m, after: b}, b: {every: 5m, after: {job: c}}, "
        "c: {every: 5m, after: a, labels: {job: c}}}",
        "checks.a.after: makes a circle: a runs after b, which runs after c, which runs after a.",
    ),
    (
        "checks: {a: {every: 5m, formerly: a}}",
        "checks.a.formerly: names the check itself; leave that out.",
    ),
    (
        "checks: {a: {every: 5m, formerly: [b, b]}}",
        "checks.a.formerly: names a check twice.",
    ),
    (
        "checks: {a: {every: 5m, formerly: c}, b: {every: 5m, formerly: c}}",
        "checks.b.formerly: a was c as well, by this file; only one check can have been.",
    ),
    (
        "checks: {a: {every: 5m, formerly: b}, b: {every: 5m}}",
        "checks.a.formerly: this file still has a check b, whose pings are its own; remove one of the two.",
    ),
    (
        "checks: {a: {schedule: 'CRON_TZ=Europe/Berlin 0 3 * * *'}}",
        'checks.a.schedule: "CRON_TZ=Europe/Berlin 0 3 * * *" names a time zone: '
        'write "0 3 * * *", and timezone: Europe/Berlin.',
    ),
    (
        "checks: {a: {schedule: TZ=UTC @daily}}",
        'checks.a.schedule: "TZ=UTC @daily" names a time zone: write "@daily", and timezone: UTC.',
    ),
    ("checks: {a: {every: 5m, policy: ops}}", "checks.a.policy: there is no policy 'ops'; there are none."),
    ("checks: {a: {every: 5m, grace: 0s}}", "checks.a.grace: '0s' is out of range; write 1s to 30d."),
    (
        "checks: {a: {every: 5m, max_runtime: 31d}}",
        "checks.a.max_runtime: '31d' is out of range; write 1s to 30d.",
    ),
    *(
        (f"checks: {{a: {{every: 5m, max_runtime: '{wrong}'}}}}", f"checks.a.max_runtime: {problem}")
        for wrong, problem in (
            ("until done, at most 31d", "'31d' is out of range; write 1s to 30d."),
            ("until done at most 2h", "write `until done` or `until done, at most 20h`."),
            ("until Friday", "'until Friday' is not a duration; write for example 15m, 2h or 1d."),
        )
    ),
    (
        "checks: {a: {every: 5m, stuck_after: 10s}}",
        "checks.a.stuck_after: '10s' is out of range; write 1m to 7d.",
    ),
    *(
        (f"checks: {{a: {{schedule: 0 3 * * *, {field}: {wrong}}}}}", f"checks.a.{field}: '{wrong}' {fault}")
        for field, wrong, fault in (
            ("min_runtime", "0s", "is out of range; write 1s to 30d."),
            ("at_most", "3", "is no limit of runs; write for example 3 per 1h."),
            ("at_most", "101 per 1h", "is out of range; write 1 to 100 runs."),
            ("at_most", "3 per 32d", "is out of range; write a time of 1s to 31d."),
            ("one_at_a_time", "yes", "is neither true nor false."),
            ("finish_by", "6 am", 'is no time of day; write for example "06:00".'),
            ("window", "01:00", 'is no window; write two times of day, for example "01:00-03:00".'),
            ("window", "01:00-01:00", "is a window of no length; write two different times of day."),
        )
    ),
    (
        "checks: {a: {schedule: 0 3 * * *, at_most: 3 per hour}}",
        "checks.a.at_most: 'hour' is not a duration; write for example 15m, 2h or 1d.",
    ),
    (
        "checks: {a: {every: 5m, finish_by: 06:00}}",
        "checks.a.finish_by: needs schedule or on_calendar; an interval has no time of day.",
    ),
    (
        "checks: {a: {every: 5m, min_runtime: 2m, max_runtime: 1m}}",
        "checks.a.min_runtime: is longer than max_runtime; no run could keep both.",
    ),
    *(
        (
            f"checks: {{a: {{every: 5m, alert_after: {{{field}: {wrong}}}}}}}",
            f"checks.a.alert_after.{field}: '{wrong}' is out of range; write a whole number from 1 to 100.",
        )
        for field in ("failures", "missed")
        for wrong in ("0", "101", "-1", "two", "1.5")
    ),
    (
        "alert_after: {failure: 3}",
        "alert_after.failure: alert_after has no such field; did you mean 'failures'?",
    ),
    (
        "checks: {a: {every: 5m, alert_after: 3}}",
        "checks.a.alert_after: must be a mapping, with a line `name: value` for each field.",
    ),
    (
        'checks: {a: {every: 5m, runbook: "one\\ntwo"}}',
        "checks.a.runbook: must be one line of text.",
    ),
    (
        "people: {a: {contacts: [{console: x}, {console: y, after: 25h}]}}",
        "people.a.contacts[1].after: '25h' is out of range; write 0s to 1d.",
    ),
    (
        "people: {a: {contacts: [{console: x}], quiet_hours: 07:00-07:00}}",
        "people.a.quiet_hours: '07:00-07:00' is out of range; write more than nothing and at most 16 hours.",
    ),
    (
        "people: {a: {contacts: [{console: x, after: 1m}]}}",
        "people.a.contacts[0]: is paged at once; write `after` at a later contact.",
    ),
    (
        "people: {a: {contacts: [{console: x}, {console: y, after: 5m}, {console: z, after: 2m}]}}",
        "people.a.contacts[2]: is paged before the one above; put contacts in the order of their `after`.",
    ),
    (
        "people: {operator: {contacts: [{console: x}]}}",
        "people.operator: is the service's own name for its terminal; choose another.",
    ),
    (
        "people: {a: {contacts: [{console: x}]}}\npolicies: {p: [{page: a, wait: 59s}]}",
        "policies.p[0].wait: '59s' is out of range; write 1m to 1d.",
    ),
    (
        "people: {a: {contacts: [{console: x}]}}\npolicies: {p: [{page: a, wait: 5m, round_robin: true}]}",
        "policies.p[0].round_robin: needs several to take turns; name more of them, or a team.",
    ),
    (
        f"{A_PERSON}policies: {{p: {{steps: [{{page: a, wait: 5m}}], warnings_wait_for: {{}}}}}}",
        "policies.p.warnings_wait_for: names no hours; write for example {days: mon-fri, hours: 09:00-17:00}.",
    ),
    (
        f"{A_PERSON}policies: {{p: {{steps: [{{page: a, wait: 5m}}], warnings_wait_for: {{hours: 9-17}}}}}}",
        "policies.p.warnings_wait_for.hours: '9-17' are no hours; "
        "write two different times of day, such as 09:00-17:00.",
    ),
    (f"{A_PERSON}catch_all: []", "catch_all: needs at least one, such as anna."),
    (f"{A_PERSON}catch_all: [a, a]", "catch_all: names somebody twice."),
    (
        f"{A_PERSON}policies: {{p: {{warnings_wait_for: {{days: mon}}}}}}",
        "policies.p: has no steps; write for example `steps: [{page: anna, wait: 5m}]`.",
    ),
    (
        "people: {a: {contacts: [{emial: x}]}}",
        "people.a.contacts[0].emial: there is no notifier 'emial'; did you mean 'email'?",
    ),
    (
        "people: {a: {contacts: [{ntfy: x}]}}",
        "people.a.contacts[0].ntfy: the address must be a topic's URL, such as https://ntfy.sh/ops-pages.",
    ),
    (
        "people: {a: {contacts: [{slack: 'https://hooks.slack.com/x'}]}}",
        f"people.a.contacts[0].slack: {CLEAR}",
    ),
    ("people: {a: {contacts: [{slack: '${NOPE}'}]}}", f"people.a.contacts[0].slack: {UNSET}"),
    ("people: {a: {contacts: [{slack: '${NO_URL}'}]}}", f"people.a.contacts[0].slack: {HOOK}"),
    (
        "people: {a: {contacts: [{pigeon: 'x${NO_URL}'}]}}",
        "people.a.contacts[0].pigeon: x${NO_URL} is no loft.",
    ),
    ("people: {a: {contacts: [{pigeon: cliff}]}}", "people.a.contacts[0].pigeon: ZeroDivisionError."),
    (
        "notifiers: {foo: {}}",
        f"notifiers.foo: there is no notifier 'foo'; {suggestion('foo', KINDS)}",
    ),
    ("notifiers: {ntfy: {token: tk_in_clear}}", f"notifiers.ntfy.token: {CLEAR}"),
    (
        "notifiers: {ntfy: {token: '${file:/nope}'}}",
        "notifiers.ntfy.token: ${file:/nope} cannot be read: No such file or directory.",
    ),
    (
        "notifiers: {ntfy: {token: '${BAD_TOKEN}'}}",
        "notifiers.ntfy: token must be an access token, such as tk_…, without spaces.",
    ),
    (
        "notifiers: {ntfy: {tokne: x}}",
        "notifiers.ntfy: tokne is not a setting here; the settings are: token.",
    ),
    ("notifiers: {pigeon: {ring: '${NO_URL}'}}", "notifiers.pigeon: 'ring ${NO_URL} is lost'."),
    ("ping_keys: {a: '${NOPE}'}", f"ping_keys.a: {UNSET}"),
    ("peers: {west: 'https://w.example/${NOPE}'}", f"peers.west: {UNSET}"),
    (
        "ping_keys: {a: '${SHORT_KEY}'}",
        "ping_keys.a: ${SHORT_KEY} has 9 characters; a ping key needs at least 16.",
    ),
    (
        "ping_keys: {a: '${ODD_KEY}'}",
        "ping_keys.a: ${ODD_KEY} does not fit into an address; use only A-Z, a-z, 0-9, . _ ~ and -.",
    ),
    (
        "ping_keys: {a: '${OTHER_KEY}', b: '${OTHER_KEY}'}",
        "ping_keys.b: is the same key as a; make another one.",
    ),
]
"""Faults that the schema cannot see."""
