"""Time zones by their names: those that mean something else than they seem to, and abbreviations of some. Pure."""

import re
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_FIXED: Final = {  # Zones that look like local time, but never change their clocks: their offset, and what is meant.
    "EST": ("UTC-5", "America/New_York"),
    "MST": ("UTC-7", "America/Denver"),
    "GMT": ("UTC+0", "Europe/London"),
    "Greenwich": ("UTC+0", "Europe/London"),
}
_MEANT: Final = {  # Abbreviations that are no zones, and the places that are meant.
    **dict.fromkeys(("PST", "PDT"), "America/Los_Angeles"),
    **dict.fromkeys(("MDT",), "America/Denver"),
    **dict.fromkeys(("CST", "CDT"), "America/Chicago"),
    **dict.fromkeys(("EDT",), "America/New_York"),
    **dict.fromkeys(("AKST", "AKDT"), "America/Anchorage"),
    **dict.fromkeys(("AST", "ADT"), "America/Halifax"),
    "BRT": "America/Sao_Paulo",
    "BST": "Europe/London",
    "WEST": "Europe/Lisbon",
    "CEST": "Europe/Berlin",
    "EEST": "Europe/Helsinki",
    "MSK": "Europe/Moscow",
    "SAST": "Africa/Johannesburg",
    "IST": "Asia/Kolkata",
    "PKT": "Asia/Karachi",
    "SGT": "Asia/Singapore",
    "HKT": "Asia/Hong_Kong",
    "JST": "Asia/Tokyo",
    "KST": "Asia/Seoul",
    "AWST": "Australia/Perth",
    **dict.fromkeys(("ACST", "ACDT"), "Australia/Adelaide"),
    **dict.fromkeys(("AEST", "AEDT"), "Australia/Sydney"),
    **dict.fromkeys(("NZST", "NZDT"), "Pacific/Auckland"),
}
_INVERTED: Final = re.compile(r"Etc/GMT([+-])(\d{1,2})")


class NoZone(ValueError):
    """A name that is no time zone. The message is one sentence for its author."""


def warning(timezone: str) -> str | None:
    """Return a sentence about a zone whose name means something else than it seems to, or None."""
    if timezone in _FIXED:
        offset, meant = _FIXED[timezone]
        return f"{timezone} is {offset} all year, also in summer; if you mean local time, write {meant}."
    if (inverted := _INVERTED.fullmatch(timezone)) and inverted[2] != "0":
        sign = "-" if inverted[1] == "+" else "+"
        return f"{timezone} is UTC{sign}{inverted[2]}: the sign in this name is the opposite one."
    return None


def of_abbreviation(name: str) -> str | None:
    """Return the zone that is probably meant by an abbreviation that is none: "America/Los_Angeles" for "PST"."""
    return _MEANT.get(name.upper())


@lru_cache(maxsize=1024)  # ZoneInfo itself caches only eight, and reads the others from the disk again.
def named(name: str) -> ZoneInfo:
    """Return the zone of this name. Raises `NoZone`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder such as "Europe".
        meant = of_abbreviation(name)
        remedy = f'did you mean "{meant}"?' if meant else 'write for example "Europe/London".'
        raise NoZone(f'"{name[:60]}" is no time zone: {remedy}') from error
