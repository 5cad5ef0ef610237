"""Grafana OnCall's answers as our configuration, with the same people on call across a change of the clocks."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from heartbeat.operations.come_over import grafana
from heartbeat.operations.come_over.collected import Collected
from tests.unit.operations.come_over.conftest import NOW, differences, planned, printed, recorded

ZONE = ZoneInfo("America/New_York")
DAY = timedelta(days=1)
SUNDAY, MONDAY, NEW_YEAR = map(datetime.fromisoformat, ("2026-01-04", "2026-01-05T09:00", "2026-01-01"))


def collected() -> Collected:
    return grafana.read(recorded("grafana"), NOW)


def who_is_on_call(at: datetime) -> set[str]:
    """Reckon who is on call by the two levels of the schedule, as its documentation says.

    Level 1 wins: Dan and Cleo, week by week from a Sunday on, from Monday to Thursday, 10:00 to 18:00. Below it Ben and
    Anna take turns by the week, and together with them Cleo with Dan, then Dan alone, by three days.
    """
    wall = at.astimezone(ZONE).replace(tzinfo=None)
    if wall.weekday() <= 3 and 10 <= wall.hour < 18:
        return {("dan", "cleo")[(wall - SUNDAY) // (7 * DAY) % 2]}
    week = ("ben", "anna")[(wall - MONDAY) // (7 * DAY) % 2]
    pair = ({"cleo", "dan"}, {"dan"})[(wall - NEW_YEAR) // (3 * DAY) % 2]
    return {week} | pair


def test_the_same_people_are_on_call_for_sixty_days() -> None:
    configuration = planned(printed(collected()))
    names = [name for name in configuration.rotations if name.startswith("platform")]
    assert len(names) == 3
    assert differences(configuration, names, who_is_on_call) == []


def test_steps_in_a_row_page_together_and_a_wait_follows_them() -> None:
    assert (
        "default:\n"
        "    - {page: [platform, platform-2, platform-3], wait: 15m}\n"
        "    - {page: [ben, cleo, dan], wait: 10m}"
    ) in printed(collected())


def test_what_is_not_important_has_ways_of_its_own() -> None:
    rules = [("notify_by_email", True), ("notify_by_email", False)]
    export = recorded("grafana") | {
        "personal_notification_rules": [
            {"id": kind, "user_id": "UBEN", "position": 0, "important": important, "type": kind}
            for kind, important in rules
        ]
    }
    (ben,) = [person for person in grafana.read(export, NOW).people if person.id == "UBEN"]
    assert [way.address for way in (*ben.ways, *ben.warnings)] == ["ben@example.com", "ben@example.com"]


def test_what_has_no_counterpart_is_listed_above() -> None:
    text = printed(collected())
    for sentence in (
        "anna: notify by phone call; the API does not tell the number or account.",
        "Schedule Platform: the calendar in ical_url_overrides. Give its rotation a layer that follows it (ical).",
        "Schedule Platform, shift OONCE: left out, because it happens once; add an override for it.",
        "Schedule Platform, shift OSKIP: left out, because it skips weeks or days.",
        "Escalation chain Default, step 4: it notifies the next person each time, beside others; here everybody.",
        "Escalation chain Default, step 5: trigger webhook.",
    ):
        assert f"# - {sentence}\n" in text


def test_the_next_person_each_time_comes_over_as_round_robin() -> None:
    export = recorded("grafana")
    policies = export["escalation_policies"]
    policies.insert(3, policies[1] | {"id": "E3b"})
    for position, policy in enumerate(policies):
        policy["position"] = position
    text = printed(grafana.read(export, NOW))
    assert "here everybody" not in text
    (chain,) = planned(text).policies.values()
    assert [(step.targets, step.round_robin) for step in chain.steps[1:]] == [
        (("ben",), False),
        (("cleo", "dan"), True),
    ]
