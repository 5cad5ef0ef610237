"""Grafana OnCall's schedules, shifts, escalation chains and users, as its HTTP API (version 1) returns them. Pure.

A higher level of a schedule decides; the shifts of one level are on call together. People of `rolling_users` take
turns with each recurrence; those of a week hand over at the first shift of the next one.
Source: https://grafana.com/docs/oncall/latest/oncall-api-reference
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

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

PATHS: Final = {
    "users": "/api/v1/users/",
    "personal_notification_rules": "/api/v1/personal_notification_rules/",
    "schedules": "/api/v1/schedules/",
    "on_call_shifts": "/api/v1/on_call_shifts/",
    "escalation_chains": "/api/v1/escalation_chains/",
    "escalation_policies": "/api/v1/escalation_policies/",
}
LAST_WAIT: Final = timedelta(minutes=10)
"""The wait of a step that no wait follows."""
_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_UNITS: Final = {"hourly": ("h", timedelta(hours=1)), "daily": ("d", DAY), "weekly": ("w", 7 * DAY)}


def read(export: Mapping[str, Any], now: datetime) -> Collected:
    """Return what an export has. Raises `NotAnExport`."""
    everything = Collected()
    rules = records(export, "personal_notification_rules")
    for user in records(export, "users"):
        own = sorted(
            (rule for rule in rules if rule["user_id"] == user["id"]), key=lambda rule: rule["position"]
        )
        everything.people.append(_person(user, own, everything))
    shifts = {shift["id"]: shift for shift in records(export, "on_call_shifts")}
    for schedule in records(export, "schedules"):
        everything.schedules.append(_schedule(schedule, shifts, everything, now))
    policies = sorted(records(export, "escalation_policies"), key=lambda policy: policy["position"])
    for chain in records(export, "escalation_chains"):
        own = [policy for policy in policies if policy["escalation_chain_id"] == chain["id"]]
        everything.policies.append(_policy(chain, own, everything))
    return everything


def _person(user: Record, rules: Sequence[Record], everything: Collected) -> SourcePerson:
    name = user.get("username") or user["email"]
    important = _ways(user, name, [rule for rule in rules if rule.get("important")], everything)
    others = _ways(user, name, [rule for rule in rules if not rule.get("important")], everything)
    ways, warnings = (important, others) if important else (others, ())
    return SourcePerson(user["id"], name, user.get("email") or "", user.get("timezone") or "", ways, warnings)


def _ways(user: Record, name: str, rules: Sequence[Record], everything: Collected) -> tuple[Way, ...]:
    ways, delay = [], timedelta()
    for rule in rules:
        kind = rule["type"]
        if kind == "wait":
            delay += timedelta(seconds=rule.get("duration") or 0)
        elif kind == "notify_by_email" and user.get("email"):
            ways.append(Way("email", user["email"], delay))
        else:
            everything.leave(
                f"{name}: {kind.replace('_', ' ')}; the API does not tell the number or account."
            )
    return tuple(ways)


def _schedule(
    schedule: Record, shifts: Mapping[str, Record], everything: Collected, now: datetime
) -> SourceSchedule:
    name = schedule["name"]
    for source in ("ical_url_primary", "ical_url_overrides"):
        if schedule.get(source):
            everything.leave(
                f"Schedule {name}: the calendar in {source}. Give its rotation a layer that follows it (ical)."
            )
    levels: dict[int, list[Lane]] = {}
    for number in schedule.get("shifts") or ():
        if number not in shifts:
            everything.leave(f"Schedule {name}: its shift {number} is not in the export.")
            continue
        shift = shifts[number]
        place = f"Schedule {name}, shift {shift.get('name') or number}"
        zone = shift.get("time_zone") or schedule.get("time_zone") or "UTC"
        levels.setdefault(shift.get("level") or 0, []).extend(_lanes(place, shift, zone, everything, now))
    order = [tuple(levels[level]) for level in sorted(levels, reverse=True) if levels[level]]
    return SourceSchedule(schedule["id"], name, tuple(order))


def _lanes(place: str, shift: Record, zone: str, everything: Collected, now: datetime) -> list[Lane]:
    """Return a lane for each person who is on call at a time by this shift."""
    until = shift.get("until")
    if until and collected.on_the_wall(until, zone) <= collected.on_the_wall(now.isoformat(), zone):
        return []
    turns = (
        [shift.get("users") or ()] if shift["type"] == "recurrent_event" else shift.get("rolling_users") or ()
    )
    first = shift.get("start_rotation_from_user_index") or 0
    turns = [tuple(turn) for turn in (*turns[first:], *turns[:first])]
    problem = _unlike(shift, turns, everything)
    if problem:
        everything.leave(f"{place}: left out, because {problem}.")
        return []
    if until:
        everything.leave(f"{place}: it ends at {until}; here it does not end.")
    unit, _ = _UNITS[shift["frequency"]]
    length = Length.parse(f"{shift.get('interval') or 1}{unit}")
    layer = Layer((), length, _begins(shift), _only(shift))
    many = max(map(len, turns))
    return [
        Lane(
            Layer(tuple(turn[lane % len(turn)] for turn in turns), length, layer.start, layer.only),
            zone,
            place,
        )
        for lane in range(many)
    ]


def _unlike(shift: Record, turns: Sequence[Sequence[str]], everything: Collected) -> str:
    """Return why a rotation cannot do the same as this shift. Empty if it can."""
    frequency, interval = shift.get("frequency"), shift.get("interval") or 1
    if shift["type"] not in ("recurrent_event", "rolling_users"):
        return "it happens once; add an override for it"
    if not turns or not all(collected.present(turn, everything.people) for turn in turns):
        return "a user of it is not in the export"
    if frequency not in _UNITS:
        return f"it recurs {frequency}"
    if shift.get("by_month") or shift.get("by_monthday"):
        return "it is limited to months or days of the month"
    every, lasts = interval * _UNITS[frequency][1], timedelta(seconds=shift["duration"])
    if shift.get("by_day"):
        if interval > 1:
            return "it skips weeks or days"
        if frequency == "weekly" or (frequency == "daily" and len(turns) == 1):
            return ""
        return "it takes turns by day and skips weekdays"
    if lasts == every or (lasts < every and interval == 1 and frequency != "hourly"):
        return ""
    return "its shifts overlap" if lasts > every else "it leaves gaps between shifts of several days or hours"


def _begins(shift: Record) -> datetime:
    """Return the first hand-over, on the wall: for weeks with weekdays, the first day of the week at the same time."""
    start = datetime.fromisoformat(shift["start"]).replace(second=0, microsecond=0)
    if shift["frequency"] != "weekly" or not shift.get("by_day"):
        return start
    first = _DAYS.index(shift.get("week_start") or "SU")
    return start - (start.weekday() - first) % 7 * DAY


def _only(shift: Record) -> tuple[Window, ...]:
    start, lasts = datetime.fromisoformat(shift["start"]), timedelta(seconds=shift["duration"])
    opens = timedelta(hours=start.hour, minutes=start.minute)
    if shift.get("by_day"):
        days: Iterable[int] = map(_DAYS.index, shift["by_day"])
    elif lasts == (shift.get("interval") or 1) * _UNITS[shift["frequency"]][1]:
        return ()
    else:
        days = [start.weekday()] if shift["frequency"] == "weekly" else range(7)
    return collected.windows((day * DAY + opens, day * DAY + opens + lasts) for day in days)


def _policy(chain: Record, policies: Sequence[Record], everything: Collected) -> SourcePolicy:
    place = f"Escalation chain {chain['name']}"
    steps: list[SourceStep] = []
    waited = True
    for number, policy in enumerate(policies, 1):
        kind = policy["type"]
        if kind == "wait":
            if steps:
                previous = steps.pop()
                wait = timedelta() if not waited else previous.wait
                steps.append(replace(previous, wait=wait + timedelta(seconds=policy["duration"])))
            else:
                everything.leave(
                    f"{place}: it waits before its first page; here the first step pages at once."
                )
            waited = True
            continue
        page, in_turn = _page(policy), kind == "notify_person_next_each_time"
        if not page:
            everything.leave(f"{place}, step {number}: {kind.replace('_', ' ')}.")
            continue
        if steps and not waited:
            previous = steps.pop()
            page = (*previous.page, *page)
            if in_turn or previous.round_robin:
                everything.leave(
                    f"{place}, step {number}: it notifies the next person each time, beside others; here everybody."
                )
                in_turn = False
        steps.append(SourceStep(page, LAST_WAIT, in_turn))
        waited = False
    return SourcePolicy(chain["id"], chain["name"], tuple(steps))


def _page(policy: Record) -> tuple[str, ...]:
    match policy["type"]:
        case "notify_persons":
            return tuple(policy.get("persons_to_notify") or ())
        case "notify_person_next_each_time":
            return tuple(policy.get("persons_to_notify_next_each_time") or ())
        case "notify_on_call_from_schedule":
            schedule = policy.get("notify_on_call_from_schedule")
            return (schedule,) if schedule else ()
    return ()
