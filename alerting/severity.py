"""The scale of severity that checks, incidents and pages share. Pure."""

from enum import StrEnum


class Severity(StrEnum):
    """The severities, worst first. `rank` orders them: 0 is the worst."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        return _RANK[self]


_RANK = {severity: rank for rank, severity in enumerate(Severity)}
