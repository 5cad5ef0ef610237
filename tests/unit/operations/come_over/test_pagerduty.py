"""PagerDuty's answers as our configuration, with the same people on call across a change of the clocks."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from heartbeat.operations.come_over import pagerduty
from heartbeat.operations.come_over.collected import Collected, NotAnExport
from tests.unit.operations.come_over.conftest import NOW, differences, kept, planned, printed, recorded

NAMES = {"PANNA01": "anna-meyer", "PBEN001": "ben", "PCLEO01": "cleo"}


def collected() -> Collected:
    return pagerduty.read(recorded("pagerduty"), NOW)


def final(schedule: int, at: datetime) -> set[str]:
    """Reckon who is on call by PagerDuty: the first of the layers whose restrictions hold."""
    export = kept("pagerduty")["schedules"][schedule]
    zone = ZoneInfo(export["time_zone"])
    wall = at.astimezone(zone).replace(tzinfo=None)
    for layer in export["schedule_layers"]:
        if layer["end"] or layer["rotation_turn_length_seconds"] < 3600:
            continue
        began = datetime.fromisoformat(layer["rotation_virtual_start"]).astimezone(zone).replace(tzinfo=None)
        turn = (wall - began) // timedelta(seconds=layer["rotation_turn_length_seconds"])
        if (
            all(not _holds(wall, restriction) for restriction in layer["restrictions"])
            and layer["restrictions"]
        ):
            continue
        return {NAMES[layer["users"][turn % len(layer["users"])]["user"]["id"]]}
    return set()


def _holds(wall: datetime, restriction: dict[str, object]) -> bool:
    hours, minutes, _ = map(int, str(restriction["start_time_of_day"]).split(":"))
    for back in range(8):
        day = wall.replace(hour=hours, minute=minutes, second=0, microsecond=0) - timedelta(days=back)
        weekly = restriction["type"] == "weekly_restriction"
        if weekly and day.isoweekday() != restriction["start_day_of_week"]:
            continue
        if day <= wall < day + timedelta(seconds=float(str(restriction["duration_seconds"]))):
            return True
    return False


@pytest.mark.parametrize(("schedule", "name"), [(0, "primary-on-call"), (1, "nights")])
def test_the_same_people_are_on_call_for_sixty_days(schedule: int, name: str) -> None:
    configuration = planned(printed(collected()))
    assert differences(configuration, [name], lambda at: final(schedule, at)) == []


def test_a_policy_keeps_its_steps_and_waits() -> None:
    assert (
        "ops:\n    - {page: primary-on-call, wait: 10m}\n    - {page: [ben, nights], round_robin: true, wait: 30m}"
        in printed(collected())
    )


def test_what_has_no_counterpart_is_listed_above() -> None:
    comments = [line for line in printed(collected()).splitlines() if line.startswith("# - ")]
    assert comments == [
        "# - Anna Meyer: the contact push notification.",
        "# - Schedule Primary On-Call: Ben Okafor covers from 2026-12-24T09:00:00-05:00 to 2026-12-26T09:00:00-05:00; "
        "add an override for it.",
        "# - Schedule Nights, layer Half an hour: left out, because its turns are no whole hours.",
        "# - Policy Ops: it repeats all steps 2 times; here its last step repeats.",
        "# - Anna Meyer: sms +15550100.",
        "# - Ben Okafor: voice +442079460000.",
        "# - Policy Ops, step 2: it pages PGONE01, which is not here.",
    ]


def test_notification_rules_keep_their_delays() -> None:
    text = printed(collected(), "email", "sms", "voice")
    assert [contact.kind for contact in planned(text).people["anna-meyer"].contacts] == ["email", "sms"]
    assert (
        "anna-meyer:\n"
        "    name: Anna Meyer\n"
        "    timezone: America/New_York\n"
        "    contacts:\n"
        "      - {email: anna.meyer@example.com}\n"
        "      - {sms: '+15550100', after: 5m}\n"
        "    warnings:\n"
        "      - {email: anna.meyer@example.com}\n"
    ) in text
    assert "      - {voice: '+442079460000'}\n" in text
    assert "# - Ben Okafor: the first contact waits 2 min; here it is paged at once.\n" in text


def test_a_list_without_layers_is_no_export() -> None:
    export = recorded("pagerduty")
    del export["schedules"][0]["schedule_layers"]
    with pytest.raises(NotAnExport, match="Primary On-Call has no schedule_layers"):
        pagerduty.read(export, NOW)
    with pytest.raises(NotAnExport, match="users: must be a list"):
        pagerduty.read({"users": "all"}, NOW)
