"""GoAlert's schedules, rotations, escalation policies and users, as its GraphQL API returns them. Pure.

All targets of a schedule whose rules hold are on call together. A rotation knows whose turn it is, and goes on from
there at its next hand-over.
Source: https://github.com/target/goalert (graphql2/schema.graphql)
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from alerting import wall_clock
from alerting.rotation import Layer, Length, Window
from heartbeat.operations.come_over import collected
from heartbeat.operations.come_over.collected import (
    DAY,
    Collected,
    Lane,
    Record,
    SourcePerson,
    SourcePolicy,
    SourceSchedule,
    SourceStep,
    Way,
    records,
)

QUERIES: Final = {
    "users": (
        "UserSearchOptions",
        "id name email contactMethods { id name type value disabled } "
        "notificationRules { delayMinutes contactMethodID }",
    ),
    "rotations": (
        "RotationSearchOptions",
        "id name timeZone type start shiftLength activeUserIndex userIDs",
    ),
    "schedules": (
        "ScheduleSearchOptions",
        "id name timeZone targets { target { id type name } rules { start end weekdayFilter } } "
        "temporarySchedules { start end }",
    ),
    "userOverrides": (
        "UserOverrideSearchOptions",
        "start end addUser { id name } removeUser { id name } target { id type name }",
    ),
    "escalationPolicies": (
        "EscalationPolicySearchOptions",
        "id name repeat steps { delayMinutes targets { id type name } }",
    ),
}
"""The type of the options of each list, and the fields that are read."""
_KINDS: Final = {"SMS": "sms", "VOICE": "voice", "EMAIL": "email", "WEBHOOK": "webhook"}
_UNITS: Final = {"hourly": "h", "daily": "d", "weekly": "w", "monthly": "mo"}
_ALWAYS: Final = Length.parse("1w")
_LONG_AGO: Final = datetime(2020, 1, 6)  # noqa: DTZ001 - a time on the wall


def read(export: Mapping[str, Any], now: datetime) -> Collected:
    """Return what an export has. Raises `NotAnExport`."""
    everything = Collected()
    everything.people = [_person(user, everything) for user in records(export, "users")]
    rotations = {
        rotation["id"]: lane
        for rotation in records(export, "rotations")
        if (lane := _lane(rotation, everything, now))
    }
    policies = records(export, "escalationPolicies")
    paged = {target["id"] for policy in policies for step in policy["steps"] for target in step["targets"]}
    for number, lane in rotations.items():
        if number in paged:
            everything.schedules.append(SourceSchedule(number, lane.name, ((lane,),)))
    for schedule in records(export, "schedules"):
        everything.schedules.append(_schedule(schedule, rotations, everything, now))
    for override in records(export, "userOverrides"):
        if datetime.fromisoformat(override["end"]) > now:
            everything.leave(_cover(override))
    everything.policies = [_policy(policy, everything) for policy in policies]
    return everything


def _cover(override: Record) -> str:
    names = [(override.get(side) or {}).get("name", "nobody") for side in ("addUser", "removeUser")]
    person = f"{names[0]} for {names[1]}"
    return collected.cover(
        f"Schedule {override['target']['name']}", person, override["start"], override["end"]
    )


def _person(user: Record, everything: Collected) -> SourcePerson:
    methods = {method["id"]: method for method in user.get("contactMethods") or ()}
    ways = []
    rules = user.get("notificationRules") or ()
    used = [(rule["delayMinutes"], methods.get(rule["contactMethodID"])) for rule in rules]
    if not rules:
        used = [(0, method) for method in methods.values()]
    for delay, method in sorted(used, key=lambda pair: pair[0]):
        if method is None:
            continue
        if method.get("disabled") or method["type"] not in _KINDS:
            state = "disabled" if method.get("disabled") else method["type"].lower()
            everything.leave(f"{user['name']}: the contact {method['name']} ({state}).")
        else:
            ways.append(Way(_KINDS[method["type"]], method["value"], timedelta(minutes=delay)))
    return SourcePerson(user["id"], user["name"], user.get("email") or "", "", tuple(dict.fromkeys(ways)))


def _lane(rotation: Record, everything: Collected, now: datetime) -> Lane | None:
    people = tuple(rotation["userIDs"])
    if not collected.present(people, everything.people):
        everything.leave(f"Rotation {rotation['name']}: left out, because a user of it is not in the export.")
        return None
    zone = rotation["timeZone"]
    shift = Length.parse(f"{rotation['shiftLength']}{_UNITS[rotation['type']]}")
    start = collected.on_the_wall(rotation["start"], zone).replace(second=0, microsecond=0)
    turn = Layer(people, shift, start).turn(now, ZoneInfo(zone))
    # Of the turn that is under way, this person has it.
    first = (rotation["activeUserIndex"] - turn) % len(people)
    return Lane(Layer((*people[first:], *people[:first]), shift, start), zone, rotation["name"])


def _schedule(
    schedule: Record, rotations: Mapping[str, Lane], everything: Collected, now: datetime
) -> SourceSchedule:
    name, zone = schedule["name"], schedule["timeZone"]
    if schedule.get("temporarySchedules"):
        everything.leave(f"Schedule {name}: its temporary schedules; add overrides for them.")
    lanes = []
    for assigned in schedule.get("targets") or ():
        target = assigned["target"]
        intervals = _intervals(assigned["rules"])
        if not intervals:
            everything.leave(f"Schedule {name}: its target {target['name']} has no hours.")
            continue
        only = collected.windows(intervals)
        if target["type"] == "user" and collected.present([target["id"]], everything.people):
            lanes.append(Lane(Layer((target["id"],), _ALWAYS, _LONG_AGO, only), zone, target["name"]))
        elif target["type"] == "rotation" and target["id"] in rotations:
            lanes.append(_limited(rotations[target["id"]], only, name, zone, everything, now))
        else:
            everything.leave(f"Schedule {name}: its target {target['type']} {target['name']}.")
    return SourceSchedule(schedule["id"], name, (tuple(lanes),) if lanes else ())


def _limited(
    lane: Lane, only: tuple[Window, ...], schedule: str, zone: str, everything: Collected, now: datetime
) -> Lane:
    """Return a rotation within the hours of a schedule, in the schedule's zone if it has any."""
    if not only:
        return lane
    layer, start = lane.layer, lane.layer.start
    if zone != lane.timezone:
        everything.leave(
            f"Schedule {schedule}: its zone is {zone}, and rotation {lane.name} hands over in {lane.timezone}; "
            "here both are in the zone of the schedule."
        )
        turn = layer.turn(now, ZoneInfo(lane.timezone))
        handed = wall_clock.first(layer.shift.after(start, turn), ZoneInfo(lane.timezone))
        place = turn % len(layer.people)
        start = wall_clock.shown(handed, ZoneInfo(zone))
        layer = Layer((*layer.people[place:], *layer.people[:place]), layer.shift, start)
    return Lane(Layer(layer.people, layer.shift, start, only), zone, lane.name)


def _intervals(rules: Any) -> list[tuple[timedelta, timedelta]]:
    """Return the hours of a week in which rules hold."""
    intervals: list[tuple[timedelta, timedelta]] = []
    for rule in rules:
        opens, closes = _clock(rule["start"]), _clock(rule["end"])
        lasts = (closes - opens) % DAY or DAY
        # The filter begins with Sunday.
        days = [(number - 1) % 7 for number, chosen in enumerate(rule["weekdayFilter"]) if chosen]
        intervals += [(day * DAY + opens, day * DAY + opens + lasts) for day in days]
    return intervals


def _clock(text: str) -> timedelta:
    hours, minutes = text.split(":")[:2]
    return timedelta(hours=int(hours), minutes=int(minutes))


def _policy(policy: Record, everything: Collected) -> SourcePolicy:
    name = policy["name"]
    if policy.get("repeat"):
        everything.leave(
            f"Policy {name}: it repeats all steps {policy['repeat']} times; here its last step repeats."
        )
    steps = [
        SourceStep(tuple(target["id"] for target in step["targets"]), timedelta(minutes=step["delayMinutes"]))
        for step in policy["steps"]
    ]
    return SourcePolicy(policy["id"], name, tuple(steps))
