"""Time zones whose names mean something else than they seem to."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from heartbeat.checks import time_zone

HOUR = timedelta(hours=1)
LONDON = "Europe/London"


@pytest.mark.parametrize(
    ("timezone", "sentence"),
    [
        ("EST", "EST is UTC-5 all year, also in summer; if you mean local time, write America/New_York."),
        ("MST", "MST is UTC-7 all year, also in summer; if you mean local time, write America/Denver."),
        ("GMT", "GMT is UTC+0 all year, also in summer; if you mean local time, write Europe/London."),
        ("Etc/GMT+5", "Etc/GMT+5 is UTC-5: the sign in this name is the opposite one."),
        ("Etc/GMT-10", "Etc/GMT-10 is UTC+10: the sign in this name is the opposite one."),
        ("Etc/GMT+0", None),
        ("UTC", None),
        ("CET", None),
        ("EST5EDT", None),
        (LONDON, None),
    ],
)
def test_a_zone_that_is_not_what_it_seems_has_a_warning(timezone: str, sentence: str | None) -> None:
    assert time_zone.warning(timezone) == sentence


@pytest.mark.parametrize("timezone", ["EST", "MST", "GMT", "Greenwich"])
def test_the_zones_with_a_warning_have_one_offset_all_year(timezone: str) -> None:
    zone = ZoneInfo(timezone)
    offsets = {datetime(2026, month, 1, tzinfo=zone).utcoffset() for month in range(1, 13)}
    (offset,) = offsets
    assert offset is not None
    hours = offset // HOUR
    assert f"{timezone} is UTC{hours:+d} all year" in str(time_zone.warning(timezone))
