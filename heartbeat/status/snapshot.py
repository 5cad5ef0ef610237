"""Everything that one public page shows, as it stood at an instant. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

from heartbeat.config import Group, StatusPage
from heartbeat.status import health
from heartbeat.status.health import Row


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One page at an instant."""

    page: StatusPage
    at: datetime
    rows: tuple[Row, ...]
    home: str
    """The address at which this installation serves the page, without a slash at its end."""

    @property
    def zone(self) -> ZoneInfo:
        """The page's own time zone."""
        return ZoneInfo(self.page.timezone)

    @property
    def headline(self) -> str:
        """The answer to "is it them or us?"."""
        return health.headline(self.rows, self.page.regions)

    def groups(self) -> list[tuple[Group | None, Sequence[Row]]]:
        """The rows under their headings, those without one first."""
        loose = [row for row in self.rows if not row.component.group]
        under = [
            (one, [row for row in self.rows if row.component.group == one.name]) for one in self.page.groups
        ]
        return [*([(None, loose)] if loose else []), *under]


def mark(*names: str) -> str:
    """An identity for what has these names, the same for ever: twelve hexadecimal digits."""
    return sha256("\n".join(names).encode()).hexdigest()[:12]
