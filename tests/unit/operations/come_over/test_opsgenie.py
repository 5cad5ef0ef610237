"""Opsgenie's answers as our configuration, with the same people on call across a change of the clocks."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from heartbeat.operations.come_over import opsgenie
from heartbeat.operations.come_over.collected import Collected
from tests.unit.operations.come_over.conftest import NOW, differences, kept, planned, printed, recorded

NAMES = {"u-anna": "anna", "u-ben": "ben", "u-cleo": "cleo"}
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
LENGTHS = {"daily": timedelta(days=1), "weekly": timedelta(weeks=1)}


def collected() -> Collected:
    return opsgenie.read(recorded("opsgenie"), NOW)


def who_is_on_call(at: datetime) -> set[str]:
    """Reckon who is on call by Opsgenie: everybody of a rotation whose restriction holds."""
    schedule = kept("opsgenie")["schedules"][0]
    zone = ZoneInfo(schedule["timezone"])
    wall = at.astimezone(zone).replace(tzinfo=None)
    people = set()
    for rotation in schedule["rotations"][:2]:
        began = datetime.fromisoformat(rotation["startDate"]).astimezone(zone).replace(tzinfo=None)
        turn = (wall - began) // (rotation["length"] * LENGTHS[rotation["type"]])
        participants = rotation["participants"]
        if _holds(wall, rotation["timeRestriction"]):
            people.add(NAMES[participants[turn % len(participants)]["id"]])
    return people


def _holds(wall: datetime, restriction: dict[str, Any]) -> bool:
    if restriction["type"] == "time-of-day":
        hours = restriction["restriction"]
        opens, closes = hours["startHour"] * 60 + hours["startMin"], hours["endHour"] * 60 + hours["endMin"]
        minute = wall.hour * 60 + wall.minute
        return bool(opens <= minute < closes if opens < closes else minute >= opens or minute < closes)
    minute = (wall.weekday() * 24 + wall.hour) * 60 + wall.minute
    for one in restriction["restrictions"]:
        opens = (DAYS.index(one["startDay"]) * 24 + one["startHour"]) * 60 + one["startMin"]
        closes = (DAYS.index(one["endDay"]) * 24 + one["endHour"]) * 60 + one["endMin"]
        if opens <= minute < closes:
            return True
    return False


def test_the_same_people_are_on_call_for_sixty_days() -> None:
    configuration = planned(printed(collected()))
    assert differences(configuration, ["ops-schedule", "ops-schedule-2"], who_is_on_call) == []


def test_delays_from_the_alert_become_waits_between_steps() -> None:
    assert (
        "ops-escalation:\n"
        "    - {page: [ops-schedule, ops-schedule-2], wait: 5m}\n"
        "    - {page: [ops-schedule, ops-schedule-2], wait: 55m}\n"
        "    - {page: ops, wait: 10m}"
    ) in printed(collected())


def test_a_team_is_a_team() -> None:
    assert planned(printed(collected())).teams["ops"].people == ("anna", "ben")


def test_what_has_no_counterpart_is_listed_above() -> None:
    text = printed(collected())
    for sentence in (
        "Anna Meyer: the contact mobile.",
        "Anna Meyer: the notification rule New alert; set `after` of the contacts.",
        "Cléo Dubois: the contact email is disabled.",
        "Schedule Ops_schedule, rotation With a gap: left out, because a turn of it belongs to none.",
        "Schedule Ops_schedule: ben@example.com covers from 2026-12-24T08:00:00Z to 2026-12-26T08:00:00Z; "
        "add an override for it.",
        "Schedule Holidays: left out, because it is disabled.",
        "Escalation Ops_escalation: it repeats all rules; here its last step repeats.",
        "Escalation Ops_escalation, rule 2: it notifies next; here whoever is on call.",
        "Escalation Ops_escalation, rule 3: if-not-closed; here an acknowledgement ends it.",
        "Team Ops: its routing rules. Give its checks the policy that they choose.",
    ):
        assert f"# - {sentence}\n" in text


def test_somebody_at_random_comes_over_as_round_robin() -> None:
    export = recorded("opsgenie")
    rules = export["escalations"][0]["rules"]
    rules[2]["notifyType"] = "random"
    text = printed(opsgenie.read(export, NOW))
    assert "rule 3: it notifies somebody at random; here they take turns." in text
    assert [step.round_robin for step in planned(text).policies["ops-escalation"].steps] == [
        False,
        False,
        True,
    ]
