"""PagerDuty's schedules, escalation policies and users, as its REST API (version 2) returns them. Pure.

Layers of a schedule come with the one that decides first. Hand-overs keep the wall-clock time of the schedule's zone.
Source: https://developer.pagerduty.com/api-reference (schedules, escalation policies, users)
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from alerting.rotation import Layer, Window
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

PATHS: Final = {
    "users": "/users?include[]=contact_methods&include[]=notification_rules",
    "schedules": "/schedules",
    "escalation_policies": "/escalation_policies",
}
"""The lists of the API. Schedules are read again one by one: the list leaves their layers and overrides out."""
_KINDS: Final = {"email": "email", "sms": "sms", "phone": "voice"}


def read(export: Mapping[str, Any], now: datetime) -> Collected:
    """Return what an export has. Raises `NotAnExport`."""
    everything = Collected()
    everything.people = [_person(user, everything) for user in records(export, "users")]
    for schedule in records(export, "schedules"):
        everything.schedules.append(_schedule(schedule, everything, now))
    everything.policies = [_policy(policy, everything) for policy in records(export, "escalation_policies")]
    return everything


def _person(user: Record, everything: Collected) -> SourcePerson:
    methods = {method["id"]: method for method in user.get("contact_methods") or ()}
    rules = user.get("notification_rules") or ()
    if not rules:
        ways = [way for method in methods.values() for way in _ways(user, method, timedelta(), everything)]
        return _of(user, ways, [])
    by_urgency: dict[str, list[Way]] = {}
    for rule in sorted(rules, key=lambda rule: rule.get("start_delay_in_minutes") or 0):
        method = methods.get(rule["contact_method"]["id"], rule["contact_method"])
        delay = timedelta(minutes=rule.get("start_delay_in_minutes") or 0)
        by_urgency.setdefault(rule.get("urgency", "high"), []).extend(_ways(user, method, delay, everything))
    return _of(user, by_urgency.get("high", []), by_urgency.get("low", []))


def _of(user: Record, ways: list[Way], warnings: list[Way]) -> SourcePerson:
    return SourcePerson(
        user["id"],
        user["name"],
        user.get("email", ""),
        user.get("time_zone", ""),
        tuple(ways),
        tuple(warnings),
    )


def _ways(user: Record, method: Record, delay: timedelta, everything: Collected) -> list[Way]:
    name = method.get("type", "").partition("_contact_method")[0]
    address = method.get("address", "")
    if name not in _KINDS or not address:
        everything.leave(f"{user['name']}: the contact {name.replace('_', ' ') or 'without a type'}.")
        return []
    if name != "email":
        address = f"+{method.get('country_code', 1)}{address}"
    return [Way(_KINDS[name], address, delay)]


def _schedule(schedule: Record, everything: Collected, now: datetime) -> SourceSchedule:
    zone = schedule.get("time_zone", "UTC")
    if "schedule_layers" not in schedule:
        raise collected.NotAnExport(
            f"schedules: {schedule['name']} has no schedule_layers; read it by its id."
        )
    for override in schedule.get("overrides") or ():
        person = override["user"].get("summary") or override["user"]["id"]
        everything.leave(
            collected.cover(f"Schedule {schedule['name']}", person, override["start"], override["end"])
        )
    lanes = [
        lane
        for layer in schedule["schedule_layers"]
        if (lane := _lane(schedule, layer, zone, everything, now))
    ]
    return SourceSchedule(schedule["id"], schedule["name"], tuple((lane,) for lane in lanes))


def _lane(schedule: Record, layer: Record, zone: str, everything: Collected, now: datetime) -> Lane | None:
    place = f"Schedule {schedule['name']}, layer {layer.get('name') or layer['id']}"
    people = tuple(entry["user"]["id"] for entry in layer["users"])
    shift = collected.length(layer["rotation_turn_length_seconds"])
    start, end = datetime.fromisoformat(layer["start"]), layer.get("end")
    if end and datetime.fromisoformat(end) <= now:
        return None
    if not collected.present(people, everything.people):
        everything.leave(f"{place}: left out, because a user of it is not in the export.")
        return None
    if shift is None:
        everything.leave(f"{place}: left out, because its turns are no whole hours.")
        return None
    if end:
        everything.leave(f"{place}: it ends at {end}; here it does not end.")
    if start > now:
        everything.leave(f"{place}: it starts at {layer['start']}; here it counts at once.")
    begins = collected.on_the_wall(layer["rotation_virtual_start"], zone).replace(second=0, microsecond=0)
    return Lane(Layer(people, shift, begins, _only(layer.get("restrictions") or ())), zone, place)


def _only(restrictions: Any) -> tuple[Window, ...]:
    intervals = []
    for restriction in restrictions:
        hours, minutes, *_ = map(int, restriction["start_time_of_day"].split(":"))
        opens = timedelta(hours=hours, minutes=minutes)
        lasts = timedelta(seconds=restriction["duration_seconds"])
        if restriction["type"] == "daily_restriction":
            days = range(7)
        else:
            days = range(restriction["start_day_of_week"] - 1, restriction["start_day_of_week"])
        intervals += [(day * DAY + opens, day * DAY + opens + lasts) for day in days]
    return collected.windows(intervals) if intervals else ()


def _policy(policy: Record, everything: Collected) -> SourcePolicy:
    name = policy["name"]
    if policy.get("num_loops"):
        everything.leave(
            f"Policy {name}: it repeats all steps {policy['num_loops']} times; here its last step repeats."
        )
    steps = []
    for number, rule in enumerate(policy["escalation_rules"], 1):
        strategy = (rule.get("escalation_rule_assignment_strategy") or {}).get("type", "assign_to_everyone")
        if strategy not in ("assign_to_everyone", "round_robin"):
            everything.leave(
                f"Policy {name}, step {number}: {strategy.replace('_', ' ')}; here it pages everybody."
            )
        page = tuple(target["id"] for target in rule["targets"])
        wait = timedelta(minutes=rule["escalation_delay_in_minutes"])
        steps.append(SourceStep(page, wait, strategy == "round_robin"))
    return SourcePolicy(policy["id"], name, tuple(steps))
