"""The export of a database as a configuration file that declares the same."""

import pytest
from sqlalchemy import Connection

from heartbeat.definitions import export
from heartbeat.definitions import file as configuration_file
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions import rules as definition_rules
from tests.unit.conftest import NOW
from tests.unit.definitions.declared import EXAMPLE, parse
from tests.unit.definitions.test_plan import JOBS

ODD = """\
group_by: [region, host]
gathering: 1m30s
acknowledge_for: 1d1h
policy: night
rules:
  - {match: {a: "yes"}, rule: duration < 2h, for: 3}
ping_keys: {a: "${HEARTBEAT_PING_KEY}", b: "${file:/run/key}"}
peers: {west: "https://west.example.com/ping/${HEARTBEAT_PING_KEY}/east", odd: "http://[::1]:8000/below/ping/x/y"}
checks:
  odd: {every: 1m, grace: 1m}
  "007":
    name: "no: [really] {#1}"
    description: "two\\nlines, é, 🫀 and 'quotes' \\"twice\\"\\n"
    on_calendar: Mon..Fri 03:00
    timezone: Australia/Lord_Howe
    labels: {a: "yes", b: "1.10", c: "null", d: "~", e: " x ", f: "0x1F", g: "2024-05-03", h: "&x *y !z", i: "- a"}
    policy: day
    manual_resume: true
    measure: lines
    runbook: "restart it: see #12, {db}"
    alert_after: {failures: 2}
  cronjob: {schedule: "30 2 */2 * 1", timezone: Europe/London, semantics: kubernetes}
  plain: {every: 1d1h1m1s, grace: 30d, window: "22:00-04:00", timezone: Asia/Kathmandu, at_most: 100 per 31d}
  expected: {schedule: "30 1 * * *", timezone: Europe/London, finish_by: 06:00, one_at_a_time: true, min_runtime: 90s}
  ruled:
    every: 1d
    rules:
      - remaining < 5000
      - 'body has not /a: #\\/"b/'
      - {rule: "rows > 0", name: "some: rows", severity: critical, for: 2 runs}
  aliased: {schedule: "@daily", timezone: Europe/London, max_runtime: 1s, severity: info, alert_after: {missed: 100}}
  until: {every: 1d, max_runtime: "until done, at most 20h", stuck_after: 15m}
  learnt: {every: 1d, max_runtime: until done, stuck_after: learnt}
people:
  anna: {name: "null", timezone: Asia/Kathmandu, contacts: [{slack: "${SLACK_URL}"}, {email: "a{b}@c.example"}]}
  bob: {contacts: [{console: "true"}]}
  carl:
    contacts: [{console: x}, {console: y}, {email: carl@c.example, after: 0s}, {console: z, after: 1h30m}]
    warnings: [{email: carl@c.example}, {console: x, after: 10m}]
    quiet_hours: 22:00-07:00
channels:
  room: {name: "#ops", contacts: [{console: "room"}]}
rotations:
  infra:
    timezone: Australia/Lord_Howe
    layers:
      - {people: [bob, anna], shift: 12h, from: 2026-11-02 20:30, only: {days: fri-mon, hours: "22:00-06:00"}}
      - people: anna
        shift: daily
        from: 2026-11-02
        only: [{days: [mon, wed]}, {hours: "09:00-24:00"}]
      - {people: [anna, bob, anna], shift: 3mo, from: 2026-01-31T09:00, only: {hours: "00:00-24:00"}}
teams: {all: [anna, bob], one: bob}
catch_all: [room, all]
policies:
  day: [{page: [anna, infra, all, room], wait: 1h30m}, {page: bob, wait: 24h}]
  night:
    - page: bob
      wait: 1m
      only: {severity: [critical, error], days: mon-fri, hours: "09:00-17:00", timezone: Asia/Kathmandu}
    - {page: anna, wait: 1m, only: {severity: warning}}
    - {page: [anna, infra], wait: 1m, round_robin: true}
    - {page: all, wait: 1m, round_robin: "true"}
    - {page: anna, wait: 1m}
  office: {steps: [{page: bob, wait: 1m}], warnings_wait_for: {days: mon-fri, hours: "09:00-17:00"}}
  shop:
    steps: [{page: bob, wait: 1m}]
    warnings_wait_for: {hours: "22:00-06:00", timezone: Asia/Kathmandu}
notifiers:
  email: {smtp: "smtps://[::1]:465", from: "A: <a@b.example>"}
  ntfy: {token: "${OTHER_KEY}"}
  pagerduty: {}
status_pages:
  p: {title: "A: b", components: [{name: "#1", match: {a: "yes", b: "1.10"}, description: ": ",
    progress: until, progress_says: "41 %: yes"}]}
"""


def test_odd_values_survive_the_export(db: Connection) -> None:
    definition_plan.apply(db, parse(ODD), NOW)
    assert parse(definition_plan.export(db)) == parse(ODD)
    assert definition_plan.difference(db, parse(ODD)).empty


@pytest.mark.parametrize(
    "text", [EXAMPLE, JOBS, configuration_file.sample("${HEARTBEAT_PING_KEY}"), "checks: {}"]
)
def test_an_export_declares_the_same_configuration(db: Connection, text: str) -> None:
    definition_plan.apply(db, parse(text), NOW)
    exported = definition_plan.export(db)
    assert parse(exported) == parse(text)
    assert definition_plan.difference(db, parse(exported)).empty


def test_levels_survive_the_export(db: Connection) -> None:
    text = "group_by: region>host >  scheduler\n" + JOBS
    definition_plan.apply(db, parse(text), NOW)
    exported = definition_plan.export(db)
    assert "\ngroup_by: region > host > scheduler\n" in f"\n{exported}"
    assert definition_plan.difference(db, parse(exported)).empty


def test_an_export_has_the_time_zone_of_the_file(db: Connection) -> None:
    checks = "checks:\n  local: {schedule: 0 3 * * *}\n  universal: {schedule: 0 3 * * *, timezone: UTC}\n"
    text = "timezone: Europe/London\n" + JOBS.replace("checks:\n", checks)
    definition_plan.apply(db, parse(text), NOW)
    exported = definition_plan.export(db)
    assert exported.startswith("timezone: Europe/London\n")
    assert parse(exported) == parse(text)
    assert definition_plan.difference(db, parse(exported)).empty


def test_an_export_leaves_out_defaults(db: Connection) -> None:
    definition_plan.apply(
        db, parse(JOBS + "status_pages: {p: {title: Status, components: [{name: A, match: {host: a}}]}}"), NOW
    )
    assert (
        definition_plan.export(db)
        == """\
ping_keys:
  housekeeping: ${HEARTBEAT_PING_KEY}
checks:
  one:
    every: 5m
    labels: {host: a, region: eu}
  three:
    every: 5m
    labels: {host: b, region: us}
  two:
    every: 5m
    labels: {host: a, region: us}
people:
  anna:
    contacts:
      - {console: terminal}
policies:
  ops:
    - {page: anna, wait: 5m}
status_pages:
  p:
    title: Status
    components:
      - name: A
        match: {host: a}
"""
    )


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("rows > 0", "- rows > 0"),
        (
            "rows > 0, for 2 runs, critical, named some",
            "- {rule: rows > 0, name: some, severity: critical, for: 2 runs}",
        ),
        ('body has "a: b # c"', "- 'body has \"a: b # c\"'"),
    ],
)
def test_a_rule_is_a_line_below_its_check(rule: str, line: str) -> None:
    read = definition_rules.of_line(rule)
    assert export.rule_line(read) == line
    text = f"checks:\n  job:\n    every: 1d\n    rules:\n      {line}\n"
    assert parse(text).checks["job"].rules == (read,)
