"""Opsgenie's schedules, escalations, teams and users, as its REST API (version 2) returns them. Pure.

All rotations of a schedule are on call together. Delays of an escalation count from the alert, not from the last rule.
Source: https://docs.opsgenie.com/docs (Schedule API, Escalation API, Team API, User API, Contact API)
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from alerting.rotation import Layer, Length, Window
from heartbeat.operations.come_over import collected
from heartbeat.operations.come_over.collected import (
    DAY,
    WEEK,
    Collected,
    Lane,
    Record,
    SourcePerson,
    SourcePolicy,
    SourceSchedule,
    SourceStep,
    SourceTeam,
    Way,
    records,
)

PATHS: Final = {
    "users": "/v2/users",
    "teams": "/v2/teams",
    "schedules": "/v2/schedules?expand=rotation",
    "escalations": "/v2/escalations",
}
"""The lists of the API. Teams and users are read again one by one: lists leave their members and contacts out. So are
the overrides of schedules."""
LAST_WAIT: Final = timedelta(minutes=10)
"""The wait of a last step: an escalation has none there."""
_KINDS: Final = {"email": "email", "sms": "sms", "voice": "voice"}
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNITS: Final = {"hourly": "h", "daily": "d", "weekly": "w"}
_DELAYS: Final = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1), "days": DAY}


def read(export: Mapping[str, Any], now: datetime) -> Collected:
    """Return what an export has. Raises `NotAnExport`."""
    everything = Collected()
    everything.people = [_person(user, everything) for user in records(export, "users")]
    everything.teams = [_team(team, everything) for team in records(export, "teams")]
    for schedule in records(export, "schedules"):
        if schedule.get("enabled", True):
            everything.schedules.append(_schedule(schedule, everything, now))
        else:
            everything.leave(f"Schedule {schedule['name']}: left out, because it is disabled.")
    everything.policies = [_policy(escalation, everything) for escalation in records(export, "escalations")]
    return everything


def _person(user: Record, everything: Collected) -> SourcePerson:
    name = user.get("fullName") or user["username"]
    ways = []
    for contact in user.get("userContacts") or user.get("contacts") or ():
        method = contact.get("contactMethod") or contact.get("method", "")
        enabled = contact.get("enabled", (contact.get("status") or {}).get("enabled", True))
        if not enabled:
            everything.leave(f"{name}: the contact {method} is disabled.")
        elif method not in _KINDS:
            everything.leave(f"{name}: the contact {method}.")
        elif method == "email":
            ways.append(Way("email", contact["to"]))
        else:
            ways.append(Way(_KINDS[method], _number(contact["to"])))
    for rule in user.get("notificationRules") or ():
        if rule.get("enabled", True):
            everything.leave(
                f"{name}: the notification rule {rule.get('name', '')}; set `after` of the contacts."
            )
    return SourcePerson(
        user["id"], name, user["username"], user.get("timeZone", ""), tuple(dict.fromkeys(ways))
    )


def _number(to: str) -> str:
    """Return a number such as "1-5551234" in the form of E.164."""
    return "+" + "".join(filter(str.isdigit, to))


def _team(team: Record, everything: Collected) -> SourceTeam:
    if "members" not in team:
        everything.leave(f"Team {team['name']}: its members are not in the export; read it by its id.")
    everything.leave(f"Team {team['name']}: its routing rules. Give its checks the policy that they choose.")
    members = tuple(member["user"]["id"] for member in team.get("members") or ())
    return SourceTeam(team["id"], team["name"], members)


def _schedule(schedule: Record, everything: Collected, now: datetime) -> SourceSchedule:
    zone = schedule.get("timezone", "UTC")
    for override in schedule.get("overrides") or ():
        person = override["user"].get("username") or override["user"].get("id", "somebody")
        everything.leave(
            collected.cover(
                f"Schedule {schedule['name']}", person, override["startDate"], override["endDate"]
            )
        )
    rotations = schedule.get("rotations") or ()
    lanes = [lane for rotation in rotations if (lane := _lane(schedule, rotation, zone, everything, now))]
    return SourceSchedule(schedule["id"], schedule["name"], (tuple(lanes),) if lanes else ())


def _lane(schedule: Record, rotation: Record, zone: str, everything: Collected, now: datetime) -> Lane | None:
    place = f"Schedule {schedule['name']}, rotation {rotation.get('name') or rotation['id']}"
    ends = rotation.get("endDate")
    if ends and datetime.fromisoformat(ends) <= now:
        return None
    participants = rotation.get("participants") or ()
    people = tuple(participant.get("id", "") for participant in participants)
    kinds = {participant.get("type", "user") for participant in participants} - {"user"}
    if kinds:
        everything.leave(f"{place}: left out, because a turn of it belongs to {' and '.join(sorted(kinds))}.")
        return None
    if not collected.present(people, everything.people):
        everything.leave(f"{place}: left out, because a user of it is not in the export.")
        return None
    if ends:
        everything.leave(f"{place}: it ends at {ends}; here it does not end.")
    if datetime.fromisoformat(rotation["startDate"]) > now:
        everything.leave(f"{place}: it starts at {rotation['startDate']}; here it counts at once.")
    shift = Length.parse(f"{rotation.get('length') or 1}{_UNITS[rotation['type']]}")
    begins = collected.on_the_wall(rotation["startDate"], zone).replace(second=0, microsecond=0)
    return Lane(Layer(people, shift, begins, _only(rotation.get("timeRestriction"))), zone, place)


def _only(restriction: Any) -> tuple[Window, ...]:
    if not restriction:
        return ()
    if restriction["type"] == "time-of-day":
        opens, closes = _times(restriction["restriction"])
        lasts = (closes - opens) % DAY or DAY
        return collected.windows((day * DAY + opens, day * DAY + opens + lasts) for day in range(7))
    intervals = []
    for window in restriction["restrictions"]:
        opens, closes = _times(window)
        start = _DAYS.index(window["startDay"]) * DAY + opens
        end = _DAYS.index(window["endDay"]) * DAY + closes
        intervals.append((start, start + ((end - start) % WEEK or WEEK)))
    return collected.windows(intervals)


def _times(restriction: Record) -> tuple[timedelta, timedelta]:
    first = timedelta(hours=restriction["startHour"], minutes=restriction.get("startMin") or 0)
    last = timedelta(hours=restriction["endHour"], minutes=restriction.get("endMin") or 0)
    return first, last


def _policy(escalation: Record, everything: Collected) -> SourcePolicy:
    place = f"Escalation {escalation['name']}"
    if (escalation.get("repeat") or {}).get("count"):
        everything.leave(f"{place}: it repeats all rules; here its last step repeats.")
    pages: dict[timedelta, tuple[str, ...]] = {}
    random: dict[timedelta, bool] = {}
    for number, rule in enumerate(escalation["rules"], 1):
        if rule.get("condition", "if-not-acked") != "if-not-acked":
            everything.leave(f"{place}, rule {number}: {rule['condition']}; here an acknowledgement ends it.")
        how = rule.get("notifyType", "default")
        if how == "random":
            everything.leave(f"{place}, rule {number}: it notifies somebody at random; here they take turns.")
        elif how != "default":
            everything.leave(
                f"{place}, rule {number}: it notifies {rule['notifyType']}; here whoever is on call."
            )
        delay = rule["delay"]["timeAmount"] * _DELAYS[rule["delay"].get("timeUnit", "minutes")]
        random[delay] = random.get(delay, True) and how == "random"
        pages[delay] = (*pages.get(delay, ()), rule["recipient"]["id"])
    delays = sorted(pages)
    if delays and delays[0]:
        everything.leave(f"{place}: it waits before its first rule; here the first step pages at once.")
    waits = [later - earlier for earlier, later in pairwise(delays)]
    steps = [
        SourceStep(pages[delay], wait, random[delay])
        for delay, wait in zip(delays, [*waits, LAST_WAIT], strict=True)
    ]
    return SourcePolicy(escalation["id"], escalation["name"], tuple(steps))
