"""GoAlert's answers as our configuration, with the same people on call across a change of the clocks."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from heartbeat.operations.come_over import goalert
from heartbeat.operations.come_over.collected import Collected
from tests.unit.operations.come_over.conftest import NOW, differences, planned, printed, recorded

NEW_YORK, LONDON = ZoneInfo("America/New_York"), ZoneInfo("Europe/London")
WEEK = timedelta(weeks=1)


def collected() -> Collected:
    return goalert.read(recorded("goalert"), NOW)


def main(at: datetime) -> set[str]:
    """Reckon who is on call by the schedule: the weekly rotation goes on from its active user; Ben has his hours."""
    wall = at.astimezone(NEW_YORK).replace(tzinfo=None)
    # The export says that the third user is active at the time of the export, in the week from Monday 09:00 on.
    handed = NOW.astimezone(NEW_YORK).replace(tzinfo=None, hour=9) - WEEK
    while handed + WEEK <= NOW.astimezone(NEW_YORK).replace(tzinfo=None):
        handed += WEEK
    people = {("cleo", "anna", "ben")[(wall - handed) // WEEK % 3]}
    if (wall.weekday() < 5 and 9 <= wall.hour < 17) or (
        (wall.weekday() == 6 and wall.hour >= 22) or (wall.weekday() == 0 and wall.hour < 6)
    ):
        people.add("ben")
    return people


def twelve_hours(at: datetime) -> set[str]:
    """Reckon who is on call in the rotation: Ben at the export, and by day from then on."""
    wall = at.astimezone(LONDON)
    return {"ben" if 8 <= wall.hour < 20 else "anna"}


def test_the_same_people_are_on_call_for_sixty_days() -> None:
    configuration = planned(printed(collected()))
    assert differences(configuration, ["main", "main-2"], main) == []
    assert differences(configuration, ["twelve-hours"], twelve_hours) == []


def test_a_policy_keeps_its_steps_and_waits() -> None:
    assert (
        "ops:\n    - {page: [main, main-2], wait: 5m}\n    - {page: [twelve-hours, ben], wait: 15m}"
    ) in printed(collected())


def test_what_has_no_counterpart_is_listed_above() -> None:
    text = printed(collected())
    for sentence in (
        "Cléo Dubois: the contact Slack (slack_dm).",
        "Rotation Nobody: left out, because a user of it is not in the export.",
        "Schedule Main: its temporary schedules; add overrides for them.",
        "Schedule Main: Ben Okafor for Anna Meyer covers from 2026-12-24T08:00:00Z to 2026-12-26T08:00:00Z; "
        "add an override for it.",
        "Schedule Main: its target Cléo Dubois has no hours.",
        "Twelve hours: turns of 12h hand over by the clock on the wall here, also when it is set.",
        "Policy Ops: it repeats all steps 3 times; here its last step repeats.",
        "Policy Ops, step 2: it pages C01, which is not here.",
    ):
        assert f"# - {sentence}\n" in text
