"""How much pings have used of each limit. Pure."""

from dataclasses import dataclass
from datetime import datetime

CREATED = "checks"
"""The subject of the checks that pings created, in all."""
BODIES = "bodies"
"""The subject of the bytes of all kept bodies. `since` is when they were measured; what came later is added."""
REMOVED = "removed bodies"
"""The subject of the bodies that were removed last, to keep their limit. `key` is the slug of the check with most."""
_KEY = "key "


@dataclass(frozen=True, slots=True)
class Used:
    """How much of a limit is used. For a key, `since` is the start of its hour.

    `key` is the name of the key that used it last.
    """

    count: int
    since: datetime
    key: str = ""


def of_key(name: str) -> str:
    """Return the subject of the checks that were created with a key within an hour."""
    return f"{_KEY}{name}"


def is_of_key(subject: str) -> bool:
    """Return whether the subject is that of a key."""
    return subject.startswith(_KEY)
